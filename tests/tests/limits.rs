//! What the portal promises about limits: rates, quotas and hours, over HTTP and in front of real
//! gateways, across restarts and kills.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::company::{Held, text};
use tests::hand::Hand;
use tests::live::three_days_from_now;
use tests::promises;
use tests::scene::{Scene, question, value_of};

promises! {
    a_rate_is_refused_beyond_its_burst_with_the_time_to_wait,
    a_quota_ends_and_a_restart_does_not_refill_it,
    what_is_left_of_every_limit_is_told,
    a_replacement_shares_the_quota_of_its_grant,
    hours_outside_of_the_grants_are_refused,
    after_a_kill_a_quota_is_overspent_by_no_more_than_is_stated,
    two_processes_overspend_a_quota_by_no_more_than_passes_between_two_writes,
    while_the_database_takes_nothing_no_more_calls_pass_than_a_kill_may_forget,
}

/// So many calls of a quota up to 10,000 a crash may forget (`docs/verification.md`).
const STATED: usize = 100;

/// A key under a grant with these limits, narrowed by the approver or set by the policy.
async fn limited(scene: &mut Scene, rate: &str, grant: &str, key: &str) -> Result<Held> {
    let changes = [("rate", rate), ("limits_grant", grant), ("limits_key", key)];
    scene.set_policy("sandbox", &changes).await?;
    scene.key().await
}

async fn ask(scene: &Scene, key: &str) -> Result<Value> {
    scene.ask_about(&scene.gateway, key, &json!({})).await
}

/// How many of so many calls pass, and the last answer.
async fn pass(scene: &Scene, key: &str, calls: usize) -> Result<(usize, Value)> {
    let (mut passed, mut last) = (0, Value::Null);
    for _ in 0..calls {
        last = ask(scene, key).await?;
        passed += usize::from(last["code"] == "ok");
    }
    Ok((passed, last))
}

async fn a_rate_is_refused_beyond_its_burst_with_the_time_to_wait(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "100", "3 an hour", "").await?;
    let (passed, last) = pass(&scene, &held.key, 5).await?;
    assert_eq!(passed, 3);
    assert_eq!(last["code"], "rate_limit");
    let wait = last["retry_after"].as_u64().context("when to come again")?;
    assert!(
        (1_190..=1_200).contains(&wait),
        "a third of an hour: {wait}"
    );
    let clock = scene.portal.clock_ahead();
    scene
        .portal
        .restart_later(clock + Duration::from_secs(60))
        .await?;
    let (passed, _) = pass(&scene, &held.key, 5).await?;
    assert_eq!(
        passed, 3,
        "a rate is known to the process alone: a restart lets one burst more pass"
    );
    Ok(())
}

async fn a_quota_ends_and_a_restart_does_not_refill_it(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "100", "5 a month", "").await?;
    let (passed, _) = pass(&scene, &held.key, 3).await?;
    assert_eq!(passed, 3);
    // What is stopped in order forgets nothing.
    scene.portal.stop().await?;
    scene.portal.restart().await?;
    let (passed, last) = pass(&scene, &held.key, 4).await?;
    assert_eq!(passed, 2);
    assert_eq!(last["code"], "quota");
    assert!(last["retry_after"].as_u64().is_some_and(|wait| wait > 0));
    let later = Duration::from_secs(32 * 86_400);
    scene
        .portal
        .restart_later(scene.portal.clock_ahead() + later)
        .await?;
    let (passed, _) = pass(&scene, &held.key, 4).await?;
    assert_eq!(passed, 4, "another month");
    Ok(())
}

async fn what_is_left_of_every_limit_is_told(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "50", "1000 a day", "10 a minute").await?;
    ask(&scene, &held.key).await?;
    let answer = ask(&scene, &held.key).await?;
    let limits = answer["limits"].as_array().context("limits")?;
    let told: Vec<String> = limits
        .iter()
        .map(|limit| format!("{} {} {}", limit["of"], limit["period"], limit["limit"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""grant" "second" 50"#,
            r#""grant" "day" 1000"#,
            r#""key" "minute" 10"#
        ]
    );
    assert_eq!(limits[1]["remaining"], 998);
    assert_eq!(limits[2]["remaining"], 8);
    assert_eq!(limits[2]["resets_in"], 12);
    Ok(())
}

async fn a_replacement_shares_the_quota_of_its_grant(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let old = limited(&mut scene, "100", "6 a month", "4 a month").await?;
    scene
        .contact
        .act(&format!("{}/replace", old.page), &[])
        .await?;
    let link = scene.link_to("contact@partner.example", "/d/").await?;
    let new = scene.receive(link).await?;
    assert_eq!(pass(&scene, &old.key, 9).await?.0, 4, "what each key may");
    assert_eq!(
        pass(&scene, &new.key, 9).await?.0,
        2,
        "what is left of the grant"
    );
    Ok(())
}

