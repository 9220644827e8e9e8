//! More people at the [`Scene`](crate::scene::Scene), and what they do there: further staff, other
//! partners, requests for several environments, decisions, and what the pages and mails say of it.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::act::ActStatement;
use domain::base64url;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::scene::{self, ANSWERS, PATIENCE, Scene, code_in, question, value_of};
use crate::smtp::Mail;
use crate::visitor::{Claimed, Visitor, errors_in, location};

/// The contact of the scene.
pub const CONTACT: &str = "contact@partner.example";
/// The first owner, as the console makes them.
pub const OWNER: &str = "owner@example.com";

pub const DAY: Duration = Duration::from_hours(24);

/// A key that was claimed and receipted.
pub struct Held {
    pub key: String,
    /// Its page.
    pub page: String,
    pub link: String,
}

impl Scene {
    /// Staff with these roles, which count at once: for as long as there is one owner.
    pub async fn hire(&mut self, name: &str, email: &str, roles: &[&str]) -> Result<Visitor> {
        let mut fields = vec![("name", name), ("email", email)];
        fields.extend(roles.iter().map(|role| ("role", *role)));
        let reveal = self.owner.act("/people/invite", &fields).await?;
        let code = code_at(&self.owner, &reveal).await?;
        self.accept(email, &code).await
    }

    /// Another organisation, through its first contact.
    pub async fn other_partner(&mut self, organisation: &str, email: &str) -> Result<Visitor> {
        let fields = [
            ("organisation", organisation),
            ("name", "Their contact"),
            ("email", email),
            ("why", "They print labels."),
        ];
        let reveal = self.owner.act("/partners/invite", &fields).await?;
        let code = code_at(&self.owner, &reveal).await?;
        self.accept(email, &code).await
    }

    /// Another contact of the scene's partner, invited by its admin.
    pub async fn colleague(&mut self, name: &str, email: &str, role: &str) -> Result<Visitor> {
        let fields = [("name", name), ("email", email), ("role", role)];
        let reveal = self.contact.act("/people/invite", &fields).await?;
        let code = code_at(&self.contact, &reveal).await?;
        self.accept(email, &code).await
    }

    /// Opens the link of the newest invitation to an address.
    pub async fn accept(&mut self, email: &str, code: &str) -> Result<Visitor> {
        let link = self.link_to(email, "/l/").await?;
        let mut visitor = Visitor::new(self.portal.origin());
        visitor.enrol(&link, Some(code)).await?;
        Ok(visitor)
    }

    /// The next link of a kind (`/l/`, `/d/`) that is mailed to an address.
    pub async fn link_to(&mut self, email: &str, kind: &str) -> Result<String> {
        let prefix = format!("{}{kind}", self.portal.origin());
        for _ in 0..12 {
            let mail = self.mailbox.next_to(email, PATIENCE).await?;
            if let Some(link) = mail.link(&prefix) {
                return Ok(link.to_owned());
            }
        }
        bail!("no link {kind} was mailed to {email}")
    }

    /// The newest mail to an address with these words in its subject or text, once `count` such
    /// mails have come. Takes none out of the mailbox.
    pub async fn told(&self, email: &str, words: &str, count: usize) -> Result<Mail> {
        for _ in 0..PATIENCE.as_millis() / 50 {
            let mut mails = self.mails(email, words)?;
            if mails.len() >= count
                && let Some(mail) = mails.pop()
            {
                return Ok(mail);
            }
            sleep(Duration::from_millis(50)).await;
        }
        let all = self.mailbox.all()?;
        let subjects: Vec<&str> = all.iter().map(|mail| mail.subject.as_str()).collect();
        bail!("{email} was not told “{words}” {count} times: {subjects:?}")
    }

    /// All mails so far to an address with these words in their subject or text, each once: a
    /// portal that was killed after handing one over hands it over again.
    pub fn mails(&self, email: &str, words: &str) -> Result<Vec<Mail>> {
        let mut mails = self.mailbox.all()?;
        let mut ids = HashSet::new();
        mails.retain(|mail| {
            let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
            ids.insert(mail.id.clone())
                && mail.to.iter().any(|to| to == email)
                && (mail.subject.contains(words) || text.contains(words))
        });
        Ok(mails)
    }

    /// Adds a production environment: two approvals, networks named.
    pub async fn add_production(&self) -> Result<()> {
        let production = [
            ("environment", "production"),
            ("kind", "production"),
            ("tag", "live"),
            ("base_url", "https://api.example.com"),
        ];
        scene::change(&self.owner, &self.service, "environments", &production).await
    }

