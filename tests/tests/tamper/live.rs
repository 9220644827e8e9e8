//! Temporary access and narrowings: nothing is open for longer or wider than was signed, and a grant
//! that was narrowed does not grow back. Each edit is of all rows at once; then the portal is started
//! again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::company::{CONTACT, Held};
use tests::live;

use crate::edits::{self, Done, Kept};
use crate::world::{World, grant_of};

/// So long without a mail, and none is under way any more.
const QUIET: Duration = Duration::from_secs(2);

const TABLES: [&str; 5] = [
    "access_grant",
    "api_key",
    "narrowing",
    "grant_overlay",
    "overlay_decision",
];

/// Keys whose grants lend nothing (any more), and one whose grant was narrowed.
struct Case {
    /// Temporary access was ended; another time it was rejected, and another one waits.
    over: Held,
    /// Its temporary access is open.
    open: Held,
    narrowed: Held,
    narrowed_grant: String,
}

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let case = case(world).await?;
    nothing_is_gained(world, &case, "nothing").await?;
    let label = live::code(&world.scene, &case.open.key).await?;
    assert_eq!(label, "ok", "it is open before any edit");
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    for table in ["grant_overlay", "overlay_decision", "narrowing"] {
        let from = match table {
            "grant_overlay" => vec!["state = 'approved'".to_owned()],
            "overlay_decision" => vec!["verdict = 'approve' LIMIT 1".to_owned()],
            _ => Vec::new(),
        };
        for column in world.hand.columns(table).await? {
            for value in edits::values(&mut world.hand, &column, &from).await? {
                let one = match world.hand {
                    tests::hand::Hand::Sqlite(_) => {
                        format!("id = (SELECT MIN(kept.id) FROM kept_{table} AS kept)")
                    }
                    tests::hand::Hand::Postgres(_) => {
                        format!("id = (SELECT id FROM kept_{table} ORDER BY id LIMIT 1)")
                    }
                };
                let mut edited = edits::set(&mut world.hand, &column, &value, "1 = 1").await?;
                if !edited {
                    edited = edits::set(&mut world.hand, &column, &value, &one).await?;
                }
                if edited {
                    let what = format!("{table}.{} = {value}", column.name);
                    world.scene.portal.restart().await?;
                    nothing_is_gained(world, &case, &what).await?;
                    done.note(table, &column.name);
                    kept.put_back(&mut world.hand).await?;
                }
            }
        }
    }
    more_at_once(world, done, &case, &kept).await?;
    world.scene.portal.restart().await?;
    nothing_is_gained(world, &case, "nothing any more").await
}

async fn case(world: &mut World) -> Result<Case> {
    // What was mailed before is not what the next deliveries mail.
    while let Ok(mail) = world.scene.mailbox.next_to(CONTACT, QUIET).await {
        drop(mail);
    }
    let (over, open, narrowed) = (
        world.scene.key().await?,
        world.scene.key().await?,
        world.scene.key().await?,
    );
    let scene = &world.scene;
    live::offer_labels(scene).await?;
    let ended = live::ask(scene, &over.page, "2", "hours").await?;
    live::decide(&scene.owner, &ended, "approve").await?;
    let why = [("reason", "The parcel was found.")];
    scene.owner.act(&format!("{ended}/end"), &why).await?;
    let rejected = live::ask(scene, &over.page, "2", "hours").await?;
    live::decide(&scene.owner, &rejected, "reject").await?;
    live::ask(scene, &over.page, "2", "hours").await?;
    let lent = live::ask(scene, &open.page, "2", "hours").await?;
    live::decide(&scene.owner, &lent, "approve").await?;
    let form = live::narrow_form(&scene.owner, &narrowed.page).await?;
    let fewer = [
        ("rule", "GET /v2/shipments/{id}"),
        ("networks", "203.0.113.4/32"),
        ("why", "The events were never read."),
    ];
    live::narrow(&scene.owner, &form, &fewer).await?;
    let grant = grant_of(&mut world.hand, &narrowed.page).await?;
    Ok(Case {
        over,
        open,
        narrowed_grant: world.hand.uuid(&grant),
        narrowed,
    })
}

/// Rows that are gone, or put under another grant, or made to say what others do.
async fn more_at_once(world: &mut World, done: &mut Done, case: &Case, kept: &Kept) -> Result<()> {
    let over = grant_of(&mut world.hand, &case.over.page).await?;
    let over = world.hand.uuid(&over);
    let narrowed = &case.narrowed_grant;
    let far = "4102444800000000";
    let attacks = [
        format!("DELETE FROM narrowing WHERE grant_id = {narrowed}"),
        format!("UPDATE access_grant SET narrowed = NULL WHERE id = {narrowed}"),
        format!("UPDATE access_grant SET narrowed = 0 WHERE id = {narrowed}"),
        format!("UPDATE access_grant SET narrowed = narrowed + 1 WHERE id = {narrowed}"),
        format!(
            "UPDATE narrowing SET document = (SELECT document FROM access_grant WHERE id = {narrowed}), \
             digest = (SELECT digest FROM access_grant WHERE id = {narrowed}) WHERE grant_id = {narrowed}"
        ),
        format!(
            "UPDATE grant_overlay SET state = 'approved', settled_at = asked_at, ends_at = {far}, ended_at = NULL, end_reason = NULL"
        ),
        format!("UPDATE grant_overlay SET grant_id = {over} WHERE state = 'approved'"),
        format!(
            "UPDATE grant_overlay SET ends_at = {far}, state = 'approved' WHERE grant_id = {over}"
        ),
        "UPDATE overlay_decision SET verdict = 'approve', voided_at = NULL".to_owned(),
    ];
    for attack in attacks {
        world
            .hand
            .run(&attack)
            .await
            .with_context(|| attack.clone())?;
        world.scene.portal.restart().await?;
        nothing_is_gained(world, case, &attack).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    // Without the approvals that it rests on, what is open closes.
    world.hand.run("DELETE FROM overlay_decision").await?;
    world.scene.portal.restart().await?;
    let label = live::code(&world.scene, &case.open.key).await?;
    assert_eq!(label, "endpoint", "without its approvals");
    assert_eq!(
        world.scene.verify(&case.open.key).await?,
        "ok",
        "the grant's own"
    );
    done.note_other();
    kept.put_back(&mut world.hand).await
}

async fn nothing_is_gained(world: &World, case: &Case, what: &str) -> Result<()> {
    let scene = &world.scene;
    let label = live::code(scene, &case.over.key).await?;
    assert_ne!(
        label, "ok",
        "temporary access that is over is open after {what}"
    );
    for call in [
        json!({ "path": "/v2/shipments/1/events" }),
        json!({ "source_ip": "203.0.113.5" }),
    ] {
        let answer = scene
            .ask_about(&scene.gateway, &case.narrowed.key, &call)
            .await?;
        assert_ne!(answer["code"], "ok", "it grew back after {what}: {call}");
    }
    // What is open is open for these calls alone.
    for call in [
        json!({ "path": "/v2/labels", "method": "POST" }),
        json!({ "path": "/v2/labels/7", "source_ip": "198.51.100.4" }),
    ] {
        let answer = scene
            .ask_about(&scene.gateway, &case.open.key, &call)
            .await?;
        assert_ne!(answer["code"], "ok", "wider after {what}: {call}");
    }
    Ok(())
}
