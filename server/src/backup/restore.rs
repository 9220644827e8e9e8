//! Restoring a backup into an empty database. The whole file is checked before the first row is
//! written, and all rows are one transaction.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use domain::audit::{ActorKind, Outcome};
use domain::base64url;
use domain::enc::Digest;
use domain::keyring::{Keyring, RootKey};
use domain::mac::same_digest;
use domain::time::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{Cell, Database, Entry, Evidence, Store, Table, Work, WrappedKey};
use uuid::Uuid;

use super::format::{End, Head, Heading, Unusable, VERSION, mark, row_of_json};
use crate::boot;
use crate::config::Config;

/// What a restore brought back.
#[derive(Debug)]
pub struct Restored {
    /// When the backup was made: all that came later is undone.
    pub made: Timestamp,
    pub rows: BTreeMap<String, u64>,
    /// How many keys work now. Those that were revoked since the backup are among them.
    pub live_keys: u64,
    /// The root key came with the backup and was written to its file.
    pub wrote_root_key: bool,
}

/// Restores a backup into an empty database of either engine.
///
/// # Errors
/// A sentence that says what is wrong and what to do; then nothing was restored.
pub async fn restore(config: &Config, file: &Path, now: Timestamp) -> Result<Restored> {
    let checked = check(file)?;
    boot::is_of_profile(config, &checked.head.profile)?;
    boot::is_of_origin(config, &checked.head.origin)?;
    let (root, wrote_root_key) = root_key(config, &checked.head)?;
    let keyring = open_keyring(config, &root, &checked)?;
    if !same_digest(&mark(&keyring.row_key, &checked.sha256), &checked.mac) {
        return Err(Unusable::Forged.into());
    }
    let database = empty_database(config).await?;
    let store = Store::new(database, keyring.row_key.clone());
    if let Some(filled) = store.read().await?.first_filled().await? {
        bail!(
            "The database is not empty ({filled} holds rows): a restore only goes into an empty \
             one. Name a new one in `database_url`, or move the old file away."
        );
    }
    if wrote_root_key {
        boot::write_root_key(&config.root_key_file, &root)?;
    }
    let live_keys = fill(&store, file, &checked, now).await?;
    store.database().close().await;
    Ok(Restored {
        made: checked.head.created,
        rows: checked.end.rows,
        live_keys,
        wrote_root_key,
    })
}

/// A file whose checksum fits.
struct Checked {
    head: Head,
    end: End,
    sha256: Digest,
    mac: Digest,
    keyring: Vec<WrappedKey>,
}

fn check(file: &Path) -> Result<Checked> {
    let mut lines = Lines::open(file)?;
    let head = head(lines.next().unwrap_or_default().as_deref())?;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut keyring = Vec::new();
    let mut table = None;
    loop {
        let sha256: Digest = lines.hash.clone().finalize().into();
        let Some(line) = lines.next()? else {
            return Err(Unusable::Truncated.into());
        };
        match piece(&line, table)? {
            Piece::Table(next) => {
                counted.insert(next.name.to_owned(), 0);
                table = Some(next);
            }
            Piece::Row(table, row) => {
                *counted.entry(table.name.to_owned()).or_default() += 1;
                keyring.extend(wrapped_key(table, &row));
            }
            Piece::End(end) => {
                let fits = base64url::decode_array(&end.sha256) == Ok(sha256)
                    && end.rows == counted
                    && lines.next()?.is_none();
                let mac = base64url::decode_array(&end.mac).ok().filter(|_| fits);
                return Ok(Checked {
                    head,
                    end,
                    sha256,
                    mac: mac.ok_or(Unusable::Altered)?,
                    keyring,
                });
            }
        }
    }
}

fn head(line: Option<&str>) -> Result<Head, Unusable> {
    #[derive(serde::Deserialize)]
    struct Version {
        latchkey_backup: u32,
    }
    let line = line.ok_or(Unusable::NotABackup)?;
    let version: Version = serde_json::from_str(line).map_err(|_| Unusable::NotABackup)?;
    if version.latchkey_backup != VERSION {
        return Err(Unusable::Format(version.latchkey_backup));
    }
    let head: Head = serde_json::from_str(line).map_err(|_| Unusable::Altered)?;
    let (found, known) = (head.schema, Database::known_schema());
    match found.cmp(&known) {
        std::cmp::Ordering::Greater => Err(Unusable::NewerSchema { found, known }),
        std::cmp::Ordering::Less => Err(Unusable::OlderSchema { found, known }),
        std::cmp::Ordering::Equal => Ok(head),
    }
}

