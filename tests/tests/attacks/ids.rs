//! What is another partner's, or staff's alone, answers like what is not there.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use server::http::guard::Access;
use server::http::routes::{Entry, TABLE};
use tests::company::{linked, text};
use tests::promises;
use tests::rows::Rows;
use tests::scene::{ANSWERS, Scene};
use tests::tally;
use tests::visitor::Visitor;

use crate::{Answer, id_in, settled};

const INVENTED: &str = "00000000-0000-4000-8000-000000000000";

/// The same page for every id, until something is proved.
const SAME_FOR_ALL: [&str; 2] = ["/l/", "/d/"];

promises! {
    another_partners_ids_answer_like_invented_ones,
    the_right_partner_is_let_in_where_others_are_not,
    an_id_that_is_none_is_the_id_of_nothing,
}

async fn another_partners_ids_answer_like_invented_ones(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let stranger = scene.other_partner("Quay", "quay@other.example").await?;
    let ids = ids(&mut scene).await?;
    let before = settled(&scene.portal).await?;
    let mut attacks = 0;
    for route in TABLE.iter().filter(|route| is_attacked(route)) {
        let area = route.path.split('/').nth(1).unwrap_or_default();
        let found = ids.get(area).map_or(INVENTED, String::as_str);
        let theirs = try_it(&stranger, route, found).await?;
        let invented = try_it(&stranger, route, INVENTED).await?;
        let expected = match route.path {
            // A ceremony is spent before anything else is looked at.
            "/confirm/{id}/finish" => 403,
            // One page for everything that is not there, or not any more.
            "/reveal/{id}" => 410,
            _ => 404,
        };
        let place = format!("{} {}", route.method, route.path);
        assert_eq!(theirs.status, expected, "{place}: {}", theirs.body);
        assert_eq!(theirs.status, invented.status, "{}", route.path);
        assert_eq!(
            without_nonce(&theirs.body),
            without_nonce(&invented.body),
            "{}",
            route.path
        );
        attacks += 1;
    }
    let after = Rows::of(&scene.portal).await?;
    // That somebody tried is counted, and when they were last here.
    let counted = ["session", "tries"];
    assert_eq!(before.changed(&after, &counted), Vec::<String>::new());
    assert!(attacks > 50, "{attacks}");
    tally::count("attacks", attacks);
    Ok(())
}

async fn the_right_partner_is_let_in_where_others_are_not(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let ids = ids(&mut scene).await?;
    for area in ["people", "keys", "requests"] {
        let path = format!("/{area}/{}", ids[area]);
        let answer = scene.contact.get(&path).await?;
        assert!(
            matches!(answer.status().as_u16(), 200 | 303),
            "{path}: {}",
            answer.status()
        );
    }
    Ok(())
}

async fn an_id_that_is_none_is_the_id_of_nothing(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let mut attacks = 0;
    for route in TABLE.iter().filter(|route| route.path.contains("{id}")) {
        if route.path.starts_with("/l/") || (route.path == "/d/{id}" && route.method == "get") {
            continue;
        }
        let visitor = match route.access {
            Access::Contact => &scene.contact,
            _ => &scene.owner,
        };
        for id in [
            "x",
            "..%2f..%2fetc",
            "%00",
            "1' OR '1'='1",
            "{{7*7}}",
            "%ff",
        ] {
            let answer = try_it(visitor, route, id).await?;
            let place = format!("{} {} as {id}", route.method, route.path);
            let invented = try_it(visitor, route, INVENTED).await?;
            let alike = answer.status == 404 || answer.status == invented.status;
            assert!(alike, "{place}: {}", answer.body);
            assert!(answer.status >= 400 && answer.status < 500, "{place}");
            assert!(!answer.body.contains("UUID"), "{place}: {}", answer.body);
            attacks += 1;
        }
    }
    tally::count("attacks", attacks);
    Ok(())
}

