//! Real gateways with the configurations of `docs/gateways/`, before a real backend: what reaches
//! it, and what a client is told.

#![cfg(test)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::token::{ApiKey, KeyPrefix};
use domain::verification::Reason;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde_json::{Value, json};
use tests::gateways::{Backend, CONFUSING_PATHS, Changed, Kind, RunningGateway};
use tests::hand::Hand;
use tests::live::{self, narrow_form, three_days_from_now};
use tests::raw::{RawClient, RawResponse, send_plain};
use tests::scene::{Scene, gateway_before, gateway_of_kind, gateway_that_signs};
use tests::tally;
use tokio::time::sleep;

const CALL: &str = "GET /v2/shipments/1";
const IDENTITY: [&str; 6] = [
    "latchkey-key-id",
    "latchkey-kid",
    "latchkey-partner-id",
    "latchkey-scopes",
    "latchkey-reason",
    "latchkey-assertion",
];

/// A host whose API stands behind a gateway, and a partner with a key for calls from loopback.
struct Edge {
    scene: Scene,
    backend: Backend,
    client: RawClient,
    key: String,
    /// The key as it goes over the wire.
    bearer: String,
    page: String,
    kind: Kind,
    /// The gateway's own.
    credential: String,
    _gateway: RunningGateway,
}

impl Edge {
    async fn of(kind: Kind, networks: &str) -> Result<Self> {
        Self::registered(kind, networks, false, "").await
    }

    /// With these limits of the grant.
    async fn limited(kind: Kind, limits: &str) -> Result<Self> {
        Self::registered(kind, "127.0.0.0/8", false, limits).await
    }

    async fn registered(kind: Kind, networks: &str, signs: bool, limits: &str) -> Result<Self> {
        let mut scene = Scene::set(None).await?;
        let limits = [("limits_grant", limits), ("rate", "100000")];
        scene.set_policy("sandbox", &limits).await?;
        let request = scene.ask_for_access_from(networks).await?;
        let link = scene.approve(&request).await?;
        let claimed = scene.contact.claim(&link).await?;
        let receipt = scene.contact.receipt(&claimed).await?;
        let page = receipt["portal"].as_str().context("the key's page")?;
        let credential = if signs {
            gateway_that_signs(&scene.owner, kind.code()).await?
        } else {
            gateway_of_kind(&scene.owner, kind.code()).await?
        };
        let backend = Backend::start().await?;
        let gateway =
            RunningGateway::start(kind, scene.portal.port(), &backend, &credential).await?;
        Ok(Self {
            client: gateway.client()?,
            key: claimed.key.clone(),
            bearer: format!("Bearer {}", claimed.key),
            credential,
            page: page.to_owned(),
            kind,
            backend,
            scene,
            _gateway: gateway,
        })
    }

    /// As the list of gateways links to it; the scene's own gateway is of kind `api`.
    async fn gateway_id(&self) -> Result<String> {
        let list = self.scene.owner.get("/gateways").await?.text().await?;
        let row = list
            .split("href=\"/gateways/")
            .find(|row| row.contains(&format!(">{}</a>", self.kind.code())))
            .context("the gateway is not in the list")?;
        Ok(row.split('"').next().unwrap_or_default().to_owned())
    }

    /// One more of the kind before the same backend, for a call with the same key.
    async fn gateway(&self, changed: Changed, credential: &str) -> Result<RunningGateway> {
        let latchkey = self.scene.portal.port();
        RunningGateway::start_changed(self.kind, changed, latchkey, &self.backend, credential).await
    }

    async fn call(&self, line: &str) -> Result<RawResponse> {
        self.call_with(line, &[]).await
    }

    async fn call_with(&self, line: &str, more: &[(&str, &str)]) -> Result<RawResponse> {
        let mut headers = self.headers().to_vec();
        headers.extend(more);
        self.client.send(line, &headers).await
    }

    fn headers(&self) -> [(&str, &str); 1] {
        [("authorization", &self.bearer)]
    }

