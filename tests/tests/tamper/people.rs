//! People, roles, passkeys, sessions and links: read at each request, so no restart is needed.
//! Nobody gets in who may not, and nobody may do more.

use anyhow::{Context as _, Result};
use domain::id::PersonId;
use reqwest::StatusCode;
use tests::company::{action, text};
use tests::visitor::{Visitor, enrolment};

use crate::edits::{self, Done, Kept};
use crate::world::{
    AUDITOR, ENDED, MEMBER, OTHER, OWNER, REMOVED, REVIEWER, World, of_person, person,
};

const TABLES: [&str; 8] = [
    "address",
    "credential",
    "partner",
    "pending_act",
    "person",
    "person_link",
    "role",
    "session",
];

/// What nobody of these may see, and who tries.
struct Closed {
    request: String,
    key: String,
    /// A link that was used, with its code and the id of its person.
    link: String,
    /// The auditor's authenticator, which says that it is the owner's.
    impostor: Visitor,
    /// The passkey that the reviewer took away from themselves.
    lost: Visitor,
}

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    let closed = closed(world).await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    assert_shut_out(world, &closed, "nothing", ALL).await?;
    for (table, rows) in targets(world).await? {
        let from = like(world, table).await?;
        for column in world.hand.columns(table).await? {
            for value in edits::values(&mut world.hand, &column, &from).await? {
                for of in &rows {
                    let edited = edits::set(&mut world.hand, &column, &value, of).await?;
                    if edited {
                        let what = format!("{table}.{} = {value} where {of}", column.name);
                        assert_shut_out(world, &closed, &what, table).await?;
                        done.note(table, &column.name);
                        kept.put_back(&mut world.hand).await?;
                    }
                }
            }
        }
    }
    all_at_once(world, done, &closed, &kept).await
}

async fn closed(world: &mut World) -> Result<Closed> {
    let request = world.scene.ask_for_access().await?;
    let owner: PersonId = person(&mut world.hand, OWNER).await?.parse()?;
    let mut impostor = world.auditor.elsewhere();
    impostor.authenticator.pose_as(owner.uuid().as_bytes());
    let lost = world.reviewer.elsewhere();
    world.reviewer.add_passkey("New laptop").await?;
    let profile = text(&world.reviewer, "/profile").await?;
    let oldest = action(&profile, "/profile/passkeys/", "/remove").context("two passkeys")?;
    world.reviewer.act(&oldest, &[]).await?;
    let used = world
        .scene
        .mailbox
        .all()?
        .into_iter()
        .filter(|mail| mail.to.iter().any(|to| to == MEMBER))
        .find_map(|mail| {
            let prefix = format!("{}/l/", world.scene.portal.origin());
            mail.link(&prefix).map(str::to_owned)
        });
    Ok(Closed {
        request,
        key: world.good.page.clone(),
        link: used.unwrap_or_default(),
        impostor,
        lost,
    })
}

/// The rows of those who want more, by table.
async fn targets(world: &mut World) -> Result<Vec<(&'static str, Vec<String>)>> {
    let hand = &mut world.hand;
    let mut targets = Vec::new();
    let people = [AUDITOR, REMOVED, MEMBER, OTHER, ENDED];
    for (table, column) in [
        ("person", "id"),
        ("address", "id"),
        ("role", "person_id"),
        ("credential", "person_id"),
        ("session", "person_id"),
    ] {
        let mut rows = Vec::new();
        for email in people {
            let of = of_person(hand, column, email).await?;
            let found = hand
                .texts(&format!("SELECT 'x' FROM {table} WHERE {of}"))
                .await?;
            if !found.is_empty() {
                rows.push(of);
            }
        }
        match table {
            "address" => rows.truncate(2),
            "credential" => {
                let of = of_person(hand, column, REVIEWER).await?;
                rows.push(format!("{of} AND removed_at IS NOT NULL"));
            }
            _ => {}
        }
        targets.push((table, rows));
    }
    let member = of_person(hand, "person_id", MEMBER).await?;
    targets.push(("partner", vec!["name = 'Ended Carriers'".to_owned()]));
    targets.push(("person_link", vec![member]));
    Ok(targets)
}

/// A row of the same table that somebody would rather have.
async fn like(world: &mut World, table: &str) -> Result<Vec<String>> {
    let hand = &mut world.hand;
    let owner = of_person(hand, "id", OWNER).await?;
    let of_owner = of_person(hand, "person_id", OWNER).await?;
    let first = |of: &str| format!("{of} AND id = (SELECT id FROM session WHERE {of} LIMIT 1)");
    Ok(match table {
        "person" | "address" => vec![owner],
        "role" => vec![format!("{of_owner} AND role = 'owner'")],
        "credential" => vec![of_owner],
        "session" => vec![first(&of_owner)],
        "partner" => vec!["name = 'Brightwater Logistics'".to_owned()],
        "person_link" => Vec::new(),
        _ => Vec::new(),
    })
}

