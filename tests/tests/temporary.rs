//! What the portal promises about changes of a live grant, over HTTP: temporary access, which is
//! approved like the rest and gone by itself, and narrowing, which holds at once.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::company::{CONTACT, Held, text, words};
use tests::live::{self, WHY, code};
use tests::scene::{Scene, value_of};
use tests::server::Latchkey;
use tests::visitor::Visitor;
use tests::{postgres, promises};
use tokio::time::{Instant, sleep};

promises! {
    temporary_access_takes_its_quorum_is_open_at_once_and_gone_by_itself,
    temporary_access_opens_its_endpoints_and_nothing_else,
    temporary_access_that_is_ended_early_is_refused_at_the_next_call,
    temporary_access_holds_for_every_key_of_the_grant_and_ends_with_it,
    of_many_approvals_at_once_each_person_counts_once,
    what_was_narrowed_is_refused_at_once_and_after_a_restart,
    a_link_to_a_narrower_grant_does_nothing_by_itself,
}

const REVIEWER: &str = "reviewer@host.example";

/// A key that does not open labels, and two reviewers for whatever is asked for from now on.
async fn two_reviewers(database: Option<String>) -> Result<(Scene, Held, Visitor)> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    live::offer_labels(&scene).await?;
    let reviewer = scene
        .hire("Second reviewer", REVIEWER, &["reviewer"])
        .await?;
    scene.set_policy("sandbox", &[("approvals", "2")]).await?;
    Ok((scene, held, reviewer))
}

/// Labels are open for two hours from now on.
async fn open(scene: &Scene, reviewer: &Visitor, held: &Held) -> Result<String> {
    let temporary = live::ask(scene, &held.page, "2", "hours").await?;
    live::decide(&scene.owner, &temporary, "approve").await?;
    live::decide(reviewer, &temporary, "approve").await?;
    assert_eq!(code(scene, &held.key).await?, "ok");
    Ok(temporary)
}

async fn later(scene: &mut Scene, span: Duration) -> Result<()> {
    let clock = scene.portal.clock_ahead() + span;
    scene.portal.restart_later(clock).await
}

async fn temporary_access_takes_its_quorum_is_open_at_once_and_gone_by_itself(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, held, reviewer) = two_reviewers(database).await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint");
    let temporary = live::ask(&scene, &held.page, "120", "minutes").await?;
    scene.told(REVIEWER, "asks for temporary access", 1).await?;
    let home = text(&reviewer, "/").await?;
    ensure!(home.contains(&temporary), "it waits on the reviewer's page");
    let stamp = value_of(&text(&reviewer, &temporary).await?, "stamp").context("a stamp")?;
    let approval = [("decision", "approve"), ("stamp", stamp.as_str())];
    let own = format!("{temporary}/decide");
    let own = scene.contact.form(&own, &approval).await?;
    assert_eq!(own.status(), 404, "by who asked for it");
    // The request may wait for as long as it will: the time counts from the last approval.
    later(&mut scene, Duration::from_hours(3)).await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint");
    let again = scene.contact.elsewhere();
    again.sign_in().await?;
    scene.contact = again;
    for by in [&scene.owner, &reviewer] {
        by.sign_in().await?;
    }
    live::decide(&scene.owner, &temporary, "approve").await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint", "one of two");
    let twice = live::decide(&scene.owner, &temporary, "approve").await;
    ensure!(twice.is_err(), "one person counted twice");
    live::decide(&reviewer, &temporary, "approve").await?;
    let approved = Instant::now();
    assert_eq!(code(&scene, &held.key).await?, "ok", "at once");
    scene.told(CONTACT, "approved temporary access", 1).await?;
    let almost = Duration::from_hours(2) - Duration::from_secs(15);
    later(&mut scene, almost).await?;
    assert_eq!(code(&scene, &held.key).await?, "ok", "after a restart");
    // The last seconds pass in one process: nothing is read anew when they are over.
    while code(&scene, &held.key).await? == "ok" {
        ensure!(
            approved.elapsed() < Duration::from_secs(17),
            "it does not end"
        );
        sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(code(&scene, &held.key).await?, "endpoint", "gone by itself");
    assert_eq!(
        scene.verify(&held.key).await?,
        "ok",
        "the grant itself stays"
    );
    Ok(())
}

