//! Somebody who can write to the database edits each column of each row that authority rests on, and
//! no key works better for it, nobody gets in, and no decision counts for more. Which columns there
//! are is read from the database's own schema: one that is added later is edited too, or fails here.

#![cfg(test)]

mod ceremonies;
mod deliveries;
mod edits;
mod keys;
mod live;
mod passkeys;
mod people;
mod proposals;
mod quorum;
mod revisions;
mod rollback;
mod temporary;
mod world;

use anyhow::Result;
use tests::hand::Hand;
use tests::{postgres, tally};

use world::World;

/// Tables whose rows carry a MAC: each column of each is edited in one of the modules.
const SEALED: [&str; 18] = [
    "access_grant",
    "address",
    "api_key",
    "ceremony",
    "credential",
    "decision",
    "environment",
    "gateway",
    "grant_overlay",
    "narrowing",
    "overlay_decision",
    "partner",
    "person",
    "person_link",
    "policy",
    "proposal",
    "revision",
    "role",
];

/// Tables without one, and why an edit there gains nothing. Those marked with a star are edited here
/// all the same.
const UNSEALED: [(&str, &str); 17] = [
    (
        "access_request",
        "*a decision signs the revision and the grant",
    ),
    ("audit", "its hashes are chained"),
    ("call_count", "counts, which nothing rests on"),
    ("delivery", "*the host signed its header with the envelope"),
    ("envelope", "*the host signed it, for one passkey"),
    ("key_counter", "*only who follows it late is refused"),
    ("key_use", "counts, which nothing rests on"),
    ("keyring", "*wrapped by the root key, which is not in here"),
    ("outbox", "*what is secret in it is sealed to its address"),
    ("pending_act", "*what is done is what was signed"),
    (
        "recusal",
        "a reviewer who stepped aside is still a reviewer",
    ),
    ("review", "verdicts on sections advise, and decide nothing"),
    ("service", "a grant holds its own rules"),
    ("session", "*its token's MAC is over whose it is"),
    (
        "setting",
        "what it says must be what the configuration says",
    ),
    (
        "spent",
        "counts; a MAC would not show a row that is gone, or an older one",
    ),
    ("tries", "counts of tries"),
];

#[tokio::test]
async fn no_key_works_better_for_an_edit_of_any_column_on_sqlite() -> Result<()> {
    edit_everything(None).await
}

#[tokio::test]
async fn no_key_works_better_for_an_edit_of_any_column_on_postgresql() -> Result<()> {
    edit_everything(Some(postgres::create_database().await?)).await
}

async fn edit_everything(database_url: Option<String>) -> Result<()> {
    let mut world = World::set(database_url).await?;
    every_table_is_spoken_for(&mut world.hand).await?;
    let mut done = edits::Done::default();
    quorum::edit(&mut world, &mut done).await?;
    people::edit(&mut world, &mut done).await?;
    ceremonies::forge(&mut world, &mut done).await?;
    deliveries::edit(&mut world, &mut done).await?;
    revisions::edit(&mut world, &mut done).await?;
    passkeys::edit(&mut world, &mut done).await?;
    proposals::edit(&mut world, &mut done).await?;
    keys::edit(&mut world, &mut done).await?;
    live::edit(&mut world, &mut done).await?;
    temporary::edit(&mut world, &mut done).await?;
    for table in SEALED {
        for column in world.hand.columns(table).await? {
            assert!(
                done.touched(table, &column.name),
                "{table}.{} was not edited",
                column.name
            );
        }
    }
    println!("{} edits by hand gained nothing", done.count());
    tally::count("attacks", done.count());
    assert!(done.count() > 800, "only {}", done.count());
    Ok(())
}

async fn every_table_is_spoken_for(hand: &mut Hand) -> Result<()> {
    let mut spoken: Vec<&str> = UNSEALED.iter().map(|(table, _)| *table).collect();
    spoken.extend(SEALED);
    spoken.sort_unstable();
    let tables = hand.tables().await?;
    assert_eq!(tables, spoken, "a table is new or gone");
    for table in tables {
        let columns = hand.columns(&table).await?;
        let has_mac = columns.iter().any(|column| column.name == "mac");
        assert_eq!(has_mac, SEALED.contains(&table.as_str()), "{table}");
    }
    Ok(())
}
