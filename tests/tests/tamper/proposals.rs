//! Changes that wait for a second person: nobody confirms their own, nor what was not proposed, nor
//! what was refused or has run out.

use anyhow::{Context as _, Result};
use domain::time::Timestamp;
use serde_json::json;
use store::{Proposal, Work};
use tests::hand::{Column, Kind};
use tests::visitor::{Visitor, location};

use crate::edits::{self, Done, Kept, Rows};
use crate::world::{AUDITOR, World, person, rewrite};

const SECOND: &str = "second@host.example";

struct Case {
    second: Visitor,
    /// One of each, by the first owner: to make the auditor an operator too.
    open: String,
    refused: String,
    run_out: String,
}

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let case = case(world).await?;
    let kept = Kept::of(&mut world.hand, &["proposal"]).await?;
    each_column(world, done, &case, &kept).await?;
    what_is_over_stays_so(world, done, &case, &kept).await?;
    what_was_signed_is_what_is_done(world, done, &case, &kept).await?;
    let confirmed = case.second.act(&confirm(&case.open), &[]).await;
    confirmed.context("without an edit")?;
    Ok(())
}

async fn case(world: &mut World) -> Result<Case> {
    // With a second owner, a change of roles waits for one.
    let second = world.scene.hire("Second owner", SECOND, &["owner"]).await?;
    let run_out = propose(world).await?;
    rewrite(&world.scene, async |work: &mut Work| {
        let row = work.proposal(run_out.parse()?).await?;
        let row = row.context("the proposal")?;
        let stamp = row.stamp();
        let row = Proposal {
            proposed_at: Timestamp::from_micros(0),
            ..row.into_row()
        };
        work.update_proposal(row, stamp).await?;
        Ok(())
    })
    .await?;
    let refused = propose(world).await?;
    let refuse = format!("/proposals/{refused}/refuse");
    assert_eq!(world.scene.owner.form(&refuse, &[]).await?.status(), 303);
    Ok(Case {
        open: propose(world).await?,
        second,
        refused,
        run_out,
    })
}

/// The first owner proposes the change; its id.
async fn propose(world: &mut World) -> Result<String> {
    let auditor = person(&mut world.hand, AUDITOR).await?;
    let path = format!("/people/{auditor}/roles");
    let roles = [("role", "auditor"), ("role", "operator")];
    world.scene.owner.act(&path, &roles).await?;
    let newest = "state = 'open' AND proposed_at = (SELECT MAX(proposed_at) FROM proposal)";
    world.hand.id("proposal", newest).await
}

fn confirm(proposal: &str) -> String {
    format!("/proposals/{proposal}/confirm")
}

/// By nobody: neither the first owner alone, nor the second one over what the first did not propose.
async fn each_column(world: &mut World, done: &mut Done, case: &Case, kept: &Kept) -> Result<()> {
    let of = format!("id = {}", world.hand.uuid(&case.open));
    let second = person(&mut world.hand, SECOND).await?;
    let second = world.hand.uuid(&second);
    let rows = Rows {
        table: "proposal",
        of: &of,
        from: &[],
    };
    let more = |column: &Column| match column.name.as_str() {
        "input" => vec!["REPLACE(input, 'operator', 'owner')".to_owned()],
        _ if column.kind == Kind::Id => vec![second.clone()],
        _ => Vec::new(),
    };
    let holds =
        async |world: &mut World, what: &str| nobody_confirms(world, case, &case.open, what).await;
    edits::each_column(world, done, kept, rows, more, holds).await
}

async fn what_is_over_stays_so(
    world: &mut World,
    done: &mut Done,
    case: &Case,
    kept: &Kept,
) -> Result<()> {
    for (proposal, edit) in [
        (
            &case.refused,
            "state = 'open', settled_by = NULL, settled_at = NULL",
        ),
        (&case.run_out, "proposed_at = 4102444800000000"),
    ] {
        nobody_confirms(world, case, proposal, "nothing").await?;
        let id = world.hand.uuid(proposal);
        let edit = format!("UPDATE proposal SET {edit} WHERE id = {id}");
        assert_eq!(world.hand.run(&edit).await?, 1);
        nobody_confirms(world, case, proposal, &edit).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

async fn nobody_confirms(world: &World, case: &Case, proposal: &str, what: &str) -> Result<()> {
    for (who, name) in [
        (&world.scene.owner, "who proposed it"),
        (&case.second, "another owner"),
    ] {
        let confirmed = who.act(&confirm(proposal), &[]).await;
        assert!(confirmed.is_err(), "{name} confirmed after {what}");
    }
    Ok(())
}

/// Between the confirm page and its assertion, the assertion holds it as well: the lines that were
/// signed are compared to what would be done.
async fn what_was_signed_is_what_is_done(
    world: &mut World,
    done: &mut Done,
    case: &Case,
    kept: &Kept,
) -> Result<()> {
    let waits = case.second.form(&confirm(&case.open), &[]).await?;
    let waits = location(&waits).context("an act that waits")?;
    let begun = case
        .second
        .post(&format!("{waits}/begin"), &json!({}))
        .await?;
    let assertion = case
        .second
        .authenticator
        .get(&begun["options"], world.scene.portal.origin())?;
    let edit = "UPDATE proposal SET input = REPLACE(input, 'operator', 'owner')";
    world.hand.run(edit).await?;
    let finish = json!({ "ceremony": begun["ceremony"], "credential": assertion });
    let did = case.second.post(&format!("{waits}/finish"), &finish).await;
    assert!(did.is_err(), "what nobody signed was done");
    done.note_other();
    kept.put_back(&mut world.hand).await
}
