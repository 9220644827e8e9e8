//! A mail server that keeps what it is sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64ct::{Base64, Encoding as _};
use mail_parser::MessageParser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::process::{Process, command, web};

pub struct Mailbox {
    server: Option<Process>,
    port: u16,
    folder: TempDir,
    taken: Vec<usize>,
    read: Mutex<AsRead>,
    rules: HashMap<String, &'static str>,
    lock: Option<Lock>,
}

/// TLS by a certificate of a private authority, and a user who signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// TLS from the first byte: `smtps`.
    Implicit,
    StartTls,
}

/// Who may send by a mail server with a [`Lock`]; the password needs escapes in a URL.
pub const USER: &str = "latchkey@example.com";
pub const PASSWORD: &str = "p@ss/word:#1";

/// What a mail server may do with the mails to an address, beside taking them.
#[derive(Clone, Copy, Debug)]
pub enum Treatment {
    /// 550: never.
    Refuse,
    /// 451: come again.
    Later,
    /// Takes the mail and closes the connection before it says so.
    HangUp,
    /// Says nothing to the address for as long as this is so.
    Stall,
}

impl Treatment {
    const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Later => "later",
            Self::HangUp => "hang-up",
            Self::Stall => "stall",
        }
    }
}

/// The log as far as it was read, so that a long one is not parsed over and over.
#[derive(Default)]
struct AsRead {
    bytes: u64,
    mails: Vec<Mail>,
}

/// A message as it came in, and what a mail program makes of it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The `Message-ID`: the same where a mail comes a second time.
    pub id: String,
    /// Whether it came over TLS, and whose password came with it.
    pub tls: bool,
    pub user: Option<String>,
    pub raw: Vec<u8>,
}

impl Mailbox {
    /// # Errors
    /// Without Node.js or its packages.
    pub async fn start() -> Result<Self> {
        Self::launch(None).await
    }

    /// One that takes mail over TLS alone, from [`USER`] alone.
    ///
    /// # Errors
    /// As [`Mailbox::start`].
    pub async fn start_locked(lock: Lock) -> Result<Self> {
        Self::launch(Some(lock)).await
    }

    async fn launch(lock: Option<Lock>) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("latchkey-mail-")
            .tempdir()?;
        let mut mailbox = Self {
            server: None,
            port: 0,
            folder,
            taken: Vec::new(),
            read: Mutex::default(),
            rules: HashMap::new(),
            lock,
        };
        if let Some(lock) = lock {
            mailbox.certify(lock)?;
        }
        mailbox.bring_back().await?;
        Ok(mailbox)
    }

    pub fn url(&self) -> String {
        match self.lock {
            None => format!("smtp://127.0.0.1:{}", self.port),
            Some(_) => self.url_with(PASSWORD),
        }
    }

    /// The address of one with a [`Lock`], for a client that says this password.
    pub fn url_with(&self, password: &str) -> String {
        let escaped =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let host = format!(
            "{}:{}@localhost:{}",
            escaped(USER),
            escaped(password),
            self.port
        );
        match self.lock {
            Some(Lock::Implicit) => format!("smtps://{host}"),
            _ => format!("smtp://{host}?tls=required"),
        }
    }

    /// The certificate authority of one with a [`Lock`].
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    fn certify(&self, lock: Lock) -> Result<()> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
        std::fs::write(self.authority(), authority.pem())?;
        let lock = serde_json::json!({
            "key": key.serialize_pem(), "cert": certificate.pem(),
            "implicit": lock == Lock::Implicit, "user": USER, "password": PASSWORD,
        });
        std::fs::write(self.lock_file(), lock.to_string())?;
        Ok(())
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.path().join("lock")
    }

    /// Refuses connections from now on. What came in stays readable.
    pub fn take_down(&mut self) {
        self.server = None;
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// When somebody else took the port meanwhile.
    pub async fn bring_back(&mut self) -> Result<()> {
        let log = self.log();
        let before = std::fs::read_to_string(&log)
            .unwrap_or_default()
            .lines()
            .count();
        let mut node = command("node");
        node.arg(web("smtp.mjs")?).arg(self.port.to_string());
        node.arg(self.rules());
        if self.lock.is_some() {
            node.arg(self.lock_file());
        }
        web("node_modules/smtp-server")?;
        let mut server = Process::start("the mail server", node, log)?;
        self.port = server
            .wait_for(|output| output.lines().nth(before)?.parse().ok())
            .await?;
        self.server = Some(server);
        Ok(())
    }

    /// From the next mail on, mails to `address` are treated so; `None`: they are taken.
    ///
    /// # Errors
    /// When the rules cannot be written.
    pub fn treat(&mut self, address: &str, treatment: Option<Treatment>) -> Result<()> {
        match treatment {
            Some(treatment) => self.rules.insert(address.to_owned(), treatment.name()),
            None => self.rules.remove(address),
        };
        let next = self.folder.path().join("rules.next");
        std::fs::write(&next, serde_json::to_vec(&self.rules)?)?;
        // Never half of them.
        std::fs::rename(next, self.rules())?;
        Ok(())
    }

    /// The oldest mail to `address` that no call has returned yet.
    ///
    /// # Errors
    /// When none comes within `patience`.
    pub async fn next_to(&mut self, address: &str, patience: Duration) -> Result<Mail> {
        for _ in 0..=patience.as_millis() / 25 {
            for (number, mail) in self.all()?.into_iter().enumerate() {
                if !self.taken.contains(&number) && mail.to.iter().any(|to| to == address) {
                    self.taken.push(number);
                    return Ok(mail);
                }
            }
            sleep(Duration::from_millis(25)).await;
        }
        let subjects: Vec<String> = self
            .all()?
            .into_iter()
            .map(|mail| format!("{} to {}", mail.subject, mail.to.join(", ")))
            .collect();
        bail!("no mail to {address} came within {patience:?}, only {subjects:?}")
    }

    /// Everything that came in so far, oldest first.
    ///
    /// # Errors
    /// When a message is not mail.
    pub fn all(&self) -> Result<Vec<Mail>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match File::open(self.log()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        file.seek(SeekFrom::Start(read.bytes))?;
        let mut more = String::new();
        file.read_to_string(&mut more)?;
        for line in more.split_inclusive('\n') {
            if !line.ends_with('\n') {
                break;
            }
            read.bytes += u64::try_from(line.len())?;
            if line.starts_with('{') {
                let mail = Mail::parse(line)?;
                read.mails.push(mail);
            }
        }
        Ok(read.mails.clone())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("messages")
    }

    fn rules(&self) -> PathBuf {
        self.folder.path().join("rules")
    }
}

