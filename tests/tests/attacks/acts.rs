//! An assertion counts once, soon, for one act, by the person who is signed in.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::{Visitor, location};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Answer;

/// A spent ceremony, and when a passkey was used.
const SPENT: &[&str] = &["ceremony", "tries", "session", "credential"];

/// An act that waits under `/confirm/{id}`, with its ceremony begun.
struct Begun {
    path: String,
    ceremony: Value,
    challenge: String,
}

tests::promises! {
    a_replayed_assertion_is_refused,
    of_64_replays_at_once_one_counts,
    an_assertion_for_another_act_is_refused,
    an_assertion_that_is_not_of_this_page_or_person_is_refused,
    a_stale_assertion_is_refused,
}

async fn a_replayed_assertion_is_refused(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let begun = begin(&scene.owner, "first").await?;
    let body = body(&scene.owner, &begun);
    let finish = format!("{}/finish", begun.path);
    assert_eq!(post(&scene.owner, &finish, &body).await?.status, 200);
    refused_and_changes_nothing(&scene, &scene.owner, &finish, &body).await?;

    let sign_in = scene.owner.post("/auth/sign-in/begin", &json!({})).await?;
    let assertion = scene
        .owner
        .authenticator
        .get(&sign_in["options"], scene.portal.origin())?;
    let body =
        json!({ "ceremony": sign_in["ceremony"], "credential": assertion, "return_to": "/" });
    let (here, elsewhere) = (scene.owner.elsewhere(), scene.owner.elsewhere());
    here.post("/auth/sign-in/finish", &body).await?;
    refused_and_changes_nothing(&scene, &elsewhere, "/auth/sign-in/finish", &body).await?;

    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claim = scene.contact.ready_to_claim(&link, 0).await?;
    scene.contact.post(&claim.path, &claim.body).await?;
    refused_and_changes_nothing(&scene, &scene.contact, &claim.path, &claim.body).await?;
    tally::count("attacks", 3);
    Ok(())
}

async fn of_64_replays_at_once_one_counts(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let services = Rows::of(&scene.portal).await?.count("service");
    let begun = begin(&scene.owner, "first").await?;
    let body = Arc::new(body(&scene.owner, &begun));
    let (start, mut replays) = (Arc::new(Barrier::new(64)), JoinSet::new());
    for _ in 0..64 {
        let (start, body) = (Arc::clone(&start), Arc::clone(&body));
        let post = scene
            .owner
            .http
            .post(scene.portal.url(&format!("{}/finish", begun.path)))
            .header("sec-fetch-site", "same-origin");
        replays.spawn(async move {
            start.wait().await;
            anyhow::Ok(post.json(&*body).send().await?.status().as_u16())
        });
    }
    let (mut done, mut all) = (0, 0);
    while let Some(status) = replays.join_next().await {
        let status = status??;
        all += 1;
        done += usize::from(status == 200);
        assert!(matches!(status, 200 | 403), "{status}");
    }
    assert_eq!((done, all), (1, 64));
    assert_eq!(
        Rows::of(&scene.portal).await?.count("service"),
        services + 1
    );
    tally::count("attacks", all);
    Ok(())
}

async fn an_assertion_for_another_act_is_refused(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let owner = &scene.owner;
    let (one, other) = (begin(owner, "first").await?, begin(owner, "second").await?);
    let over_the_other = owner.authenticator.credentials()[0].get(&other.challenge, &owner.origin);
    let body_of_one = json!({ "ceremony": one.ceremony, "credential": over_the_other });
    let finish = format!("{}/finish", one.path);
    refused_and_changes_nothing(&scene, owner, &finish, &body_of_one).await?;

    let whole_of_the_other = body(owner, &other);
    refused_and_changes_nothing(&scene, owner, &finish, &whole_of_the_other).await?;

    let act = begin(owner, "third").await?;
    let mut as_sign_in = body(owner, &act);
    as_sign_in["return_to"] = json!("/");
    let elsewhere = owner.elsewhere();
    refused_and_changes_nothing(&scene, &elsewhere, "/auth/sign-in/finish", &as_sign_in).await?;
    assert_eq!(
        elsewhere.get("/profile").await?.status(),
        303,
        "nobody is signed in"
    );
    tally::count("attacks", 3);
    Ok(())
}

