//! Temporary access that waits: nobody decides on what was not asked for, and one approval of two is
//! not two. It comes after `live`, which offers the endpoints that are asked for here.

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, decide};
use tests::hand::Column;
use tests::live;
use tests::visitor::Visitor;

use crate::edits::{self, Done, Kept, Rows};
use crate::world::{OWNER, World, person};

const TABLES: [&str; 2] = ["grant_overlay", "overlay_decision"];

/// All wait beside one grant, whose policy takes two approvals.
struct Case {
    asked: Wish,
    /// For more hours.
    longer: Wish,
    /// The reviewer approved it.
    approved_once: Wish,
}

struct Wish {
    page: String,
    /// As a literal.
    id: String,
}

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let case = case(world).await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    nobody_decides_on_what_was_not_asked_for(world, done, &case, &kept).await?;
    nobody_counts_for_two(world, done, &case, &kept).await?;
    no_approval_is_moved(world, done, &case, &kept).await?;
    for who in [&world.scene.owner, &world.reviewer] {
        approve(who, &case.asked).await?;
    }
    assert_eq!(state(world, &case.asked).await?, "approved", "by both");
    Ok(())
}

async fn case(world: &mut World) -> Result<Case> {
    let request = world.scene.ask_for(&["production"]).await?;
    for who in [&world.scene.owner, &world.reviewer] {
        decide(who, &request, "production", "approve").await?;
    }
    let link = world.scene.link_to(CONTACT, "/d/").await?;
    let held = world.scene.receive(link).await?;
    let case = Case {
        asked: wish(world, &held.page, "2").await?,
        longer: wish(world, &held.page, "8").await?,
        approved_once: wish(world, &held.page, "2").await?,
    };
    approve(&world.reviewer, &case.approved_once).await?;
    Ok(case)
}

async fn wish(world: &World, key: &str, hours: &str) -> Result<Wish> {
    let page = live::ask(&world.scene, key, hours, "hours").await?;
    let id = page.rsplit('/').next().context("an id")?;
    Ok(Wish {
        id: world.hand.uuid(id),
        page,
    })
}

async fn nobody_decides_on_what_was_not_asked_for(
    world: &mut World,
    done: &mut Done,
    case: &Case,
    kept: &Kept,
) -> Result<()> {
    let of = format!("id = {}", case.asked.id);
    let longer = format!("id = {}", case.longer.id);
    let rows = Rows {
        table: "grant_overlay",
        of: &of,
        from: std::slice::from_ref(&longer),
    };
    let holds = async |world: &mut World, what: &str| is_not_decided(world, case, what).await;
    edits::each_column(world, done, kept, rows, edits::no_more, holds).await?;
    // The digest holds the document; both of another, only the row's MAC.
    let both = ["document", "digest"].map(|column| {
        format!("{column} = (SELECT {column} FROM kept_grant_overlay WHERE {longer})")
    });
    let both = format!("UPDATE grant_overlay SET {} WHERE {of}", both.join(", "));
    assert_eq!(world.hand.run(&both).await?, 1);
    is_not_decided(world, case, &both).await?;
    done.note_other();
    kept.put_back(&mut world.hand).await
}

async fn is_not_decided(world: &World, case: &Case, what: &str) -> Result<()> {
    let decided = approve(&world.scene.owner, &case.asked).await;
    assert!(decided.is_err(), "decided on after {what}");
    Ok(())
}

/// Whatever becomes of the reviewer's approval, they do not make the quorum alone.
async fn nobody_counts_for_two(
    world: &mut World,
    done: &mut Done,
    case: &Case,
    kept: &Kept,
) -> Result<()> {
    let of = format!("overlay_id = {}", case.approved_once.id);
    let owner = person(&mut world.hand, OWNER).await?;
    let owner = world.hand.uuid(&owner);
    let rows = Rows {
        table: "overlay_decision",
        of: &of,
        from: &[],
    };
    let more = |column: &Column| match column.name.as_str() {
        "person_id" => vec![owner.clone()],
        _ => Vec::new(),
    };
    let holds = async |world: &mut World, what: &str| {
        let again = approve(&world.reviewer, &case.approved_once).await;
        let state = state(world, &case.approved_once).await?;
        assert_eq!(state, "asked", "after {what} ({again:?})");
        Ok(())
    };
    edits::each_column(world, done, kept, rows, more, holds).await
}

/// The reviewer's approval of one, put under another with what the owner signs there.
async fn no_approval_is_moved(
    world: &mut World,
    done: &mut Done,
    case: &Case,
    kept: &Kept,
) -> Result<()> {
    let (asked, approved) = (&case.asked.id, &case.approved_once.id);
    approve(&world.scene.owner, &case.asked).await?;
    let owners = "CREATE TABLE kept_owners AS SELECT * FROM overlay_decision WHERE overlay_id =";
    world.hand.run(&format!("{owners} {asked}")).await?;
    kept.put_back(&mut world.hand).await?;
    let signed = [
        "revision_digest",
        "grant_digest",
        "policy_digest",
        "recipient_digest",
    ]
    .map(|digest| format!("{digest} = (SELECT {digest} FROM kept_owners)"));
    let moved = format!(
        "UPDATE overlay_decision SET overlay_id = {asked}, {} WHERE overlay_id = {approved}",
        signed.join(", ")
    );
    assert_eq!(world.hand.run(&moved).await?, 1);
    let own = approve(&world.scene.owner, &case.asked).await;
    let state = state(world, &case.asked).await?;
    assert_eq!(state, "asked", "after {moved} ({own:?})");
    done.note_other();
    kept.put_back(&mut world.hand).await
}

async fn approve(who: &Visitor, wish: &Wish) -> Result<String> {
    live::decide(who, &wish.page, "approve").await
}

async fn state(world: &mut World, wish: &Wish) -> Result<String> {
    let of = format!("SELECT state FROM grant_overlay WHERE id = {}", wish.id);
    let states = world.hand.texts(&of).await?;
    Ok(states.into_iter().next().unwrap_or_default())
}