async fn temporary_access_opens_its_endpoints_and_nothing_else(
    database: Option<String>,
) -> Result<()> {
    let (scene, held, reviewer) = two_reviewers(database).await?;
    let form = live::form_of(&scene, &held.page).await?;
    for (changed, what) in [
        (("why", "."), "a reason of a full stop"),
        (("lasts", "73"), "more than 72 hours"),
        (
            ("endpoint", "POST /v2/labels"),
            "a call that changes things",
        ),
        (("endpoint", "GET /v2/shipments/{id}"), "what is open"),
        (("endpoint", "GET /v2/anything"), "what is not offered"),
    ] {
        let fields: Vec<(&str, &str)> = [
            ("endpoint", "GET /v2/labels/{id}"),
            ("lasts", "2"),
            ("unit", "hours"),
            ("why", WHY),
        ]
        .into_iter()
        .map(|(name, value)| {
            if name == changed.0 {
                changed
            } else {
                (name, value)
            }
        })
        .collect();
        let refused = scene.contact.form(&form, &fields).await?;
        assert_eq!(refused.status(), 422, "{what}");
    }
    open(&scene, &reviewer, &held).await?;
    let ask = async |call: Value| scene.ask_about(&scene.gateway, &held.key, &call).await;
    let lent = ask(live::labels()).await?;
    assert_eq!(lent["scopes"], json!(["labels:read", "shipments:read"]));
    let own = ask(json!({})).await?;
    assert_eq!(
        own["scopes"],
        json!(["shipments:read"]),
        "not lent to others"
    );
    for (call, expected) in [
        (
            json!({ "path": "/v2/labels/7", "scope": "labels:read" }),
            "ok",
        ),
        (json!({ "scope": "labels:read" }), "scope"),
        (
            json!({ "path": "/v2/labels/7", "scope": "labels:write" }),
            "scope",
        ),
        (
            json!({ "path": "/v2/labels", "method": "POST" }),
            "endpoint",
        ),
        (
            json!({ "path": "/v2/labels/7", "method": "HEAD" }),
            "endpoint",
        ),
        (json!({ "path": "/v2/labels/7/8" }), "endpoint"),
        (
            json!({ "path": "/v2/labels/7", "source_ip": "198.51.100.4" }),
            "source_network",
        ),
        (
            json!({ "path": "/v2/labels/7", "scheme": "http" }),
            "plaintext_transport",
        ),
    ] {
        assert_eq!(ask(call.clone()).await?["code"], expected, "{call}");
    }
    Ok(())
}

async fn temporary_access_that_is_ended_early_is_refused_at_the_next_call(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, held, reviewer) = two_reviewers(database).await?;
    let temporary = open(&scene, &reviewer, &held).await?;
    let why = [("reason", "The parcel was found.")];
    reviewer.act(&format!("{temporary}/end"), &why).await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint");
    scene
        .told(CONTACT, "ended your temporary access", 1)
        .await?;
    scene.portal.restart().await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint");
    let page = words(&text(&scene.contact, &held.page).await?);
    for told in [
        "Temporary access asked for",
        "Temporary access is open",
        "Temporary access ended",
    ] {
        ensure!(
            page.contains(told),
            "{told} is not on the key's page: {page}"
        );
    }
    let acts: Vec<String> = scene
        .audit()
        .await?
        .iter()
        .filter_map(|entry| entry["act"].as_str())
        .filter(|act| act.ends_with("-overlay"))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        acts,
        [
            "ask-overlay",
            "decide-overlay",
            "decide-overlay",
            "end-overlay"
        ]
    );
    Ok(())
}

async fn temporary_access_holds_for_every_key_of_the_grant_and_ends_with_it(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, held, reviewer) = two_reviewers(database).await?;
    let temporary = open(&scene, &reviewer, &held).await?;
    let replace = format!("{}/replace", held.page);
    scene.contact.act(&replace, &[]).await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let new = scene.receive(link).await?;
    assert_eq!(code(&scene, &new.key).await?, "ok", "a key that came later");
    let other = scene
        .other_partner("Other Carriers", "contact@other.example")
        .await?;
    assert_eq!(other.get(&temporary).await?.status(), 404);
    let revoke = [("reason", "It is not needed any more.")];
    scene
        .owner
        .act(&format!("{}/revoke", held.page), &revoke)
        .await?;
    assert_eq!(code(&scene, &held.key).await?, "revoked", "with its key");
    assert_eq!(code(&scene, &new.key).await?, "ok");
    let page = text(&scene.owner, &new.page).await?;
    let grant = tests::company::action(&page, "/grants/", "/revoke").context("the grant")?;
    scene.owner.act(&grant, &revoke).await?;
    assert_eq!(code(&scene, &new.key).await?, "revoked", "with its grant");
    let page = words(&text(&scene.contact, &temporary).await?);
    ensure!(page.contains("Ended"), "{page}");
    Ok(())
}

async fn of_many_approvals_at_once_each_person_counts_once(database: Option<String>) -> Result<()> {
    let (scene, held, reviewer) = two_reviewers(database).await?;
    for round in 0..3 {
        let temporary = live::ask(&scene, &held.page, "5", "minutes").await?;
        let owner = scene.owner.elsewhere();
        owner.sign_in().await?;
        // One person, twice at once.
        let (one, two) = tokio::join!(
            live::decide(&scene.owner, &temporary, "approve"),
            live::decide(&owner, &temporary, "approve"),
        );
        assert!(one.is_ok() != two.is_ok(), "round {round}: {one:?} {two:?}");
        if round == 0 {
            assert_eq!(code(&scene, &held.key).await?, "endpoint");
        }
        let second = reviewer.elsewhere();
        second.sign_in().await?;
        let (one, two) = tokio::join!(
            live::decide(&reviewer, &temporary, "approve"),
            live::decide(&second, &temporary, "approve"),
        );
        assert!(one.is_ok() != two.is_ok(), "round {round}: {one:?} {two:?}");
        assert_eq!(code(&scene, &held.key).await?, "ok");
        let told = scene
            .told(CONTACT, "approved your temporary access", round + 1)
            .await;
        told.with_context(|| format!("round {round}"))?;
        assert_eq!(
            scene
                .mails(CONTACT, "approved your temporary access")?
                .len(),
            round + 1
        );
    }
    Ok(())
}

