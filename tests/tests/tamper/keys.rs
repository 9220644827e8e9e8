//! Keys, grants, partners and gateways: what the snapshot is made of. Each edit is of all the rows
//! at once, and each key's row is judged by itself; then the portal is started again.

use std::time::Duration;

use anyhow::Result;
use tests::hand::Kind;

use crate::edits::{self, Done, Kept};
use crate::world::{World, ask, grant_of, kid};

const TABLES: [&str; 4] = ["api_key", "access_grant", "partner", "gateway"];

/// Calls that the good key's grant does not allow.
const BEYOND: [[(&str, &str); 1]; 4] = [
    [("source_ip", "198.51.100.4")],
    [("path", "/v2/parcels/1")],
    [("method", "DELETE")],
    [("scheme", "http")],
];

pub(crate) async fn edit(world: &mut World, done: &mut Done) -> Result<()> {
    world.scene.portal.restart().await?;
    assert_as_it_was(world).await?;
    let kept = Kept::of(&mut world.hand, &TABLES).await?;
    each_column(world, done, &kept).await?;
    whole_rows(world, done, &kept).await?;
    under_a_running_portal(world, done, &kept).await?;
    the_counter_and_the_keyring(world, done).await?;
    world.scene.portal.restart().await?;
    assert_as_it_was(world).await
}

async fn each_column(world: &mut World, done: &mut Done, kept: &Kept) -> Result<()> {
    for table in TABLES {
        let (of, from) = rows(world, table).await?;
        for column in world.hand.columns(table).await? {
            for value in edits::values(&mut world.hand, &column, &from).await? {
                let what = format!("{table}.{} = {value}", column.name);
                // Ids and kids are unique: one row at a time.
                let mut edited = edits::set(&mut world.hand, &column, &value, &of).await?;
                if !edited && column.kind == Kind::Id && column.name == "id" {
                    let one = format!("id = (SELECT MIN(kept.id) FROM kept_{table} AS kept)");
                    let one = match world.hand {
                        tests::hand::Hand::Sqlite(_) => one,
                        tests::hand::Hand::Postgres(_) => {
                            format!("id = (SELECT id FROM kept_{table} ORDER BY id LIMIT 1)")
                        }
                    };
                    edited = edits::set(&mut world.hand, &column, &value, &one).await?;
                }
                if edited {
                    world.scene.portal.restart().await?;
                    assert_no_better(world, &what).await?;
                    done.note(table, &column.name);
                    kept.put_back(&mut world.hand).await?;
                }
            }
        }
    }
    Ok(())
}

/// Which rows are edited, and whose values are put in.
async fn rows(world: &mut World, table: &str) -> Result<(String, Vec<String>)> {
    let key = |key: &str| format!("kid = '{}'", kid(key));
    Ok(match table {
        "api_key" => (
            "1 = 1".to_owned(),
            vec![key(&world.good.key), key(&world.elsewhere.key)],
        ),
        "access_grant" => {
            let good = grant_of(&mut world.hand, &world.good.page).await?;
            let elsewhere = grant_of(&mut world.hand, &world.elsewhere.page).await?;
            let from = [good, elsewhere].map(|id| format!("id = {}", world.hand.uuid(&id)));
            ("1 = 1".to_owned(), from.to_vec())
        }
        "partner" => (
            "1 = 1".to_owned(),
            vec!["name = 'Brightwater Logistics'".to_owned()],
        ),
        _ => ("name <> 'api'".to_owned(), vec!["name = 'api'".to_owned()]),
    })
}

