//! What the portal promises about use that people can see: exact figures on the pages of key, grant,
//! partner and service, for those whom they concern, after a restart too; and what a kill can lose.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::company::{Held, linked, text, words};
use tests::hand::Hand;
use tests::live::offer_labels;
use tests::promises;
use tests::scene::{Scene, question};
use tests::visitor::Visitor;
use tokio::task::JoinSet;
use tokio::time::sleep;

promises! {
    calls_are_found_on_the_pages_with_exact_figures_after_a_restart_too,
    a_service_is_held_against_what_is_granted_and_not_what_is_offered,
    anothers_use_is_not_there,
    a_narrower_grant_is_proposed_and_would_have_refused_nothing,
    calls_through_gateways_at_once_are_all_counted_in_their_hour,
    after_a_kill_no_more_than_the_last_batch_is_lost,
    old_hours_become_days_and_old_days_go,
}

/// So often what was counted is written, with time for a busy machine.
const FLUSHED: Duration = Duration::from_secs(5);

async fn ask(scene: &Scene, held: &Held, call: &Value) -> Result<String> {
    let answer = scene.ask_about(&scene.gateway, &held.key, call).await?;
    Ok(answer["code"].as_str().unwrap_or_default().to_owned())
}

/// 7 accepted calls, 3 of them of the second endpoint and 2 from another network of the grant's; and 6
/// refused for three reasons.
async fn use_it(scene: &Scene, held: &Held) -> Result<()> {
    let events = json!({ "path": "/v2/shipments/1/events" });
    let asked = json!({ "source_ip": "198.51.100.9", "scope": "shipments:read" });
    let calls: [(Value, usize, &str); 6] = [
        (json!({}), 2, "ok"),
        (events, 3, "ok"),
        (asked, 2, "ok"),
        (json!({ "source_ip": "192.0.2.1" }), 3, "source_network"),
        (json!({ "path": "/v2/labels" }), 2, "endpoint"),
        (json!({ "scheme": "http" }), 1, "plaintext_transport"),
    ];
    for (call, times, code) in calls {
        for _ in 0..times {
            let answer = ask(scene, held, &call).await?;
            ensure!(answer == code, "{answer} for {call}");
        }
    }
    Ok(())
}

/// A key that may be used from two networks.
async fn key(scene: &mut Scene) -> Result<Held> {
    scene.set_policy("sandbox", &[("rate", "100000")]).await?;
    let networks = "203.0.113.0/28 198.51.100.0/24 192.0.2.128/25";
    let request = scene.ask_for_access_from(networks).await?;
    let link = scene.approve(&request).await?;
    scene.receive(link).await
}

