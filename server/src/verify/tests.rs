use std::time::Duration;

use domain::grant::Grant;
use domain::id::{EnvironmentId, PartnerId, ServiceId};
use domain::key::KeyState;
use domain::network::{Networks, Sources};
use domain::policy::Policy;
use domain::request::RequestedLine;
use domain::service::{Catalogue, Endpoint, EnvironmentKind, Method, Scope, Sensitivity};
use domain::state::GatewayKind;
use domain::token::KeyPrefix;
use domain::verification::{KeyEntry, Place, RawCall};

use super::*;
use crate::chance::{Clock, system_rng};

const SERVICE: ServiceId = ServiceId::new(Uuid::from_u128(1));
const ENVIRONMENT: EnvironmentId = EnvironmentId::new(Uuid::from_u128(2));
pub(crate) const HERE: Place = Place {
    service: SERVICE,
    environment: ENVIRONMENT,
};
const GRANT: GrantId = GrantId::new(Uuid::from_u128(4));
const GATEWAY: GatewayId = GatewayId::new(Uuid::from_u128(9));
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
pub(crate) const QUESTION: Question<'static> = Question {
    call: RawCall {
        method: "GET",
        path: "/shipments/7",
        source_ip: "192.0.2.7",
        scheme: "https",
        scope: None,
    },
    service: None,
    environment: None,
};

pub(crate) fn grant() -> Grant {
    let scopes = ["read".parse().unwrap()].into();
    let catalogue = Catalogue {
        scopes: vec![Scope {
            name: "read".parse().unwrap(),
            allows: "Read".parse().unwrap(),
            sensitivity: Sensitivity::Low,
        }],
        endpoints: vec![Endpoint {
            method: Method::Get,
            pattern: "/shipments/{id}".parse().unwrap(),
            scopes: ["read".parse().unwrap()].into(),
        }],
    };
    let line = RequestedLine {
        environment: ENVIRONMENT,
        scopes,
        sources: Sources::Only("192.0.2.0/24".parse().unwrap()),
        rate: 10.try_into().unwrap(),
        life: 90.try_into().unwrap(),
    };
    let policy = Policy::default_for(EnvironmentKind::Production);
    Grant::propose(&line, SERVICE, &catalogue, &policy).unwrap()
}

pub(crate) fn held(kid: &str, stamp: i64) -> Held {
    let kid: Kid = kid.parse().unwrap();
    Held {
        kid,
        mac: [7; 32],
        stamp,
        entry: KeyEntry {
            key: KeyId::new(Uuid::from_u128(u64::from_be_bytes(*kid.as_bytes()).into())),
            partner: PartnerId::new(Uuid::from_u128(6)),
            state: KeyState::Active,
            expires: NOW.plus(Duration::from_hours(1)),
            partner_suspended: false,
            grant: Arc::new(grant().into()),
        },
        limited: Meters::default().under(GRANT),
    }
}

/// An engine that knows one key and one gateway, as of [`NOW`].
struct Scene {
    engine: Engine,
    key: ApiKey,
    held: Held,
    credential: GatewayCredential,
}

/// A clock on which no time passes, however long a test takes.
pub(crate) fn standing() -> Clock {
    Clock::Told(Arc::default())
}

fn scene() -> Scene {
    let keyring = Keyring::generate(&mut system_rng());
    let engine = Engine::new(&keyring, standing());
    let key = ApiKey::mint(&KeyPrefix::new("lk", "live").unwrap(), &mut system_rng());
    let credential = GatewayCredential::mint(&mut system_rng());
    let held = Held {
        mac: key.mac(&keyring.pepper),
        ..held(key.kid().as_str(), 1)
    };
    let reading = engine.begin(NOW);
    engine.take(vec![held.clone()]);
    engine.take_gateways(
        1,
        vec![GatewayEntry {
            id: GATEWAY,
            kind: GatewayKind::Api,
            reach: vec![HERE],
            proxies: Networks::default(),
            signs: false,
            credential_mac: credential.mac(&keyring.pepper),
            old_credential: None,
        }],
    );
    engine.finish(reading, 1);
    Scene {
        engine,
        key,
        held,
        credential,
    }
}

impl Scene {
    fn text(&self) -> &str {
        std::str::from_utf8(self.key.expose()).unwrap()
    }

    fn gateway(&self) -> Gateway {
        let text = self.credential.expose_text();
        self.engine.admit(&text, NOW).unwrap().unwrap()
    }