    /// Nothing of this reached the backend, and the client was told this.
    fn refused(&self, answer: &RawResponse, status: u16, code: &str) -> Result<()> {
        assert_eq!(answer.status, status, "{code}: {answer:?}");
        let body: Value = serde_json::from_str(answer.body.trim())
            .with_context(|| format!("{code}: {answer:?}"))?;
        assert_eq!(body["code"], code, "{answer:?}");
        let served = self.backend.served();
        assert!(served.is_empty(), "{code}: the backend got {served:?}");
        tally::count("attacks", 1);
        Ok(())
    }
}

macro_rules! behind_each {
    ($($promise:ident),+ $(,)?) => {
        mod behind_nginx {
            $(#[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise(super::Kind::Nginx).await
            })+
        }

        mod behind_caddy {
            $(#[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise(super::Kind::Caddy).await
            })+
        }
    };
}

behind_each!(
    a_granted_call_arrives_with_who_made_it_and_without_the_key,
    a_backend_can_check_by_itself_that_latchkey_said_who_calls,
    every_reason_is_told_as_documented,
    a_call_that_cannot_be_read_for_sure_is_malformed,
    a_path_that_two_parsers_could_read_differently_reaches_nothing,
    a_spoofed_forwarded_address_changes_nothing,
    no_call_passes_while_latchkey_is_away,
    no_call_passes_while_latchkey_hangs,
    no_call_passes_while_latchkey_is_not_sure,
);

async fn a_granted_call_arrives_with_who_made_it_and_without_the_key(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "127.0.0.0/8").await?;
    let mut forged: Vec<(&str, &str)> = IDENTITY.iter().map(|name| (*name, "forged")).collect();
    // Many backends read an underscore as a hyphen, and a proxy drops what `Connection` names.
    forged.push(("Latchkey_Key_Id", "forged"));
    forged.push(("Connection", "latchkey-key-id, latchkey-partner-id"));
    let answer = edge.call_with(&format!("{CALL}?page=2"), &forged).await?;
    assert_eq!(
        (answer.status, answer.body.trim()),
        (200, "served"),
        "{answer:?}"
    );

    let served = edge.backend.served();
    let [call] = served.as_slice() else {
        anyhow::bail!("not one call: {served:?}");
    };
    assert_eq!(
        (call.method.as_str(), call.target.as_str()),
        ("GET", "/v2/shipments/1?page=2")
    );
    assert_eq!(call.header("latchkey-reason"), Some("ok"));
    assert_eq!(call.header("latchkey-scopes"), Some("shipments:read"));
    for name in IDENTITY {
        let reads_as = |header: &str| header.replace('_', "-") == name;
        let values = call
            .headers
            .iter()
            .filter(|(header, _)| reads_as(&header.to_ascii_lowercase()));
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        // There is no assertion where the gateway is not registered to have them.
        let expected = usize::from(name != "latchkey-assertion");
        let told = values.iter().filter(|value| !value.is_empty()).count();
        assert!(
            told == expected && !values.contains(&"forged"),
            "{name}: {values:?}"
        );
    }
    for (name, value) in &call.headers {
        assert!(
            !value.contains(&edge.key),
            "the key reached the backend in {name}"
        );
        assert!(
            !value.contains("lkg_"),
            "the credential reached the backend in {name}"
        );
    }
    let bare = edge.client.send(CALL, &[("x-api-key", &edge.key)]).await?;
    assert_eq!(bare.status, 200, "as X-Api-Key too: {bare:?}");
    assert_eq!(edge.backend.served().len(), 1);
    tally::count("attacks", 1);
    Ok(())
}

