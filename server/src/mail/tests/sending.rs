//! The job over a real database: what becomes of a mail that was queued.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use domain::audit::{ActorKind, Outcome};
use domain::id::{MailId, PersonId, PersonLinkId};
use domain::link::{PersonLinkKind, PersonLinkSecret};
use domain::person::Email;
use serde_json::json;
use store::{Code, Entry, Evidence, Mail, PersonLink, Work};
use tempfile::TempDir;

use crate::boot;
use crate::chance::system_rng;
use crate::config::{Profile, Settings};
use crate::jobs;
use crate::mail::mailbox::Folder;
use crate::mail::{Letter, To, queue_link};
use crate::portal::Portal;
use crate::service::links;
use crate::service::people::{self, NewPerson};

struct House {
    portal: Portal,
    secret: PersonLinkSecret,
    _folder: TempDir,
}

impl House {
    async fn open(smtp_url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path());
        let settings = Settings {
            profile: Profile::Development,
            data_dir: folder.path().to_owned(),
            smtp_url,
            site,
            ..Settings::default()
        };
        Self {
            portal: boot::open(settings.check().unwrap()).await.unwrap(),
            secret: PersonLinkSecret::random(&mut system_rng()),
            _folder: folder,
        }
    }

    /// Queues an invitation, with the audit entry of what caused it.
    async fn queue(&self) -> MailId {
        let mut work = self.portal.store.work().await.unwrap();
        let email = "ada@quay.example".parse().unwrap();
        let link = self.invite(&mut work, &email).await;
        let letter = Letter::StaffInvitation {
            link: link.id,
            name: "Ada".to_owned(),
            inviter: "Bo".to_owned(),
            roles: Vec::new(),
            expires: link.expires_at,
        };
        let to = To::address(&email, None);
        let text = self.secret.expose_text();
        let id = queue_link(&self.portal, &mut work, letter, &to, &text)
            .await
            .unwrap();
        self.commit(work, id).await;
        id
    }

    /// Somebody, and an open link for them.
    async fn invite(&self, work: &mut Work, email: &Email) -> PersonLink {
        let (rng, now) = (&mut system_rng(), self.portal.now());
        let person = PersonId::random(rng);
        let new = NewPerson {
            id: person,
            partner: None,
            name: &"Ada".parse().unwrap(),
            email,
        };
        people::add(work, new, now).await.unwrap();
        let link = PersonLink {
            id: PersonLinkId::random(rng),
            kind: Code(PersonLinkKind::Invitation),
            person_id: person,
            secret_digest: self.secret.digest(),
            code_mac: None,
            wrong_codes: 0,
            created_by: None,
            confirmed_by: None,
            lost_credential_id: None,
            created_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
            consumed_at: None,
            voided_at: None,
        };
        work.add_person_link(link).await.unwrap().into_row()
    }

    /// Voids every link, as a newer invitation would.
    async fn void(&self, id: MailId) {
        let mut work = self.portal.store.work().await.unwrap();
        for person in work.staff().await.unwrap() {
            links::void_all(&mut work, person.id, self.portal.now())
                .await
                .unwrap();
        }
        self.commit(work, id).await;
    }

    async fn commit(&self, work: Work, id: MailId) {
        let entry = Entry {
            at: self.portal.now(),
            actor_kind: ActorKind::System,
            actor: None,
            credential: None,
            act: "test".to_owned(),
            subject_kind: "mail",
            subject: id.uuid(),
            outcome: Outcome::Done,
            evidence: json!({}).to_string(),
            address: None,
            user_agent: None,
        };
        self.portal.commit(work, Evidence::of(entry)).await.unwrap();
    }

    async fn row(&self, id: MailId) -> Mail {
        let mut read = self.portal.store.read().await.unwrap();
        read.mail(id).await.unwrap().unwrap()
    }

    /// Runs the jobs until the mail's row is as wanted.
    async fn run_until(&self, id: MailId, wanted: impl Fn(&Mail) -> bool) -> Mail {
        let jobs = jobs::spawn(self.portal.clone()).unwrap();
        let mut row = self.row(id).await;
        for _ in 0..400 {
            if wanted(&row) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            row = self.row(id).await;
        }
        jobs.stop().await;
        assert!(
            wanted(&row),
            "{:?} after {} tries",
            row.last_error,
            row.attempts
        );
        row
    }
}

