//! From a checked configuration to a running portal: database, schema, root key, keyring, and the
//! things that must never change under a live database.

mod check;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use domain::keyring::{KeyName, Keyring, RootKey, WrappedKey};
use store::{Database, Store};
use webauthn_rs::WebauthnBuilder;

use crate::chance::{Clock, system_rng};
use crate::config::Config;
use crate::http::assets::Site;
use crate::portal::{Inner, Portal};
use crate::service::snapshot::Following;
use crate::service::usage;
use crate::verify::Engine;

pub use check::check;

/// Opens everything; the schema must be current already, or be an empty database's.
///
/// # Errors
/// A sentence that says what is wrong and what to do.
pub async fn open(config: Config) -> Result<Portal> {
    open_at(config, Clock::System).await
}

/// The same by another clock.
///
/// # Errors
/// As [`open`].
pub async fn open_at(config: Config, clock: Clock) -> Result<Portal> {
    let database = open_database(&config).await?;
    usage::begin(&database, clock.now()).await?;
    let keyring = open_keyring(&config, &database).await?;
    let webauthn = WebauthnBuilder::new(
        config.origin.host_str().context("the origin has no host")?,
        &config.origin,
    )?
    .rp_name(&config.host_name)
    .build()?;
    let site = Site::load(&config.site)?;
    let store = Store::new(database, keyring.row_key.clone());
    Ok(Portal::new(Inner {
        engine: Engine::new(&keyring, clock.clone()),
        following: Following::default(),
        config,
        store,
        keyring,
        webauthn,
        clock,
        site,
        mail_waits: tokio::sync::Notify::new(),
    }))
}

/// Connects, migrates an embedded or empty database, and checks that the database belongs to this
/// origin and profile.
///
/// # Errors
/// As [`open`].
pub async fn open_database(config: &Config) -> Result<Database> {
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
    check_profile(config, &database).await?;
    check_origin(config, &database).await?;
    Ok(database)
}

async fn check_profile(config: &Config, database: &Database) -> Result<()> {
    let ours = config.profile.as_str();
    is_of_profile(config, &database.settle("profile", ours).await?)
}

/// # Errors
/// When a database of this profile is not this configuration's.
pub fn is_of_profile(config: &Config, theirs: &str) -> Result<()> {
    let ours = config.profile.as_str();
    if theirs != ours {
        bail!(
            "This database was made by a {theirs} configuration, and this one says {ours}. Give \
             each its own database: a development database may hold sample keys and its mail could \
             be read by anybody."
        );
    }
    Ok(())
}

async fn check_origin(config: &Config, database: &Database) -> Result<()> {
    let ours = config.origin_text();
    is_of_origin(config, &database.settle("origin", &ours).await?)
}

/// # Errors
/// When a database of this origin is not this configuration's.
pub fn is_of_origin(config: &Config, theirs: &str) -> Result<()> {
    let ours = config.origin_text();
    if theirs != ours {
        bail!(
            "This database belongs to {theirs}, and the configuration says {ours}. Passkeys are \
             bound to their origin: with another one nobody could sign in and no delivery be \
             opened. Set `origin` back to {theirs}."
        );
    }
    Ok(())
}

async fn open_keyring(config: &Config, database: &Database) -> Result<Keyring> {
    let stored = database.wrapped_keys().await?;
    let root = if stored.is_empty() && !config.root_key_file.exists() {
        make_root_key(&config.root_key_file)?
    } else {
        read_root_key(&config.root_key_file)?
    };
    if stored.is_empty() {
        let rows = Keyring::generate(&mut system_rng())
            .wrap(&root, 1, &mut system_rng())?
            .into_iter()
            .map(|key| store::WrappedKey {
                name: key.name.to_string(),
                version: i64::try_from(key.version).unwrap_or(i64::MAX),
                wrapped: key.bytes,
            })
            .collect::<Vec<_>>();
        match database.add_wrapped_keys(&rows, Clock::System.now()).await {
            // Another process that starts at the same moment was faster: its keys count.
            Ok(()) | Err(store::Error::Taken(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    unwrap_with(&root, config, database.wrapped_keys().await?)
}

fn unwrap_with(
    root: &RootKey,
    config: &Config,
    wrapped: Vec<store::WrappedKey>,
) -> Result<Keyring> {
    unwrap_keyring(root, wrapped).with_context(|| {
        format!(
            "The keyring cannot be opened with {}. Without the right root key no key can be verified: restore the file from its backup",
            config.root_key_file.display()
        )
    })
}

/// The keyring out of its rows.
///
/// # Errors
/// For another root key, and for a keyring that this program did not write.
pub fn unwrap_keyring(root: &RootKey, rows: Vec<store::WrappedKey>) -> Result<Keyring> {
    let stored = rows
        .into_iter()
        .map(|key| {
            Ok(WrappedKey {
                name: key.name.parse::<KeyName>().map_err(|_| {
                    anyhow::anyhow!(
                        "The keyring holds a key named {}, which this program does not know.",
                        key.name
                    )
                })?,
                version: u64::try_from(key.version)?,
                bytes: key.wrapped,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Keyring::unwrap(root, &stored)?)
}

fn make_root_key(path: &Path) -> Result<RootKey> {
    let root = RootKey::random(&mut system_rng());
    write_root_key(path, &root)?;
    tracing::warn!(
        path = %path.display(),
        "made a root key: keep a copy of it apart from the database's backups, losing it ends every key"
    );
    Ok(root)
}

/// Writes a root key where none is yet.
///
/// # Errors
/// When there is a file already, or none can be made.
pub fn write_root_key(path: &Path, root: &RootKey) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("The root key cannot be written to {}", path.display()))?;
    file.write_all(root.expose_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(())
}

/// # Errors
/// A sentence that says what is wrong with the file, and what to do.
pub fn read_root_key(path: &Path) -> Result<RootKey> {
    let mode = fs::metadata(path)
        .with_context(|| {
            format!(
                "The root key file {} is not there. The database holds keys that only it can open: restore it from its backup",
                path.display()
            )
        })?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "The root key file {0} can be read by others (mode {1:o}). Run `chmod 600 {0}`, and \
             consider whether it has been read.",
            path.display(),
            mode & 0o777
        );
    }
    let text = zeroize::Zeroizing::new(fs::read_to_string(path)?);
    text.parse().map_err(|_| {
        anyhow::anyhow!(
            "The root key file {} does not hold thirty-two bytes in base64url.",
            path.display()
        )
    })
}
