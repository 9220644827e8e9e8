//! JSON that no page of ours sends is refused with a stable code, and changes nothing.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use server::http::routes::{Entry, TABLE};
use tests::promises;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::Visitor;

use crate::{Answer, settled};

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// Beside those that `forms` attacks.
const JSON: [&str; 4] = ["/auth/", "/d/", "/confirm/", "/v1/"];

/// Every endpoint that takes JSON, with a body of the right shape.
fn endpoints(claim: &Value, act: &str) -> Vec<(String, Value)> {
    let credential = &claim["credential"];
    let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    vec![
        ("/auth/sign-in/begin".to_owned(), json!({})),
        (
            "/auth/sign-in/finish".to_owned(),
            json!({ "ceremony": ID, "credential": credential, "return_to": "/" }),
        ),
        (
            "/auth/enrol/begin".to_owned(),
            json!({ "link": ID, "secret": secret, "code": "AAAA-AAAA" }),
        ),
        (
            "/auth/enrol/create".to_owned(),
            json!({
                "ceremony": ID, "credential": credential, "label": "Laptop",
                "sealing_key": null, "signing_key": null,
            }),
        ),
        (
            "/auth/enrol/finish".to_owned(),
            json!({ "ceremony": ID, "credential": credential, "enrolment": null }),
        ),
        (format!("/d/{ID}/begin"), json!({ "act": "claim" })),
        (format!("/d/{ID}/claim"), claim.clone()),
        (
            format!("/d/{ID}/receipt"),
            json!({ "credential_id": "AAAA", "opened": secret, "signature": "AAAA" }),
        ),
        (
            format!("/d/{ID}/report"),
            json!({ "ceremony": ID, "credential": credential }),
        ),
        (format!("/d/{ID}/alert"), json!({ "claim_token": secret })),
        (format!("{act}/begin"), json!({})),
        (
            format!("{act}/finish"),
            json!({ "ceremony": ID, "credential": credential }),
        ),
        (
            "/v1/verify".to_owned(),
            json!({
                "key": "lk_test_x", "method": "GET", "path": "/v2/shipments/1",
                "source_ip": "203.0.113.4", "scheme": "https",
            }),
        ),
        (
            "/v1/verify/batch".to_owned(),
            json!({ "calls": [{
                "key": "lk_test_x", "method": "GET", "path": "/v2/shipments/1",
                "source_ip": "203.0.113.4", "scheme": "https",
            }] }),
        ),
    ]
}

fn is_at(route: &Entry, path: &str) -> bool {
    let (route, path) = (route.path.split('/'), path.split('/'));
    route.clone().count() == path.clone().count()
        && route
            .zip(path)
            .all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
}

#[tokio::test]
async fn every_route_that_takes_json_is_attacked() -> Result<()> {
    let (_scene, endpoints) = scene(None).await?;
    let takes_json = |route: &&Entry| {
        route.method == "post" && JSON.iter().any(|start| route.path.starts_with(start))
    };
    let forgotten: Vec<&str> = TABLE
        .iter()
        .filter(takes_json)
        // For measuring alone: it answers the same to everything.
        .filter(|route| route.path != "/v1/constant")
        .filter(|route| !endpoints.iter().any(|(path, _)| is_at(route, path)))
        .map(|route| route.path)
        .collect();
    assert_eq!(forgotten, Vec::<&str>::new());
    Ok(())
}

promises! {
    json_that_no_page_sends_is_refused_and_changes_nothing,
}

async fn json_that_no_page_sends_is_refused_and_changes_nothing(
    database: Option<String>,
) -> Result<()> {
    let (scene, endpoints) = scene(database).await?;
    let before = settled(&scene.portal).await?;
    let mut attacks = 0;
    for (path, body) in &endpoints {
        for (what, bytes) in broken(body)? {
            let answer = post(&scene, path, "application/json", bytes).await?;
            refused(&answer, &format!("{path}: {what}"));
            attacks += 1;
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp; x",
        ] {
            let bytes = serde_json::to_vec(body)?;
            let answer = post(&scene, path, kind, bytes).await?;
            refused(&answer, &format!("{path} as {kind}"));
            attacks += 1;
        }
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, &["session", "key_use", "call_count"]),
        Vec::<String>::new()
    );
    assert!(attacks > 100, "{attacks}");
    tally::count("attacks", attacks);
    Ok(())
}