    /// Changes settings of an environment's policy; what is not named stays, but for the boxes,
    /// which are then empty.
    pub async fn set_policy(&self, environment: &str, changes: &[(&str, &str)]) -> Result<()> {
        const SETTINGS: [&str; 7] = [
            "version",
            "approvals",
            "max_days",
            "rate",
            "limits_grant",
            "limits_key",
            "link_hours",
        ];
        let path = format!("{}/policy/{environment}", self.service);
        let page = text(&self.owner, &path).await?;
        let mut fields = Vec::new();
        for name in SETTINGS {
            if !changes.iter().any(|(changed, _)| *changed == name) {
                fields.push((name, value_of(&page, name).context("a setting")?));
            }
        }
        let kept = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let fields: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
        self.owner.act(&path, &fields).await?;
        Ok(())
    }

    /// A draft of the contact; the path of its editor.
    pub async fn draft(&self) -> Result<String> {
        let service = self.service.rsplit('/').next().context("an id")?;
        let fields = [("service", service)];
        let started = self.contact.form("/requests/new", &fields).await?;
        location(&started).context("the request was not started")
    }

    /// Hands in what stands in the editor, with these environments and with answers changed.
    pub async fn hand_in(
        &self,
        edit: &str,
        environments: &[&str],
        changed: &[(&str, &str)],
    ) -> Result<String> {
        let page = text(&self.contact, edit).await?;
        let version = value_of(&page, "version").context("no version in the form")?;
        let mut fields = vec![
            ("version".to_owned(), version),
            ("scope".to_owned(), "shipments:read".to_owned()),
            ("do".to_owned(), "submit".to_owned()),
        ];
        for environment in environments {
            let id = choice(&page, "environment", environment)
                .with_context(|| format!("{environment} is not on offer"))?;
            fields.push(("environment".to_owned(), id));
        }
        for (name, answer) in ANSWERS {
            let other = changed.iter().find(|(changed, _)| *changed == name);
            fields.push((
                name.to_owned(),
                other.map_or(answer, |(_, new)| new).to_owned(),
            ));
        }
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let done = self.contact.form(edit, &fields).await?;
        let status = done.status();
        match location(&done) {
            Some(request) => Ok(request),
            None => bail!(
                "not handed in ({status}): {}",
                errors_in(&done.text().await?)
            ),
        }
    }

    /// A request of the contact for these environments; its page.
    pub async fn ask_for(&self, environments: &[&str]) -> Result<String> {
        let edit = self.draft().await?;
        self.hand_in(&edit, environments, &[]).await
    }

    /// Approves the request for the sandbox, claims and receipts its key.
    pub async fn key(&mut self) -> Result<Held> {
        let request = self.ask_for_access().await?;
        let link = self.approve(&request).await?;
        self.receive(link).await
    }

    /// The contact opens a delivery and says that the key is stored.
    pub async fn receive(&self, link: String) -> Result<Held> {
        let claimed = self.contact.claim(&link).await?;
        let page = receipt(&self.contact, &claimed).await?;
        Ok(Held {
            key: claimed.key,
            page,
            link,
        })
    }