enum Piece {
    Table(&'static Table),
    Row(&'static Table, Vec<Cell>),
    End(End),
}

fn piece(line: &str, table: Option<&'static Table>) -> Result<Piece, Unusable> {
    if line.starts_with('[') {
        let table = table.ok_or(Unusable::Altered)?;
        return Ok(Piece::Row(table, row_of_json(table, line)?));
    }
    if let Ok(heading) = serde_json::from_str::<Heading>(line) {
        let table = Table::named(&heading.table).ok_or(Unusable::Altered)?;
        return if heading.columns == Heading::of(table).columns {
            Ok(Piece::Table(table))
        } else {
            Err(Unusable::Altered)
        };
    }
    // A line that was cut off in the middle is no JSON; one that was edited is other JSON.
    match serde_json::from_str::<End>(line) {
        Ok(end) => Ok(Piece::End(end)),
        Err(error) if error.is_eof() => Err(Unusable::Truncated),
        Err(_) => Err(Unusable::Altered),
    }
}

fn wrapped_key(table: &Table, row: &[Cell]) -> Option<WrappedKey> {
    match (table.name, row) {
        (
            "keyring",
            [
                Cell::Text(name),
                Cell::Integer(version),
                Cell::Bytes(wrapped),
                _,
            ],
        ) => Some(WrappedKey {
            name: name.clone(),
            version: *version,
            wrapped: wrapped.clone(),
        }),
        _ => None,
    }
}

/// The configured root key, or else the backup's own, which is written then.
fn root_key(config: &Config, head: &Head) -> Result<(RootKey, bool)> {
    match &head.root_key {
        Some(text) if !config.root_key_file.exists() => {
            let root = text.parse().map_err(|_| Unusable::Altered)?;
            Ok((root, true))
        }
        _ => Ok((boot::read_root_key(&config.root_key_file)?, false)),
    }
}

fn open_keyring(config: &Config, root: &RootKey, checked: &Checked) -> Result<Keyring> {
    let newest = |key: &WrappedKey| {
        !checked
            .keyring
            .iter()
            .any(|other| other.name == key.name && other.version > key.version)
    };
    let rows = checked.keyring.iter().filter(|key| newest(key)).cloned();
    boot::unwrap_keyring(root, rows.collect()).with_context(|| {
        format!(
            "{} is not the root key of this backup (its host key is {}). Put the right one there; \
             without it no key of this backup can be used",
            config.root_key_file.display(),
            checked.head.host_key
        )
    })
}

async fn empty_database(config: &Config) -> Result<Database> {
    fs::create_dir_all(&config.data_dir).with_context(|| {
        format!(
            "The data directory {} cannot be made",
            config.data_dir.display()
        )
    })?;
    let database = Database::connect(&config.database_url)
        .await
        .context("The database cannot be opened")?;
    database
        .migrate()
        .await
        .context("The schema cannot be used")?;
    Ok(database)
}

/// All rows, and the entry that says so, in one transaction.
async fn fill(store: &Store, file: &Path, checked: &Checked, now: Timestamp) -> Result<u64> {
    let mut work = store.work().await?;
    work.forget_settings().await?;
    let mut lines = Lines::open(file)?;
    lines.next()?;
    let (mut table, mut live) = (None, 0);
    while let Some(line) = lines.next()? {
        match piece(&line, table)? {
            Piece::Table(next) => table = Some(next),
            Piece::Row(table, row) => {
                live += u64::from(is_live_key(table, &row));
                put(&mut work, table, &row).await?;
            }
            Piece::End(_) => break,
        }
    }
    if Digest::from(lines.hash_before_last.finalize()) != checked.sha256 {
        bail!("The file was changed while it was restored. Nothing was restored.");
    }
    work.set_key_counter(checked.head.key_counter).await?;
    let entry = Entry {
        at: now,
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "restore".to_owned(),
        subject_kind: "database",
        subject: Uuid::nil(),
        outcome: Outcome::Done,
        evidence: json!({ "made": checked.head.created, "sha256": checked.end.sha256 }).to_string(),
        address: None,
        user_agent: None,
    };
    work.commit(Evidence::of(entry)).await?;
    Ok(live)
}

async fn put(work: &mut Work, table: &Table, row: &[Cell]) -> Result<()> {
    work.copy_in(table, row)
        .await
        .with_context(|| format!("A row of {} cannot be restored", table.name))
}

fn is_live_key(table: &Table, row: &[Cell]) -> bool {
    let state = table.columns.iter().position(|(name, _)| *name == "state");
    table.name == "api_key"
        && state.and_then(|at| row.get(at)) == Some(&Cell::Text("active".to_owned()))
}

/// The file's lines, hashed as they are read.
struct Lines {
    reader: BufReader<File>,
    hash: Sha256,
    /// Over every line but the last that was read.
    hash_before_last: Sha256,
}

impl Lines {
    fn open(file: &Path) -> Result<Self> {
        let file =
            File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Ok(Self {
            reader: BufReader::new(file),
            hash: Sha256::new(),
            hash_before_last: Sha256::new(),
        })
    }

    fn next(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        self.hash_before_last = self.hash.clone();
        self.hash.update(&line);
        if line.is_empty() {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(Unusable::Truncated.into());
        }
        Ok(Some(
            String::from_utf8(line).map_err(|_| Unusable::Altered)?,
        ))
    }
}
