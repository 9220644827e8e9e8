//! Requests, policies and decisions: no quorum is reached with fewer, nothing is minted for what was
//! not decided, and no link goes to an address that somebody wrote in.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tests::company::decide;
use tests::hand::Column;
use tests::scene::{PATIENCE, Scene};

use crate::edits::{self, Done, Kept, Rows};
use crate::world::{World, keys};

const TABLES: [&str; 12] = [
    "access_grant",
    "access_request",
    "address",
    "decision",
    "environment",
    "outbox",
    "partner",
    "pending_act",
    "person",
    "policy",
    "revision",
    "role",
];

const CONTACT: &str = "contact@partner.example";
const THIEF: &str = "thief@evil.example";

/// A request for production, which takes two, and what of it is in the database.
struct Case {
    request: String,
    grant: String,
    /// Another request, which the second reviewer approved.
    other_grant: String,
    production: String,
    sandbox: String,
    production_policy: String,
    sandbox_policy: String,
}

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let other = world.scene.ask_for(&["production"]).await?;
    decide(&world.reviewer, &other, "production", "approve").await?;
    let request = world.scene.ask_for(&["production"]).await?;
    let case = case(world, &request, &other).await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    one_of_two_is_not_enough(world, &case, "nothing").await?;
    // What the owner's decision looks like, for who forges a second one.
    let mine = Kept::of(&mut world.hand, &["decision"]).await?;
    world.hand.run("DROP TABLE IF EXISTS kept_mine").await?;
    world
        .hand
        .run("CREATE TABLE kept_mine AS SELECT * FROM decision")
        .await?;
    drop(mine);
    let before = format!("DELETE FROM kept_decision WHERE grant_id = {}", case.grant);
    world.hand.run(&before).await?;
    kept.put_back(&mut world.hand).await?;
    each_column(world, done, &case, &kept).await?;
    more_at_once(world, done, &case, &kept).await?;
    no_link_goes_to_an_address_that_was_written_in(world, done).await
}

async fn case(world: &mut World, request: &str, other: &str) -> Result<Case> {
    let hand = &mut world.hand;
    let id = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (request_id, other_id) = (hand.uuid(&id(request)), hand.uuid(&id(other)));
    let grant = hand
        .id("access_grant", &format!("request_id = {request_id}"))
        .await?;
    let other_grant = hand
        .id("access_grant", &format!("request_id = {other_id}"))
        .await?;
    let production = hand.id("environment", "name = 'production'").await?;
    let sandbox = hand.id("environment", "name = 'sandbox'").await?;
    let policy = |id: &str| format!("environment_id = {id}");
    let (production, sandbox) = (hand.uuid(&production), hand.uuid(&sandbox));
    let production_policy = hand.id("policy", &policy(&production)).await?;
    let sandbox_policy = hand.id("policy", &policy(&sandbox)).await?;
    Ok(Case {
        request: request.to_owned(),
        grant: hand.uuid(&grant),
        other_grant: hand.uuid(&other_grant),
        production_policy: hand.uuid(&production_policy),
        sandbox_policy: hand.uuid(&sandbox_policy),
        production,
        sandbox,
    })
}

async fn each_column(world: &mut World, done: &mut Done, case: &Case, kept: &Kept) -> Result<()> {
    let row = |id: &str| format!("id = {id}");
    let others = format!("grant_id = {}", case.other_grant);
    let request = format!(
        "SELECT request_id FROM access_grant WHERE id = {}",
        case.grant
    );
    let other = format!(
        "SELECT request_id FROM access_grant WHERE id = {}",
        case.other_grant
    );
    for (table, of, from) in [
        (
            "policy",
            row(&case.production_policy),
            vec![row(&case.sandbox_policy)],
        ),
        (
            "environment",
            row(&case.production),
            vec![row(&case.sandbox)],
        ),
        (
            "access_grant",
            row(&case.grant),
            vec![row(&case.other_grant)],
        ),
        ("decision", others, vec![]),
        (
            "revision",
            format!("request_id = ({request})"),
            vec![format!("request_id = ({other})")],
        ),
        (
            "access_request",
            format!("id = ({request})"),
            vec![format!("id = ({other})")],
        ),
    ] {
        let rows = Rows {
            table,
            of: &of,
            from: &from,
        };
        let more = |column: &Column| match column.name.as_str() {
            "grant_id" => vec![case.grant.clone()],
            _ => Vec::new(),
        };
        let holds =
            async |world: &mut World, what: &str| one_of_two_is_not_enough(world, case, what).await;
        edits::each_column(world, done, kept, rows, more, holds).await?;
    }
    Ok(())
}

