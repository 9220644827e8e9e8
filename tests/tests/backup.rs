//! A backup is made while the portal serves, and what it holds works again elsewhere.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tests::postgres;
use tests::scene::Scene;
use tests::server::{Config, Latchkey};

/// A host with a key that works, and a backup of it.
struct Backup {
    scene: Scene,
    key: String,
    file: PathBuf,
    folder: TempDir,
}

impl Backup {
    async fn of(database_url: Option<String>) -> Result<Self> {
        let mut scene = Scene::set(database_url).await?;
        let request = scene.ask_for_access().await?;
        let link = scene.approve(&request).await?;
        let claimed = scene.contact.claim(&link).await?;
        scene.contact.receipt(&claimed).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("backup");
        let said = scene.portal.console(&["backup", path(&file)])?;
        assert!(said.contains("losing it ends every key"), "{said}");
        Ok(Self {
            scene,
            key: claimed.key,
            file,
            folder,
        })
    }

    /// The same host on another database, with its root key but without its data.
    fn elsewhere(&self, name: &str, database_url: Option<String>) -> Result<Elsewhere> {
        let data = self.folder.path().join(name);
        fs::create_dir(&data)?;
        let root = self.scene.portal.data_folder().join("root.key");
        fs::copy(root, data.join("root.key"))?;
        Ok(Elsewhere { data, database_url })
    }

    /// With other lines, or fewer.
    fn edited(&self, edit: impl FnOnce(String) -> String) -> Result<PathBuf> {
        let edited = self.folder.path().join("edited");
        fs::write(&edited, edit(fs::read_to_string(&self.file)?))?;
        Ok(edited)
    }
}

struct Elsewhere {
    data: PathBuf,
    database_url: Option<String>,
}

impl Elsewhere {
    fn environment(&self) -> Vec<(String, String)> {
        let data = path(&self.data).to_owned();
        vec![("LATCHKEY_DATA_DIR".to_owned(), data)]
    }

    fn restore(&self, portal: &Latchkey, file: &Path) -> Result<String> {
        let config = Config {
            database_url: self.database_url.clone(),
            environment: self.environment(),
            ..portal.config().clone()
        };
        portal.console_with(&config, &["restore", path(file)])
    }

