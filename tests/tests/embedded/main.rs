//! A real service with the gate of `gate/` inside, before the real portal.

#![cfg(test)]

mod clients;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use latchkey_gate::{Caller, Gate, Proxies};
use serde_json::Value;
use tests::company::Held;
use tests::gateways::CONFUSING_PATHS;
use tests::raw::{RawResponse, send_plain};
use tests::scene::Scene;
use tests::tally;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

const CALL: &str = "GET /v2/shipments/1";

/// A call as the service got it.
struct Served {
    target: String,
    caller: Caller,
    headers: Vec<(String, String)>,
}

#[derive(Clone, Default)]
struct Remembered(Arc<Mutex<Vec<Served>>>);

async fn serve(State(served): State<Remembered>, request: Request) -> &'static str {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    served.0.lock().unwrap().push(Served {
        target: request.uri().to_string(),
        // A call without one would not have passed the gate.
        caller: request.extensions().get::<Caller>().unwrap().clone(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    });
    "served"
}

/// Between gate and portal: counts connections, and can let them hang.
struct Wire {
    port: u16,
    accepted: Arc<AtomicUsize>,
    hangs: Arc<AtomicBool>,
}

impl Wire {
    async fn to(portal: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let wire = Self {
            port: listener.local_addr()?.port(),
            accepted: Arc::default(),
            hangs: Arc::default(),
        };
        let (accepted, hangs) = (Arc::clone(&wire.accepted), Arc::clone(&wire.hangs));
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let hangs = Arc::clone(&hangs);
                tokio::spawn(async move {
                    if hangs.load(Ordering::SeqCst) {
                        sleep(Duration::from_secs(60)).await;
                    }
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", portal)).await {
                        copy_bidirectional(&mut from, &mut to).await.ok();
                    }
                });
            }
        });
        Ok(wire)
    }
}

/// A partner's key for calls from these networks, and a service that asks about it.
struct Embedded {
    scene: Scene,
    held: Held,
    wire: Wire,
    served: Remembered,
    port: u16,
}

impl Embedded {
    async fn set(networks: &str) -> Result<Self> {
        Self::limited(networks, &[]).await
    }

    /// Under a policy that was changed so.
    async fn limited(networks: &str, policy: &[(&str, &str)]) -> Result<Self> {
        let mut scene = Scene::set(None).await?;
        if !policy.is_empty() {
            scene.set_policy("sandbox", policy).await?;
        }
        let request = scene.ask_for_access_from(networks).await?;
        let link = scene.approve(&request).await?;
        let held = scene.receive(link).await?;
        let wire = Wire::to(scene.portal.port()).await?;
        let served = Remembered::default();
        let mut embedded = Self {
            scene,
            held,
            wire,
            served,
            port: 0,
        };
        embedded.port = embedded.start(Gate::over_tls).await?;
        Ok(embedded)
    }