async fn all_at_once(
    world: &mut World,
    done: &mut Done,
    closed: &Closed,
    kept: &Kept,
) -> Result<()> {
    let owner = of_person(&mut world.hand, "person_id", OWNER).await?;
    let auditor = of_person(&mut world.hand, "person_id", AUDITOR).await?;
    let id = |of: &str| of.trim_start_matches("person_id = ").to_owned();
    let (owner, auditor) = (id(&owner), id(&auditor));
    let removed = id(&of_person(&mut world.hand, "person_id", REMOVED).await?);
    let stranger = world.hand.uuid(edits::STRANGER);
    let forged = world.hand.bytes(&"a5".repeat(32));
    let passkey = ["raw_id", "passkey"].map(|column| {
        format!("{column} = (SELECT {column} FROM kept_credential WHERE person_id = {auditor})")
    });
    let passkey = passkey.join(", ");
    let attacks = [
        "UPDATE person SET state = 'active'; UPDATE credential SET removed_at = NULL; UPDATE partner SET state = 'active'".to_owned(),
        format!("INSERT INTO role SELECT {stranger}, {auditor}, 'owner', appointed_at, appointed_by, stamp, mac FROM kept_role WHERE person_id = {owner} AND role = 'owner'"),
        format!("UPDATE role SET person_id = {auditor} WHERE person_id = {owner} AND role <> 'auditor'"),
        format!("UPDATE session SET person_id = {owner}, credential_id = (SELECT id FROM credential WHERE person_id = {owner}) WHERE person_id = {auditor}"),
        format!("INSERT INTO session (id, token_mac, person_id, credential_id, created_at, seen_at, ends_at, address, agent) SELECT {stranger}, {forged}, {removed}, (SELECT id FROM credential WHERE person_id = {removed}), MAX(created_at), MAX(seen_at), MAX(ends_at), '', '' FROM kept_session"),
        format!("UPDATE credential SET person_id = {owner} WHERE person_id = {auditor}"),
        format!("UPDATE credential SET raw_id = {forged} WHERE person_id = {auditor}; UPDATE credential SET {passkey} WHERE person_id = {owner}"),
        format!("DELETE FROM person WHERE id = {owner}; UPDATE person SET id = {owner} WHERE id = {auditor}"),
        "UPDATE person_link SET consumed_at = NULL, voided_at = NULL, wrong_codes = 0, expires_at = 4102444800000000".to_owned(),
        "UPDATE person_link SET consumed_at = NULL, code_mac = NULL, kind = 'owner', expires_at = 4102444800000000".to_owned(),
    ];
    for attack in attacks {
        world.hand.run(&attack).await?;
        assert_shut_out(world, closed, &attack, ALL).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

/// For edits of more than one table.
const ALL: &str = "all";

/// After an edit of a table. What cannot depend on that table is not asked again.
async fn assert_shut_out(
    world: &mut World,
    closed: &Closed,
    what: &str,
    table: &str,
) -> Result<()> {
    let on = |tables: &[&str]| table == ALL || tables.contains(&table);
    // Limits of tries would hide an answer.
    world.hand.run("DELETE FROM tries").await?;
    if on(&[
        "address",
        "credential",
        "partner",
        "person",
        "role",
        "session",
    ]) {
        they_see_no_more(world, closed, what).await?;
    }
    if on(&["credential", "partner", "person"]) {
        for (who, name) in [
            (&world.removed, "somebody removed"),
            (&world.ended, "an ended partner's contact"),
            (&closed.impostor, "the auditor as the owner"),
            (&closed.lost, "who has a passkey that was taken away"),
        ] {
            let signed_in = who.elsewhere().sign_in().await;
            assert!(signed_in.is_err(), "{name} signs in after {what}");
        }
    }
    if on(&["person", "person_link"]) {
        for code in [Some("ABCDEFGH"), None] {
            let begin = enrolment(&closed.link, code)?;
            let again = world.scene.owner.post("/auth/enrol/begin", &begin).await;
            assert!(again.is_err(), "a used link enrols after {what}");
        }
    }
    Ok(())
}

async fn they_see_no_more(world: &World, closed: &Closed, what: &str) -> Result<()> {
    let decide = format!("{}/decide/sandbox", closed.request);
    let shut: [(&Visitor, &str, &[&str]); 5] = [
        (&world.removed, "somebody removed", &["/"]),
        (&world.ended, "an ended partner's contact", &["/"]),
        (
            &world.auditor,
            "an auditor",
            &["/gateways", "/people/invite", &decide],
        ),
        (&world.member, "a member", &["/people/invite", "/partners"]),
        (
            &world.other,
            "another partner's",
            &[&closed.request, &closed.key, "/partners"],
        ),
    ];
    for (who, name, paths) in shut {
        for path in paths {
            let got = who.get(path).await?.status();
            assert_ne!(got, StatusCode::OK, "{name} sees {path} after {what}");
        }
    }
    Ok(())
}
