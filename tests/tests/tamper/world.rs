//! A host with good keys and bad ones, and with people who want more than they have.

use anyhow::{Context as _, Result};
use domain::keyring::{Keyring, RootKey, WrappedKey};
use serde_json::json;
use store::{Database, Gateway, KeyRow, Store, Unaudited, Work};
use tests::company::{Held, decide};
use tests::hand::Hand;
use tests::scene::Scene;
use tests::visitor::Visitor;

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) hand: Hand,
    /// Staff: an auditor and nothing else; a second reviewer; one who was removed.
    pub(crate) auditor: Visitor,
    pub(crate) reviewer: Visitor,
    pub(crate) removed: Visitor,
    /// Contacts: a member beside the scene's admin; an admin of another partner, and one of a
    /// partner with which everything has ended.
    pub(crate) member: Visitor,
    pub(crate) other: Visitor,
    pub(crate) ended: Visitor,
    /// A key that works, and the page that shows it.
    pub(crate) good: Held,
    /// One that works from elsewhere.
    pub(crate) elsewhere: Held,
    /// One that works, and is revoked at the end.
    pub(crate) doomed: Held,
    /// Keys that do not work, and why.
    pub(crate) bad: Vec<(&'static str, String)>,
    /// Credentials that do not let the good key be asked about, and why.
    pub(crate) bad_gateways: Vec<(&'static str, String)>,
}

pub(crate) const AUDITOR: &str = "auditor@host.example";
pub(crate) const REVIEWER: &str = "reviewer@host.example";
pub(crate) const REMOVED: &str = "removed@host.example";
pub(crate) const MEMBER: &str = "member@partner.example";
pub(crate) const OTHER: &str = "contact@other.example";
pub(crate) const ENDED: &str = "contact@ended.example";
pub(crate) const OWNER: &str = "owner@example.com";

const WHY: [(&str, &str); 1] = [("reason", "It is not needed any more.")];

impl World {
    pub(crate) async fn set(database_url: Option<String>) -> Result<Self> {
        let mut scene = Scene::set(database_url).await?;
        scene.add_production().await?;
        let auditor = scene.hire("Auditor", AUDITOR, &["auditor"]).await?;
        let reviewer = scene.hire("Reviewer", REVIEWER, &["reviewer"]).await?;
        let removed = scene.hire("Removed", REMOVED, &["operator"]).await?;
        let member = scene.colleague("Member", MEMBER, "member").await?;
        let other = scene.other_partner("Other Carriers", OTHER).await?;
        let mut ended = scene.other_partner("Ended Carriers", ENDED).await?;
        let mut hand = Hand::at(&scene.portal).await?;

        let good = scene.key().await?;
        let elsewhere = key_from(&mut scene, "198.51.100.0/28").await?;
        let doomed = scene.key().await?;
        let mut bad = Vec::new();
        let revoked = scene.key().await?;
        let path = format!("{}/revoke", revoked.page);
        scene.owner.act(&path, &WHY).await?;
        bad.push(("revoked", revoked.key));
        let suspended = scene.key().await?;
        let path = format!("{}/suspend", suspended.page);
        scene.owner.act(&path, &[]).await?;
        bad.push(("suspended", suspended.key));
        let ungranted = scene.key().await?;
        let grant = grant_of(&mut hand, &ungranted.page).await?;
        let path = format!("/grants/{grant}/revoke");
        scene.owner.act(&path, &WHY).await?;
        bad.push(("of a revoked grant", ungranted.key));
        let request = scene.ask_for_access().await?;
        let link = scene.approve(&request).await?;
        bad.push(("not receipted", scene.contact.claim(&link).await?.key));
        let expired = scene.key().await?;
        expire(&scene, &expired.key).await?;
        bad.push(("expired", expired.key));

        std::mem::swap(&mut scene.contact, &mut ended);
        let request = scene.ask_for_access().await?;
        decide(&scene.owner, &request, "sandbox", "approve").await?;
        let link = scene.link_to(ENDED, "/d/").await?;
        let held = scene.receive(link).await?;
        std::mem::swap(&mut scene.contact, &mut ended);
        let partner = hand.id("partner", "name = 'Ended Carriers'").await?;
        let path = format!("/partners/{partner}/revoke");
        scene.owner.act(&path, &WHY).await?;
        bad.push(("of an ended partner", held.key));
        let id = person(&mut hand, REMOVED).await?;
        let path = format!("/people/{id}/remove");
        scene.owner.act(&path, &WHY).await?;

        let bad_gateways = bad_gateways(&scene, &mut hand).await?;
        Ok(Self {
            scene,
            hand,
            auditor,
            reviewer,
            removed,
            member,
            other,
            ended,
            good,
            elsewhere,
            doomed,
            bad,
            bad_gateways,
        })
    }
}

pub(crate) async fn person(hand: &mut Hand, email: &str) -> Result<String> {
    hand.id("address", &format!("email = '{email}'")).await
}

/// `person_id = …`
pub(crate) async fn of_person(hand: &mut Hand, column: &str, email: &str) -> Result<String> {
    let id = person(hand, email).await?;
    Ok(format!("{column} = {}", hand.uuid(&id)))
}

pub(crate) async fn grant_of(hand: &mut Hand, page: &str) -> Result<String> {
    let key = page.rsplit('/').next().context("an id")?;
    let key = hand.uuid(key);
    let of = format!("id = (SELECT grant_id FROM api_key WHERE id = {key})");
    hand.id("access_grant", &of).await
}

async fn key_from(scene: &mut Scene, networks: &str) -> Result<Held> {
    let edit = scene.draft().await?;
    let changed = [("networks", networks)];
    let request = scene.hand_in(&edit, &["sandbox"], &changed).await?;
    let link = scene.approve(&request).await?;
    scene.receive(link).await
}

/// How many keys there are.
pub(crate) async fn keys(world: &mut World) -> Result<usize> {
    Ok(world.hand.texts("SELECT kid FROM api_key").await?.len())
}

/// The kid stands between the second underscore and the secret.
pub(crate) fn kid(key: &str) -> String {
    let rest = key.splitn(3, '_').nth(2).unwrap_or_default();
    rest.chars().take(8).collect()
}

/// The portal's own way to its database, with its keys: for rows that are genuine, and that only time
/// could make.
async fn store_of(scene: &Scene) -> Result<Store> {
    let url = match scene.portal.database_url() {
        Some(url) => url.to_owned(),
        None => format!(
            "sqlite:{}",
            scene.portal.data_folder().join("latchkey.sqlite").display()
        ),
    };
    let database = Database::connect(&url).await?;
    let root = std::fs::read_to_string(scene.portal.data_folder().join("root.key"))?;
    let root: RootKey = root.parse().ok().context("the root key")?;
    let mut wrapped = Vec::new();
    for key in database.wrapped_keys().await? {
        wrapped.push(WrappedKey {
            name: key.name.parse()?,
            version: key.version.try_into()?,
            bytes: key.wrapped,
        });
    }
    let keyring = Keyring::unwrap(&root, &wrapped)?;
    Ok(Store::new(database, keyring.row_key))
}

/// Changes genuine rows, which stay so.
pub(crate) async fn rewrite(
    scene: &Scene,
    change: impl AsyncFnOnce(&mut Work) -> Result<()>,
) -> Result<()> {
    let store = store_of(scene).await?;
    let mut work = store.work().await?;
    change(&mut work).await?;
    work.commit_unaudited(Unaudited::Usage).await?;
    store.database().close().await;
    Ok(())
}

async fn expire(scene: &Scene, key: &str) -> Result<()> {
    rewrite(scene, async |work: &mut Work| {
        let row = work.key_by_kid(&kid(key)).await?.context("the key")?;
        let stamp = row.stamp();
        let row = KeyRow {
            expires_at: row.created_at,
            ..row.into_row()
        };
        work.update_key(row, stamp).await?;
        Ok(())
    })
    .await
}

async fn bad_gateways(scene: &Scene, hand: &mut Hand) -> Result<Vec<(&'static str, String)>> {
    let elsewhere = gateway(scene, "elsewhere", "shipments/production").await?;
    let revoked = gateway(scene, "revoked", "shipments/sandbox").await?;
    let id = hand.id("gateway", "name = 'revoked'").await?;
    let path = format!("/gateways/{id}/revoke");
    scene.owner.act(&path, &WHY).await?;
    let old = gateway(scene, "rotated", "shipments/sandbox").await?;
    let id = hand.id("gateway", "name = 'rotated'").await?;
    let path = format!("/gateways/{id}/rotate");
    scene.owner.act(&path, &[]).await?;
    rewrite(scene, async |work: &mut Work| {
        let row = work.gateway(id.parse()?).await?.context("the gateway")?;
        let stamp = row.stamp();
        let row = Gateway {
            old_credential_until: Some(row.created_at),
            ..row.into_row()
        };
        work.update_gateway(row, stamp).await?;
        Ok(())
    })
    .await?;
    Ok(vec![
        ("of a gateway elsewhere", elsewhere),
        ("of a revoked gateway", revoked),
        ("from before a rotation", old),
    ])
}

async fn gateway(scene: &Scene, name: &str, pair: &str) -> Result<String> {
    let fields = [
        ("name", name),
        ("kind", "api"),
        ("pair", pair),
        ("proxies", ""),
    ];
    let reveal = scene.owner.act("/gateways/new", &fields).await?;
    let shown = scene.owner.form(&reveal, &[]).await?.text().await?;
    let (_, after) = shown.split_once("lkg_").context("no credential shown")?;
    let rest: String = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect();
    Ok(format!("lkg_{rest}"))
}

/// What a gateway is told of a call, which is as the good key's grant allows it but for `changed`.
pub(crate) async fn ask(
    scene: &Scene,
    gateway: &str,
    key: &str,
    changed: &[(&str, &str)],
) -> Result<String> {
    let mut call = json!({});
    for (name, value) in changed {
        call[name] = json!(value);
    }
    let answer = scene.ask_about(gateway, key, &call).await?;
    Ok(answer["code"].as_str().unwrap_or_default().to_owned())
}