    /// Another such service; its port.
    async fn start(&self, change: impl FnOnce(Gate) -> Gate) -> Result<u16> {
        let at = format!("http://127.0.0.1:{}", self.wire.port);
        let gate = Gate::new(&at, self.scene.gateway.parse()?)?
            .peer_from(|noted| Some(noted.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
        let service = Router::new()
            .fallback(serve)
            .with_state(self.served.clone())
            .layer(change(gate))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(port)
    }

    async fn call(&self, line: &str, more: &[(&str, &str)]) -> Result<RawResponse> {
        let bearer = format!("Bearer {}", self.held.key);
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(more);
        send(self.port, line, &headers).await
    }

    /// The client was told this, and nothing reached the service.
    fn refused(&self, answer: &RawResponse, status: u16, code: &str) -> Result<()> {
        assert_eq!(answer.status, status, "{code}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let body: Value = serde_json::from_str(&answer.body).context("no JSON")?;
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
        assert!(self.served().is_empty(), "{code}: it was served");
        tally::count("attacks", 1);
        Ok(())
    }

    fn served(&self) -> Vec<Served> {
        std::mem::take(&mut *self.served.0.lock().unwrap())
    }
}

async fn send(port: u16, line: &str, headers: &[(&str, &str)]) -> Result<RawResponse> {
    let mut request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    send_plain(port, &(request + "\r\n")).await
}

#[tokio::test]
async fn a_granted_call_arrives_with_who_made_it_and_without_the_key() -> Result<()> {
    let embedded = Embedded::set("127.0.0.0/8").await?;
    let forged = [
        ("Latchkey-Key-Id", "forged"),
        ("Latchkey_Partner_Id", "forged"),
        ("LATCHKEY-ANYTHING", "forged"),
    ];
    let answer = embedded.call(&format!("{CALL}?page=2"), &forged).await?;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "served"),
        "{answer:?}"
    );
    let limits = answer
        .header("ratelimit-policy")
        .context("no limits are told")?;
    assert!(limits.starts_with("\"grant-second\";q="), "{limits}");

    let served = embedded.served();
    let [call] = served.as_slice() else {
        anyhow::bail!("{} calls", served.len());
    };
    assert_eq!(call.target, "/v2/shipments/1?page=2");
    assert_eq!(call.caller.scopes, ["shipments:read"]);
    assert!(embedded.held.key.contains(&call.caller.kid));
    assert!(
        embedded.held.page.ends_with(&call.caller.key_id),
        "{}",
        embedded.held.page
    );
    for (name, value) in &call.headers {
        assert!(!value.contains(&embedded.held.key), "the key is in {name}");
        assert!(!value.contains("forged"), "{name} is forged");
    }
    tally::count("attacks", forged.len());
    Ok(())
}

#[tokio::test]
async fn every_refusal_is_told_as_documented() -> Result<()> {
    let embedded = Embedded::limited("127.0.0.0/8", &[("limits_grant", "3 an hour")]).await?;
    let key = embedded.held.key.clone();
    let none = send(embedded.port, CALL, &[]).await?;
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    embedded.refused(&none, 401, "no-key")?;
    let broken = format!("lk_live_{}", "0".repeat(46));
    let malformed = send(embedded.port, CALL, &[("x-api-key", &broken)]).await?;
    embedded.refused(&malformed, 400, "malformed")?;
    let both = embedded.call(CALL, &[("x-api-key", &key)]).await?;
    embedded.refused(&both, 400, "malformed")?;
    for name in ["x-http-method-override", "x-original-url", "X_Rewrite_Url"] {
        let other = embedded.call(CALL, &[(name, "DELETE")]).await?;
        embedded.refused(&other, 400, "malformed")?;
    }
    let endpoint = embedded.call("POST /v2/shipments/1", &[]).await?;
    embedded.refused(&endpoint, 403, "endpoint")?;

    let bearer = format!("Bearer {key}");
    let with_key = [("authorization", bearer.as_str())];
    let in_the_clear = embedded.start(|gate| gate).await?;
    let plain = send(in_the_clear, CALL, &with_key).await?;
    embedded.refused(&plain, 403, "plaintext_transport")?;
    let elsewhere = "00000000-0000-4000-8000-000000000000";
    let elsewhere = embedded
        .start(|gate| gate.over_tls().environment(elsewhere))
        .await?;
    let wrong = send(elsewhere, CALL, &with_key).await?;
    embedded.refused(&wrong, 403, "wrong_environment")?;
    let scoped = embedded
        .start(|gate| gate.over_tls().scope("shipments:write"))
        .await?;
    let scope = send(scoped, CALL, &with_key).await?;
    let challenge = scope.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains("scope=\"shipments:write\""),
        "{challenge}"
    );
    embedded.refused(&scope, 403, "scope")?;

    for _ in 0..3 {
        assert_eq!(embedded.call(CALL, &[]).await?.status, 200);
    }
    assert_eq!(embedded.served().len(), 3);
    let slow_down = embedded.call(CALL, &[]).await?;
    let wait: u64 = slow_down.header("retry-after").context("when")?.parse()?;
    assert!(
        (1_100..=1_200).contains(&wait),
        "a third of an hour: {wait}"
    );
    embedded.refused(&slow_down, 429, "rate_limit")?;

