//! How long the decision about one call takes in the process that serves, with everything on: key
//! and checksum, endpoint, scope, source network, hours, a rate and a quota, and the count of its
//! use. `cargo xtask bench` runs it.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures how long something takes, and says so"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use domain::grant::{Grant, Narrowing};
use domain::id::{EnvironmentId, GatewayId, GrantId, KeyId, PartnerId, ServiceId};
use domain::key::KeyState;
use domain::keyring::Keyring;
use domain::network::{Networks, Sources};
use domain::policy::Policy;
use domain::request::RequestedLine;
use domain::service::{Catalogue, Endpoint, EnvironmentKind, Method, Scope, Sensitivity};
use domain::state::GatewayKind;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use domain::verification::{KeyEntry, Place, RawCall};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use server::chance::Clock;
use server::verify::{Engine, Gateway, GatewayCredential, GatewayEntry, Held, Question, SHARDS};

/// The name of the figure, so many keys, and so many grants: what a processor's nearer caches hold,
/// and more than they do.
const SCENES: [(&str, usize, usize); 2] = [("decide", 100, 10), ("decide_10k", 10_000, 240)];
const ROUNDS: usize = 101;
const CALLS: usize = 10_000;
/// 20 February 2027, a Saturday, 12:00 UTC.
const NOW: Timestamp = Timestamp::from_micros(1_803_124_800_000_000);

fn main() -> Result<()> {
    for (name, keys, grants) in SCENES {
        let scene = Scene::set(keys, grants)?;
        for key in &scene.keys {
            ensure!(scene.is_allowed(key)?, "a call of the bench was refused");
        }
        let mut each = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for key in scene.keys.iter().cycle().take(CALLS) {
                black_box(scene.is_allowed(black_box(key))?);
            }
            each.push(start.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
            // As the portal does every two seconds, or more often.
            scene.engine.finish(scene.engine.begin(NOW), 1);
            scene.engine.drain_usage(0..SHARDS);
            scene.engine.drain_spent();
        }
        each.sort_by(f64::total_cmp);
        let median = each.get(ROUNDS / 2).context("rounds")?;
        println!("figure {name} {median:.3} us");
    }
    Ok(())
}

struct Scene {
    engine: Engine,
    gateway: Gateway,
    keys: Vec<ApiKey>,
}

impl Scene {
    fn set(many: usize, grants: usize) -> Result<Self> {
        let rng = &mut UnwrapErr(SysRng);
        let keyring = Keyring::generate(rng);
        let engine = Engine::new(&keyring, Clock::System);
        let here = Place {
            service: ServiceId::random(rng),
            environment: EnvironmentId::random(rng),
        };
        let mut under = Vec::with_capacity(grants);
        for _ in 0..grants {
            let id = GrantId::random(rng);
            under.push((id, engine.share(id, grant(here)?.into())));
        }
        let prefix = KeyPrefix::new("lk", "live")?;
        let mut keys = Vec::with_capacity(many);
        for (id, grant) in under.iter().cycle().take(many) {
            let key = ApiKey::mint(&prefix, rng);
            let key_id = KeyId::random(rng);
            engine.take(vec![Held {
                kid: key.kid(),
                mac: key.mac(&keyring.pepper),
                stamp: 1,
                entry: KeyEntry {
                    key: key_id,
                    partner: PartnerId::random(rng),
                    state: KeyState::Active,
                    expires: NOW.plus(Duration::from_hours(24)),
                    partner_suspended: false,
                    grant: grant.clone(),
                },
                limited: engine.limited(*id),
            }]);
            keys.push(key);
        }
        let credential = GatewayCredential::mint(rng);
        let gateway = GatewayEntry {
            id: GatewayId::random(rng),
            kind: GatewayKind::Api,
            reach: vec![here],
            proxies: Networks::default(),
            signs: false,
            credential_mac: credential.mac(&keyring.pepper),
            old_credential: None,
        };
        engine.take_gateways(1, vec![gateway]);
        engine.finish(engine.begin(NOW), 1);
        let gateway = engine.admit(&credential.expose_text(), NOW)?;
        Ok(Self {
            engine,
            gateway: gateway.context("the gateway was not admitted")?,
            keys,
        })
    }

    fn is_allowed(&self, key: &ApiKey) -> Result<bool> {
        let question = Question {
            call: RawCall {
                method: "GET",
                path: "/v2/shipments/4711/events?page=2",
                source_ip: "203.0.113.7",
                scheme: "https",
                scope: Some("shipments:read"),
            },
            service: None,
            environment: None,
        };
        let key = std::str::from_utf8(key.expose())?;
        let decision = self.engine.verify(&self.gateway, key, &question, NOW)?;
        Ok(decision.reason().is_none())
    }
}

/// Three scopes, six endpoints, two networks, hours on every day, and a rate and a quota that are
/// never reached here.
fn grant(here: Place) -> Result<Grant> {
    let names = ["labels:create", "shipments:read", "webhooks:manage"];
    let patterns = [
        ("labels:create", Method::Post, "/v2/labels"),
        ("labels:create", Method::Get, "/v2/labels/{id}"),
        ("shipments:read", Method::Get, "/v2/shipments"),
        ("shipments:read", Method::Get, "/v2/shipments/{id}"),
        ("shipments:read", Method::Get, "/v2/shipments/{id}/events"),
        ("webhooks:manage", Method::Put, "/v2/webhooks/{id}"),
    ];
    let mut catalogue = Catalogue {
        scopes: Vec::new(),
        endpoints: Vec::new(),
    };
    for name in names {
        catalogue.scopes.push(Scope {
            name: name.parse()?,
            allows: "To be measured.".parse()?,
            sensitivity: Sensitivity::Low,
        });
    }
    for (scope, method, pattern) in patterns {
        catalogue.endpoints.push(Endpoint {
            method,
            pattern: pattern.parse()?,
            scopes: [scope.parse()?].into(),
        });
    }
    let mut policy = Policy::default_for(EnvironmentKind::Production);
    policy.rate_limit = 100_000.try_into()?;
    policy.limits.grant = "1000000000 a month".parse()?;
    let line = RequestedLine {
        environment: here.environment,
        scopes: catalogue.scopes.iter().map(|s| s.name.clone()).collect(),
        sources: Sources::Only("198.51.100.0/26, 203.0.113.0/24".parse()?),
        rate: policy.rate_limit,
        life: 90.try_into()?,
    };
    let hours = "Mon-Fri 00:00-24:00, Sat-Sun 06:00-22:00".parse()?;
    Ok(
        Grant::propose(&line, here.service, &catalogue, &policy)?.narrow(&Narrowing {
            hours: Some(hours),
            ..Narrowing::default()
        })?,
    )
}