async fn whole_rows(world: &mut World, done: &mut Done, kept: &Kept) -> Result<()> {
    let good = kid(&world.good.key);
    let columns = |names: &[&str], from: &str| {
        names
            .iter()
            .map(|name| format!("{name} = (SELECT {name} FROM {from})"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let like_the_good_one = columns(
        &[
            "grant_id",
            "state",
            "activated_at",
            "expires_at",
            "ended_at",
            "end_reason",
            "stamp",
            "mac",
        ],
        &format!("kept_api_key WHERE kid = '{good}'"),
    );
    let grant = grant_of(&mut world.hand, &world.good.page).await?;
    let grant = world.hand.uuid(&grant);
    let wide = grant_of(&mut world.hand, &world.elsewhere.page).await?;
    let wide = world.hand.uuid(&wide);
    let document = columns(
        &["document", "digest"],
        &format!("kept_access_grant WHERE id = {wide}"),
    );
    let everything = "UPDATE api_key SET state = 'active', ended_at = NULL, end_reason = NULL, \
         expires_at = 4102444800000000, activated_at = created_at; \
         UPDATE access_grant SET state = 'approved', ended_at = NULL, end_reason = NULL, \
         valid_until = 4102444800000000; UPDATE partner SET state = 'active'";
    let swapped = format!(
        "UPDATE access_grant SET digest = CASE id WHEN {grant} THEN {wide_digest} ELSE digest END, \
         document = (SELECT document FROM kept_access_grant WHERE id = {wide}) WHERE id = {grant}",
        wide_digest = format_args!("(SELECT digest FROM kept_access_grant WHERE id = {wide})")
    );
    let attacks = [
        format!("UPDATE api_key SET {like_the_good_one} WHERE kid <> '{good}'"),
        format!("UPDATE access_grant SET {document} WHERE id = {grant}"),
        swapped,
        everything.to_owned(),
        "DELETE FROM partner".to_owned(),
        "DELETE FROM access_grant".to_owned(),
        format!("UPDATE access_grant SET id = {wide} WHERE id = {grant}; DELETE FROM access_grant WHERE id = {wide}"),
        format!(
            "DELETE FROM access_grant WHERE id = {grant}; UPDATE access_grant SET id = {grant} WHERE id = {wide}"
        ),
        "UPDATE gateway SET state = 'active', reach = (SELECT reach FROM kept_gateway WHERE name = 'api') WHERE name <> 'api'".to_owned(),
        "UPDATE gateway SET old_credential_until = 4102444800000000 WHERE name <> 'api'".to_owned(),
    ];
    for attack in attacks {
        let taken = world.hand.run(&attack).await;
        if taken.is_ok() {
            world.scene.portal.restart().await?;
            assert_no_better(world, &attack).await?;
            done.note_other();
        }
        kept.put_back(&mut world.hand).await?;
    }
    forge_rows(world, done, kept).await
}

/// A new row with the kid and MAC of a bad key, and all else of the good one's.
async fn forge_rows(world: &mut World, done: &mut Done, kept: &Kept) -> Result<()> {
    let good = kid(&world.good.key);
    for (why, key) in world.bad.clone() {
        let bad = kid(&key);
        let names: Vec<String> = world
            .hand
            .columns("api_key")
            .await?
            .into_iter()
            .map(|column| column.name)
            .collect();
        let picked: Vec<String> = names
            .iter()
            .map(|name| match name.as_str() {
                "id" => world.hand.uuid(edits::STRANGER),
                "kid" | "key_mac" => format!("bad.{name}"),
                _ => format!("good.{name}"),
            })
            .collect();
        let forge = format!(
            "DELETE FROM api_key WHERE kid = '{bad}'; INSERT INTO api_key ({}) SELECT {} FROM \
             kept_api_key AS good, kept_api_key AS bad WHERE good.kid = '{good}' AND bad.kid = '{bad}'",
            names.join(", "),
            picked.join(", ")
        );
        world.hand.run(&forge).await?;
        world.scene.portal.restart().await?;
        assert_no_better(world, &format!("a forged row for the key {why}")).await?;
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

/// Edits that the running portal takes up by its counter.
async fn under_a_running_portal(world: &mut World, done: &mut Done, kept: &Kept) -> Result<()> {
    for attack in [
        "state = 'active'",
        "expires_at = 4102444800000000",
        "state = 'active', ended_at = NULL, expires_at = 4102444800000000",
    ] {
        world.scene.portal.restart().await?;
        let raise = "UPDATE key_counter SET value = value + 1";
        let edit = format!("UPDATE api_key SET {attack}, change = (SELECT value FROM key_counter)");
        world.hand.run(&format!("{raise}; {edit}")).await?;
        let good = world.good.key.clone();
        let mut seen = false;
        for _ in 0..100 {
            let code = ask(&world.scene, &world.scene.gateway, &good, &[]).await?;
            assert_no_better(world, attack).await?;
            if code == "unknown" {
                seen = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(seen, "the portal did not read the rows again");
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

async fn the_counter_and_the_keyring(world: &mut World, done: &mut Done) -> Result<()> {
    world.scene.portal.restart().await?;
    let kept = Kept::of(&mut world.hand, &["key_counter", "keyring"]).await?;
    // Far ahead: what is revoked from then on must still be.
    let ahead = "UPDATE key_counter SET value = value + 1000000";
    world.hand.run(ahead).await?;
    let path = format!("{}/revoke", world.doomed.page);
    let reason = [("reason", "It is not needed any more.")];
    world.scene.owner.act(&path, &reason).await?;
    let code = ask(&world.scene, &world.scene.gateway, &world.doomed.key, &[]).await?;
    assert_eq!(code, "revoked", "with the counter far ahead");
    done.note_other();
    // Far behind: nothing is answered rather than something old.
    world.hand.run("UPDATE key_counter SET value = 1").await?;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    let code = ask(&world.scene, &world.scene.gateway, &world.good.key, &[]).await?;
    assert_ne!(code, "ok", "with the counter far behind");
    done.note_other();

    world.scene.portal.kill9();
    for forged in [
        "UPDATE keyring SET wrapped = (SELECT wrapped FROM kept_keyring WHERE name = 'row') WHERE name = 'pepper'",
        "UPDATE keyring SET version = version + 1 WHERE name = 'pepper'",
        "DELETE FROM keyring WHERE name = 'row'",
    ] {
        world.hand.run(forged).await?;
        assert!(
            world.scene.portal.restart().await.is_err(),
            "it started with another keyring: {forged}"
        );
        done.note_other();
        kept.put_back(&mut world.hand).await?;
    }
    Ok(())
}

async fn assert_no_better(world: &World, what: &str) -> Result<()> {
    let gateway = &world.scene.gateway;
    for (why, key) in &world.bad {
        let code = ask(&world.scene, gateway, key, &[]).await?;
        assert_ne!(code, "ok", "a key {why} works after {what}");
    }
    for beyond in BEYOND {
        let code = ask(&world.scene, gateway, &world.good.key, &beyond).await?;
        assert_ne!(code, "ok", "{beyond:?} is allowed after {what}");
    }
    for (why, gateway) in &world.bad_gateways {
        let code = ask(&world.scene, gateway, &world.good.key, &[]).await?;
        assert_ne!(code, "ok", "a credential {why} counts after {what}");
    }
    Ok(())
}

/// Everything is put back: what works works, and nothing else.
async fn assert_as_it_was(world: &World) -> Result<()> {
    let gateway = &world.scene.gateway;
    let code = ask(&world.scene, gateway, &world.good.key, &[]).await?;
    assert_eq!(code, "ok");
    let code = ask(&world.scene, gateway, &world.elsewhere.key, &BEYOND[0]).await?;
    assert_eq!(code, "ok");
    assert_no_better(world, "nothing").await
}