/// The ids of what belongs to the scene's partner, or to staff, by the area of their pages.
async fn ids(scene: &mut Scene) -> Result<BTreeMap<&'static str, String>> {
    let held = scene.key().await?;
    let draft = scene
        .contact
        .form("/requests/new", &[("service", &id(&scene.service))])
        .await?;
    let draft = tests::visitor::location(&draft).context("no draft")?;
    let owner = &scene.owner;
    let of = async |list: &str, prefix: &str| id_in(&text(owner, list).await?, prefix);
    Ok(BTreeMap::from([
        ("people", person(&scene.contact).await?),
        ("partners", of("/partners", "/partners/").await?),
        ("gateways", of("/gateways", "/gateways/").await?),
        ("services", id(&scene.service)),
        ("keys", id(&held.page)),
        ("requests", id(draft.trim_end_matches("/edit"))),
        ("confirm", pending(owner).await?),
    ]))
}

async fn person(contact: &Visitor) -> Result<String> {
    let people = text(contact, "/people").await?;
    Ok(id(
        &linked(&people, "/people/", "First contact").context("nobody")?
    ))
}

async fn pending(owner: &Visitor) -> Result<String> {
    let fields = [
        ("slug", "first"),
        ("name", "First"),
        ("description", "Anything."),
    ];
    let begun = owner.form("/services/new", &fields).await?;
    Ok(id(&tests::visitor::location(&begun).context("not begun")?))
}

fn id(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Routes with an id that a contact could hope to use.
fn is_attacked(route: &Entry) -> bool {
    route.path.contains("{id}")
        && route.access != Access::Gateway
        && !SAME_FOR_ALL.iter().any(|start| route.path.starts_with(start))
        // The catalogue is every contact's to see, with their own use of it, and what is shown once has
        // one page for all.
        && !(route.method == "get"
            && matches!(route.path, "/services/{id}" | "/services/{id}/usage" | "/reveal/{id}"))
}

/// The request that the page's own form would make, well filled in.
async fn try_it(by: &Visitor, route: &Entry, id: &str) -> Result<Answer> {
    let path = route
        .path
        .replace("{id}", id)
        .replace("{environment}", "sandbox");
    if route.method == "get" {
        return Answer::of(by.get(&path).await?).await;
    }
    if route.path.starts_with("/confirm/") || route.path.starts_with("/d/") {
        return Answer::of(by.send(&path, &island(route.path)).await?).await;
    }
    let mut fields: Vec<(&str, &str)> = match path.rsplit('/').next().unwrap_or_default() {
        "edit" | "draft" => ANSWERS
            .into_iter()
            .chain([("version", "0"), ("do", "save")])
            .collect(),
        "comments" => vec![
            ("section", "justification"),
            ("comment", "What do you mean by that?"),
        ],
        "verdict" => vec![
            ("section", "justification"),
            ("verdict", "accepted"),
            ("comment", ""),
        ],
        "address" => vec![
            ("email", "new@other.example"),
            ("reason", "They moved to it."),
        ],
        "name" => vec![("name", "Mine now")],
        "roles" => vec![("role", "admin")],
        _ => Vec::new(),
    };
    if matches!(
        path.rsplit('/').next(),
        Some("revoke" | "recovery" | "recuse")
    ) || path.starts_with("/people/") && path.ends_with("/remove")
        || path.starts_with("/partners/") && path.ends_with("/suspend")
    {
        fields.push(("reason", "It must end today."));
    }
    Answer::of(by.form(&path, &fields).await?).await
}

/// What an island would post, of the right shape.
fn island(path: &str) -> serde_json::Value {
    use serde_json::json;
    let secret = "A".repeat(43);
    let ceremony = json!({ "ceremony": INVENTED, "credential": {} });
    match path.rsplit('/').next().unwrap_or_default() {
        "begin" if path.starts_with("/d/") => json!({ "act": "claim" }),
        "begin" => json!({}),
        "receipt" => {
            json!({ "credential_id": "AAAA", "opened": secret, "signature": "A".repeat(86) })
        }
        "claim" => json!({
            "ceremony": INVENTED, "credential": {}, "claim_token": secret, "sealing_key": secret,
        }),
        _ => ceremony,
    }
}

fn without_nonce(page: &str) -> String {
    let mut parts = page.split("nonce=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| {
        page + part.split_once('"').map_or("", |(_, rest)| rest)
    })
}
