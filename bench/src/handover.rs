//! The durable hand-over of a key, on each database: sealed under an approved grant, mailed, claimed
//! with a passkey, opened, and receipted. Beside response wrapping on OpenBao's raft storage, wrapped
//! and unwrapped, by turns and with as many workers: `bench/peers/README.md` says what is compared.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::company::{action, code_at, decide, text};
use tests::scene::{ANSWERS, catalogue, value_of};
use tests::visitor::{Claimed, Visitor, location};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::clock::{median, now};
use crate::peers::Peer;
use crate::portal::{Place, Program, Running};

/// Hand-overs under way at once, on either side.
const WORKERS: usize = 16;
/// Each worker's browsers, of addresses of their own: the portal lets one address start a ceremony
/// a second.
const BROWSERS: usize = 40;
/// As long as a key.
const SECRET: &str = "lk_live_00000006SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS01f2Pj";
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_secs(5);

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let wrapping = Wrapping::start().await?;
    let mut figures = Vec::new();
    for engine in ["sqlite", "postgresql"] {
        let database = match engine {
            "postgresql" => Some(tests::postgres::create_database().await?),
            _ => None,
        };
        let mut house = House::set(program, database).await?;
        house.rate(WARM_UP).await?;
        wrapping.rate(WARM_UP).await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(house.rate(ROUND).await?);
            theirs.push(wrapping.rate(ROUND).await?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        figures.push(format!("handover_{engine} {ours:.0} handovers/s"));
        figures.push(format!("openbao_wrapping {theirs:.0} handovers/s"));
        figures.push(format!(
            "handover_{engine}_ratio {:.2} ratio",
            ours / theirs
        ));
    }
    Ok(figures)
}

/// A portal with a contact and an approved grant for each worker.
struct House<'a> {
    /// Before the folder that it serves from.
    _running: Running,
    _place: Place<'a>,
    mails: Arc<Mails>,
    workers: Vec<Worker>,
}

struct Worker {
    email: String,
    grant: String,
    /// The contact at some addresses.
    browsers: Vec<Visitor>,
}

impl<'a> House<'a> {
    async fn set(program: &'a Program, database_url: Option<String>) -> Result<Self> {
        let place = Place::new(program, database_url)?;
        let running = place.serve().await?;
        let owner = place.owner().await?;
        let service = catalogue(&owner).await?;
        let mails = Arc::new(Mails::in_folder(place.folder().join("data/mailbox")));
        let mut workers = Vec::with_capacity(WORKERS);
        for number in 0..WORKERS {
            workers.push(Worker::hire(&owner, &service, &mails, number).await?);
        }
        Ok(Self {
            _running: running,
            _place: place,
            mails,
            workers,
        })
    }

    /// Hand-overs in a second.
    async fn rate(&mut self, span: Duration) -> Result<f64> {
        let start = now();
        let mut working = Vec::with_capacity(WORKERS);
        for mut worker in self.workers.drain(..) {
            let mails = Arc::clone(&self.mails);
            working.push(tokio::spawn(async move {
                let mut done = 0_u32;
                while start.elapsed() < span {
                    worker.hand_over(&mails).await?;
                    done += 1;
                }
                anyhow::Ok((worker, done))
            }));
        }
        let mut sum = 0;
        for task in working {
            let (worker, done) = task.await??;
            self.workers.push(worker);
            sum += done;
        }
        Ok(f64::from(sum) / start.elapsed().as_secs_f64())
    }
}

impl Worker {
    async fn hire(owner: &Visitor, service: &str, mails: &Mails, number: usize) -> Result<Self> {
        let email = format!("contact{number}@partner.example");
        let organisation = format!("Partner {number}");
        let invitation = [
            ("organisation", organisation.as_str()),
            ("name", "First contact"),
            ("email", email.as_str()),
            ("why", "To be measured."),
        ];
        let reveal = owner.act("/partners/invite", &invitation).await?;
        let code = code_at(owner, &reveal).await?;
        let link = mails.link(&email, "/l/").await?;
        let at = |address: &str| Visitor::from_address(&owner.origin, &owner.base, address);
        let mut contact = at(&format!("10.0.{number}.1"))?;
        contact.enrol(&link, Some(&code)).await?;
        let request = ask(&contact, service).await?;
        decide(owner, &request, "sandbox", "approve").await?;
        let claimed = contact.claim(&mails.link(&email, "/d/").await?).await?;
        let key = tests::company::receipt(&contact, &claimed).await?;
        let page = text(owner, &key).await?;
        let revoke = action(&page, "/grants/", "/revoke").context("the grant of a key")?;
        let grant = revoke.split('/').nth(2).context("an id")?.to_owned();
        let mut browsers = Vec::with_capacity(BROWSERS);
        for browser in 0..BROWSERS {
            let mut visitor = at(&format!("10.1.{number}.{browser}"))?;
            visitor.authenticator = contact.authenticator.clone();
            browsers.push(visitor);
        }
        Ok(Self {
            email,
            grant,
            browsers,
        })
    }

