//! The development mailbox: one file a mail, in the data directory. It holds links in the clear,
//! and exists only under the development profile.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use domain::id::MailId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// A mail as it would have been sent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevMail {
    pub id: MailId,
    pub to: String,
    pub subject: String,
    pub at: Timestamp,
    pub text: String,
    pub html: String,
}

/// Where the files lie.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn of(config: &Config) -> Self {
        Self(config.data_dir.join("mailbox"))
    }

    /// # Errors
    /// As the file system has them; the same mail put again replaces itself.
    pub(super) async fn put(&self, mail: DevMail) -> io::Result<()> {
        self.blocking(move |folder| folder.write(&mail)).await
    }

    /// All mails, newest first.
    ///
    /// # Errors
    /// As the file system has them; a folder that is not there yet is empty.
    pub async fn all(&self) -> io::Result<Vec<DevMail>> {
        self.blocking(|folder| folder.list()).await
    }

    /// # Errors
    /// As [`Folder::all`].
    pub async fn one(&self, id: MailId) -> io::Result<Option<DevMail>> {
        self.blocking(move |folder| match fs::read(folder.path(id)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = self.clone();
        tokio::task::spawn_blocking(move || job(&folder))
            .await
            .map_err(io::Error::other)?
    }

    fn path(&self, id: MailId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Appears whole or not at all.
    fn write(&self, mail: &DevMail) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let draft = self.0.join(format!("{}.draft", mail.id));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(mail)?)?;
        fs::rename(draft, self.path(mail.id))
    }

    fn list(&self) -> io::Result<Vec<DevMail>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut mails = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "json") {
                mails.push(serde_json::from_slice::<DevMail>(&fs::read(path)?)?);
            }
        }
        mails.sort_by_key(|mail| std::cmp::Reverse((mail.at, mail.id)));
        Ok(mails)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn mail(id: u128, at: i64) -> DevMail {
        DevMail {
            id: MailId::new(Uuid::from_u128(id)),
            to: "ada@example.com".to_owned(),
            subject: "A key".to_owned(),
            at: Timestamp::from_micros(at),
            text: "http://localhost:3000/d/1#secret".to_owned(),
            html: "<p>".to_owned(),
        }
    }

    #[tokio::test]
    async fn mails_are_listed_newest_first_and_found_by_id() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder(folder.path().join("mailbox"));
        assert!(folder.all().await.unwrap().is_empty());
        for (id, at) in [(1, 10), (2, 30), (3, 20), (1, 10)] {
            folder.put(mail(id, at)).await.unwrap();
        }
        let times: Vec<i64> = folder
            .all()
            .await
            .unwrap()
            .iter()
            .map(|mail| mail.at.micros())
            .collect();
        assert_eq!(times, [30, 20, 10]);
        let id = MailId::new(Uuid::from_u128(3));
        assert_eq!(folder.one(id).await.unwrap().unwrap().at.micros(), 20);
        assert!(
            folder
                .one(MailId::new(Uuid::from_u128(9)))
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder(folder.path().join("mailbox"));
        folder.put(mail(1, 1)).await.unwrap();
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        assert_eq!(mode(&folder.path(MailId::new(Uuid::from_u128(1)))), 0o600);
    }
}