/// What a page says, once it says this.
async fn says(by: &Visitor, path: &str, what: &str) -> Result<String> {
    let mut page = String::new();
    for _ in 0..FLUSHED.as_millis() / 100 {
        page = words(&text(by, path).await?);
        if page.contains(what) {
            return Ok(page);
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("{path} does not say “{what}”: {page}")
}

/// The page of use of the key's grant, as the key's page leads there.
async fn grant_page(scene: &Scene, held: &Held) -> Result<String> {
    let page = text(&scene.owner, &format!("{}/usage", held.page)).await?;
    linked(&page, "/grants/", "All keys").context("no way to the grant")
}

async fn partner_page(scene: &Scene) -> Result<String> {
    let keys = text(&scene.contact, "/keys").await?;
    linked(&keys, "/partners/", "Use of all keys").context("no way to their use")
}

async fn calls_are_found_on_the_pages_with_exact_figures_after_a_restart_too(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    let of_key = format!("{}/usage?period=24h", held.page);
    let empty = words(&text(&scene.owner, &of_key).await?);
    ensure!(empty.contains("No calls in the last 24 hours"), "{empty}");
    ensure!(empty.contains("0 of 2 granted were used"), "{empty}");
    use_it(&scene, &held).await?;
    let pages = [
        of_key,
        format!("{}?period=30d", grant_page(&scene, &held).await?),
        partner_page(&scene).await?,
        format!("{}/usage?period=90d", scene.service),
    ];
    for restarted in [false, true] {
        if restarted {
            scene.portal.stop().await?;
            scene.portal.restart().await?;
        }
        for path in &pages {
            for by in [&scene.owner, &scene.contact] {
                let page = says(by, path, "7 accepted · 6 refused").await?;
                for line in [
                    "2 of 2 granted were used",
                    "GET /v2/shipments/{id} 4 0",
                    "GET /v2/shipments/{id}/events 3 0",
                    "source_network This key may not be used from this network. 3",
                    "endpoint This key may not call this endpoint. 2",
                    "plaintext_transport This call was not made over an encrypted connection. 1",
                    "203.0.113.0/24 3 refused 5",
                    "198.51.100.0/24 2",
                    "192.0.2.0/24 3 refused 0",
                    "last used",
                ] {
                    ensure!(page.contains(line), "{path} does not say “{line}”: {page}");
                }
            }
        }
    }
    let page = words(&text(&scene.owner, &held.page).await?);
    ensure!(page.contains("7 accepted · 6 refused"), "{page}");
    Ok(())
}

async fn a_service_is_held_against_what_is_granted_and_not_what_is_offered(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    offer_labels(&scene).await?;
    use_it(&scene, &held).await?;
    let of_service = format!("{}/usage", scene.service);
    let page = says(&scene.owner, &of_service, "2 of 2 granted were used").await?;
    ensure!(!page.contains("/v2/labels"), "{page}");
    scene
        .owner
        .act(&format!("{}/suspend", held.page), &[])
        .await?;
    says(&scene.owner, &of_service, "2 of 2 granted were used").await?;
    let grant = grant_page(&scene, &held).await?;
    let grant = grant.strip_suffix("/usage").context("a grant's page")?;
    let why = [("reason", "They ended the contract.")];
    scene.owner.act(&format!("{grant}/revoke"), &why).await?;
    let page = says(&scene.owner, &of_service, "0 of 0 granted were used").await?;
    ensure!(
        page.contains("GET /v2/shipments/{id} not in the grant now 4 0"),
        "{page}"
    );
    Ok(())
}

async fn anothers_use_is_not_there(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    use_it(&scene, &held).await?;
    let other = scene
        .other_partner("Quill Analytics", "contact@quill.example")
        .await?;
    let of_grant = grant_page(&scene, &held).await?;
    let of_partner = partner_page(&scene).await?;
    for path in [format!("{}/usage", held.page), of_grant.clone(), of_partner] {
        says(&scene.contact, &path, "7 accepted · 6 refused").await?;
        let theirs = other.get(&path).await?;
        assert_eq!(theirs.status(), StatusCode::NOT_FOUND, "{path}");
    }
    // The service is there for everybody; what others call is not.
    let page = words(&text(&other, &format!("{}/usage", scene.service)).await?);
    ensure!(page.contains("No calls in the last 7 days"), "{page}");
    ensure!(
        !page.contains("203.0.113.0") && !page.contains("lk_test_"),
        "{page}"
    );
    // The proposal is for staff.
    let page = words(&text(&scene.contact, &of_grant).await?);
    ensure!(!page.contains("Granted versus used"), "{page}");
    Ok(())
}

async fn a_narrower_grant_is_proposed_and_would_have_refused_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    let path = grant_page(&scene, &held).await?;
    says(&scene.owner, &path, "No call passed that this grant allows").await?;
    for _ in 0..4 {
        ensure!(ask(&scene, &held, &json!({})).await? == "ok");
    }
    let page = says(&scene.owner, &path, "4 accepted").await?;
    for line in [
        "GET /v2/shipments/{id}/events Never used",
        "203.0.113.0/28 (4 calls)",
        "198.51.100.0/24 (never used)",
        "A narrower grant",
        "Replayed: of 4 recorded calls it would have refused none.",
    ] {
        ensure!(page.contains(line), "no “{line}”: {page}");
    }
    let page = text(&scene.owner, &path).await?;
    let narrow = linked(&page, "/grants/", "Narrow this grant").context("no way to narrow")?;
    let form = text(&scene.owner, &narrow.replace("&amp;", "&")).await?;
    ensure!(
        form.contains("203.0.113.0/28") && !form.contains("198.51.100.0"),
        "{form}"
    );
    // From more networks than are told apart, networks stay.
    let held = {
        let link = {
            let request = scene
                .ask_for_access_from("10.0.0.0/8 203.0.113.0/28")
                .await?;
            scene.approve(&request).await?
        };
        scene.receive(link).await?
    };
    let path = grant_page(&scene, &held).await?;
    for n in 0..40 {
        let from = json!({ "source_ip": format!("10.0.{n}.1") });
        ensure!(ask(&scene, &held, &from).await? == "ok");
    }
    let page = says(&scene.owner, &path, "40 accepted").await?;
    ensure!(page.contains("others, not told apart"), "{page}");
    ensure!(page.contains("so networks are left as they are"), "{page}");
    ensure!(
        page.contains("of 40 recorded calls it would have refused none"),
        "{page}"
    );
    // As if the database were older than counting: what was called before is not known.
    let mut hand = Hand::at(&scene.portal).await?;
    let last = "(SELECT CAST(MAX(accepted_at) AS TEXT) FROM key_use)";
    let late = format!("UPDATE setting SET value = {last} WHERE name = 'usage_since'");
    assert_eq!(hand.run(&late).await?, 1);
    let page = words(&text(&scene.owner, &path).await?);
    ensure!(
        page.contains("so nothing is proposed for this period"),
        "{page}"
    );
    ensure!(
        page.contains("What came before is not in these figures"),
        "{page}"
    );
    Ok(())
}

async fn calls_through_gateways_at_once_are_all_counted_in_their_hour(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    let (before, after) = (300, 200);
    many(&scene, &held, before).await?;
    // Another hour, whatever the time is.
    let clock = scene.portal.clock_ahead();
    scene.portal.stop().await?;
    scene
        .portal
        .restart_later(clock + Duration::from_secs(3_600))
        .await?;
    many(&scene, &held, after).await?;
    // The session of before has ended.
    scene.owner.sign_in_to("/").await?;
    says(
        &scene.owner,
        &format!("{}/usage", held.page),
        "500 accepted",
    )
    .await?;
    let mut hand = Hand::at(&scene.portal).await?;
    let hours = "SELECT CAST(calls AS TEXT) FROM call_count WHERE span = 'hour' ORDER BY starts_at";
    assert_eq!(hand.texts(hours).await?, ["300", "200"]);
    Ok(())
}

/// So many calls, by eight callers at once.
async fn many(scene: &Scene, held: &Held, calls: usize) -> Result<()> {
    const CALLERS: usize = 8;
    let call = question(&held.key);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (http, url) = (scene.owner.http.clone(), scene.portal.url("/v1/verify"));
        let (gateway, call) = (scene.gateway.clone(), call.clone());
        callers.spawn(async move {
            for _ in (caller..calls).step_by(CALLERS) {
                let question = http.post(&url).header("latchkey-gateway", &gateway);
                let answer: Value = question.json(&call).send().await?.json().await?;
                ensure!(answer["code"] == "ok", "{answer}");
            }
            Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(())
}

async fn after_a_kill_no_more_than_the_last_batch_is_lost(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    let path = format!("{}/usage", held.page);
    for _ in 0..5 {
        ensure!(ask(&scene, &held, &json!({})).await? == "ok");
    }
    says(&scene.owner, &path, "5 accepted").await?;
    for _ in 0..3 {
        ensure!(ask(&scene, &held, &json!({})).await? == "ok");
    }
    scene.portal.kill9();
    scene.portal.restart().await?;
    let page = words(&text(&scene.owner, &path).await?);
    let kept = (5..=8).any(|calls| page.contains(&format!(" {calls} accepted")));
    ensure!(kept, "what was written before is there: {page}");
    // What is stopped in order loses nothing.
    let before = accepted(&page)?;
    for _ in 0..3 {
        ensure!(ask(&scene, &held, &json!({})).await? == "ok");
    }
    scene.portal.stop().await?;
    scene.portal.restart().await?;
    let page = words(&text(&scene.owner, &path).await?);
    assert_eq!(accepted(&page)?, before + 3);
    Ok(())
}

fn accepted(page: &str) -> Result<u64> {
    let (before, _) = page.split_once(" accepted ·").context("no figure")?;
    let figure = before.rsplit(' ').next().unwrap_or_default();
    Ok(figure.replace(',', "").parse()?)
}

async fn old_hours_become_days_and_old_days_go(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = key(&mut scene).await?;
    use_it(&scene, &held).await?;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let clock = scene.portal.clock_ahead();
    scene.portal.stop().await?;
    scene.portal.restart_later(clock + days(5)).await?;
    scene.owner.sign_in_to("/").await?;
    let mut hand = Hand::at(&scene.portal).await?;
    let spans = "SELECT DISTINCT span FROM call_count";
    for _ in 0..100 {
        if hand.texts(spans).await? == ["day"] {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(hand.texts(spans).await?, ["day"]);
    let path = format!("{}/usage", held.page);
    says(&scene.owner, &path, "7 accepted · 6 refused").await?;
    let today = format!("{path}?period=24h");
    says(&scene.owner, &today, "No calls in the last 24 hours").await?;
    scene.portal.stop().await?;
    scene.portal.restart_later(clock + days(95)).await?;
    let left = "SELECT CAST(COUNT(*) AS TEXT) FROM call_count";
    for _ in 0..100 {
        if hand.texts(left).await? == ["0"] {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("days of more than a quarter ago are kept")
}
