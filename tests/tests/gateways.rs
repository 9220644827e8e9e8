//! Real gateways with the configurations of `docs/gateways/`, before a real backend: what reaches
//! it, and what a client is told.

#![cfg(test)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::gateways::{Backend, CONFUSING_PATHS, Kind, RunningGateway};
use tests::raw::{RawClient, RawResponse};
use tests::scene::{Scene, gateway_of_kind, gateway_that_signs};
use tests::tally;

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
    page: String,
    kind: Kind,
    _gateway: RunningGateway,
}

impl Edge {
    async fn of(kind: Kind, networks: &str) -> Result<Self> {
        Self::registered(kind, networks, false).await
    }

    async fn registered(kind: Kind, networks: &str, signs: bool) -> Result<Self> {
        let mut scene = Scene::set(None).await?;
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

    async fn call(&self, line: &str) -> Result<RawResponse> {
        self.call_with(line, &[]).await
    }

    async fn call_with(&self, line: &str, more: &[(&str, &str)]) -> Result<RawResponse> {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(more);
        self.client.send(line, &headers).await
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
    every_refusal_is_told_as_documented,
    a_path_that_two_parsers_could_read_differently_reaches_nothing,
    a_spoofed_forwarded_address_changes_nothing,
    no_call_passes_while_latchkey_is_away,
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
    let edge = Edge::registered(kind, "127.0.0.0/8", true).await?;
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

async fn every_refusal_is_told_as_documented(kind: Kind) -> Result<()> {
    let edge = Edge::of(kind, "127.0.0.0/8").await?;
    let none = edge.client.send(CALL, &[]).await?;
    assert_eq!(
        (none.status, none.header("www-authenticate")),
        (401, Some("Bearer")),
        "{none:?}"
    );
    assert!(edge.backend.served().is_empty());

    let unknown = format!("lk_live_{}", "0".repeat(46));
    let malformed = edge.client.send(CALL, &[("x-api-key", &unknown)]).await?;
    edge.refused(&malformed, 400, "malformed")?;
    let both = edge.call_with(CALL, &[("x-api-key", &edge.key)]).await?;
    edge.refused(&both, 400, "malformed")?;
    for name in ["x-http-method-override", "x-original-url", "x-rewrite-url"] {
        let other = edge.call_with(CALL, &[(name, "DELETE")]).await?;
        edge.refused(&other, 400, "malformed")?;
    }
    edge.refused(&edge.call("POST /v2/shipments/1").await?, 403, "endpoint")?;
    edge.refused(&edge.call("GET /v2/invoices").await?, 403, "endpoint")?;

    edge.scene
        .owner
        .act(&format!("{}/suspend", edge.page), &[])
        .await?;
    let suspended = edge.call(CALL).await?;
    assert!(
        suspended
            .header("www-authenticate")
            .is_some_and(|value| value.contains("invalid_token"))
    );
    edge.refused(&suspended, 401, "not_active")?;
    edge.scene
        .owner
        .act(
            &format!("{}/revoke", edge.page),
            &[("reason", "It was what we feared.")],
        )
        .await?;
    edge.refused(&edge.call(CALL).await?, 401, "revoked")?;
    Ok(())
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
