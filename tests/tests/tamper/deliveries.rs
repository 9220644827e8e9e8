//! Deliveries and envelopes carry no MAC: what the host signed keeps them. Nobody else opens one,
//! and no key becomes active by a receipt for another.

use anyhow::{Context as _, Result};
use tests::hand::Column;
use tests::visitor::Visitor;

use crate::edits::{self, Done, Kept, Rows};
use crate::world::{MEMBER, OTHER, World, ask, grant_of, of_person, person};

const TABLES: [&str; 2] = ["delivery", "envelope"];

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let request = world.scene.ask_for_access().await?;
    let link = world.scene.approve(&request).await?;
    let id = tests::scene::path_of(&link);
    let id = id.rsplit('/').next().context("an id")?;
    let id = world.hand.uuid(id);
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    each_column(world, done, &kept, &link, &id).await?;
    more_at_once(world, done, &kept, &link, &id).await?;
    what_the_recipient_is_told_is_what_was_signed(world, done, &kept, &link, &id).await?;
    a_receipt_is_for_its_own_key(world, done, &link, &id).await
}

async fn each_column(
    world: &mut World,
    done: &mut Done,
    kept: &Kept,
    link: &str,
    id: &str,
) -> Result<()> {
    let thieves = thieves(world).await?;
    for (table, of) in [
        ("delivery", format!("id = {id}")),
        ("envelope", format!("delivery_id = {id}")),
    ] {
        let rows = Rows {
            table,
            of: &of,
            from: &[],
        };
        let more = |column: &Column| {
            let theirs = thieves
                .iter()
                .map(|(person, credential)| match column.name.as_str() {
                    "recipient_id" => Some(person.clone()),
                    "claimed_by" | "credential_id" => Some(credential.clone()),
                    _ => None,
                });
            theirs.flatten().collect()
        };
        let holds =
            async |world: &mut World, what: &str| nobody_else_opens_it(world, link, what).await;
        edits::each_column(world, done, kept, rows, more, holds).await?;
    }
    Ok(())
}

async fn more_at_once(
    world: &mut World,
    done: &mut Done,
    kept: &Kept,
    link: &str,
    id: &str,
) -> Result<()> {
    for (person, credential) in thieves(world).await? {
        let recipient = format!("UPDATE delivery SET recipient_id = {person} WHERE id = {id}");
        let moved = format!(
            "UPDATE envelope SET credential_id = {credential} WHERE delivery_id = {id} AND credential_id = \
             (SELECT MIN(one.credential_id) FROM kept_envelope AS one WHERE one.delivery_id = {id})"
        );
        let moved = match world.hand {
            tests::hand::Hand::Sqlite(_) => moved,
            tests::hand::Hand::Postgres(_) => moved.replace(
                "SELECT MIN(one.credential_id) FROM",
                "SELECT MIN(one.credential_id::text)::uuid FROM",
            ),
        };
        let claimed = format!(
            "UPDATE delivery SET state = 'claimed', claimed_by = {credential}, claimed_at = created_at, \
             lease_until = 4102444800000000 WHERE id = {id}"
        );
        for attack in [
            format!("{recipient}; {moved}"),
            format!("{recipient}; {moved}; {claimed}"),
        ] {
            world.hand.run(&attack).await?;
            nobody_else_opens_it(world, link, &attack).await?;
            done.note_other();
            kept.put_back(&mut world.hand).await?;
        }
    }
    Ok(())
}

/// With the link, and each with a passkey of their own.
async fn nobody_else_opens_it(world: &mut World, link: &str, what: &str) -> Result<()> {
    world.hand.run("DELETE FROM tries").await?;
    let thieves: [(&Visitor, &str); 2] = [
        (&world.other, "another partner's contact"),
        (&world.member, "a colleague"),
    ];
    for (thief, name) in thieves {
        assert!(
            thief.claim(link).await.is_err(),
            "{name} opened it after {what}"
        );
    }
    Ok(())
}

/// Their ids and their passkeys' ids, as literals.
async fn thieves(world: &mut World) -> Result<Vec<(String, String)>> {
    let mut thieves = Vec::new();
    for email in [OTHER, MEMBER] {
        let id = person(&mut world.hand, email).await?;
        let of = of_person(&mut world.hand, "person_id", email).await?;
        let credential = world.hand.id("credential", &of).await?;
        thieves.push((world.hand.uuid(&id), world.hand.uuid(&credential)));
    }
    Ok(thieves)
}

async fn what_the_recipient_is_told_is_what_was_signed(
    world: &mut World,
    done: &mut Done,
    kept: &Kept,
    link: &str,
    id: &str,
) -> Result<()> {
    let other = grant_of(&mut world.hand, &world.elsewhere.page).await?;
    let other = world.hand.uuid(&other);
    let environment = Kept::of(&mut world.hand, &["environment"]).await?;
    for attack in [
        format!("UPDATE delivery SET grant_id = {other} WHERE id = {id}"),
        format!("UPDATE delivery SET expires_at = 4102444800000000 WHERE id = {id}"),
        "UPDATE environment SET base_url = 'https://evil.example' WHERE name = 'sandbox'"
            .to_owned(),
    ] {
        world.hand.run(&attack).await?;
        let claimed = world.scene.contact.claim(link).await;
        assert!(claimed.is_err(), "claimed after {attack}");
        done.note_other();
        kept.put_back(&mut world.hand).await?;
        environment.put_back(&mut world.hand).await?;
    }
    Ok(())
}

async fn a_receipt_is_for_its_own_key(
    world: &mut World,
    done: &mut Done,
    link: &str,
    id: &str,
) -> Result<()> {
    world.hand.run("DELETE FROM tries").await?;
    let claimed = world.scene.contact.claim(link).await?;
    let unreceipted = world
        .bad
        .iter()
        .find(|(why, _)| *why == "not receipted")
        .map(|(_, key)| key.clone())
        .context("such a key")?;
    let kid = crate::world::kid(&unreceipted);
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    let key = format!("(SELECT id FROM api_key WHERE kid = '{kid}')");
    let header = format!("(SELECT header FROM kept_delivery WHERE key_id = {key})");
    for attack in [
        format!("UPDATE delivery SET key_id = {key} WHERE id = {id}"),
        format!("UPDATE delivery SET key_id = {key}, header = {header} WHERE id = {id}"),
    ] {
        world.hand.run(&attack).await?;
        let receipt = world.scene.contact.receipt(&claimed).await;
        assert!(receipt.is_err(), "a receipt counted after {attack}");
        for key in [&unreceipted, &claimed.key] {
            let code = ask(&world.scene, &world.scene.gateway, key, &[]).await?;
            assert_eq!(code, "not_active", "after {attack}");
        }
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    world.scene.contact.receipt(&claimed).await?;
    let code = ask(&world.scene, &world.scene.gateway, &claimed.key, &[]).await?;
    assert_eq!(code, "ok", "without an edit");
    Ok(())
}
