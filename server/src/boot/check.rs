//! All that a start would refuse, said without starting and without changing anything.

use std::path::Path;

use anyhow::{Context as _, Result};
use store::{Database, Store};

use super::{is_of_origin, is_of_profile, read_root_key, unwrap_with};
use crate::config::Config;
use crate::http::assets::Site;
use crate::mail::Courier;
use crate::sockets;

/// What the operator should know besides that it is safe: what is still to be made, or done.
///
/// # Errors
/// The sentence with which [`super::open`] would refuse.
pub async fn check(config: &Config) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    Site::load(&config.site)?;
    sockets::check_folders(config)?;
    Courier::of(config).context("Mail cannot be sent")?;
    if let Some(file) = embedded(&config.database_url).filter(|file| !Path::new(file).exists()) {
        notes.push(format!("The first start makes the database {file}."));
        check_root_key(config, &mut notes)?;
        sockets::check_names(config, None).await?;
        return Ok(notes);
    }
    let database = Database::connect(&config.database_url)
        .await
        .context("The database cannot be opened")?;
    let checked = check_database(config, &database, &mut notes).await;
    database.close().await;
    checked.map(|()| notes)
}

async fn check_database(
    config: &Config,
    database: &Database,
    notes: &mut Vec<String>,
) -> Result<()> {
    let schema = database
        .schema()
        .await
        .context("The schema cannot be used")?;
    if schema == 0 {
        notes.push("The database is empty: the first start makes its schema.".to_owned());
        sockets::check_names(config, None).await?;
        return check_root_key(config, notes);
    }
    if schema < Database::known_schema() {
        notes.push("The schema is older than this program: run `latchkey migrate`.".to_owned());
    }
    if let Some(theirs) = database.setting("profile").await? {
        is_of_profile(config, &theirs)?;
    }
    if let Some(theirs) = database.setting("origin").await? {
        is_of_origin(config, &theirs)?;
    }
    let wrapped = database.wrapped_keys().await?;
    if wrapped.is_empty() {
        sockets::check_names(config, None).await?;
        return check_root_key(config, notes);
    }
    let keyring = unwrap_with(&read_root_key(&config.root_key_file)?, config, wrapped)?;
    if schema < Database::known_schema() {
        return Ok(());
    }
    let store = Store::new(database.clone(), keyring.row_key.clone());
    sockets::check_names(config, Some(&store)).await
}

/// Where no key is wrapped yet, a root key need not be there.
fn check_root_key(config: &Config, notes: &mut Vec<String>) -> Result<()> {
    let file = &config.root_key_file;
    if file.exists() {
        return read_root_key(file).map(drop);
    }
    notes.push(format!(
        "The first start makes the root key {}.",
        file.display()
    ));
    Ok(())
}

/// The file of an embedded database.
fn embedded(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next()
}