/// With the check of `docs/gateways/check_assertion.py`, by another implementation of all of it.
async fn a_backend_can_check_by_itself_that_latchkey_said_who_calls(kind: Kind) -> Result<()> {
    let edge = Edge::registered(kind, "127.0.0.0/8", true, "").await?;
    let forged = [
        ("Latchkey-Assertion", "forged"),
        ("Latchkey_Assertion", "forged"),
    ];
    let answer = edge.call_with(&format!("{CALL}?page=2"), &forged).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let served = edge.backend.served();
    let call = served.first().context("no call")?;
    let assertion = call.header("latchkey-assertion").context("no assertion")?;
    let get = async |path: &str| {
        edge.scene
            .owner
            .get(path)
            .await?
            .json::<Value>()
            .await
            .map_err(anyhow::Error::from)
    };
    let question = json!({
        "assertion": assertion,
        "keys": get("/.well-known/latchkey-jwks.json").await?,
        "portal": edge.scene.portal.origin(),
        "gateway": edge.gateway_id().await?,
        "method": call.method,
        "target": call.target,
    });
    let verdicts = python("assertions.py", &question)?;
    let told = |case: &str| verdicts[case].as_str().unwrap_or_default().to_owned();
    let claims = &verdicts["genuine"];
    assert_eq!(
        claims["sub"],
        *call.header("latchkey-key-id").context("an id")?,
        "{verdicts}"
    );
    assert_eq!(
        claims["kid"],
        *call.header("latchkey-kid").context("a kid")?
    );
    assert_eq!(claims["scope"], "shipments:read");
    assert_eq!(
        claims["partner_id"],
        *call.header("latchkey-partner-id").context("a partner")?
    );
    for (case, refusal) in [
        ("a minute later", "ExpiredSignatureError"),
        ("for another gateway", "InvalidAudienceError"),
        ("of another portal", "InvalidIssuerError"),
        ("with other claims", "InvalidSignatureError"),
        ("signed by somebody else", "InvalidSignatureError"),
        ("without a signature", "InvalidAlgorithmError"),
        ("with another call", "WrongCall"),
        ("with another method", "WrongCall"),
        ("under a key that is not published", "KeyError"),
    ] {
        assert_eq!(told(case), refusal, "{case}: {verdicts}");
        tally::count("attacks", 1);
    }
    Ok(())
}

