//! What the portal promises about the gateways that ask, and the answers that they get.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::token::{ApiKey, KeyPrefix};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde_json::{Value, json};
use tests::company::{DAY, credential_in, linked, text, words};
use tests::promises;
use tests::scene::Scene;
use tests::visitor::Visitor;
use tokio::time::sleep;

promises! {
    a_gateways_credential_is_rotated_with_an_overlap_and_revoked,
    a_call_is_refused_for_the_first_reason_of_the_contract,
    several_calls_in_one_question_are_answered_in_their_order,
    trying_a_call_names_the_reason,
    last_use_and_last_refusal_are_seen_by_both_sides,
    a_gateway_added_at_the_console_is_answered_and_the_log_names_the_console,
}
async fn a_gateways_credential_is_rotated_with_an_overlap_and_revoked(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let gateways = text(&scene.owner, "/gateways").await?;
    let gateway = linked(&gateways, "/gateways/", "api").context("the gateway")?;
    let old = scene.gateway.clone();
    let asked = async |scene: &Scene, credential: &str| -> Result<Value> {
        Ok(scene.ask_about(credential, &held.key, &json!({})).await?["http"].clone())
    };
    let reveal = scene.owner.act(&format!("{gateway}/rotate"), &[]).await?;
    let shown = scene.owner.form(&reveal, &[]).await?.text().await?;
    let new = credential_in(&shown).context("no new credential")?;
    assert_ne!(new, old);
    assert_eq!(
        scene.owner.form(&reveal, &[]).await?.status(),
        410,
        "shown once"
    );
    for credential in [&old, &new] {
        assert_eq!(
            asked(&scene, credential).await?,
            200,
            "both count for a day"
        );
    }
    scene.portal.restart_later(DAY + DAY / 24).await?;
    assert_eq!(asked(&scene, &old).await?, 401, "over");
    assert_eq!(asked(&scene, &new).await?, 200);
    scene.owner.sign_in().await?;
    let revoke = format!("{gateway}/revoke");
    assert_eq!(
        scene.owner.form(&revoke, &[("reason", "")]).await?.status(),
        422
    );
    scene
        .owner
        .act(&revoke, &[("reason", "The machine is gone.")])
        .await?;
    assert_eq!(asked(&scene, &new).await?, 401);
    assert_eq!(asked(&scene, "lkg_nonsense").await?, 401);
    scene.portal.restart_later(DAY + DAY / 24).await?;
    assert_eq!(asked(&scene, &new).await?, 401, "for good");
    Ok(())
}

