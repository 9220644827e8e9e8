//! Every place that the portal leaves something in, and the proof that a search there finds what is
//! there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64ct::{Base64, Encoding as _};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Url;
use tests::hand::Hand;
use tests::needles::{Needles, Secret};
use tests::scene::{PATIENCE, Scene};
use tests::server::Latchkey;

use crate::tap::Tap;

pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Everything of a whole run.
pub(crate) async fn everywhere(scene: &mut Scene, tap: &Tap) -> Result<Vec<Place>> {
    let mut places = of_portal(&scene.portal, "at the end").await?;
    places.extend(of_mails(scene)?);
    places.push(of_backup(scene)?);
    places.push(of_export(scene).await?);
    places.extend(of_wire(tap));
    Ok(places)
}

/// Its database, all files of its data folder, and what it wrote to its output.
pub(crate) async fn of_portal(portal: &Latchkey, when: &str) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    let mut hand = Hand::at(portal).await?;
    for table in hand.tables().await? {
        let mut bytes = Vec::new();
        for column in hand.columns(&table).await? {
            let quoted = hand.quoted(&column.name);
            for value in hand.texts(&format!("SELECT {quoted} FROM {table}")).await? {
                bytes.extend(value.into_bytes());
                bytes.push(b'\n');
            }
        }
        places.push(Place {
            name: format!("table {table} {when}"),
            bytes,
        });
    }
    let mut files = vec![portal.data_folder()];
    if let Some(url) = portal.database_url() {
        hand.run("CHECKPOINT").await?;
        files.extend(cluster_files(&mut hand, url).await?);
    }
    drop(hand);
    for file in files {
        read_all(&file, when, &mut places)?;
    }
    places.push(Place {
        name: format!("output {when}"),
        bytes: portal.log().into_bytes(),
    });
    Ok(places)
}

/// The database's own folder in the cluster, and the write-ahead log.
async fn cluster_files(hand: &mut Hand, url: &str) -> Result<Vec<PathBuf>> {
    let url = Url::parse(url)?;
    let socket = url
        .query_pairs()
        .find_map(|(name, value)| (name == "host").then(|| value.into_owned()))
        .context("the cluster is not reached by a socket in its own folder")?;
    let data = Path::new(&socket).join("data");
    let oid = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
    let oid = hand.texts(oid).await?;
    let recent = "SELECT name::text FROM pg_ls_waldir() ORDER BY modification DESC LIMIT 4";
    let mut files = vec![data.join("base").join(oid.first().context("a database")?)];
    for segment in hand.texts(recent).await? {
        files.push(data.join("pg_wal").join(segment));
    }
    Ok(files)
}

fn read_all(path: &Path, when: &str, places: &mut Vec<Place>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            read_all(&entry?.path(), when, places)?;
        }
        return Ok(());
    }
    // A file may go while we look.
    if let Ok(bytes) = std::fs::read(path) {
        places.push(Place {
            name: format!("{} {} {when}", kind_of(path), path.display()),
            bytes,
        });
    }
    Ok(())
}

/// On either engine.
fn kind_of(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let within = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
    if name.ends_with("-wal") || within("pg_wal") {
        "write-ahead log"
    } else if name == "latchkey.sqlite" || within("base") {
        "database file"
    } else {
        "file"
    }
}

fn of_mails(scene: &Scene) -> Result<Vec<Place>> {
    let link = |kind: &str| format!("{}/{kind}/", scene.portal.origin());
    let mails = scene.mailbox.all()?.into_iter();
    Ok(mails
        .map(|mail| Place {
            name: if mail.text.contains(&link("d")) {
                "mail of a delivery".to_owned()
            } else if mail.text.contains(&link("l")) {
                "mail of an invitation".to_owned()
            } else {
                format!("mail “{}” to {}", mail.subject, mail.to.join(", "))
            },
            bytes: [mail.raw, mail.text.into_bytes(), mail.html.into_bytes()].concat(),
        })
        .collect())
}

fn of_backup(scene: &Scene) -> Result<Place> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup");
    let name = file.to_str().context("a path")?;
    scene.portal.console(&["backup", name])?;
    Ok(Place {
        name: "backup".to_owned(),
        bytes: std::fs::read(&file)?,
    })
}