/// What stands for the built browser part.
fn site(folder: &Path) -> std::path::PathBuf {
    let site = folder.join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    let manifest = json!({ "app.js": "app.js", "app_bg.wasm": "app_bg.wasm" });
    std::fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
    for name in ["app.js", "app_bg.wasm"] {
        std::fs::write(site.join("pkg").join(name), "").unwrap();
    }
    site
}

/// A mail server that refuses each mail with a permanent error, and repeats the link in it.
fn refusing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            refuse(stream.unwrap());
        }
    });
    format!("smtp://127.0.0.1:{port}")
}

fn refuse(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut say = |line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let (mut in_data, mut mail) = (false, String::new());
    say("220 mail.example");
    for line in lines.map_while(Result::ok) {
        if in_data && line == "." {
            in_data = false;
            let link = mail.find("/l/").unwrap();
            say(&format!("550 5.7.1 refused: {}", &mail[link..link + 120]));
        } else if in_data {
            // A long line is sent in pieces (RFC 2045, section 6.7).
            mail.push_str(line.strip_suffix('=').unwrap_or(&line));
        } else if line == "DATA" {
            in_data = true;
            say("354 go on");
        } else {
            say("250 fine");
        }
    }
}

#[tokio::test]
async fn a_mail_is_sent_once_its_cause_has_committed_and_its_secret_is_wiped() {
    let house = House::open(None).await;
    let id = house.queue().await;
    assert!(house.row(id).await.sealed.is_some());
    let row = house.run_until(id, |row| row.sent_at.is_some()).await;
    assert_eq!((row.sealed, row.next_at, row.attempts), (None, None, 1));
    let folder = Folder::of(&house.portal.config);
    let mail = folder.one(id).await.unwrap().unwrap();
    assert_eq!(mail.to, "ada@quay.example");
    assert!(mail.text.contains(house.secret.expose_text().as_str()));
}

#[tokio::test]
async fn nothing_is_lost_while_the_mail_server_is_down() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let house = House::open(Some(format!("smtp://127.0.0.1:{closed}"))).await;
    let id = house.queue().await;
    let row = house.run_until(id, |row| row.last_error.is_some()).await;
    assert!(row.next_at.is_some() && row.dead_at.is_none() && row.sent_at.is_none());
    assert!(row.sealed.is_some_and(|sealed| !sealed.is_empty()));
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_a_dead_letter_without_its_secret() {
    let house = House::open(Some(refusing_server())).await;
    let id = house.queue().await;
    let row = house.run_until(id, |row| row.dead_at.is_some()).await;
    assert_eq!((row.sealed.as_deref(), row.attempts), (Some(&[][..]), 1));
    let error = row.last_error.unwrap();
    assert!(
        error.contains("550") && error.contains("refused"),
        "{error}"
    );
    let text = house.secret.expose_text();
    for piece in text.as_bytes().chunks(20) {
        assert!(
            !error.contains(std::str::from_utf8(piece).unwrap()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_link_that_was_voided_before_its_mail_went_is_not_mailed() {
    let house = House::open(None).await;
    let id = house.queue().await;
    house.void(id).await;
    let row = house.run_until(id, |row| row.dead_at.is_some()).await;
    assert_eq!((row.sealed.as_deref(), row.sent_at), (Some(&[][..]), None));
    let why = row.last_error.unwrap();
    assert!(why.contains("not open any more"), "{why}");
    let folder = Folder::of(&house.portal.config);
    assert!(folder.one(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dead_letter_that_held_a_link_stays_dead() {
    let house = House::open(Some(refusing_server())).await;
    let id = house.queue().await;
    house.run_until(id, |row| row.dead_at.is_some()).await;
    let mut work = house.portal.store.minor_work().await.unwrap();
    assert!(!work.revive_mail(id, house.portal.now()).await.unwrap());
}

#[tokio::test]
async fn a_mail_server_that_cannot_be_written_down_is_refused_at_start() {
    let house = House::open(Some("not a mail server".to_owned())).await;
    let refusal = jobs::spawn(house.portal.clone()).err().unwrap().to_string();
    assert!(refusal.contains("smtp_url"), "{refusal}");
}