    let page = &embedded.held.page;
    let owner = &embedded.scene.owner;
    owner.act(&format!("{page}/suspend"), &[]).await?;
    let suspended = embedded.call(CALL, &[]).await?;
    let challenge = suspended.header("www-authenticate").unwrap_or_default();
    assert_eq!(challenge, "Bearer error=\"invalid_token\"");
    embedded.refused(&suspended, 401, "not_active")?;
    let reason = [("reason", "It was what we feared.")];
    owner.act(&format!("{page}/revoke"), &reason).await?;
    embedded.refused(&embedded.call(CALL, &[]).await?, 401, "revoked")
}

#[tokio::test]
async fn a_path_that_two_parsers_could_read_differently_reaches_nothing() -> Result<()> {
    let embedded = Embedded::set("127.0.0.0/8").await?;
    for path in CONFUSING_PATHS {
        let answer = embedded.call(&format!("GET {path}"), &[]).await?;
        assert!(matches!(answer.status, 400 | 403), "{path}: {answer:?}");
        assert!(embedded.served().is_empty(), "{path}");
        tally::count("attacks", 1);
    }
    let fine = embedded
        .call("GET /v2/shipments/caf%C3%A9?x=/../y", &[])
        .await?;
    assert_eq!(fine.status, 200, "what is not ambiguous passes: {fine:?}");
    Ok(())
}

#[tokio::test]
async fn a_spoofed_forwarded_address_changes_nothing() -> Result<()> {
    let embedded = Embedded::set("203.0.113.0/28").await?;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.4"),
        ("x-real-ip", "203.0.113.4"),
        ("forwarded", "for=203.0.113.4"),
        ("true-client-ip", "203.0.113.4"),
    ] {
        let answer = embedded.call(CALL, &[(name, value)]).await?;
        embedded.refused(&answer, 403, "source_network")?;
    }
    // Behind a proxy the right-most address outside of it counts, and what stands before does not.
    let proxies: Proxies = "127.0.0.1".parse()?;
    let behind = embedded
        .start(|gate| gate.over_tls().proxies(proxies))
        .await?;
    let bearer = format!("Bearer {}", embedded.held.key);
    for (forwarded, passes) in [
        ("203.0.113.4", true),
        ("198.51.100.9, 203.0.113.4", true),
        ("203.0.113.4, 198.51.100.9", false),
        ("203.0.113.4, unknown", false),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("x-forwarded-for", forwarded),
        ];
        let answer = send(behind, CALL, &headers).await?;
        assert_eq!(answer.status, if passes { 200 } else { 403 }, "{forwarded}");
        assert_eq!(embedded.served().len(), usize::from(passes), "{forwarded}");
        tally::count("attacks", 1);
    }
    Ok(())
}

#[tokio::test]
async fn no_call_passes_while_latchkey_is_away_or_slow() -> Result<()> {
    let mut embedded = Embedded::set("127.0.0.0/8").await?;
    assert_eq!(embedded.call(CALL, &[]).await?.status, 200);
    embedded.served();
    embedded.scene.portal.kill9();
    let away = embedded.call(CALL, &[]).await?;
    assert_eq!(away.header("retry-after"), Some("1"));
    embedded.refused(&away, 503, "not-ready")?;

    embedded.wire.hangs.store(true, Ordering::SeqCst);
    let start = Instant::now();
    let slow = embedded.call(CALL, &[]).await?;
    let waited = start.elapsed();
    assert!((400..3_000).contains(&waited.as_millis()), "{waited:?}");
    embedded.refused(&slow, 503, "not-ready")?;

    embedded.wire.hangs.store(false, Ordering::SeqCst);
    embedded.scene.portal.restart().await?;
    let back = embedded.call(CALL, &[]).await?;
    assert_eq!(back.status, 200, "and again when it is back: {back:?}");
    Ok(())
}

#[tokio::test]
async fn connections_to_latchkey_are_used_again() -> Result<()> {
    let embedded = Embedded::set("127.0.0.0/8").await?;
    for _ in 0..50 {
        assert_eq!(embedded.call(CALL, &[]).await?.status, 200);
    }
    assert_eq!(embedded.wire.accepted.load(Ordering::SeqCst), 1);
    assert_eq!(embedded.served().len(), 50);
    Ok(())
}