    fn ask_with(&self, key: &str, question: &Question<'_>) -> Decision {
        self.engine
            .verify(&self.gateway(), key, question, NOW)
            .unwrap()
    }

    fn ask(&self, question: &Question<'_>) -> Option<Reason> {
        self.ask_with(self.text(), question).reason()
    }

    /// Takes over the key as a later change leaves it.
    fn change(&mut self, change: impl FnOnce(&mut KeyEntry)) {
        self.held.stamp += 1;
        change(&mut self.held.entry);
        self.engine.take(vec![self.held.clone()]);
    }
}

fn with_call(change: impl FnOnce(&mut RawCall<'static>)) -> Question<'static> {
    let mut question = QUESTION;
    change(&mut question.call);
    question
}

#[test]
fn a_call_within_the_grant_is_allowed_and_counted() {
    let scene = scene();
    assert_eq!(scene.ask(&QUESTION), None);
    let mut used = scene.engine.drain_usage(0..SHARDS);
    let (key, counts) = used.pop().unwrap();
    assert_eq!(
        (key, counts.accepted(), counts.refused()),
        (scene.held.entry.key, 1, 0)
    );
    assert!(used.is_empty(), "one key was used");
    let endpoint = counts.alike().next().unwrap().endpoint;
    let rule = "GET /shipments/{id}".parse().unwrap();
    assert_eq!(endpoint, crate::verify::Endpoint::Rule(rule));
}

#[test]
fn a_refusal_of_a_known_key_is_counted_with_its_reason() {
    let scene = scene();
    let question = with_call(|call| call.scheme = "http");
    assert_eq!(scene.ask(&question), Some(Reason::PlaintextTransport));
    let (_, counts) = scene.engine.drain_usage(0..SHARDS).pop().unwrap();
    let reason = counts.last_refused().map(|last| last.2);
    assert_eq!(reason, Some(Reason::PlaintextTransport));
}

#[test]
fn the_first_reason_in_the_contracts_order_is_given() {
    let mut scene = scene();
    let worst = with_call(|call| {
        call.scheme = "http";
        call.source_ip = "198.51.100.1";
        call.path = "/admin";
        call.scope = Some("write");
    });
    let elsewhere = Question {
        environment: Some(EnvironmentId::new(Uuid::from_u128(3))),
        ..worst
    };
    assert_eq!(scene.ask(&elsewhere), Some(Reason::WrongEnvironment));
    scene.change(|entry| entry.expires = NOW);
    assert_eq!(scene.ask(&elsewhere), Some(Reason::Expired));
    scene.change(|entry| entry.state = KeyState::Deactivated);
    assert_eq!(scene.ask(&elsewhere), Some(Reason::Revoked));
    scene.change(|entry| entry.partner_suspended = true);
    assert_eq!(scene.ask(&elsewhere), Some(Reason::NotActive));
    scene.held.mac = [9; 32];
    scene.change(|_| ());
    assert_eq!(scene.ask(&elsewhere), Some(Reason::Unknown));
    let malformed = with_call(|call| call.path = "/a/../b");
    assert_eq!(scene.ask(&malformed), Some(Reason::Malformed));
}

#[test]
fn an_unknown_and_a_wrong_key_answer_alike() {
    let mut scene = scene();
    let stranger = ApiKey::mint(&KeyPrefix::new("lk", "live").unwrap(), &mut system_rng());
    let stranger = std::str::from_utf8(stranger.expose()).unwrap();
    let unknown = scene.ask_with(stranger, &QUESTION);
    scene.held.mac = [9; 32];
    // A wrong secret learns nothing of the key's state.
    scene.change(|entry| entry.state = KeyState::Compromised);
    let wrong = scene.ask_with(scene.text(), &QUESTION);
    for decision in [unknown, wrong] {
        assert!(matches!(
            decision,
            Decision::Refused(Refused {
                reason: Reason::Unknown,
                known: None,
                ..
            })
        ));
    }
    let used = scene.engine.drain_usage(0..SHARDS);
    assert!(used.is_empty(), "nobody's use was counted");
}

#[test]
fn a_text_that_is_no_key_is_malformed() {
    let scene = scene();
    let text = scene.text();
    let flipped = if text.ends_with('0') { "1" } else { "0" };
    let broken = [text.get(..text.len() - 1).unwrap(), flipped].concat();
    for text in [
        "",
        "lk_live_",
        &broken,
        &format!("Bearer {text}"),
        &format!("{text} "),
    ] {
        let decision = scene.ask_with(text, &QUESTION);
        assert_eq!(decision.reason(), Some(Reason::Malformed), "{text}");
    }
}

#[test]
fn a_gateway_gets_answers_about_its_places_alone() {
    let scene = scene();
    let ask = |service, environment| {
        scene.ask(&Question {
            service,
            environment,
            ..QUESTION
        })
    };
    let other = Uuid::from_u128(3);
    assert_eq!(ask(Some(SERVICE), Some(ENVIRONMENT)), None);
    assert_eq!(ask(None, Some(ENVIRONMENT)), None);
    assert_eq!(
        ask(Some(ServiceId::new(other)), None),
        Some(Reason::WrongEnvironment)
    );
    assert_eq!(
        ask(Some(SERVICE), Some(EnvironmentId::new(other))),
        Some(Reason::WrongEnvironment)
    );
}

#[test]
fn an_unknown_gateway_is_not_admitted() {
    let scene = scene();
    let stranger = GatewayCredential::mint(&mut system_rng()).expose_text();
    for credential in ["", "lkg_", scene.text(), &stranger] {
        assert!(scene.engine.admit(credential, NOW).unwrap().is_none());
    }
}

#[test]
fn a_revoked_gateway_is_not_admitted() {
    let scene = scene();
    scene.engine.take_gateways(2, Vec::new());
    let credential = scene.credential.expose_text();
    assert!(scene.engine.admit(&credential, NOW).unwrap().is_none());
}

#[test]
fn an_older_stamp_never_brings_a_revoked_key_back() {
    let mut scene = scene();
    let before = scene.held.clone();
    scene.change(|entry| entry.state = KeyState::Deactivated);
    scene.engine.take(vec![before]);
    assert_eq!(scene.ask(&QUESTION), Some(Reason::Revoked));
}

#[test]
fn distrust_denies_until_a_reload() {
    let scene = scene();
    let gateway = scene.gateway();
    let verify = || scene.engine.verify(&gateway, scene.text(), &QUESTION, NOW);
    scene.engine.distrust();
    assert_eq!(verify().unwrap_err(), NotReady);
    let credential = scene.credential.expose_text();
    assert_eq!(scene.engine.admit(&credential, NOW).unwrap_err(), NotReady);
    let reading = scene.engine.begin(NOW);
    scene.engine.finish(reading, 1);
    assert_eq!(verify().unwrap().reason(), None);
}

#[test]
fn a_poll_that_fails_for_two_seconds_denies() {
    let scene = scene();
    let gateway = scene.gateway();
    let verify = |now| scene.engine.verify(&gateway, scene.text(), &QUESTION, now);
    assert!(verify(NOW.plus(BOUND)).is_ok());
    let late = NOW.plus(BOUND).plus(Duration::from_millis(1));
    assert_eq!(verify(late).unwrap_err(), NotReady);
    assert!(!scene.engine.is_ready(late));
}

#[test]
fn before_the_snapshot_is_loaded_nothing_is_answered() {
    let engine = Engine::new(&Keyring::generate(&mut system_rng()), standing());
    let credential = GatewayCredential::mint(&mut system_rng()).expose_text();
    assert_eq!(engine.admit(&credential, NOW).unwrap_err(), NotReady);
}

#[test]
fn a_call_can_be_tried_without_the_key_and_is_not_a_use() {
    let scene = scene();
    let try_call = |gateway, subject| {
        let tried = scene.engine.try_call(gateway, subject, &QUESTION, NOW);
        tried.map(|decision| decision.reason())
    };
    assert_eq!(try_call(GATEWAY, Subject::Kid(scene.held.kid)), Ok(None));
    assert_eq!(try_call(GATEWAY, Subject::Text(scene.text())), Ok(None));
    let nobody = Subject::Kid("zzzzzzzz".parse().unwrap());
    assert_eq!(try_call(GATEWAY, nobody), Ok(Some(Reason::Unknown)));
    let nowhere = GatewayId::new(Uuid::from_u128(1));
    assert_eq!(try_call(nowhere, nobody), Err(NotTried::NoGateway));
    assert!(scene.engine.drain_usage(0..SHARDS).is_empty());
}

#[test]
fn secrets_are_absent_from_debug() {
    let scene = scene();
    let shown = format!("{:?} {:?} {:?}", scene.engine, scene.held, scene.gateway());
    assert!(
        !shown.contains(scene.text()) && !shown.contains("mac"),
        "{shown}"
    );
}
