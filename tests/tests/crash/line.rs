//! One partner's line of keys: ask for the next one, open its link, say that it is stored, have the
//! old one revoked, and over again. A line knows what the portal acknowledged, and holds it to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tests::hand::Hand;
use tests::scene::question;
use tests::smtp::Mailbox;
use tests::visitor::{Claimed, Visitor, problem};
use tokio::time::sleep;

/// How many revoked keys are tried again after each crash.
const REMEMBERED: usize = 3;

/// What all lines share.
pub(crate) struct Ground<'a> {
    pub(crate) origin: String,
    pub(crate) owner: &'a Visitor,
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) gateway: &'a str,
    /// How many steps were taken.
    pub(crate) steps: AtomicUsize,
    /// The portal was killed: nobody waits any longer.
    pub(crate) dead: AtomicBool,
}

pub(crate) struct Line {
    pub(crate) contact: Visitor,
    pub(crate) address: String,
    /// The key that works: its receipt was acknowledged.
    key: Key,
    pub(crate) step: Step,
    /// What each delivery gave, by its id: one key, however often it was opened.
    given: HashMap<String, String>,
    revoked: Vec<String>,
}

pub(crate) struct Key {
    id: String,
    text: String,
}

/// What comes next. What came before was acknowledged.
pub(crate) enum Step {
    Ask,
    Mail,
    Claim { link: String },
    Receipt { link: String, claimed: Box<Claimed> },
    Revoke { link: String, new: Key },
}

impl Step {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Mail => "mail",
            Self::Claim { .. } => "claim",
            Self::Receipt { .. } => "receipt",
            Self::Revoke { .. } => "revoke",
        }
    }
}