async fn what_was_narrowed_is_refused_at_once_and_after_a_restart(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let events = json!({ "path": "/v2/shipments/1/events" });
    let code = async |scene: &Scene, call: &Value| -> Result<String> {
        let answer = scene.ask_about(&scene.gateway, &held.key, call).await?;
        Ok(answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code(&scene, &events).await?, "ok");
    let form = live::narrow_form(&scene.owner, &held.page).await?;
    let wide = [
        ("networks", "203.0.113.0/24"),
        ("why", "They ask for more."),
    ];
    ensure!(
        live::narrow(&scene.owner, &form, &wide).await.is_err(),
        "wider"
    );
    let fewer = [
        ("rule", "GET /v2/shipments/{id}"),
        ("networks", "203.0.113.4/32"),
        ("days", "2"),
        ("why", "The events were never read."),
    ];
    live::narrow(&scene.owner, &form, &fewer).await?;
    let elsewhere = json!({ "source_ip": "203.0.113.5" });
    for restarted in [false, true] {
        if restarted {
            scene.portal.restart().await?;
        }
        assert_eq!(code(&scene, &events).await?, "endpoint");
        assert_eq!(code(&scene, &elsewhere).await?, "source_network");
        assert_eq!(code(&scene, &json!({})).await?, "ok");
    }
    scene.told(CONTACT, "narrowed your access", 1).await?;
    let page = words(&text(&scene.contact, &held.page).await?);
    for told in [
        "Grant narrowed",
        "The events were never read.",
        "less than was approved",
    ] {
        ensure!(page.contains(told), "{told}: {page}");
    }
    ensure!(!page.contains("/events"), "what it may do now: {page}");
    // The key ends with the grant, which ends sooner now.
    later(&mut scene, Duration::from_mins(2 * 24 * 60 + 1)).await?;
    assert_eq!(code(&scene, &json!({})).await?, "expired");
    Ok(())
}

async fn a_link_to_a_narrower_grant_does_nothing_by_itself(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let form = live::narrow_form(&scene.owner, &held.page).await?;
    let link =
        format!("{form}?rule=GET+%2Fv2%2Fshipments%2F%7Bid%7D&rate=3&why=Never+used.&state=x");
    let fields = live::narrow_fields(&scene.owner, &link, &[]).await?;
    let of = |name: &str| -> Vec<&str> {
        let named = fields.iter().filter(|(field, _)| field == name);
        named.map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(of("rule"), ["GET /v2/shipments/{id}"]);
    assert_eq!((of("rate"), of("why")), (vec!["3"], vec!["Never used."]));
    assert_eq!(of("scope"), ["shipments:read"], "as the grant is");
    let events = json!({ "path": "/v2/shipments/1/events" });
    let answer = scene.ask_about(&scene.gateway, &held.key, &events).await?;
    assert_eq!(answer["code"], "ok", "looking changes nothing");
    live::narrow(&scene.owner, &link, &[]).await?;
    let answer = scene.ask_about(&scene.gateway, &held.key, &events).await?;
    assert_eq!(answer["code"], "endpoint");
    Ok(())
}

/// What one process acknowledges, another follows within two seconds; both look at their clocks.
#[tokio::test]
async fn another_process_on_one_postgresql_follows_within_two_seconds() -> Result<()> {
    let (scene, held, reviewer) = two_reviewers(Some(postgres::create_database().await?)).await?;
    let there = scene.portal.start_peer().await?;
    let temporary = open(&scene, &reviewer, &held).await?;
    follows(&scene, &there, &held.key, "ok").await?;
    let why = [("reason", "The parcel was found.")];
    scene.owner.act(&format!("{temporary}/end"), &why).await?;
    assert_eq!(code(&scene, &held.key).await?, "endpoint");
    follows(&scene, &there, &held.key, "endpoint").await
}

async fn follows(scene: &Scene, there: &Latchkey, key: &str, expected: &str) -> Result<()> {
    const BOUND: Duration = Duration::from_secs(2);
    let since = Instant::now();
    loop {
        let asked = since.elapsed();
        let body = json!({
            "key": key, "method": "GET", "path": "/v2/labels/7",
            "source_ip": "203.0.113.4", "scheme": "https",
        });
        let answer = scene
            .owner
            .http
            .post(there.url("/v1/verify"))
            .header("latchkey-gateway", &scene.gateway)
            .json(&body)
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        if answer["code"] == expected {
            return Ok(());
        }
        ensure!(asked < BOUND, "after {asked:?}: {answer}");
        sleep(Duration::from_millis(50)).await;
    }
}
