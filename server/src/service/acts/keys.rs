//! Acts on one key: staff suspend and resume it; its recipient asks for the next one, or for a
//! delivery that came to nothing once more.

use domain::act::Act;
use domain::id::KeyId;
use domain::key::KeyStep;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Code, Entry, Evidence, KeyRow, Read, Stamped, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::{Actor, Side};
use crate::http::page::Told;
use crate::mail::Letter;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::{Context, mint_for_grant};
use crate::service::{keys, revoke};

/// Every call with the key is refused until it is resumed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendKey {
    pub key: KeyId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeKey {
    pub key: KeyId,
}

/// A new key under the same grant, for the recipient of the old one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveReplacement {
    pub key: KeyId,
}

/// A new key in place of one whose delivery came to nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemakeDelivery {
    pub key: KeyId,
}

impl Privileged for SuspendKey {
    const ACT: Act = Act::Suspend;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        Pause::Suspend.prepare(read, actor, self.key).await
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        Pause::Suspend
            .perform(portal, work, actor, self.key, proof)
            .await
    }
}

impl Privileged for ResumeKey {
    const ACT: Act = Act::Resume;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        Pause::Resume.prepare(read, actor, self.key).await
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        Pause::Resume
            .perform(portal, work, actor, self.key, proof)
            .await
    }
}

/// A key is suspended and resumed in the same way: who may revoke it, and its partner is told.
#[derive(Clone, Copy)]
enum Pause {
    Suspend,
    Resume,
}

impl Pause {
    const fn step(self) -> KeyStep {
        match self {
            Self::Suspend => KeyStep::Suspend,
            Self::Resume => KeyStep::Resume,
        }
    }

    async fn prepare(self, read: &mut Read, actor: &Actor, id: KeyId) -> Result<Asking, Refusal> {
        actor.revoker()?;
        let (key, context) = load(read, id).await?;
        stepped(&key, self.step())?;
        let (act, title, does, breaks) = match self {
            Self::Suspend => (
                Act::Suspend,
                "Suspend",
                "The partner is told. It can be resumed at any time, and then works as before.",
                format!(
                    "Every call of {} to {} in {} with this key is refused until then.",
                    context.partner.name, context.service.name, context.environment.name
                ),
            ),
            Self::Resume => (
                Act::Resume,
                "Resume",
                "Calls with it are accepted again at once, and the partner is told.",
                String::new(),
            ),
        };
        Ok(Asking {
            asked: asked(act, &key, &context),
            title: format!("{title} a key"),
            does: does.to_owned(),
            breaks,
            button: format!("{title} the key"),
            back: format!("/keys/{id}"),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        id: KeyId,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        actor.revoker()?;
        let (key, context) = load(work, id).await?;
        let (state, stamp) = (stepped(&key, self.step())?, key.stamp());
        let letter = self.letter(&key, &context, proof.at);
        revoke::tell(portal, work, &context.grant, letter).await?;
        let changed = KeyRow {
            state: Code(state),
            ..key.into_row()
        };
        work.update_key(changed, stamp).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("key", id.uuid(), json!(null))),
            location: format!("/keys/{id}"),
            told: Some(Told::Sent),
        })
    }

    fn letter(self, key: &KeyRow, context: &Context, when: Timestamp) -> Letter {
        let (key, kid) = (key.id, key.kid.clone());
        let service = context.service.name.clone();
        let environment = context.environment.name.clone();
        match self {
            Self::Suspend => Letter::KeySuspended {
                key,
                kid,
                service,
                environment,
                when,
            },
            Self::Resume => Letter::KeyResumed {
                key,
                kid,
                service,
                environment,
                when,
            },
        }
    }
}

impl ReceiveReplacement {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<KeyRow>, Context), Refusal> {
        let (key, context) = load(read, self.key).await?;
        keys::is_recipient(actor, &context)?;
        keys::may_replace(read, &key, &context, portal.now()).await?;
        Ok((key, context))
    }
}

impl Privileged for ReceiveReplacement {
    const ACT: Act = Act::ReceiveReplacement;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let (key, context) = self.check(portal, read, actor).await?;
        Ok(Asking {
            asked: asked(Self::ACT, &key, &context),
            title: "Ask for a replacement key".to_owned(),
            does: "A new key comes to you like the first one: by a link that your passkey opens, once. It ends with the grant.".to_owned(),
            breaks: "Seven days after you have stored the new key, the present one stops working.".to_owned(),
            button: "Send me a new key".to_owned(),
            back: format!("/keys/{}", self.key),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let (key, context) = self.check(portal, work, actor).await?;
        let entry = proof.entry("key", key.id.uuid(), json!({ "grant": context.grant.id }));
        mint(portal, work, &context, Some(key.id), entry, proof).await
    }
}

impl RemakeDelivery {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<KeyRow>, Context), Refusal> {
        let (key, context) = load(read, self.key).await?;
        match actor.side() {
            Side::Staff(_) => actor.operator().map(drop)?,
            Side::Contact { .. } => keys::is_recipient(actor, &context)?,
        }
        keys::may_remake(read, actor, &key, &context, portal.now()).await?;
        Ok((key, context))
    }
}

impl Privileged for RemakeDelivery {
    const ACT: Act = Act::RemakeDelivery;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let (key, context) = self.check(portal, read, actor).await?;
        Ok(Asking {
            asked: asked(Self::ACT, &key, &context),
            title: "Send a new link".to_owned(),
            does: "The old key is destroyed already. A new one is made under the same grant, and its link mailed to the recipient.".to_owned(),
            breaks: String::new(),
            button: "Send a new link".to_owned(),
            back: format!("/keys/{}", self.key),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let (key, context) = self.check(portal, work, actor).await?;
        // On the grant: that is what the limit counts by.
        let entry = proof.entry("grant", context.grant.id.uuid(), json!({ "key": key.id }));
        mint(portal, work, &context, key.replaces_id, entry, proof).await
    }
}

async fn load(read: &mut Read, id: KeyId) -> Result<(Stamped<KeyRow>, Context), Refusal> {
    let key = read.key(id).await?.ok_or(Refusal::NotFound)?;
    let context = Context::load(read, key.grant_id).await?;
    Ok((key, context))
}

fn asked(act: Act, key: &Stamped<KeyRow>, context: &Context) -> Asked {
    Asked {
        act,
        subject: key.id.uuid(),
        stamp: key.stamp(),
        lines: keys::lines(key, context),
    }
}

fn stepped(key: &KeyRow, step: KeyStep) -> Result<domain::key::KeyState, Refusal> {
    key.state
        .0
        .step(step)
        .map_err(|refused| Refusal::conflict("key-state", refused.to_string()))
}

async fn mint(
    portal: &Portal,
    work: &mut Work,
    context: &Context,
    replaces: Option<KeyId>,
    entry: Entry,
    proof: &Proof,
) -> Result<Done, Refusal> {
    let minted = mint_for_grant(portal, work, &context.grant, replaces, proof.at).await?;
    if minted.entries.is_empty() {
        return Err(Refusal::conflict(
            "no-passkey",
            "The recipient has no passkey that this environment’s policy lets receive a key. Nothing was done: add one first.",
        ));
    }
    Ok(Done {
        evidence: minted
            .entries
            .into_iter()
            .fold(Evidence::of(entry), Evidence::and),
        location: "/keys".to_owned(),
        told: Some(Told::Sent),
    })
}