/// What a script of `tests/python` answers to a question, both in JSON.
fn python(script: &str, question: &Value) -> Result<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let program = folder.join(".venv/bin/python");
    anyhow::ensure!(
        program.exists(),
        "Python's packages are missing: run `cargo xtask setup`"
    );
    let mut child = Command::new(program)
        .arg(folder.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no way in")?;
    input.write_all(question.to_string().as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "{script} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Each reason, through the gateway, to the client: the status that the guide says, the code, the
/// challenge, and when to come again where time alone refuses.
async fn every_reason_is_told_as_documented(kind: Kind) -> Result<()> {
    let mut edge = Edge::limited(kind, "2 an hour, 3 a month").await?;
    edge.scene.add_production().await?;
    let mut told = Told::default();

    let nobodys = ApiKey::mint(&KeyPrefix::new("lk", "test")?, &mut UnwrapErr(SysRng));
    let nobodys = std::str::from_utf8(nobodys.expose())?;
    let unknown = edge.client.send(CALL, &[("x-api-key", nobodys)]).await?;
    told.by(&edge, Reason::Unknown, &unknown)?;
    let cut_off = &edge.key[..edge.key.len() - 1];
    let malformed = edge.client.send(CALL, &[("x-api-key", cut_off)]).await?;
    told.by(&edge, Reason::Malformed, &malformed)?;
    let elsewhere = gateway_before(
        &edge.scene.owner,
        "elsewhere",
        kind.code(),
        "shipments/production",
    );
    let elsewhere = edge.gateway(Changed::Nothing, &elsewhere.await?).await?;
    let answer = elsewhere.client()?.send(CALL, &edge.headers()).await?;
    told.by(&edge, Reason::WrongEnvironment, &answer)?;
    let plain = edge.gateway(Changed::WithoutTls, &edge.credential).await?;
    let bearer = format!(
        "{CALL} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        edge.key
    );
    let answer = send_plain(plain.port(), &bearer).await?;
    told.by(&edge, Reason::PlaintextTransport, &answer)?;
    let other = edge.call("GET /v2/invoices").await?;
    told.by(&edge, Reason::Endpoint, &other)?;
    let writing = Changed::NeedsScope("shipments:write");
    let writing = edge.gateway(writing, &edge.credential).await?;
    let answer = writing.client()?.send(CALL, &edge.headers()).await?;
    told.by(&edge, Reason::Scope, &answer)?;

    for left in [1, 0] {
        let passed = edge.call(CALL).await?;
        assert_eq!(passed.status, 200, "{passed:?}");
        if kind == Kind::Nginx {
            let limits = passed.header("ratelimit").unwrap_or_default();
            assert!(
                limits.contains(&format!("\"grant-hour\";r={left};")),
                "{limits}"
            );
        }
    }
    edge.backend.served();
    told.by(&edge, Reason::RateLimit, &edge.call(CALL).await?)?;
    // A rate begins anew, a quota does not.
    edge.scene.portal.stop().await?;
    edge.scene.portal.restart().await?;
    assert_eq!(edge.call(CALL).await?.status, 200);
    edge.backend.served();
    told.by(&edge, Reason::Quota, &edge.call(CALL).await?)?;

    let owner = &edge.scene.owner;
    let narrow = narrow_form(&edge.scene.owner, &edge.page).await?;
    let hours = three_days_from_now();
    let why = ("why", "They call at night alone.");
    live::narrow(owner, &narrow, &[("hours", &hours), why]).await?;
    told.by(&edge, Reason::TimeWindow, &edge.call(CALL).await?)?;
    let narrow = narrow_form(&edge.scene.owner, &edge.page).await?;
    live::narrow(owner, &narrow, &[("networks", "127.0.0.2/32"), why]).await?;
    told.by(&edge, Reason::SourceNetwork, &edge.call(CALL).await?)?;

    let page = edge.page.clone();
    let replace = format!("{page}/replace");
    edge.scene.contact.act(&replace, &[]).await?;
    let link = edge.scene.link_to("contact@partner.example", "/d/").await?;
    let replacement = edge.scene.receive(link).await?;
    let owner = &edge.scene.owner;
    owner.act(&format!("{page}/suspend"), &[]).await?;
    told.by(&edge, Reason::NotActive, &edge.call(CALL).await?)?;
    let why = [("reason", "It was what we feared.")];
    owner.act(&format!("{page}/revoke"), &why).await?;
    told.by(&edge, Reason::Revoked, &edge.call(CALL).await?)?;
    let years = Duration::from_secs(3 * 366 * 86_400);
    edge.scene.portal.restart_later(years).await?;
    let key = [("x-api-key", replacement.key.as_str())];
    let late = edge.client.send(CALL, &key).await?;
    told.by(&edge, Reason::Expired, &late)?;

    for reason in Reason::ALL {
        assert!(
            told.reasons.contains(reason.code()),
            "{reason} was not told"
        );
    }
    Ok(())
}

/// What clients were told so far.
#[derive(Default)]
struct Told {
    reasons: BTreeSet<&'static str>,
}

impl Told {
    fn by(&mut self, edge: &Edge, reason: Reason, answer: &RawResponse) -> Result<()> {
        edge.refused(answer, documented_status(reason)?, reason.code())?;
        let challenge = match reason {
            Reason::Malformed => Some("invalid_request"),
            Reason::Unknown | Reason::NotActive | Reason::Revoked | Reason::Expired => {
                Some("invalid_token")
            }
            Reason::Endpoint | Reason::Scope => Some("insufficient_scope"),
            _ => None,
        };
        let told = answer.header("www-authenticate").unwrap_or_default();
        match challenge {
            Some(error) => assert!(told.contains(&format!("error=\"{error}\"")), "{answer:?}"),
            None => assert_eq!(told, "", "{answer:?}"),
        }
        let wait = answer.header("retry-after").map(str::parse::<u64>);
        let wait = wait.transpose()?.unwrap_or_default();
        let most = match reason {
            Reason::RateLimit => 1800,
            Reason::Quota => 31 * 86_400,
            _ => 0,
        };
        assert!((most.min(1)..=most).contains(&wait), "{answer:?}");
        self.reasons.insert(reason.code());
        Ok(())
    }
}

/// Of the table in `docs/gateways.md`.
fn documented_status(reason: Reason) -> Result<u16> {
    let code = format!("`{}`", reason.code());
    let table = include_str!("../../docs/gateways.md").lines();
    let row = table
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .find(|row| row.len() == 6 && row[1].split(", ").any(|one| one == code))
        .with_context(|| format!("{code} is not documented"))?;
    Ok(row[3].parse()?)
}

async fn a_call_that_cannot_be_read_for_sure_is_malformed(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "127.0.0.0/8").await?;
    let none = edge.client.send(CALL, &[]).await?;
    assert_eq!(
        (none.status, none.header("www-authenticate")),
        (401, Some("Bearer")),
        "{none:?}"
    );
    assert!(edge.backend.served().is_empty());
    let both = edge.call_with(CALL, &[("x-api-key", &edge.key)]).await?;
    edge.refused(&both, 400, "malformed")?;
    for name in ["x-http-method-override", "x-original-url", "x-rewrite-url"] {
        let other = edge.call_with(CALL, &[(name, "DELETE")]).await?;
        edge.refused(&other, 400, "malformed")?;
    }
    edge.refused(&edge.call("POST /v2/shipments/1").await?, 403, "endpoint")
}

/// The backend may only ever see targets that the grant allows, read the way a backend would that
/// resolves, decodes and merges as freely as any does.
async fn a_path_that_two_parsers_could_read_differently_reaches_nothing(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "127.0.0.0/8").await?;
    for path in CONFUSING_PATHS {
        let answer = edge.call(&format!("GET {path}")).await?;
        assert!(
            matches!(answer.status, 400 | 403 | 404 | 308 | 301),
            "{path}: {answer:?}"
        );
        let served = edge.backend.served();
        assert!(served.is_empty(), "{path}: the backend got {served:?}");
        tally::count("attacks", 1);
    }
    let fine = edge.call("GET /v2/shipments/caf%C3%A9?x=/../y").await?;
    assert_eq!(fine.status, 200, "what is not ambiguous passes: {fine:?}");
    Ok(())
}