async fn more_at_once(world: &mut World, done: &mut Done, case: &Case, kept: &Kept) -> Result<()> {
    let Case {
        grant,
        other_grant,
        production,
        sandbox,
        production_policy,
        sandbox_policy,
        ..
    } = case;
    let stranger = world.hand.uuid(edits::STRANGER);
    let digests = "(SELECT revision_digest FROM kept_mine AS mine WHERE mine.grant_id =";
    let signed = [
        "revision_digest",
        "grant_digest",
        "policy_digest",
        "recipient_digest",
    ]
    .map(|digest| {
        format!(
            "{digest} = {} {grant})",
            digests.replace("revision_digest", digest)
        )
    });
    let signed = signed.join(", ");
    let attacks = [
        format!(
            "UPDATE policy SET document = (SELECT document FROM kept_policy WHERE id = {sandbox_policy}) WHERE id = {production_policy}"
        ),
        format!(
            "DELETE FROM policy WHERE id = {production_policy}; UPDATE policy SET environment_id = {production} WHERE id = {sandbox_policy}"
        ),
        format!("UPDATE decision SET grant_id = {grant}, {signed} WHERE grant_id = {other_grant}"),
        format!(
            "INSERT INTO decision SELECT {stranger}, {grant}, other.person_id, other.credential_id, other.verdict, other.reason, \
             mine.revision_digest, mine.grant_digest, mine.policy_digest, mine.recipient_digest, other.evidence, other.at, \
             NULL, NULL, other.stamp, other.mac FROM kept_mine AS mine, kept_decision AS other \
             WHERE mine.grant_id = {grant} AND other.grant_id = {other_grant}"
        ),
        format!(
            "UPDATE access_grant SET environment_id = {sandbox}, policy_id = {sandbox_policy} WHERE id = {grant}"
        ),
        format!(
            "UPDATE environment SET name = 'was sandbox' WHERE id = {sandbox}; UPDATE environment SET name = 'sandbox' WHERE id = {production}"
        ),
        format!(
            "UPDATE access_grant SET state = 'approved', valid_until = 4102444800000000 WHERE id = {grant}"
        ),
    ];
    for attack in attacks {
        world
            .hand
            .run(&attack)
            .await
            .with_context(|| attack.clone())?;
        one_of_two_is_not_enough(world, case, &attack).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    let waiting = format!(
        "UPDATE access_grant SET state = 'waiting_for_passkey', valid_until = 4102444800000000 WHERE id = {grant}"
    );
    world.hand.run(&waiting).await?;
    let before = keys(world).await?;
    world.hand.run("DELETE FROM tries").await?;
    let mut contact = world.scene.contact.elsewhere();
    contact.sign_in().await?;
    let added = contact.add_passkey("Another").await;
    assert_eq!(
        before,
        keys(world).await?,
        "minted after {waiting} ({added:?})"
    );
    done.note_other();
    kept.put_back(&mut world.hand).await
}

/// The owner approves, whatever comes of it: without a second reviewer nothing is minted.
async fn one_of_two_is_not_enough(world: &mut World, case: &Case, what: &str) -> Result<()> {
    let before = keys(world).await?;
    let approved = decide(&world.scene.owner, &case.request, "production", "approve").await;
    if what == "nothing" {
        approved.context("an approval without any edit")?;
    }
    let as_sandbox = decide(&world.scene.owner, &case.request, "sandbox", "approve").await;
    assert!(as_sandbox.is_err(), "approved as the sandbox after {what}");
    assert_eq!(before, keys(world).await?, "minted after {what}");
    Ok(())
}

/// The owner approves, whatever comes of it: nothing is minted.
pub(crate) async fn nothing_is_minted(world: &mut World, request: &str, what: &str) -> Result<()> {
    let before = keys(world).await?;
    let approved = decide(&world.scene.owner, request, "sandbox", "approve").await;
    if what == "nothing" {
        approved.context("an approval without any edit")?;
    }
    assert_eq!(before, keys(world).await?, "minted after {what}");
    Ok(())
}

async fn no_link_goes_to_an_address_that_was_written_in(
    world: &mut World,
    done: &mut Done,
) -> Result<()> {
    let request = world.scene.ask_for_access().await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    let of = format!("email = '{CONTACT}'");
    let rows = Rows {
        table: "address",
        of: &of,
        from: &[],
    };
    let more = |column: &Column| match column.name.as_str() {
        "email" | "mailbox" => vec![format!("'{THIEF}'")],
        _ => Vec::new(),
    };
    let holds =
        async |world: &mut World, what: &str| nothing_is_minted(world, &request, what).await;
    edits::each_column(world, done, &kept, rows, more, holds).await?;
    a_waiting_mail_does_not_change_its_address(world, done, &request).await?;
    assert_eq!(links_to_the_thief(&world.scene)?, 0);
    Ok(())
}

async fn a_waiting_mail_does_not_change_its_address(
    world: &mut World,
    done: &mut Done,
    request: &str,
) -> Result<()> {
    world.scene.mailbox.take_down();
    decide(&world.scene.owner, request, "sandbox", "approve").await?;
    let link = "sealed IS NOT NULL AND sent_at IS NULL AND dead_at IS NULL";
    let id = world.hand.id("outbox", link).await?;
    let id = world.hand.uuid(&id);
    let edit = format!("UPDATE outbox SET address = '{THIEF}', next_at = 0 WHERE id = {id}");
    world.hand.run(&edit).await?;
    world.scene.mailbox.bring_back().await?;
    let over = format!(
        "SELECT 'over' FROM outbox WHERE id = {id} AND (sent_at IS NOT NULL OR dead_at IS NOT NULL OR next_at > 0)"
    );
    for _ in 0..PATIENCE.as_millis() / 50 {
        if !world.hand.texts(&over).await?.is_empty() {
            done.note_other();
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the mail was not tried again")
}

fn links_to_the_thief(scene: &Scene) -> Result<usize> {
    let mails = scene.mailbox.all()?;
    let prefix = format!("{}/d/", scene.portal.origin());
    Ok(mails
        .iter()
        .filter(|mail| mail.to.iter().any(|to| to == THIEF) && mail.link(&prefix).is_some())
        .count())
}