async fn of_export(scene: &Scene) -> Result<Place> {
    let ready = scene.owner.act("/audit/export", &[]).await?;
    let file = scene.owner.get(&format!("{ready}/entries.jsonl")).await?;
    Ok(Place {
        name: "export".to_owned(),
        bytes: file.bytes().await?.to_vec(),
    })
}

fn of_wire(tap: &Tap) -> Vec<Place> {
    let (all, told) = tap.sizes();
    assert!(all - told < 4096, "{told} of {all} bytes are understood");
    let mut places = Vec::new();
    for exchange in tap.exchanges() {
        places.push(Place {
            name: format!("request {}", exchange.what),
            bytes: exchange.request,
        });
        places.push(Place {
            name: format!("answer to {}", exchange.what),
            bytes: exchange.answer,
        });
    }
    places
}

/// Plants something in each kind of place, and finds it there in each form.
pub(crate) async fn prove(scene: &mut Scene, tap: &Tap) -> Result<()> {
    const TEXT: &str = "pLaNtEd-iN-pLaIn_SiGhT-0815";
    let hex: String = TEXT.bytes().map(|byte| format!("{byte:02x}")).collect();
    let plant = format!("{TEXT} {} {hex}", Base64::encode_string(TEXT.as_bytes()));
    let needles = Needles::new(vec![Secret::new("plant", TEXT.as_bytes(), TEXT)]);

    let message = Message::builder()
        .from("portal@example.com".parse()?)
        .to("planted@example.com".parse()?)
        .subject("Planted")
        .body(plant.clone())?;
    AsyncSmtpTransport::<Tokio1Executor>::from_url(&scene.mailbox.url())?
        .build()
        .send(message)
        .await?;
    scene
        .mailbox
        .next_to("planted@example.com", PATIENCE)
        .await?;
    // A reason is shown, logged in the audit log, and goes by the wire.
    let key = scene.owner.get("/keys").await?.text().await?;
    let key = key
        .split("href=\"/keys/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .context("a key in the list")?
        .to_owned();
    let path = format!("/keys/{key}/revoke");
    scene.owner.act(&path, &[("reason", &plant)]).await?;
    scene.owner.get(&format!("/keys/{key}")).await?;

    let folder = scene.portal.data_folder();
    std::fs::write(folder.join("planted"), &plant)?;
    for entry in std::fs::read_dir(folder.parent().context("a folder")?)? {
        let path = entry?.path();
        if path.is_file() {
            let mut output = std::fs::read(&path)?;
            output.extend(plant.bytes());
            std::fs::write(path, output)?;
        }
    }
    // Last, so that it still is in the write-ahead log; and copied from there into the file, after
    // which the next writer may begin the log anew.
    let mut hand = Hand::at(&scene.portal).await?;
    hand.run(&format!("UPDATE service SET description = '{plant}'"))
        .await?;
    let mut places = Vec::new();
    if scene.portal.database_url().is_none() {
        read_all(&folder, "when planted", &mut places)?;
        hand.run("PRAGMA wal_checkpoint(PASSIVE)").await?;
    }
    places.extend(everywhere(scene, tap).await?);
    let mut forms = std::collections::BTreeMap::<&str, std::collections::BTreeSet<&str>>::new();
    for place in places {
        let kinds = [
            "table service",
            "write-ahead log",
            "database file",
            "file",
            "output",
            "mail",
            "backup",
            "export",
            "request POST /keys/{id}/revoke",
            "answer to GET /keys/{id}",
        ];
        for kind in kinds {
            if place.name.starts_with(kind) {
                let found = needles.find(&place.name, &place.bytes);
                let forms = forms.entry(kind).or_default();
                forms.extend(found.iter().map(|found| found.form));
            }
        }
    }
    for (kind, forms) in &forms {
        for form in ["plain", "base64", "hex"] {
            assert!(forms.contains(form), "no {form} was found in the {kind}");
        }
    }
    assert_eq!(forms.len(), 10, "{forms:?}");
    std::fs::remove_file(folder.join("planted"))?;
    Ok(())
}
