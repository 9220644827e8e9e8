//! The passkeys of who receives: no key is sealed to one that somebody wrote in, gave back, or made
//! out to be bound to its device.

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, action, text};

use crate::edits::{self, Done, Kept, Rows};
use crate::quorum::nothing_is_minted;
use crate::world::{MEMBER, World, of_person};

const TABLES: [&str; 6] = [
    "access_grant",
    "access_request",
    "credential",
    "decision",
    "outbox",
    "pending_act",
];

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    nothing_is_sealed_to_what_was_written_in(world, done).await?;
    nothing_is_sealed_to_what_the_policy_does_not_take(world, done).await
}

async fn nothing_is_sealed_to_what_was_written_in(
    world: &mut World,
    done: &mut Done,
) -> Result<()> {
    let request = world.scene.ask_for_access().await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    let of = of_person(&mut world.hand, "person_id", CONTACT).await?;
    let thief = of_person(&mut world.hand, "person_id", MEMBER).await?;
    let rows = Rows {
        table: "credential",
        of: &of,
        from: std::slice::from_ref(&thief),
    };
    let holds =
        async |world: &mut World, what: &str| nothing_is_minted(world, &request, what).await;
    edits::each_column(world, done, &kept, rows, edits::no_more, holds).await?;
    let device = ["sealing_key", "signing_key", "enrolment"]
        .map(|column| format!("{column} = (SELECT {column} FROM kept_credential WHERE {thief})"));
    for attack in [
        format!("UPDATE credential SET {of} WHERE {thief}"),
        format!("UPDATE credential SET {} WHERE {of}", device.join(", ")),
    ] {
        assert_eq!(world.hand.run(&attack).await?, 1);
        nothing_is_minted(world, &request, &attack).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

/// Of a device-bound passkey that was taken away, and a synced one.
async fn nothing_is_sealed_to_what_the_policy_does_not_take(
    world: &mut World,
    done: &mut Done,
) -> Result<()> {
    world
        .scene
        .set_policy("sandbox", &[("device_bound", "yes")])
        .await?;
    let member = &mut world.member;
    member.authenticator.synced = true;
    member.add_passkey("Synced").await?;
    let profile = text(member, "/profile").await?;
    let oldest = action(&profile, "/profile/passkeys/", "/remove").context("two passkeys")?;
    member.act(&oldest, &[]).await?;
    std::mem::swap(&mut world.scene.contact, &mut world.member);
    let request = world.scene.ask_for_access().await;
    std::mem::swap(&mut world.scene.contact, &mut world.member);
    let request = request?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    let of = of_person(&mut world.hand, "person_id", MEMBER).await?;
    for attack in [
        format!("UPDATE credential SET device_bound = TRUE WHERE {of} AND removed_at IS NULL"),
        format!("UPDATE credential SET removed_at = NULL WHERE {of} AND removed_at IS NOT NULL"),
    ] {
        assert_eq!(world.hand.run(&attack).await?, 1);
        nothing_is_minted(world, &request, &attack).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    nothing_is_minted(world, &request, "nothing").await
}