    async fn hand_over(&mut self, mails: &Mails) -> Result<()> {
        self.browsers.rotate_left(1);
        let browser = self.browsers.first().context("a browser")?;
        let seal = format!("/v1/seal/{}", self.grant);
        browser.post(&seal, &json!({})).await?;
        let link = mails.link(&self.email, "/d/").await?;
        let claimed: Claimed = browser.claim(&link).await?;
        ensure!(claimed.key.starts_with("lk_"), "what was claimed is no key");
        browser.receipt(&claimed).await?;
        Ok(())
    }
}

/// A request for the sandbox, handed in; its page.
async fn ask(contact: &Visitor, service: &str) -> Result<String> {
    let id = service.rsplit('/').next().context("an id")?;
    let started = contact.form("/requests/new", &[("service", id)]).await?;
    let edit = location(&started).context("the request was not started")?;
    let page = text(contact, &edit).await?;
    let version = value_of(&page, "version").context("no version in the form")?;
    let environment = value_of(&page, "environment").context("no environment to ask for")?;
    let mut fields = vec![
        ("version", version.as_str()),
        ("environment", environment.as_str()),
        ("scope", "shipments:read"),
        ("do", "submit"),
    ];
    fields.extend(ANSWERS);
    let done = contact.form(&edit, &fields).await?;
    location(&done).context("the request was not handed in")
}

/// The development mailbox, as it fills.
struct Mails {
    folder: PathBuf,
    /// To whom, and the links in it.
    unread: Mutex<Vec<(String, String)>>,
}

impl Mails {
    fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            unread: Mutex::default(),
        }
    }

    /// The next link of a kind (`/l/`, `/d/`) that is mailed to an address.
    async fn link(&self, to: &str, kind: &str) -> Result<String> {
        for _ in 0..10_000 {
            let mut unread = self.unread.lock().await;
            self.read(&mut unread)?;
            let is_it = |(address, text): &(String, String)| address == to && text.contains(kind);
            if let Some(at) = unread.iter().position(is_it) {
                let (_, text) = unread.swap_remove(at);
                let link = text
                    .split_whitespace()
                    .find(|word| word.contains(kind) && word.contains('#'));
                return Ok(link.context("a mail without its link")?.to_owned());
            }
            drop(unread);
            sleep(Duration::from_millis(2)).await;
        }
        bail!("no link {kind} was mailed to {to}")
    }

    /// Takes out of the folder what lies there whole.
    fn read(&self, unread: &mut Vec<(String, String)>) -> Result<()> {
        let Ok(folder) = fs::read_dir(&self.folder) else {
            return Ok(());
        };
        for file in folder {
            let file = file?.path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let mail: Value = serde_json::from_slice(&fs::read(&file)?)?;
            let field = |name| mail.get(name).and_then(Value::as_str).context("a field");
            unread.push((field("to")?.to_owned(), field("text")?.to_owned()));
            fs::remove_file(file)?;
        }
        Ok(())
    }
}

/// OpenBao's response wrapping.
#[derive(Clone)]
struct Wrapping {
    peer: Arc<Peer>,
    http: Client,
    token: String,
}

impl Wrapping {
    async fn start() -> Result<Self> {
        let peer = Peer::start("openbao", None, "1").await?;
        let file: Value = serde_json::from_slice(&fs::read(peer.data("wrap.json"))?)?;
        let token = file.get("token").and_then(Value::as_str);
        Ok(Self {
            token: token.context("a token")?.to_owned(),
            http: Client::new(),
            peer: Arc::new(peer),
        })
    }

    /// Hand-overs in a second.
    async fn rate(&self, span: Duration) -> Result<f64> {
        let start = now();
        let mut working = Vec::with_capacity(WORKERS);
        for _ in 0..WORKERS {
            let wrapping = self.clone();
            working.push(tokio::spawn(async move {
                let mut done = 0_u32;
                while start.elapsed() < span {
                    wrapping.hand_over().await?;
                    done += 1;
                }
                anyhow::Ok(done)
            }));
        }
        let mut sum = 0;
        for task in working {
            sum += task.await??;
        }
        Ok(f64::from(sum) / start.elapsed().as_secs_f64())
    }

    async fn hand_over(&self) -> Result<()> {
        let wrapped = json!({ "key": SECRET });
        let wrap = self.call("wrap", &self.token).json(&wrapped);
        let answer = answered(wrap.header("x-vault-wrap-ttl", "24h")).await?;
        let token = answer.pointer("/wrap_info/token").and_then(Value::as_str);
        let unwrap = self.call("unwrap", token.context("a wrapping token")?);
        let answer = answered(unwrap.header("content-length", "0")).await?;
        ensure!(
            answer.pointer("/data/key").and_then(Value::as_str) == Some(SECRET),
            "what was unwrapped is not what was wrapped"
        );
        Ok(())
    }

    fn call(&self, verb: &str, token: &str) -> RequestBuilder {
        let url = format!("http://{}/v1/sys/wrapping/{verb}", self.peer.address);
        self.http.post(url).header("x-vault-token", token)
    }
}

async fn answered(request: RequestBuilder) -> Result<Value> {
    Ok(request.send().await?.error_for_status()?.json().await?)
}
