//! Ceremonies that wait for a passkey, and acts that wait for one: who writes to the database can
//! neither make a passkey somebody else's, nor sign in by an assertion that was made for another
//! purpose, nor change what is done.

use anyhow::{Context as _, Result};
use domain::base64url;
use serde_json::{Value, json};
use tests::company::code_at;
use tests::visitor::{Visitor, location};

use crate::edits::{self, Done, Kept};
use crate::world::{OWNER, World, ask, of_person, person};

pub(crate) async fn forge(world: &mut World, done: &mut Done) -> Result<()> {
    an_enrolment_is_not_moved_to_the_owner(world, done).await?;
    an_assertion_of_before_does_not_sign_in(world, done).await?;
    a_permission_is_not_invented(world, done).await?;
    an_act_is_not_exchanged(world, done).await?;
    each_column(world, done).await
}

async fn an_enrolment_is_not_moved_to_the_owner(world: &mut World, done: &mut Done) -> Result<()> {
    let owner = person(&mut world.hand, OWNER).await?;
    for step in ["person", "person and right"] {
        let email = format!("thief{}@other.example", step.len());
        let fields = [("name", "Thief"), ("email", &email), ("role", "member")];
        world.hand.run("DELETE FROM tries").await?;
        let reveal = world.other.act("/people/invite", &fields).await?;
        let code = code_at(&world.other, &reveal).await?;
        let link = world.scene.link_to(&email, "/l/").await?;
        let mut thief = Visitor::new(world.scene.portal.origin());
        let finish = thief.ready_to_enrol(&link, Some(&code)).await?;
        let id = world
            .hand
            .uuid(finish["ceremony"].as_str().context("an id")?);
        let state = world
            .hand
            .texts(&format!("SELECT state FROM ceremony WHERE id = {id}"))
            .await?;
        let mut state: Value = serde_json::from_str(state.first().context("a ceremony")?)?;
        state["purpose"]["person"] = json!(owner);
        state["purpose"]["keys"] = Value::Null;
        if step == "person and right" {
            let permission = edits::STRANGER;
            state["purpose"]["right"] = json!({ "Permission": permission });
            let (permission, owner) = (world.hand.uuid(permission), world.hand.uuid(&owner));
            let forge = format!(
                "INSERT INTO ceremony SELECT {permission}, 'passkey-permission', {owner}, 'Mine', \
                 expires_at, stamp, mac FROM ceremony WHERE id = {id}"
            );
            world.hand.run(&forge).await?;
        }
        let state = state.to_string().replace('\'', "''");
        let edit = format!("UPDATE ceremony SET state = '{state}' WHERE id = {id}");
        assert_eq!(world.hand.run(&edit).await?, 1);
        let mut finish = finish;
        finish["enrolment"] = Value::Null;
        let enrolled = thief.post("/auth/enrol/finish", &finish).await;
        assert!(enrolled.is_err(), "a passkey was made the owner's ({step})");
        assert_ne!(thief.get("/").await?.status(), 200);
        done.note("ceremony", "state");
    }
    Ok(())
}

/// The audit log keeps assertions. One that the owner made over some act is posted to a ceremony of
/// signing in whose challenge was edited to be that act's.
async fn an_assertion_of_before_does_not_sign_in(world: &mut World, done: &mut Done) -> Result<()> {
    let thief = Visitor::new(world.scene.portal.origin());
    let begun = thief.post("/auth/sign-in/begin", &json!({})).await?;
    let asked = begun["options"]["publicKey"]["challenge"]
        .as_str()
        .context("a challenge")?;
    let old = base64url::encode(&[7; 32]);
    let owner = world.scene.owner.authenticator.credentials();
    let assertion = owner
        .first()
        .context("a passkey")?
        .get(&old, world.scene.portal.origin());
    let id = world
        .hand
        .uuid(begun["ceremony"].as_str().context("an id")?);
    let edit =
        format!("UPDATE ceremony SET state = REPLACE(state, '{asked}', '{old}') WHERE id = {id}");
    assert_eq!(world.hand.run(&edit).await?, 1);
    let finish =
        json!({ "ceremony": begun["ceremony"], "credential": assertion, "return_to": "/" });
    let signed_in = thief.post("/auth/sign-in/finish", &finish).await;
    assert!(signed_in.is_err(), "an old assertion signed in");
    assert_ne!(thief.get("/").await?.status(), 200);
    done.note("ceremony", "state");
    Ok(())
}

