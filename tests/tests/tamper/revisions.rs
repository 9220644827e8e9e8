//! Revisions: nobody decides on answers that were not handed in, and who was appointed since decides
//! on nothing.

use anyhow::{Context as _, Result};
use tests::company::decide;
use tests::hand::Column;
use tests::visitor::Visitor;

use crate::edits::{self, Done, Kept, Rows};
use crate::world::World;

const TABLES: [&str; 6] = [
    "access_grant",
    "access_request",
    "decision",
    "outbox",
    "pending_act",
    "revision",
];

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let other = world.scene.ask_for(&["sandbox"]).await?;
    let request = world.scene.ask_for(&["sandbox"]).await?;
    let late = world
        .scene
        .hire("Late", "late@host.example", &["reviewer"])
        .await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    let (of, from) = (of(world, &request), of(world, &other));
    let rows = Rows {
        table: "revision",
        of: &of,
        from: std::slice::from_ref(&from),
    };
    let more = |column: &Column| match column.name.as_str() {
        "document" => vec!["REPLACE(document, '5000', '9000')".to_owned()],
        _ => Vec::new(),
    };
    let holds =
        async |world: &mut World, what: &str| nobody_decides(world, &late, &request, what).await;
    edits::each_column(world, done, &kept, rows, more, holds).await?;
    // As the newest one, it is the one that reviewers read.
    let newest = format!("UPDATE revision SET {of}, number = number + 1 WHERE {from}");
    assert_eq!(world.hand.run(&newest).await?, 1);
    nobody_decides(world, &late, &request, &newest).await?;
    done.note_other();
    kept.put_back(&mut world.hand).await?;

    let appointed_since = decide(&late, &request, "sandbox", "approve").await;
    assert!(appointed_since.is_err(), "without an edit");
    let decided = decide(&world.scene.owner, &request, "sandbox", "reject").await;
    decided.context("without an edit")?;
    Ok(())
}

/// `request_id = …`
fn of(world: &World, request: &str) -> String {
    let id = request.rsplit('/').next().unwrap_or_default();
    format!("request_id = {}", world.hand.uuid(id))
}

async fn nobody_decides(world: &World, late: &Visitor, request: &str, what: &str) -> Result<()> {
    for (who, name) in [
        (late, "who was appointed since"),
        (&world.scene.owner, "a reviewer"),
    ] {
        let decided = decide(who, request, "sandbox", "approve").await;
        assert!(decided.is_err(), "{name} decided after {what}");
    }
    Ok(())
}