async fn hours_outside_of_the_grants_are_refused(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let narrow = format!("{request}/narrow/sandbox");
    let page = text(&scene.owner, &narrow).await?;
    let version = |name| value_of(&page, name).unwrap_or_default();
    let (rate, days) = (version("rate"), version("days"));
    let fields = |hours| {
        [
            ("scope", "shipments:read"),
            ("networks", "203.0.113.0/28"),
            ("rate", rate.as_str()),
            ("days", days.as_str()),
            ("hours", hours),
            ("why", "They call at night alone."),
        ]
    };
    let refused = scene
        .owner
        .form(&narrow, &fields("Mon 25:00-26:00"))
        .await?;
    assert_eq!(refused.status(), 422);
    let hours = three_days_from_now();
    scene.owner.act(&narrow, &fields(hours.as_str())).await?;
    let link = scene.approve(&request).await?;
    let held = scene.receive(link).await?;
    let code = ask(&scene, &held.key).await?["code"].clone();
    ensure!(code == "time_window", "{code}");
    let later = Duration::from_secs(3 * 86_400);
    scene
        .portal
        .restart_later(scene.portal.clock_ahead() + later)
        .await?;
    assert_eq!(
        ask(&scene, &held.key).await?["code"],
        "ok",
        "when they come"
    );
    Ok(())
}

async fn after_a_kill_a_quota_is_overspent_by_no_more_than_is_stated(
    database: Option<String>,
) -> Result<()> {
    const QUOTA: usize = 400;
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "100000", &format!("{QUOTA} a month"), "").await?;
    let mut passed = 0;
    for _ in 0..3 {
        passed += pass(&scene, &held.key, 300).await?.0;
        scene.portal.kill9();
        scene.portal.restart().await?;
    }
    let (more, last) = pass(&scene, &held.key, QUOTA + 1).await?;
    passed += more;
    assert_eq!(last["code"], "quota", "it ends: {passed}");
    assert!(passed >= QUOTA, "what was not spent is not lost: {passed}");
    let most = QUOTA + 3 * STATED;
    assert!(passed <= most, "{passed} calls by a quota of {QUOTA}");
    Ok(())
}

/// On one PostgreSQL; several processes do not share an SQLite file.
async fn two_processes_overspend_a_quota_by_no_more_than_passes_between_two_writes(
    database: Option<String>,
) -> Result<()> {
    const QUOTA: usize = 400;
    if database.is_none() {
        return Ok(());
    }
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "100000", &format!("{QUOTA} a month"), "").await?;
    let there = scene.portal.start_peer().await?;
    let there = there.url("/v1/verify");
    let (mut passed, mut over) = (0, 0);
    // Each learns of the other's calls when it writes its own.
    for _ in 0..2 * QUOTA {
        for answer in [
            ask(&scene, &held.key).await?,
            ask_at(&there, &scene, &held.key).await?,
        ] {
            passed += usize::from(answer["code"] == "ok");
            over += usize::from(answer["code"] == "quota");
        }
    }
    assert!(passed >= QUOTA, "what was not spent is not lost: {passed}");
    assert!(passed <= QUOTA + STATED, "{passed} by a quota of {QUOTA}");
    assert!(over > QUOTA, "both end: {over}");
    scene.portal.restart().await?;
    assert_eq!(ask(&scene, &held.key).await?["code"], "quota");
    assert_eq!(ask_at(&there, &scene, &held.key).await?["code"], "quota");
    Ok(())
}

async fn ask_at(url: &str, scene: &Scene, key: &str) -> Result<Value> {
    let answer = reqwest::Client::new()
        .post(url)
        .header("latchkey-gateway", &scene.gateway)
        .json(&question(key))
        .send()
        .await?;
    Ok(answer.json().await?)
}

async fn while_the_database_takes_nothing_no_more_calls_pass_than_a_kill_may_forget(
    database: Option<String>,
) -> Result<()> {
    const QUOTA: usize = 150;
    let mut scene = Scene::set(database).await?;
    let held = limited(&mut scene, "100000", &format!("{QUOTA} a month"), "").await?;
    let mut hand = Hand::at(&scene.portal).await?;
    hand.hold_up_quotas().await?;
    let (passed, last) = pass(&scene, &held.key, 250).await?;
    assert_eq!(passed, STATED);
    assert_eq!(last["code"], "not-ready");

    // Calls that need no quota are decided beside one that waits.
    let (status, codes) = ask_both(&scene, &held.key, "lk_live_nothing").await?;
    assert_eq!(
        (status, codes.join(" ")),
        (200, "not-ready malformed".to_owned())
    );
    let (status, _) = ask_both(&scene, &held.key, &held.key).await?;
    assert_eq!(
        status, 503,
        "where nothing is decided the gateway asks again"
    );

    scene.portal.kill9();
    hand.let_go().await?;
    scene.portal.restart().await?;
    let (more, last) = pass(&scene, &held.key, QUOTA + 1).await?;
    assert_eq!(last["code"], "quota");
    assert_eq!(more, QUOTA, "what was never written is forgotten");
    Ok(())
}

/// A batch of two calls: its status, and the codes of its answers.
async fn ask_both(scene: &Scene, first: &str, second: &str) -> Result<(u16, Vec<String>)> {
    let answer = reqwest::Client::new()
        .post(scene.portal.url("/v1/verify/batch"))
        .header("latchkey-gateway", &scene.gateway)
        .json(&json!({ "calls": [question(first), question(second)] }))
        .send()
        .await?;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await?;
    let answers = body["answers"].as_array().cloned().unwrap_or_default();
    let code = |answer: &Value| answer["code"].as_str().unwrap_or_default().to_owned();
    Ok((status, answers.iter().map(code).collect()))
}
