//! Writing a backup: to a file that has its name only once it is whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use domain::audit::{ActorKind, Outcome};
use domain::base64url;
use domain::enc::Digest;
use domain::keyring::Keyring;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{Database, Entry, Evidence, Store, TABLES};
use uuid::Uuid;

use super::format::{End, Head, Heading, VERSION, mark, row_to_json};
use crate::boot;
use crate::config::Config;

/// What is in a backup that was written.
#[derive(Debug)]
pub struct Written {
    pub created: Timestamp,
    pub rows: BTreeMap<String, u64>,
    pub has_root_key: bool,
}

/// Backs the database up into a new file, while the portal serves.
///
/// # Errors
/// A sentence that says what is wrong and what to do. No file of that name is left.
pub async fn write(
    config: &Config,
    file: &Path,
    with_root_key: bool,
    now: Timestamp,
) -> Result<Written> {
    if file.exists() {
        bail!(
            "{} is there already: a backup never overwrites a file.",
            file.display()
        );
    }
    let database = Database::connect(&config.database_url)
        .await
        .context("The database cannot be opened")?;
    let (root, keyring) = keys(config, &database).await?;
    let store = Store::new(database, keyring.row_key.clone());
    let head = Head {
        latchkey_backup: VERSION,
        created: now,
        schema: Database::known_schema(),
        engine: store.database().engine().to_owned(),
        origin: setting(store.database(), "origin").await?,
        profile: setting(store.database(), "profile").await?,
        host_key: keyring.host_signing_key.public().to_string(),
        key_counter: 0,
        root_key: with_root_key.then(|| root.expose_text().to_string()),
    };
    let partial = partial(file);
    let written = match fill(&store, &keyring, head, &partial).await {
        Ok(rows) => rows,
        Err(error) => {
            fs::remove_file(&partial).ok();
            return Err(error);
        }
    };
    fs::rename(&partial, file).with_context(|| format!("{} cannot be made", file.display()))?;
    record(&store, now, &written, with_root_key).await?;
    store.database().close().await;
    Ok(Written {
        created: now,
        rows: written.rows,
        has_root_key: with_root_key,
    })
}

async fn keys(config: &Config, database: &Database) -> Result<(domain::keyring::RootKey, Keyring)> {
    if !database.is_current().await? {
        bail!(
            "The database has no schema, or an older one than this program: there is nothing that \
             this program can back up. Check `database_url`, or use the program that serves it."
        );
    }
    let rows = database.wrapped_keys().await?;
    if rows.is_empty() {
        bail!("This database was never served from: there is nothing to back up.");
    }
    let root = boot::read_root_key(&config.root_key_file)?;
    let keyring = boot::unwrap_keyring(&root, rows).with_context(|| {
        format!(
            "{} is not this database's root key. A backup without the right one could never be used",
            config.root_key_file.display()
        )
    })?;
    Ok((root, keyring))
}

async fn setting(database: &Database, name: &str) -> Result<String> {
    let value = database.setting(name).await?;
    value.with_context(|| format!("The database does not say its {name}"))
}

/// The file on its way, hashed as it grows.
struct Sheet {
    out: BufWriter<File>,
    hash: Sha256,
}

impl Sheet {
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }
}

/// Why a table was not written whole.
enum Stopped {
    Store(store::Error),
    File(io::Error),
}

impl From<store::Error> for Stopped {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Stopped> for anyhow::Error {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Store(error) => error.into(),
            Stopped::File(error) => Self::from(error).context("The backup cannot be written"),
        }
    }
}

async fn fill(store: &Store, keyring: &Keyring, head: Head, partial: &Path) -> Result<End> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .with_context(|| format!("{} cannot be written", partial.display()))?;
    let mut sheet = Sheet {
        out: BufWriter::new(file),
        hash: Sha256::new(),
    };
    // One transaction, and so one moment.
    let mut read = store.read().await?;
    let key_counter = read.key_counter().await?;
    sheet.line(&Head {
        key_counter,
        ..head
    })?;
    let mut rows = BTreeMap::new();
    for table in TABLES {
        sheet.line(&Heading::of(table))?;
        let count = read
            .copy_out(table, |row| {
                sheet.line(&row_to_json(row)).map_err(Stopped::File)
            })
            .await?;
        rows.insert(table.name.to_owned(), count);
    }
    drop(read);
    let sha256: Digest = sheet.hash.clone().finalize().into();
    let end = End {
        rows,
        sha256: base64url::encode(&sha256),
        mac: base64url::encode(&mark(&keyring.row_key, &sha256)),
    };
    sheet.line(&end)?;
    sheet.out.flush()?;
    sheet.out.get_ref().sync_all()?;
    Ok(end)
}

/// Who has the file can look at everything: that it was made is in the log.
async fn record(store: &Store, now: Timestamp, end: &End, with_root_key: bool) -> Result<()> {
    let entry = Entry {
        at: now,
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "backup".to_owned(),
        subject_kind: "database",
        subject: Uuid::nil(),
        outcome: Outcome::Done,
        evidence: json!({ "sha256": end.sha256, "with_root_key": with_root_key }).to_string(),
        address: None,
        user_agent: None,
    };
    let work = store.work().await?;
    work.commit(Evidence::of(entry))
        .await
        .context("The backup was written, and cannot be noted in the audit log")?;
    Ok(())
}

fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