async fn a_spoofed_forwarded_address_changes_nothing(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "203.0.113.0/28").await?;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.4"),
        ("x-forwarded-for", "203.0.113.4, 203.0.113.5"),
        ("x-real-ip", "203.0.113.4"),
        ("forwarded", "for=203.0.113.4"),
        ("true-client-ip", "203.0.113.4"),
    ] {
        let answer = edge.call_with(CALL, &[(name, value)]).await?;
        edge.refused(&answer, 403, "source_network")?;
    }
    Ok(())
}

async fn no_call_passes_while_latchkey_is_away(kind: Kind) -> Result<()> {
    let mut edge = Edge::of(kind, "127.0.0.0/8").await?;
    edge.scene.portal.kill9();
    let answer = edge.call(CALL).await?;
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    edge.refused(&answer, 503, "not-ready")?;
    edge.scene.portal.restart().await?;
    assert_eq!(
        edge.call(CALL).await?.status,
        200,
        "and again when it is back"
    );
    Ok(())
}

async fn no_call_passes_while_latchkey_hangs(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "127.0.0.0/8").await?;
    assert_eq!(edge.call(CALL).await?.status, 200);
    edge.backend.served();
    edge.scene.portal.hang();
    let answer = edge.call(CALL).await?;
    edge.scene.portal.go_on();
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    edge.refused(&answer, 503, "not-ready")?;
    assert_eq!(edge.call(CALL).await?.status, 200, "when it goes on");
    Ok(())
}

/// It answers 503 by itself: here for a quota that the database cannot be told of.
async fn no_call_passes_while_latchkey_is_not_sure(kind: Kind) -> Result<()> {
    let edge = Edge::limited(kind, "1000 a month").await?;
    let mut hand = Hand::at(&edge.scene.portal).await?;
    hand.hold_up_quotas().await?;
    let (mut passed, mut last) = (0, edge.call(CALL).await?);
    while last.status == 200 {
        passed += 1;
        last = edge.call(CALL).await?;
    }
    assert_eq!(passed, edge.backend.served().len());
    edge.refused(&last, 503, "not-ready")?;
    assert_eq!(last.header("retry-after"), Some("1"), "{last:?}");
    hand.let_go().await?;
    for _ in 0..100 {
        if edge.call(CALL).await?.status == 200 {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no call passes when it is sure again")
}