impl Ground<'_> {
    /// What a gateway is told of a call with this key.
    pub(crate) async fn verify(&self, key: &str) -> Result<String> {
        let call = question(key);
        let answer = self
            .owner
            .http
            .post(format!("{}/v1/verify", self.origin))
            .header("latchkey-gateway", self.gateway)
            .json(&call)
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        let code = answer.get("code").and_then(Value::as_str);
        Ok(code.unwrap_or_default().to_owned())
    }

    /// The next link in a mail to this address that leads to none of these deliveries.
    pub(crate) async fn link(&self, to: &str, known: &HashMap<String, String>) -> Result<String> {
        let prefix = format!("{}/d/", self.origin);
        for _ in 0..2_000 {
            for mail in self.mailbox.all()? {
                if !mail.to.iter().any(|address| address == to) {
                    continue;
                }
                let link = mail.link(&prefix);
                if let Some(link) = link.filter(|link| !known.contains_key(&delivery_in(link))) {
                    return Ok(link.to_owned());
                }
            }
            if self.dead.load(Ordering::SeqCst) {
                bail!("killed while waiting for a mail");
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("no link was mailed to {to}")
    }

    async fn expect(&self, key: &str, code: &str, why: &str) -> Result<()> {
        let is = self.verify(key).await?;
        ensure!(is == code, "{why}: the key is {is}, and not {code}");
        Ok(())
    }
}

impl Line {
    /// From the link of a first key.
    pub(crate) async fn begin(
        ground: &Ground<'_>,
        contact: Visitor,
        address: String,
    ) -> Result<Self> {
        let mut given = HashMap::new();
        let link = ground.link(&address, &given).await?;
        let claimed = contact.claim(&link).await?;
        let key = stored(&contact, &claimed).await?;
        given.insert(delivery_in(&link), claimed.key);
        Ok(Self {
            contact,
            address,
            key,
            step: Step::Ask,
            given,
            revoked: Vec::new(),
        })
    }

    /// Steps on until something fails.
    pub(crate) async fn run(&mut self, ground: &Ground<'_>) -> anyhow::Error {
        loop {
            if let Err(error) = self.advance(ground).await {
                return error;
            }
            ground.steps.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Takes one step, and holds the portal to its answer at once.
    pub(crate) async fn advance(&mut self, ground: &Ground<'_>) -> Result<()> {
        match &self.step {
            Step::Ask => {
                let ask = format!("/keys/{}/replace", self.key.id);
                confirmed(&self.contact, &ask, &[]).await?;
                self.step = Step::Mail;
            }
            Step::Mail => {
                let link = ground.link(&self.address, &self.given).await?;
                self.step = Step::Claim { link };
            }
            Step::Claim { link } => {
                let link = link.clone();
                let claimed = Box::new(self.contact.claim(&link).await?);
                self.once(&link, &claimed.key)?;
                self.step = Step::Receipt { link, claimed };
            }
            Step::Receipt { link, claimed } => {
                let (link, text) = (link.clone(), claimed.key.clone());
                let new = stored(&self.contact, claimed).await?;
                self.step = Step::Revoke { link, new };
                ground
                    .expect(&text, "ok", "its receipt was acknowledged")
                    .await?;
            }
            Step::Revoke { .. } => {
                let revoke = format!("/keys/{}/revoke", self.key.id);
                let reason = [("reason", "Its replacement is stored and in use.")];
                confirmed(ground.owner, &revoke, &reason).await?;
                let old = self.turn();
                ground
                    .expect(&old, "revoked", "its end was acknowledged")
                    .await?;
            }
        }
        Ok(())
    }

    /// After a restart: what was acknowledged must be so, what was cut off must be done or not done
    /// and nothing between, and the line goes on from there. The state of the newest delivery.
    pub(crate) async fn resume(&mut self, ground: &Ground<'_>, hand: &mut Hand) -> Result<String> {
        for key in &self.revoked {
            ground
                .expect(key, "revoked", "its end was acknowledged")
                .await?;
        }
        let found = self.newest(hand).await?;
        let state = found.as_str();
        match &self.step {
            Step::Ask if state == "none" => {}
            // The answer was lost, the replacement was not.
            Step::Ask if state == "sealed" => self.step = Step::Mail,
            Step::Mail if state == "sealed" => {}
            Step::Claim { .. } if matches!(state, "sealed" | "claimed") => {}
            Step::Receipt { link, claimed } if state == "claimed" => {
                ground
                    .expect(&claimed.key, "not_active", "there was no receipt")
                    .await?;
                let link = link.clone();
                let again = Box::new(self.contact.claim(&link).await?);
                ensure!(again.again, "an acknowledged claim was forgotten");
                self.once(&link, &again.key)?;
                self.step = Step::Receipt {
                    link,
                    claimed: again,
                };
            }
            // The answer was lost: the same receipt again is answered alike.
            Step::Receipt { claimed, .. } if state == "receipted" => {
                ground
                    .expect(&claimed.key, "ok", "the receipt was stored")
                    .await?;
            }
            Step::Revoke { link, new } if state == "receipted" => {
                ground
                    .expect(&new.text, "ok", "its receipt was acknowledged")
                    .await?;
                let spent = self
                    .contact
                    .claim(link)
                    .await
                    .err()
                    .context("opened twice")?;
                let code = problem(&spent).map(|problem| problem.code.as_str());
                ensure!(code == Some("link-not-usable"), "a spent link: {spent:#}");
            }
            step => bail!(
                "at the step {}, the newest delivery is {state}",
                step.name()
            ),
        }
        self.old_key_still_holds(ground).await?;
        Ok(found)
    }

    /// The old key works until its end was acknowledged, or was not and is.
    async fn old_key_still_holds(&mut self, ground: &Ground<'_>) -> Result<()> {
        let is = ground.verify(&self.key.text).await?;
        match (is.as_str(), &self.step) {
            ("ok", _) => {}
            ("revoked", Step::Revoke { .. }) => {
                self.turn();
            }
            (other, step) => bail!("at the step {}, the present key is {other}", step.name()),
        }
        Ok(())
    }

    /// The state of the delivery of the present key's replacement, or `none`.
    pub(crate) async fn newest(&self, hand: &mut Hand) -> Result<String> {
        let key = hand.uuid(&self.key.id);
        let found = hand
            .texts(&format!(
                "SELECT delivery.state FROM delivery JOIN api_key ON api_key.id = key_id WHERE replaces_id = {key}"
            ))
            .await?;
        match found.as_slice() {
            [] => Ok("none".to_owned()),
            [state] => Ok(state.clone()),
            several => bail!("one key has {} replacements", several.len()),
        }
    }

    /// However often a link is opened, it gives the same key.
    fn once(&mut self, link: &str, key: &str) -> Result<()> {
        let before = self.given.insert(delivery_in(link), key.to_owned());
        ensure!(
            before.is_none_or(|before| before == key),
            "one delivery gave two keys"
        );
        Ok(())
    }

    /// The new key takes the old one's place; the old one, which is revoked.
    fn turn(&mut self) -> String {
        let step = std::mem::replace(&mut self.step, Step::Ask);
        if let Step::Revoke { new, .. } = step {
            let old = std::mem::replace(&mut self.key, new).text;
            self.revoked.push(old);
            if self.revoked.len() > REMEMBERED {
                self.revoked.remove(0);
            }
        }
        self.revoked.last().cloned().unwrap_or_default()
    }
}

/// A job may touch the key between the form and the passkey, as when it runs out soon and its holder
/// is told: then nothing was done, and the person looks again.
async fn confirmed(by: &Visitor, path: &str, fields: &[(&str, &str)]) -> Result<()> {
    loop {
        match by.act(path, fields).await {
            Ok(_) => return Ok(()),
            Err(error) if problem(&error).is_some_and(|problem| problem.code == "changed") => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends the receipt; the key that it activated.
async fn stored(contact: &Visitor, claimed: &Claimed) -> Result<Key> {
    let answer = contact.receipt(claimed).await?;
    let page = answer["portal"].as_str().context("where to watch it")?;
    let id = page.rsplit('/').next().context("an id")?.to_owned();
    let text = claimed.key.clone();
    Ok(Key { id, text })
}

/// The delivery that a link leads to.
pub(crate) fn delivery_in(link: &str) -> String {
    let path = link.split('#').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