#[tokio::test]
async fn a_passkeys_secret_is_refused_wherever_it_is_posted() -> Result<()> {
    let (scene, _) = scene(None).await?;
    let mut attacks = 0;
    for place in ["extensions", "clientExtensionResults"] {
        let claim = scene
            .contact
            .authenticator
            .credentials()
            .first()
            .context("a passkey")?;
        let begun = scene
            .contact
            .post(&format!("/d/{ID}/begin"), &json!({ "act": "claim" }))
            .await?;
        let challenge = begun["options"]["publicKey"]["challenge"]
            .as_str()
            .context("none")?;
        let mut credential = claim.get(challenge, scene.portal.origin());
        credential[place] = json!({ "prf": { "results": { "first": "c2VjcmV0" } } });
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let answer = scene
            .contact
            .send(&format!("/d/{ID}/report"), &body)
            .await?;
        let answer = Answer::of(answer).await?;
        refused(&answer, place);
        assert!(
            answer.body.contains("must not leave the browser"),
            "{}",
            answer.body
        );
        attacks += 1;
    }
    tally::count("attacks", attacks);
    Ok(())
}

async fn scene(database: Option<String>) -> Result<(Scene, Vec<(String, Value)>)> {
    let scene = Scene::set(database).await?;
    let link = format!("{}/d/{ID}#{}", scene.portal.origin(), "A".repeat(43));
    let claim = scene.contact.ready_to_claim(&link, 0).await?;
    let fields = [
        ("slug", "first"),
        ("name", "First"),
        ("description", "Anything."),
    ];
    let act = scene.owner.form("/services/new", &fields).await?;
    let act = tests::visitor::location(&act).context("no act")?;
    Ok((scene, endpoints(&claim.body, &act)))
}

/// The same body, spoilt in every way.
fn broken(body: &Value) -> Result<Vec<(String, Vec<u8>)>> {
    let text = body.to_string();
    let object = body.as_object().context("an object")?;
    let mut all = vec![
        ("an array".to_owned(), b"[]".to_vec()),
        ("null".to_owned(), b"null".to_vec()),
        ("nothing".to_owned(), Vec::new()),
        (
            "cut off".to_owned(),
            text.as_bytes()[..text.len() - 1].to_vec(),
        ),
        (
            "not UTF-8".to_owned(),
            [b"{\"\xff\":1,".as_slice(), &text.as_bytes()[1..]].concat(),
        ),
        ("deep".to_owned(), "[".repeat(50_000).into_bytes()),
        (
            "more behind it".to_owned(),
            format!("{text}{text}").into_bytes(),
        ),
        (
            "too large".to_owned(),
            format!("{}{text}", " ".repeat(300 * 1024)).into_bytes(),
        ),
    ];
    let mut more = object.clone();
    more.insert("admin".to_owned(), json!(true));
    all.push(("an unknown field".to_owned(), serde_json::to_vec(&more)?));
    for (name, value) in object {
        let twice = format!("{{\"{name}\":{value},{}", &text[1..]);
        all.push((format!("{name} twice"), twice.into_bytes()));
        // A credential is any JSON until WebAuthn reads it, for which the ceremony comes first.
        if name != "credential" {
            for wrong in [json!(7), json!(["x"]), json!({ "x": 1 })] {
                let mut other = object.clone();
                other.insert(name.clone(), wrong);
                all.push((
                    format!("{name} of another type"),
                    serde_json::to_vec(&other)?,
                ));
            }
        }
    }
    Ok(all)
}

async fn post(scene: &Scene, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Answer> {
    let by: &Visitor = &scene.owner;
    let request = by
        .http
        .post(format!("{}{path}", by.base))
        .header("sec-fetch-site", "same-origin")
        .header("latchkey-gateway", &scene.gateway)
        .header("content-type", kind);
    Answer::of(request.body(bytes).send().await?).await
}

fn refused(answer: &Answer, what: &str) {
    assert!(matches!(answer.status, 400 | 413), "{what}: {answer:?}");
    assert_eq!(answer.code(), "bad-request", "{what}: {answer:?}");
    let kind = (
        "content-type".to_owned(),
        "application/problem+json".to_owned(),
    );
    assert!(answer.headers.contains(&kind), "{what}: {answer:?}");
}