async fn an_assertion_that_is_not_of_this_page_or_person_is_refused(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let olga = scene
        .hire("Olga", "olga@host.example", &["operator"])
        .await?;
    let owner = &scene.owner;
    let passkey = &owner.authenticator.credentials()[0];

    let begun = begin(owner, "first").await?;
    let finish = format!("{}/finish", begun.path);
    let elsewhere = passkey.get(&begun.challenge, "https://evil.example");
    let body_elsewhere = json!({ "ceremony": begun.ceremony, "credential": elsewhere });
    refused_and_changes_nothing(&scene, owner, &finish, &body_elsewhere).await?;

    let begun = begin(owner, "second").await?;
    let finish = format!("{}/finish", begun.path);
    let unverified = passkey.get_unverified(&begun.challenge, &owner.origin);
    let body_unverified = json!({ "ceremony": begun.ceremony, "credential": unverified });
    refused_and_changes_nothing(&scene, owner, &finish, &body_unverified).await?;

    let begun = begin(owner, "third").await?;
    let finish = format!("{}/finish", begun.path);
    let by_olga = olga.authenticator.credentials()[0].get(&begun.challenge, &owner.origin);
    let body_by_olga = json!({ "ceremony": begun.ceremony, "credential": by_olga });
    refused_and_changes_nothing(&scene, owner, &finish, &body_by_olga).await?;

    let begun = begin(owner, "fourth").await?;
    let finish = format!("{}/finish", begun.path);
    let in_her_session = body(owner, &begun);
    refused_and_changes_nothing(&scene, &olga, &finish, &in_her_session).await?;

    let hers = begin(&olga, "fifth").await?;
    let finish = format!("{}/finish", hers.path);
    let in_his_session = body(&olga, &hers);
    refused_and_changes_nothing(&scene, owner, &finish, &in_his_session).await?;
    tally::count("attacks", 5);
    Ok(())
}

async fn a_stale_assertion_is_refused(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let begun = begin(&scene.owner, "first").await?;
    let stale = body(&scene.owner, &begun);
    scene.portal.restart_later(Duration::from_secs(301)).await?;
    let finish = format!("{}/finish", begun.path);
    refused_and_changes_nothing(&scene, &scene.owner, &finish, &stale).await?;
    scene
        .owner
        .confirm(&begun.path)
        .await
        .context("a fresh one counts")?;
    tally::count("attacks", 1);
    Ok(())
}

/// Fills in a privileged form, and begins to confirm it.
async fn begin(by: &Visitor, slug: &str) -> Result<Begun> {
    let fields = [("slug", slug), ("name", slug), ("description", "Anything.")];
    let path = location(&by.form("/services/new", &fields).await?).context("not begun")?;
    let begun = by.post(&format!("{path}/begin"), &json!({})).await?;
    let challenge = begun["options"]["publicKey"]["challenge"].as_str();
    Ok(Begun {
        path,
        ceremony: begun["ceremony"].clone(),
        challenge: challenge.context("no challenge")?.to_owned(),
    })
}

/// The right assertion.
fn body(by: &Visitor, begun: &Begun) -> Value {
    let assertion = by.authenticator.credentials()[0].get(&begun.challenge, &by.origin);
    json!({ "ceremony": begun.ceremony, "credential": assertion })
}

async fn post(by: &Visitor, path: &str, body: &Value) -> Result<Answer> {
    Answer::of(by.send(path, body).await?).await
}

async fn refused_and_changes_nothing(
    scene: &Scene,
    by: &Visitor,
    path: &str,
    body: &Value,
) -> Result<()> {
    let before = crate::settled(&scene.portal).await?;
    let answer = post(by, path, body).await?;
    assert!(matches!(answer.status, 403 | 404 | 409), "{answer:?}");
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, SPENT),
        Vec::<String>::new(),
        "{answer:?}"
    );
    Ok(())
}