    fn refusal(&self, portal: &Latchkey, file: &Path) -> Result<String> {
        let error = self.restore(portal, file).err();
        Ok(error.context("it was restored")?.to_string())
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

async fn round_trip(from: Option<String>, to: Option<String>) -> Result<()> {
    let mut backup = Backup::of(from).await?;
    // Made while it serves, and it still does.
    assert_eq!(backup.scene.verify(&backup.key).await?, "ok");
    let keys = backup.scene.contact.get("/keys").await?.text().await?;
    let page = keys
        .split("href=\"")
        .find_map(|at| at.split('"').next().filter(|to| is_key(to)))
        .context("no key in the list")?
        .to_owned();
    let reason = [("reason", "Revoked after the backup was made.")];
    let revoke = format!("{page}/revoke");
    backup.scene.owner.act(&revoke, &reason).await?;
    assert_eq!(backup.scene.verify(&backup.key).await?, "revoked");

    let elsewhere = backup.elsewhere("elsewhere", to)?;
    let said = elsewhere.restore(&backup.scene.portal, &backup.file)?;
    assert!(
        said.contains("WORKS AGAIN") && said.contains("1 keys work"),
        "{said}"
    );
    backup.scene.portal.stop().await?;
    let portal = &mut backup.scene.portal;
    portal.config_mut().database_url = elsewhere.database_url.clone();
    portal.config_mut().environment = elsewhere.environment();
    portal.restart().await?;

    assert_eq!(backup.scene.verify(&backup.key).await?, "ok");
    let home = backup.scene.contact.get(&page).await?;
    assert_ne!(home.status(), 200, "sessions are not restored");
    backup.scene.contact.sign_in().await?;
    assert_eq!(backup.scene.contact.get(&page).await?.status(), 200);
    backup.scene.owner.sign_in().await?;
    backup.scene.owner.act(&revoke, &reason).await?;
    assert_eq!(backup.scene.verify(&backup.key).await?, "revoked");
    let log = backup.scene.owner.get("/audit").await?.text().await?;
    assert!(log.contains("restore") && log.contains("revoke"));
    Ok(())
}

fn is_key(path: &str) -> bool {
    path.strip_prefix("/keys/").is_some_and(|id| id.len() == 36)
}

#[tokio::test]
async fn a_key_works_again_from_a_backup_on_sqlite() -> Result<()> {
    round_trip(None, None).await
}

#[tokio::test]
async fn a_key_works_again_from_a_backup_on_postgresql() -> Result<()> {
    let (from, to) = (
        postgres::create_database().await?,
        postgres::create_database().await?,
    );
    round_trip(Some(from), Some(to)).await
}

#[tokio::test]
async fn a_backup_of_sqlite_moves_a_host_to_postgresql() -> Result<()> {
    round_trip(None, Some(postgres::create_database().await?)).await
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_and_restores_nothing() -> Result<()> {
    let backup = Backup::of(None).await?;
    let portal = &backup.scene.portal;
    let target = backup.elsewhere("target", None)?;
    let refused = |file: &Path| target.refusal(portal, file);

    let cut = backup.edited(|text| text.chars().take(text.chars().count() / 2).collect())?;
    assert!(refused(&cut)?.contains("cut off"));
    let without_end = backup.edited(|text| {
        let lines: Vec<&str> = text.lines().collect();
        let (_, kept) = lines.split_last().unwrap_or((&"", &[]));
        kept.join("\n") + "\n"
    })?;
    assert!(refused(&without_end)?.contains("cut off"));
    let altered =
        backup.edited(|text| text.replace("contact@partner.example", "thief@x.example"))?;
    assert!(refused(&altered)?.contains("checksum does not fit"));
    let longer = backup.edited(|text| text + "[]\n")?;
    assert!(refused(&longer)?.contains("checksum does not fit"));
    let schema = format!("\"schema\":{}", store::Database::known_schema());
    let newer = backup.edited(|text| text.replacen(&schema, "\"schema\":900", 1))?;
    assert!(refused(&newer)?.contains("holds schema 900"));
    let format =
        backup.edited(|text| text.replacen("\"latchkey_backup\":1", "\"latchkey_backup\":2", 1))?;
    assert!(refused(&format)?.contains("format 2"));
    let other = backup.edited(|_| "PGDMP\n".to_owned())?;
    assert!(refused(&other)?.contains("not a backup"));
    let forged = backup.edited(forge)?;
    assert!(refused(&forged)?.contains("checksum fit"));
    assert!(!target.data.join("latchkey.sqlite").exists());

    let keyless = backup.elsewhere("keyless", None)?;
    fs::write(keyless.data.join("root.key"), "A".repeat(43) + "\n")?;
    let why = keyless.refusal(portal, &backup.file)?;
    assert!(why.contains("not the root key of this backup"), "{why}");
    fs::remove_file(keyless.data.join("root.key"))?;
    let why = keyless.refusal(portal, &backup.file)?;
    assert!(why.contains("is not there"), "{why}");

    target.restore(portal, &backup.file)?;
    let why = target.refusal(portal, &backup.file)?;
    assert!(why.contains("not empty"), "{why}");
    Ok(())
}

/// Somebody renames the contact and makes the checksum fit. The portal's mark they cannot make.
fn forge(text: String) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    use sha2::Digest as _;

    let text = text.replace("First contact", "Their friend");
    let lines: Vec<&str> = text.lines().collect();
    let (end, kept) = lines.split_last().unwrap_or((&"", &[]));
    let kept = kept.join("\n") + "\n";
    let mut end: serde_json::Value = serde_json::from_str(end).unwrap_or_default();
    let sum = Base64UrlUnpadded::encode_string(&sha2::Sha256::digest(kept.as_bytes()));
    if let Some(end) = end.as_object_mut() {
        end.insert("sha256".to_owned(), sum.into());
    }
    format!("{kept}{end}\n")
}

#[tokio::test]
async fn a_backup_holds_no_root_key_unless_asked_and_overwrites_nothing() -> Result<()> {
    let backup = Backup::of(None).await?;
    let portal = &backup.scene.portal;
    let root = fs::read_to_string(portal.data_folder().join("root.key"))?;
    let root = root.trim();
    let plain = fs::read_to_string(&backup.file)?;
    assert!(!plain.contains(root) && !plain.contains(&backup.key));
    assert!(portal.console(&["backup", path(&backup.file)]).is_err());
    assert_eq!(fs::read_to_string(&backup.file)?, plain);

    let whole = backup.folder.path().join("whole");
    let said = portal.console(&["backup", "--with-root-key", path(&whole)])?;
    assert!(said.contains("IN this file"), "{said}");
    assert!(fs::read_to_string(&whole)?.contains(root));
    let bare = backup.elsewhere("bare", None)?;
    fs::remove_file(bare.data.join("root.key"))?;
    bare.restore(portal, &whole)?;
    let written = fs::read_to_string(bare.data.join("root.key"))?;
    assert_eq!(written.trim(), root);
    Ok(())
}

#[tokio::test]
async fn a_backup_is_not_restored_under_another_origin_or_profile() -> Result<()> {
    let backup = Backup::of(None).await?;
    let portal = &backup.scene.portal;
    let target = backup.elsewhere("target", None)?;
    let mut environment = target.environment();
    environment.push((
        "LATCHKEY_ORIGIN".to_owned(),
        "https://keys.example.com".to_owned(),
    ));
    let moved = Config {
        environment,
        ..portal.config().clone()
    };
    let why = portal.console_with(&moved, &["restore", path(&backup.file)]);
    let why = why.err().context("restored elsewhere")?.to_string();
    assert!(why.contains("Passkeys are bound"), "{why}");
    let development = Config {
        profile: "development",
        environment: target.environment(),
        ..portal.config().clone()
    };
    let why = portal.console_with(&development, &["restore", path(&backup.file)]);
    let why = why.err().context("restored as development")?.to_string();
    assert!(why.contains("made by a production"), "{why}");
    Ok(())
}