/// A session may enrol one more passkey only after an act that was signed.
async fn a_permission_is_not_invented(world: &mut World, done: &mut Done) -> Result<()> {
    let mine = of_person(&mut world.hand, "person_id", crate::world::AUDITOR).await?;
    let begun = world
        .scene
        .owner
        .post("/auth/sign-in/begin", &json!({}))
        .await?;
    let id = world
        .hand
        .uuid(begun["ceremony"].as_str().context("an id")?);
    let forge = format!(
        "UPDATE ceremony SET id = (SELECT MAX(id) FROM session WHERE {mine}), kind = 'passkey-permission', \
         person_id = (SELECT MAX(person_id) FROM session WHERE {mine}), state = 'Mine' WHERE id = {id}"
    );
    let forge = match world.hand {
        tests::hand::Hand::Sqlite(_) => forge,
        tests::hand::Hand::Postgres(_) => forge
            .replace("MAX(id)", "MAX(id::text)::uuid")
            .replace("MAX(person_id)", "MAX(person_id::text)::uuid"),
    };
    assert_eq!(world.hand.run(&forge).await?, 1);
    let begin = json!({ "link": null, "secret": null, "code": null });
    let permitted = world.auditor.post("/auth/enrol/begin", &begin).await;
    assert!(permitted.is_err(), "a permission was invented");
    for column in ["id", "kind", "person_id"] {
        done.note("ceremony", column);
    }
    world.hand.run("DELETE FROM ceremony").await?;
    Ok(())
}

async fn an_act_is_not_exchanged(world: &mut World, done: &mut Done) -> Result<()> {
    let owner = &world.scene.owner;
    let other = location(
        &owner
            .form(&format!("{}/suspend", world.elsewhere.page), &[])
            .await?,
    );
    let other = other.context("an act that waits")?;
    let begun = owner.post(&format!("{other}/begin"), &json!({})).await?;
    let assertion = owner
        .authenticator
        .get(&begun["options"], world.scene.portal.origin())?;
    let id = world
        .hand
        .uuid(other.rsplit('/').next().unwrap_or_default());
    let (from, to) = (last(&world.elsewhere.page), last(&world.good.page));
    for edit in [
        format!("UPDATE pending_act SET input = REPLACE(input, '{from}', '{to}') WHERE id = {id}"),
        format!(
            "UPDATE pending_act SET act = 'suspend-key', input = REPLACE(input, 'SuspendKey', 'ResumeKey') WHERE id = {id}"
        ),
    ] {
        let kept = Kept::of(&mut world.hand, &["pending_act"]).await?;
        assert_eq!(world.hand.run(&edit).await?, 1);
        let finish = json!({ "ceremony": begun["ceremony"], "credential": assertion });
        let did = world
            .scene
            .owner
            .post(&format!("{other}/finish"), &finish)
            .await;
        assert!(did.is_err(), "an act that nobody signed was done");
        let code = ask(&world.scene, &world.scene.gateway, &world.good.key, &[]).await?;
        assert_eq!(code, "ok");
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    // An act of the owner's, made somebody else's.
    let mine = of_person(&mut world.hand, "person_id", crate::world::AUDITOR).await?;
    world
        .hand
        .run(&format!("UPDATE pending_act SET {mine} WHERE id = {id}"))
        .await?;
    assert!(world.auditor.confirm(&other).await.is_err());
    done.note_other();
    Ok(())
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Whatever is written into the row of a ceremony, it does not sign its beginner in.
async fn each_column(world: &mut World, done: &mut Done) -> Result<()> {
    for column in world.hand.columns("ceremony").await? {
        for value in edits::values(&mut world.hand, &column, &[]).await? {
            world.hand.run("DELETE FROM tries").await?;
            let visitor = world.auditor.elsewhere();
            let begun = visitor.post("/auth/sign-in/begin", &json!({})).await?;
            let of = world
                .hand
                .uuid(begun["ceremony"].as_str().context("an id")?);
            let of = format!("id = {of}");
            if !edits::set(&mut world.hand, &column, &value, &of).await? {
                continue;
            }
            let assertion = visitor
                .authenticator
                .get(&begun["options"], world.scene.portal.origin())?;
            let finish =
                json!({ "ceremony": begun["ceremony"], "credential": assertion, "return_to": "/" });
            let signed_in = visitor.post("/auth/sign-in/finish", &finish).await;
            assert!(signed_in.is_err(), "ceremony.{} = {value}", column.name);
            done.note("ceremony", &column.name);
        }
    }
    Ok(())
}
