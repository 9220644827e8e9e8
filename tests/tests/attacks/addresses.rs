//! Links carry the configured origin, and addresses are those that proxies of ours saw.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::company::code_at;
use tests::promises;
use tests::scene::{PATIENCE, Scene};
use tests::server::Config;
use tests::tally;
use tests::visitor::Visitor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const EVIL: &str = "evil.example";

#[tokio::test]
async fn a_forged_host_is_in_no_page_and_no_mail() -> Result<()> {
    let mut scene = Scene::set(None).await?;
    let origin = scene.portal.origin().to_owned();
    let forged = [
        ("host", EVIL),
        ("x-forwarded-host", EVIL),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "host=evil.example;proto=https"),
    ];
    let owner = Visitor {
        authenticator: scene.owner.authenticator.clone(),
        ..Visitor::with_headers(&origin, &origin, &forged)?
    };
    owner.sign_in().await?;
    for page in [
        "/",
        "/people",
        "/partners",
        "/requests",
        "/gateways",
        "/profile",
        "/nothing",
    ] {
        let answer = owner.get(page).await?;
        let headers = format!("{:?}", answer.headers());
        assert!(!headers.contains(EVIL), "{page}: {headers}");
        assert!(!answer.text().await?.contains(EVIL), "{page}");
    }
    let stranger = Visitor::with_headers(&origin, &origin, &forged)?;
    let answer = stranger.get("/people").await?;
    assert_eq!(
        tests::visitor::location(&answer).as_deref(),
        Some("/sign-in?return_to=%2Fpeople")
    );

    let fields = [
        ("organisation", "Quay"),
        ("name", "Their contact"),
        ("email", "quay@other.example"),
        ("why", "They print labels."),
    ];
    let reveal = owner.act("/partners/invite", &fields).await?;
    let code = code_at(&owner, &reveal).await?;
    let mail = scene
        .mailbox
        .next_to("quay@other.example", PATIENCE)
        .await?;
    assert!(!String::from_utf8_lossy(&mail.raw).contains(EVIL));
    assert!(!mail.text.contains(EVIL) && !mail.html.contains(EVIL));
    let link = mail
        .link(&format!("{origin}/l/"))
        .context("no link of ours")?;
    Visitor::new(&origin).enrol(link, Some(&code)).await?;
    tally::count("attacks", 9);
    Ok(())
}

#[tokio::test]
async fn an_absolute_address_in_the_request_changes_nothing() -> Result<()> {
    let scene = Scene::set(None).await?;
    let place = scene.portal.url("");
    let place = place.trim_start_matches("http://localhost");
    for path in ["/sign-in", "/people", "/nothing"] {
        let mut stream = TcpStream::connect(format!("127.0.0.1{place}")).await?;
        let request = format!(
            "GET http://{EVIL}{path} HTTP/1.1\r\nhost: {EVIL}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        assert!(!answer.contains(EVIL), "{answer}");
    }
    tally::count("attacks", 3);
    Ok(())
}

promises! {
    a_spoofed_forwarded_address_goes_round_no_limit,
    behind_a_proxy_the_address_that_it_saw_is_limited_and_no_other,
}

async fn a_spoofed_forwarded_address_goes_round_no_limit(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let tries = until_limited(&scene, |number| format!("198.51.100.{number}")).await?;
    tally::count("attacks", tries);
    Ok(())
}

async fn behind_a_proxy_the_address_that_it_saw_is_limited_and_no_other(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::with(Config {
        database_url: database,
        environment: vec![("LATCHKEY_PROXIES".to_owned(), "127.0.0.1".to_owned())],
        ..Config::default()
    })
    .await?;
    let spoofed = |number| format!("198.51.100.{number}, 203.0.113.9");
    let tries = until_limited(&scene, spoofed).await?;
    let other = knock(&scene, "203.0.113.9, 203.0.113.10").await?;
    assert_eq!(other, 200, "another client is not shut out");
    tally::count("attacks", tries);
    Ok(())
}

#[tokio::test]
async fn a_forwarded_address_is_not_where_a_call_comes_from() -> Result<()> {
    let mut scene = Scene::set(None).await?;
    let held = scene.key().await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    let inside = "203.0.113.4";
    for (header, value) in [
        ("x-forwarded-for", inside),
        ("x-real-ip", inside),
        ("forwarded", "for=203.0.113.4"),
        ("cf-connecting-ip", inside),
        ("true-client-ip", inside),
    ] {
        let call = json!({
            "key": held.key, "method": "GET", "path": "/v2/shipments/1",
            "source_ip": "192.0.2.66", "scheme": "https",
        });
        let answer = scene
            .owner
            .http
            .post(scene.portal.url("/v1/verify"))
            .header("latchkey-gateway", &scene.gateway)
            .header(header, value)
            .json(&call)
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        assert_eq!(answer["code"], "source_network", "{header}");
    }
    tally::count("attacks", 5);
    Ok(())
}

/// Begins ceremonies, each with another forged address, until it is refused.
async fn until_limited(scene: &Scene, forwarded: impl Fn(usize) -> String) -> Result<usize> {
    // Windows are fixed: the tries of two of them at most.
    for number in 0..=121 {
        match knock(scene, &forwarded(number)).await? {
            200 => {}
            429 => return Ok(number),
            other => anyhow::bail!("answered {other}"),
        }
    }
    anyhow::bail!("nobody was ever stopped")
}

async fn knock(scene: &Scene, forwarded: &str) -> Result<u16> {
    let origin = scene.portal.origin();
    let visitor = Visitor::from_address(origin, origin, forwarded)?;
    let answer = visitor.send("/auth/sign-in/begin", &json!({})).await?;
    Ok(answer.status().as_u16())
}