impl Mail {
    fn parse(line: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Line {
            from: String,
            to: Vec<String>,
            tls: bool,
            user: Option<String>,
            raw: String,
        }
        let Line {
            from,
            to,
            tls,
            user,
            raw,
        } = serde_json::from_str(line)?;
        let raw = Base64::decode_vec(&raw).context("the mail server wrote no base64")?;
        let message = MessageParser::default().parse(&raw).context("not a mail")?;
        Ok(Self {
            from,
            to,
            tls,
            user,
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            id: message.message_id().unwrap_or_default().to_owned(),
            raw: raw.clone(),
        })
    }

    /// The first address in the text that starts with `prefix`.
    pub fn link(&self, prefix: &str) -> Option<&str> {
        self.text
            .split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'))
            .find(|word| word.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn send(mailbox: &Mailbox, to: &str, body: &str) -> Result<()> {
        let message = Message::builder()
            .message_id(None)
            .from("portal@example.com".parse()?)
            .to(to.parse()?)
            .subject("Grüße")
            .body(body.to_owned())?;
        AsyncSmtpTransport::<Tokio1Executor>::from_url(&mailbox.url())?
            .build()
            .send(message)
            .await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_mail_arrives_as_it_was_sent_and_once() {
        let mut mailbox = Mailbox::start().await.unwrap();
        send(&mailbox, "b@example.com", "not yours").await.unwrap();
        send(
            &mailbox,
            "a@example.com",
            "Open http://localhost/d/1#secret now",
        )
        .await
        .unwrap();

        let mail = mailbox.next_to("a@example.com", PATIENCE).await.unwrap();
        assert_eq!(
            (mail.from.as_str(), mail.subject.as_str()),
            ("portal@example.com", "Grüße")
        );
        assert_eq!(
            mail.link("http://localhost/d/"),
            Some("http://localhost/d/1#secret")
        );
        let again = mailbox
            .next_to("a@example.com", Duration::from_millis(100))
            .await;
        assert!(
            again
                .unwrap_err()
                .to_string()
                .contains("no mail to a@example.com")
        );
    }

    #[tokio::test]
    async fn it_refuses_while_down_and_comes_back_on_the_same_port() {
        let mut mailbox = Mailbox::start().await.unwrap();
        send(&mailbox, "a@example.com", "one").await.unwrap();
        let url = mailbox.url();

        mailbox.take_down();
        assert!(send(&mailbox, "a@example.com", "lost").await.is_err());

        mailbox.bring_back().await.unwrap();
        send(&mailbox, "a@example.com", "two").await.unwrap();
        assert_eq!(mailbox.url(), url);
        for body in ["one", "two"] {
            assert!(
                mailbox
                    .next_to("a@example.com", PATIENCE)
                    .await
                    .unwrap()
                    .text
                    .contains(body)
            );
        }
    }
}
