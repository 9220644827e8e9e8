//! What the portal promises about looking back: the audit log, the time line of a key, the history
//! of a request.

#![cfg(test)]

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::act::{Act, ActStatement};
use domain::base64url;
use domain::enc::Digest;
use domain::grant::Grant;
use domain::id::PersonId;
use domain::policy::Policy;
use domain::quorum::recipient_digest;
use domain::request::Revision;
use serde_json::Value;
use tests::company::{CONTACT, DAY, action, code_at, linked, text, words};
use tests::hand::Hand;
use tests::live;
use tests::promises;
use tests::scene::Scene;
use tests::visitor::{Visitor, errors_in};

promises! {
    every_act_is_in_the_log_with_its_actor_credential_and_assertion,
    what_nobody_signs_is_in_the_log_too_and_without_what_was_typed,
    a_decision_in_the_log_holds_the_digests_of_what_was_shown,
    auditors_filter_and_export_the_log_and_nobody_else_does,
    a_key_has_its_time_line_and_a_request_its_history_on_both_sides,
}

const OWNER: &str = "First owner";
const FIRST: &str = "First contact";

/// Each act once, with who did it, in a scene of its own.
async fn make_every_act(scene: &mut Scene) -> Result<(Vec<(Act, &'static str)>, [String; 2])> {
    let mut made = vec![
        (Act::Enrol, OWNER),
        (Act::Enrol, FIRST),
        (Act::ChangeCatalogue, OWNER),
        (Act::ChangeGateway, OWNER),
        (Act::InvitePartner, OWNER),
    ];
    let mut rita = scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    scene
        .colleague("Mia", "mia@partner.example", "member")
        .await?;
    made.extend([(Act::InviteStaff, OWNER), (Act::InviteMember, FIRST)]);
    scene.set_policy("sandbox", &[("max_days", "300")]).await?;
    made.push((Act::ChangePolicy, OWNER));

    let request = scene.ask_for_access().await?;
    let narrow = format!("{request}/narrow/sandbox");
    let narrower = [
        ("scope", "shipments:read"),
        ("networks", "203.0.113.4/32"),
        ("rate", "5"),
        ("days", "200"),
        ("why", "The answers name one address alone."),
    ];
    scene.owner.act(&narrow, &narrower).await?;
    scene.approve(&request).await?;
    made.extend([(Act::ProposeGrant, OWNER), (Act::Decide, OWNER)]);

    // Nobody opens the first link.
    scene.portal.restart_later(DAY * 4).await?;
    scene.told(CONTACT, "a delivery lapsed", 1).await?;
    for visitor in [&scene.owner, &scene.contact, &rita] {
        visitor.sign_in().await?;
    }
    let page = text(&scene.contact, "/keys").await?;
    let key = linked(&page, "/keys/", "lk_test_").context("no key")?;
    scene.contact.act(&format!("{key}/redeliver"), &[]).await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let secret = link.split_once('#').context("no fragment")?.1.to_owned();
    let held = scene.receive(link).await?;
    made.extend([(Act::RemakeDelivery, FIRST), (Act::Claim, FIRST)]);
    for (act, path) in [(Act::Suspend, "suspend"), (Act::Resume, "resume")] {
        scene
            .owner
            .act(&format!("{}/{path}", held.page), &[])
            .await?;
        made.push((act, OWNER));
    }
    change_live_grant(scene, &held.page).await?;
    made.extend([
        (Act::DecideOverlay, OWNER),
        (Act::EndOverlay, OWNER),
        (Act::NarrowGrant, OWNER),
    ]);
    scene
        .contact
        .act(&format!("{}/replace", held.page), &[])
        .await?;
    let second = scene.link_to(CONTACT, "/d/").await?;
    scene.contact.report(&second).await?;
    made.extend([(Act::ReceiveReplacement, FIRST), (Act::Report, FIRST)]);
    let shown = text(&scene.owner, &held.page).await?;
    let grant = action(&shown, "/grants/", "/revoke").context("no grant")?;
    let reason = [("reason", "It was a trial.")];
    scene
        .owner
        .act(&format!("{}/revoke", held.page), &reason)
        .await?;
    scene.owner.act(&grant, &reason).await?;
    made.extend([(Act::RevokeKey, OWNER), (Act::RevokeGrant, OWNER)]);
    scene.other_partner("Quay", "quay@other.example").await?;
    let page = text(&scene.owner, "/partners").await?;
    let quay = linked(&page, "/partners/", "Quay").context("Quay")?;
    scene.owner.act(&format!("{quay}/revoke"), &reason).await?;
    made.push((Act::RevokePartner, OWNER));

    let olga = scene
        .hire("Olga", "olga@host.example", &["owner", "operator"])
        .await?;
    let people = text(&scene.owner, "/people").await?;
    let person = linked(&people, "/people/", "Rita").context("Rita")?;
    let roles = [("role", "reviewer"), ("role", "auditor")];
    scene.owner.act(&format!("{person}/roles"), &roles).await?;
    confirm(&olga).await?;
    made.extend([(Act::ChangeRole, OWNER), (Act::ConfirmProposal, "Olga")]);
    rita.add_passkey("Blue key").await?;
    let page = text(&rita, "/profile").await?;
    let passkey = action(&page, "/profile/passkeys/", "/remove").context("no passkey")?;
    rita.act(&passkey, &[]).await?;
    made.extend([(Act::AddPasskey, "Rita"), (Act::RemovePasskey, "Rita")]);
    let gone = [("reason", "Left the company.")];
    scene.owner.act(&format!("{person}/remove"), &gone).await?;
    made.push((Act::RemovePerson, OWNER));

    let people = text(&scene.contact, "/people").await?;
    let mia = linked(&people, "/people/", "Mia").context("Mia")?;
    let corrected = [
        ("email", "mia@new.example"),
        ("reason", "We have a new domain."),
    ];
    scene
        .contact
        .act(&format!("{mia}/address"), &corrected)
        .await?;
    made.push((Act::ChangeAddress, FIRST));
    let called = [("reason", "I called them on the number in the contract.")];
    scene.owner.act(&format!("{mia}/recovery"), &called).await?;
    confirm(&olga).await?;
    made.extend([(Act::RecoverStart, OWNER), (Act::RecoverConfirm, "Olga")]);
    scene.audit().await?;
    made.push((Act::Export, OWNER));
    Ok((made, [held.key, secret]))
}

/// Opens temporary access beside a key's grant, ends it, and narrows the grant.
async fn change_live_grant(scene: &Scene, key: &str) -> Result<()> {
    live::offer_labels(scene).await?;
    let temporary = live::ask(scene, key, "2", "hours").await?;
    live::decide(&scene.owner, &temporary, "approve").await?;
    let why = [("reason", "The parcel was found.")];
    scene.owner.act(&format!("{temporary}/end"), &why).await?;
    let form = live::narrow_form(&scene.owner, key).await?;
    let fewer = [("rate", "4"), ("why", "They call less often.")];
    live::narrow(&scene.owner, &form, &fewer).await?;
    Ok(())
}

/// The one change that waits for a second person.
async fn confirm(by: &Visitor) -> Result<()> {
    let people = text(by, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    by.act(&confirm, &[]).await?;
    Ok(())
}

async fn every_act_is_in_the_log_with_its_actor_credential_and_assertion(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let (made, secrets) = make_every_act(&mut scene).await?;
    for act in Act::ALL {
        let is_made = made.iter().any(|(made, _)| made == act);
        assert!(is_made, "nothing here does {act}");
    }
    let log = scene.audit().await?;
    let mut hand = Hand::at(&scene.portal).await?;
    for (act, who) in &made {
        let person = hand.id("person", &format!("name = '{who}'")).await?;
        let entry = log
            .iter()
            .find(|line| line["act"] == act.as_str() && line["actor"] == person.as_str())
            .with_context(|| format!("{act} by {who} is not in the log"))?;
        assert_eq!(entry["outcome"], "done", "{entry}");
        let side = ["contact", "staff"][usize::from(*who != FIRST)];
        assert_eq!(entry["actor_kind"], side, "{entry}");
        let credential = entry["credential"].as_str().context("no credential")?;
        let theirs = format!(
            "id = {} AND person_id = {}",
            hand.uuid(credential),
            hand.uuid(&person)
        );
        hand.id("credential", &theirs)
            .await
            .with_context(|| format!("{act} by another’s passkey: {entry}"))?;
    }

    let mut rested = BTreeSet::new();
    let mut before: Option<&Value> = None;
    for line in &log {
        if let Some(before) = before {
            assert_eq!(
                line["previous"], before["hash"],
                "each is chained to the one before"
            );
        }
        before = Some(line);
        if let Some(act) = line["act"].as_str().and_then(|act| act.parse::<Act>().ok()) {
            rests_on_its_own_assertion(line, act)?;
            rested.insert(act);
        }
    }
    assert_eq!(rested.len(), Act::ALL.len());
    let acts: BTreeSet<&str> = log.iter().filter_map(|line| line["act"].as_str()).collect();
    for act in [
        "owner-link",
        "submit-request",
        "mint",
        "seal",
        "end-delivery",
    ] {
        assert!(acts.contains(act), "{act} is not in the log: {acts:?}");
    }
    let receipt = log
        .iter()
        .find(|line| line["act"] == "receipt")
        .context("no receipt")?;
    assert!(
        receipt["evidence"]
            .as_str()
            .is_some_and(|kept| kept.contains("signature")),
        "{receipt}"
    );
    let whole = serde_json::to_string(&log)?;
    for never in &secrets {
        assert!(!whole.contains(never), "the log holds {never}");
    }
    Ok(())
}

/// The archived assertion is one over the archived statement, and that is of this act by this person.
fn rests_on_its_own_assertion(line: &Value, act: Act) -> Result<()> {
    assert!(line["actor"].is_string(), "{act} has no actor: {line}");
    assert!(line["credential"].is_string(), "{act} has no credential");
    let evidence: Value = serde_json::from_str(line["evidence"].as_str().context("no evidence")?)?;
    let statement: ActStatement = serde_json::from_value(evidence["statement"].clone())?;
    assert_eq!(statement.act, act, "{line}");
    let response = &evidence["assertion"]["response"];
    assert!(response["signature"].is_string(), "{act} rests on nothing");
    let client = response["clientDataJSON"].as_str().context("no client")?;
    let client: Value = serde_json::from_slice(&base64url::decode(client)?)?;
    assert_eq!(
        client["challenge"],
        base64url::encode(&statement.challenge()),
        "{act} was signed over something else"
    );
    Ok(())
}

async fn what_nobody_signs_is_in_the_log_too_and_without_what_was_typed(
    database: Option<String>,
) -> Result<()> {
    const REPLY: &str = "Nobody but a job calls.";
    const REASON: &str = "My sister works there.";
    const WRONG: &str = "AAAA-AAAA";
    let mut scene = Scene::set(database).await?;
    let rita = scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    let request = scene.ask_for_access().await?;
    let profile = text(&rita, "/profile").await?;
    let rename = action(&profile, "/profile/passkeys/", "/name").context("no passkey")?;
    for (who, path, fields) in [
        (
            &scene.contact,
            format!("{request}/comments"),
            vec![("section", "workflow"), ("comment", REPLY)],
        ),
        (&rita, format!("{request}/recuse"), vec![("reason", REASON)]),
        (&rita, rename.clone(), vec![("name", "Red key")]),
    ] {
        assert_eq!(who.form(&path, &fields).await?.status(), 303, "{path}");
    }
    let email = "mia@partner.example";
    let mia = [("name", "Mia"), ("email", email), ("role", "member")];
    let reveal = scene.contact.act("/people/invite", &mia).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let link = scene.link_to(email, "/l/").await?;
    let mut guest = Visitor::new(scene.portal.origin());
    assert!(guest.enrol(&link, Some(WRONG)).await.is_err());

    let log = scene.audit().await?;
    let filters = text(&scene.owner, "/audit").await?;
    let mut hand = Hand::at(&scene.portal).await?;
    let (invitation, secret) = link.split_once('#').context("no secret")?;
    for (act, subject, who) in [
        ("reply", request.as_str(), Some((FIRST, "contact"))),
        ("recuse", request.as_str(), Some(("Rita", "staff"))),
        (
            "rename-passkey",
            rename.trim_end_matches("/name"),
            Some(("Rita", "staff")),
        ),
        ("wrong-code", invitation, None),
    ] {
        let entries: Vec<&Value> = log.iter().filter(|line| line["act"] == act).collect();
        let [entry] = entries.as_slice() else {
            anyhow::bail!("{act} is in the log {} times", entries.len())
        };
        let id = subject.rsplit('/').next().unwrap_or_default();
        assert_eq!(entry["subject"], id, "{entry}");
        let offered = format!("value=\"{act}\"");
        assert!(filters.contains(&offered), "{act} can be filtered by");
        let Some((name, side)) = who else {
            assert_eq!(entry["outcome"], "refused", "{entry}");
            assert_eq!(entry["actor_kind"], "anonymous", "{entry}");
            assert!(entry["actor"].is_null() && entry["credential"].is_null());
            continue;
        };
        assert_eq!(entry["outcome"], "done", "{entry}");
        assert_eq!(entry["actor_kind"], side, "{entry}");
        let person = hand.id("person", &format!("name = '{name}'")).await?;
        assert_eq!(entry["actor"], person, "{entry}");
        let of = format!("person_id = {}", hand.uuid(&person));
        let passkey = hand.id("credential", &of).await?;
        assert_eq!(entry["credential"], passkey, "{entry}");
    }
    let logs = [serde_json::to_string(&log)?, scene.portal.log()];
    for log in logs {
        for never in [REPLY, REASON, WRONG, &code, &code.replace('-', ""), secret] {
            assert!(!log.contains(never), "a log holds {never}");
        }
    }
    Ok(())
}

async fn a_decision_in_the_log_holds_the_digests_of_what_was_shown(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::set(database).await?;
    let request = scene.ask_for(&["sandbox"]).await?;
    let page = words(&text(&scene.owner, &format!("{request}/decide/sandbox")).await?);
    let shown = |label: &str| -> Result<String> {
        let label = format!(" {label} ");
        let mut values = page.split(&label).skip(1).map(|after| {
            let digits = after.chars().take_while(char::is_ascii_hexdigit);
            digits.collect::<String>()
        });
        values
            .find(|digest| digest.len() == 64)
            .with_context(|| format!("{label}is not shown whole: {page}"))
    };
    scene.decide(&request).await?;
    let log = scene.audit().await?;
    let decided = log.iter().find(|line| line["act"] == "decide");
    let evidence = decided.context("no decision")?["evidence"].as_str();
    let evidence: Value = serde_json::from_str(evidence.context("no evidence")?)?;
    let signed: ActStatement = serde_json::from_value(evidence["statement"].clone())?;

    let mut hand = Hand::at(&scene.portal).await?;
    let hex =
        |digest: Digest| -> String { digest.iter().map(|byte| format!("{byte:02x}")).collect() };
    let mut document = async |table: &str, of: &str| -> Result<String> {
        let found = hand
            .texts(&format!("SELECT document FROM {table} WHERE {of}"))
            .await?;
        let [document] = found.as_slice() else {
            anyhow::bail!("{} of {table}", found.len())
        };
        Ok(document.clone())
    };
    let revision: Revision = serde_json::from_str(&document("revision", "number = 1").await?)?;
    let grant: Grant = serde_json::from_str(&document("access_grant", "number = 1").await?)?;
    let sandbox = "environment_id = (SELECT environment_id FROM access_grant)";
    let policy: Policy = serde_json::from_str(&document("policy", sandbox).await?)?;
    let contact = hand.id("person", "name = 'First contact'").await?;
    let recipient = recipient_digest(PersonId::new(contact.parse()?), &CONTACT.parse()?);
    for (label, is) in [
        ("revision", hex(revision.digest())),
        ("grant", hex(grant.digest())),
        ("policy version", hex(policy.digest())),
        ("recipient", hex(recipient)),
    ] {
        assert_eq!(
            signed.parameter(label),
            Some(is.as_str()),
            "{label}, signed"
        );
        assert_eq!(shown(label)?, is, "{label}, shown");
        let column = label.replace("policy version", "policy");
        let mut kept = hand
            .literal("decision", &format!("{column}_digest"), "1 = 1")
            .await?;
        kept.make_ascii_lowercase();
        assert!(
            kept.contains(&is),
            "{label}, kept with the decision: {kept}"
        );
    }
    Ok(())
}

async fn auditors_filter_and_export_the_log_and_nobody_else_does(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let operator = scene
        .hire("Olga", "olga@host.example", &["operator"])
        .await?;
    let auditor = scene.hire("Ada", "ada@host.example", &["auditor"]).await?;
    for path in ["/audit", "/audit/1"] {
        assert_eq!(operator.get(path).await?.status(), 403);
        assert_eq!(scene.contact.get(path).await?.status(), 404);
        assert_eq!(auditor.get(path).await?.status(), 200);
    }
    assert_eq!(operator.form("/audit/export", &[]).await?.status(), 403);

    let rows = async |filter: &str| -> Result<String> {
        let page = text(&auditor, &format!("/audit?{filter}")).await?;
        let (_, table) = page.split_once("<tbody").unwrap_or(("", ""));
        Ok(words(table.split("</tbody>").next().unwrap_or_default()))
    };
    let by_act = rows("act=invite-partner").await?;
    assert_eq!(by_act.matches("invite-partner").count(), 1, "{by_act}");
    assert!(
        by_act.contains("First owner") && by_act.contains("passkey “Work laptop”"),
        "{by_act}"
    );
    let by_person = rows("q=Olga").await?;
    assert!(
        by_person.contains("enrol") && !by_person.contains("invite-partner"),
        "{by_person}"
    );
    assert!(rows("outcome=refused").await?.is_empty());
    assert!(rows("from=2099-01-01").await?.is_empty());
    assert!(!rows("to=2099-01-01").await?.is_empty());
    let bad = auditor.get("/audit?from=yesterday").await?;
    assert_eq!(bad.status(), 422);
    let bad = bad.text().await?;
    assert!(
        words(&bad).contains("such as 2026-10-01") && bad.contains("yesterday"),
        "{}",
        errors_in(&bad)
    );

    let fields = [
        ("act", "enrol"),
        ("q", ""),
        ("outcome", ""),
        ("from", ""),
        ("to", ""),
    ];
    let ready = auditor.act("/audit/export", &fields).await?;
    let file = format!("{ready}/entries.jsonl");
    let lines = text(&auditor, &file).await?;
    assert_eq!(lines.lines().count(), 4, "{lines}");
    assert!(lines.lines().all(|line| line.contains("\"act\":\"enrol\"")));
    let elsewhere = auditor.elsewhere();
    elsewhere.sign_in().await?;
    assert_eq!(
        elsewhere.get(&file).await?.status(),
        404,
        "in this session alone"
    );
    assert_eq!(
        scene.owner.get(&file).await?.status(),
        404,
        "nor for another auditor"
    );
    assert!(
        !rows("act=export").await?.is_empty(),
        "the export is in the log itself"
    );
    Ok(())
}

async fn a_key_has_its_time_line_and_a_request_its_history_on_both_sides(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let fields = [
        ("section", "workflow"),
        ("verdict", "accepted"),
        ("comment", ""),
    ];
    scene
        .owner
        .form(&format!("{request}/verdict"), &fields)
        .await?;
    let link = scene.approve(&request).await?;
    let held = scene.receive(link).await?;
    scene
        .owner
        .act(&format!("{}/suspend", held.page), &[])
        .await?;
    let reason = [("reason", "The laptop was stolen.")];
    scene
        .owner
        .act(&format!("{}/revoke", held.page), &reason)
        .await?;

    let in_order = |page: &str, told: &[&str]| {
        let mut rest = page;
        for title in told {
            let (_, after) = rest
                .split_once(title)
                .unwrap_or_else(|| panic!("no “{title}”: {rest}"));
            rest = after;
        }
    };
    for who in [&scene.owner, &scene.contact] {
        let page = words(&text(who, &held.page).await?);
        let (_, line) = page.split_once("Time line").context("no time line")?;
        in_order(
            line,
            &[
                "Revoked",
                "The laptop was stolen.",
                "Suspended",
                "Stored: the key works",
                "Opened",
                "Sealed, and the link mailed",
                "Key made",
                "Approved",
            ],
        );
        let page = words(&text(who, &request).await?);
        let (_, line) = page.split_once("Time line").context("no history")?;
        in_order(
            line,
            &[
                "Approved, complete: sandbox",
                "Section accepted: workflow",
                "Revision 1 handed in",
                "First contact",
                "Draft started",
            ],
        );
    }
    let theirs = words(&text(&scene.contact, &held.page).await?);
    assert!(
        !theirs.contains("First owner"),
        "of staff only that the host did: {theirs}"
    );
    assert!(
        action(
            &text(&scene.contact, &held.page).await?,
            "/keys/",
            "/revoke"
        )
        .is_none()
    );
    Ok(())
}