    /// What a gateway is told of a call; what is not named in `call` is as the grant allows it.
    pub async fn ask_about(&self, gateway: &str, key: &str, call: &Value) -> Result<Value> {
        let mut body = question(key);
        if let (Some(body), Some(call)) = (body.as_object_mut(), call.as_object()) {
            body.extend(call.clone());
        }
        let answer = self
            .owner
            .http
            .post(self.portal.url("/v1/verify"))
            .header("latchkey-gateway", gateway)
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        let mut answer: Value = answer.json().await?;
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("http".to_owned(), json!(status.as_u16()));
        }
        Ok(answer)
    }

    /// Everything in the audit log, oldest first, as the owner exports it.
    pub async fn audit(&self) -> Result<Vec<Value>> {
        let ready = self.owner.act("/audit/export", &[]).await?;
        let file = self.owner.get(&format!("{ready}/entries.jsonl")).await?;
        ensure!(
            file.status() == StatusCode::OK,
            "no export: {}",
            file.status()
        );
        let lines = file.text().await?;
        lines
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

/// More of what one person does.
impl Visitor {
    /// The same person in another browser, not signed in there.
    pub fn elsewhere(&self) -> Self {
        Self {
            authenticator: self.authenticator.clone(),
            ..Self::at(&self.origin, &self.base)
        }
    }

    /// Signs in on the way to `return_to`; where it led.
    pub async fn sign_in_to(&self, return_to: &str) -> Result<String> {
        let begun = self.post("/auth/sign-in/begin", &json!({})).await?;
        let options = begun.get("options").context("no options")?;
        let finish = json!({
            "ceremony": begun.get("ceremony"), "return_to": return_to,
            "credential": self.authenticator.get(options, &self.origin)?,
        });
        let done = self.post("/auth/sign-in/finish", &finish).await?;
        let location = done.get("location").and_then(Value::as_str);
        Ok(location.unwrap_or_default().to_owned())
    }

    /// Registers a passkey that gives no secret: it signs in and decides, and cannot receive keys.
    pub async fn enrol_without_secret(&mut self, link: &str, code: Option<&str>) -> Result<()> {
        let (path, secret) = link.split_once('#').context("the link has no fragment")?;
        let id = path.rsplit('/').next().context("the link has no id")?;
        let begin = json!({ "link": id, "secret": secret, "code": code });
        let begun = self.post("/auth/enrol/begin", &begin).await?;
        let options = begun.get("options").context("no options")?;
        let origin = self.origin.clone();
        let made = self
            .authenticator
            .create(options, &origin, &mut UnwrapErr(SysRng))?;
        let create = json!({
            "ceremony": begun.get("ceremony"), "credential": made, "label": "Old key",
            "sealing_key": null, "signing_key": null,
        });
        let created = self.post("/auth/enrol/create", &create).await?;
        let statement = created.get("statement").context("no statement")?.clone();
        let statement: ActStatement = serde_json::from_value(statement)?;
        let credential = self.authenticator.credentials().last();
        let credential = credential.context("no credential was made")?;
        let finish = json!({
            "ceremony": created.get("ceremony"), "enrolment": null,
            "credential": credential.get(&base64url::encode(&statement.challenge()), &origin),
        });
        self.post("/auth/enrol/finish", &finish).await?;
        Ok(())
    }
}

/// Says that a claimed key is stored; the key's page.
pub async fn receipt(contact: &Visitor, claimed: &Claimed) -> Result<String> {
    let done = contact.receipt(claimed).await?;
    let page = done.get("portal").and_then(Value::as_str);
    Ok(page.context("where to watch")?.to_owned())
}

/// Decides on an environment of a request: `approve`, `reject` or `changes`.
pub async fn decide(
    by: &Visitor,
    request: &str,
    environment: &str,
    decision: &str,
) -> Result<String> {
    let path = format!("{request}/decide/{environment}");
    let page = text(by, &path).await?;
    let stamp = value_of(&page, "stamp").context("no stamp")?;
    let fields = [
        ("decision", decision),
        ("reason", "The answers say why."),
        ("stamp", &stamp),
    ];
    by.act(&path, &fields).await
}

/// The code that an invitation or a recovery shows once.
pub async fn code_at(by: &Visitor, reveal: &str) -> Result<String> {
    let shown = by.form(reveal, &[]).await?.text().await?;
    code_in(&shown).with_context(|| format!("no code at {reveal}"))
}

/// A gateway's credential, on the page that shows it once.
pub fn credential_in(page: &str) -> Option<String> {
    let (_, after) = page.split_once("lkg_")?;
    let rest = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    Some("lkg_".chars().chain(rest).collect())
}

/// A page that is there.
pub async fn text(by: &Visitor, path: &str) -> Result<String> {
    let page = by.get(path).await?;
    let status = page.status();
    ensure!(status == StatusCode::OK, "{path} answered {status}");
    Ok(page.text().await?)
}

/// What a page says, without its markup, each run of blanks as one.
pub fn words(page: &str) -> String {
    let mut words = String::new();
    for piece in page.split('<') {
        let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
        // Elements within a line join what they part; what Leptos marks is no element at all.
        if !tag.starts_with('!') {
            words.push(' ');
        }
        words.push_str(text);
    }
    let words = words
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&quot;", "\"");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the first link with this text leads, of those that begin with `prefix`.
pub fn linked(page: &str, prefix: &str, text: &str) -> Option<String> {
    page.split("<a ").skip(1).find_map(|anchor| {
        let (tag, rest) = anchor.split_once('>')?;
        let href = tag.split("href=\"").nth(1)?.split('"').next()?;
        let inner = words(rest.split("</a>").next()?);
        (href.starts_with(prefix) && inner.contains(text)).then(|| href.to_owned())
    })
}

/// The action of the first form that begins with `prefix` and ends with `suffix`.
pub fn action(page: &str, prefix: &str, suffix: &str) -> Option<String> {
    page.split("action=\"").skip(1).find_map(|rest| {
        let action = rest.split('"').next()?;
        (action.starts_with(prefix) && action.ends_with(suffix)).then(|| action.to_owned())
    })
}

/// The value of the choice with this label, among the inputs of a name.
pub fn choice(page: &str, name: &str, label: &str) -> Option<String> {
    page.split("<input").skip(1).find_map(|input| {
        let (tag, rest) = input.split_once('>')?;
        if !tag.contains(&format!("name=\"{name}\"")) {
            return None;
        }
        let said = rest.split("<label").nth(1)?.split_once('>')?.1;
        let said = words(said.split("</label>").next()?);
        if said.split_whitespace().next() != Some(label) {
            return None;
        }
        let value = tag.split("value=\"").nth(1)?;
        Some(value.split('"').next()?.to_owned())
    })
}