async fn a_call_is_refused_for_the_first_reason_of_the_contract(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene.add_production().await?;
    let fields = [
        ("name", "other"),
        ("kind", "api"),
        ("pair", "shipments/production"),
        ("proxies", ""),
    ];
    let reveal = scene.owner.act("/gateways/new", &fields).await?;
    let shown = scene.owner.form(&reveal, &[]).await?.text().await?;
    let elsewhere = credential_in(&shown).context("no credential")?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claimed = scene.contact.claim(&link).await?;
    let key = claimed.key.clone();

    // Everything is wrong with the call, and then less and less.
    let mut call = json!({
        "scheme": "http", "source_ip": "198.51.100.1", "path": "/v2/orders/1", "scope": "orders:write",
    });
    let code = async |scene: &Scene, gateway: &str, key: &str, call: &Value| -> Result<String> {
        let answer = scene.ask_about(gateway, key, call).await?;
        Ok(answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let edge = scene.gateway.clone();
    assert_eq!(
        code(&scene, &elsewhere, "lk_test_nonsense", &call).await?,
        "malformed"
    );
    let prefix = KeyPrefix::new("lk", "test").map_err(anyhow::Error::msg)?;
    let stranger = ApiKey::mint(&prefix, &mut UnwrapErr(SysRng));
    let stranger = String::from_utf8(stranger.expose().to_vec())?;
    assert_eq!(code(&scene, &elsewhere, &stranger, &call).await?, "unknown");
    assert_eq!(code(&scene, &elsewhere, &key, &call).await?, "not_active");
    scene.contact.receipt(&claimed).await?;
    assert_eq!(
        code(&scene, &elsewhere, &key, &call).await?,
        "wrong_environment"
    );
    for (reason, field, value) in [
        ("plaintext_transport", "scheme", "https"),
        ("source_network", "source_ip", "203.0.113.4"),
        ("endpoint", "path", "/v2/shipments/1/events"),
        ("scope", "scope", "shipments:read"),
    ] {
        assert_eq!(code(&scene, &edge, &key, &call).await?, reason);
        call[field] = json!(value);
    }
    assert_eq!(code(&scene, &edge, &key, &call).await?, "ok");

    // The end of the key comes before all that is wrong with the call.
    let wrong = json!({ "scheme": "http", "path": "/v2/orders/1" });
    scene.portal.restart_later(DAY * 366).await?;
    assert_eq!(code(&scene, &elsewhere, &key, &wrong).await?, "expired");
    Ok(())
}

async fn several_calls_in_one_question_are_answered_in_their_order(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let changes = [("limits_grant", "2 a month")];
    scene.set_policy("sandbox", &changes).await?;
    let held = scene.key().await?;
    let call = |path: &str| {
        json!({
            "key": held.key, "method": "GET", "path": path,
            "source_ip": "203.0.113.4", "scheme": "https",
        })
    };
    let ask = async |calls: Value| -> Result<(u16, Value)> {
        let answer = scene
            .owner
            .http
            .post(scene.portal.url("/v1/verify/batch"))
            .header("latchkey-gateway", &scene.gateway)
            .json(&json!({ "calls": calls }))
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    };
    let (status, refused) = ask(json!([call("/v2/shipments/1"), { "key": "x" }])).await?;
    assert_eq!((status, &refused["code"]), (400, &json!("bad-request")));
    let (good, bad) = (call("/v2/shipments/1"), call("/v2/invoices"));
    let (status, answers) = ask(json!([good, bad, good, good])).await?;
    assert_eq!(status, 200);
    let answers = answers["answers"].as_array().context("answers")?;
    let codes: Vec<&Value> = answers.iter().map(|answer| &answer["code"]).collect();
    assert_eq!(
        codes,
        ["ok", "endpoint", "ok", "quota"],
        "what was refused as a whole cost nothing"
    );
    Ok(())
}

async fn trying_a_call_names_the_reason(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let gateways = text(&scene.owner, "/gateways").await?;
    let gateway = linked(&gateways, "/gateways/", "api").context("the gateway")?;
    let call = async |owner: &Visitor, field: &str, value: &str| -> Result<(u16, String)> {
        let mut fields = [
            ("key", held.key.as_str()),
            ("method", "GET"),
            ("path", "/v2/shipments/1"),
            ("source_ip", "203.0.113.4"),
            ("scheme", "https"),
        ];
        for (name, usual) in &mut fields {
            if *name == field {
                *usual = value;
            }
        }
        let answer = owner.form(&format!("{gateway}/try"), &fields).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    for (field, value, reason) in [
        ("", "", ""),
        ("scheme", "http", "plaintext_transport"),
        ("source_ip", "198.51.100.1", "source_network"),
        ("path", "/v2/orders/1", "endpoint"),
        ("method", "DELETE", "endpoint"),
        ("key", "lk_test_nonsense", "malformed"),
    ] {
        let (status, page) = call(&scene.owner, field, value).await?;
        assert_eq!(status, 200);
        let said = if reason.is_empty() {
            "Accepted".to_owned()
        } else {
            format!("<code>{reason}</code>")
        };
        assert!(page.contains(&said), "{reason}: {}", words(&page));
        assert!(!page.contains(&held.key), "the key is not shown again");
    }
    for (field, value) in [("path", "no-slash"), ("source_ip", "nowhere"), ("key", "")] {
        let (status, page) = call(&scene.owner, field, value).await?;
        assert_eq!(status, 422, "{field}");
        assert!(
            page.contains(&format!("id=\"f-{field}-error\"")),
            "beside {field}"
        );
        assert!(!page.contains(&held.key));
    }
    scene
        .owner
        .act(
            &format!("{}/revoke", held.page),
            &[("reason", "It was for a trial.")],
        )
        .await?;
    let (_, page) = call(&scene.owner, "", "").await?;
    assert!(page.contains("<code>revoked</code>"), "{}", words(&page));
    Ok(())
}

async fn last_use_and_last_refusal_are_seen_by_both_sides(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    for who in [&scene.owner, &scene.contact] {
        assert!(words(&text(who, &held.page).await?).contains("never used"));
    }
    assert_eq!(scene.verify(&held.key).await?, "ok");
    let call = json!({ "source_ip": "198.51.100.1" });
    scene.ask_about(&scene.gateway, &held.key, &call).await?;
    for who in [&scene.owner, &scene.contact] {
        let mut page = String::new();
        for _ in 0..100 {
            page = words(&text(who, &held.page).await?);
            if page.contains("source_network") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(
            page.contains("last used") && page.contains("203.0.113"),
            "{page}"
        );
        assert!(page.contains("source_network"), "{page}");
    }
    let list = words(&text(&scene.contact, "/keys").await?);
    assert!(!list.contains("never"), "{list}");
    Ok(())
}

async fn a_gateway_added_at_the_console_is_answered_and_the_log_names_the_console(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let add = |serves: &'static str, kind: &'static str| {
        [
            "gateway", "add", "--name", "edge", "--kind", kind, "--serves", serves,
        ]
    };
    for (serves, kind) in [
        ("shipments/nowhere", "api"),
        ("shipments", "api"),
        ("shipments/sandbox", "telnet"),
    ] {
        let refused = scene.portal.console(&add(serves, kind));
        assert!(refused.is_err(), "{serves} {kind}");
    }
    let printed = scene.portal.console(&add("shipments/sandbox", "api"))?;
    let credential = printed.trim().to_owned();
    assert!(
        credential.starts_with("lkg_") && !credential.contains(char::is_whitespace),
        "printed more than the credential"
    );
    // The portal that runs meanwhile learns of it by itself.
    let mut answer = Value::Null;
    for _ in 0..100 {
        answer = scene.ask_about(&credential, &held.key, &json!({})).await?;
        if answer["http"] == 200 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(answer["code"], "ok", "{answer}");

    let logged = scene.audit().await?;
    let by_console: Vec<_> = logged
        .iter()
        .filter(|entry| entry["act"] == "change-gateway" && entry["actor_kind"] == "console")
        .collect();
    let [entry] = by_console.as_slice() else {
        anyhow::bail!("not once in the log: {by_console:?}");
    };
    assert!(entry["actor"].is_null() && entry["outcome"] == "done");
    assert!(entry.to_string().contains("edge"), "{entry}");
    assert!(!entry.to_string().contains(&credential));
    assert!(text(&scene.owner, "/gateways").await?.contains("edge"));
    Ok(())
}
