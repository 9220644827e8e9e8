//! Staff end a key, a grant or a partner, with a reason that the partner is told.

use domain::act::Act;
use domain::delivery::DeliveryCode;
use domain::id::{GrantId, KeyId, PartnerId};
use domain::state::{GrantState, PartnerState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Entry, Evidence, KeyRow, Partner, Read, Stamped, Work};

use super::people::Reason;
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::Context;
use crate::service::{keys, revoke};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    pub key: KeyId,
    pub reason: Reason,
}

/// Ends a grant and every key under it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeGrant {
    pub grant: GrantId,
    pub reason: Reason,
}

/// Ends a partner with all that it has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokePartner {
    pub partner: PartnerId,
    pub reason: Reason,
}

impl RevokeKey {
    async fn key(&self, read: &mut Read) -> Result<Stamped<KeyRow>, Refusal> {
        let key = read.key(self.key).await?.ok_or(Refusal::NotFound)?;
        key.state
            .0
            .revoke()
            .map_err(|_| Refusal::conflict("key-ended", "This key has ended already."))?;
        Ok(key)
    }
}

impl Privileged for RevokeKey {
    const ACT: Act = Act::RevokeKey;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.revoker()?;
        let key = self.key(read).await?;
        let context = Context::load(read, key.grant_id).await?;
        let mut lines = keys::lines(&key, &context);
        lines.push(("Reason", self.reason.to_string()));
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.key.uuid(),
                stamp: key.stamp(),
                lines,
            },
            title: "Revoke a key".to_owned(),
            does: "The partner is told, with the reason. Under the same grant no key follows by itself.".to_owned(),
            breaks: format!(
                "Every call of {} to {} in {} with this key is refused from then on, for good.",
                context.partner.name, context.service.name, context.environment.name
            ),
            button: "Revoke the key".to_owned(),
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
        actor.revoker()?;
        let key = self.key(work).await?;
        revoke::tell_key(portal, work, &key, proof.at, self.reason.as_str()).await?;
        let entries = revoke::end_key(
            work,
            key,
            DeliveryCode::Cancelled,
            proof.at,
            self.reason.as_str(),
        )
        .await?;
        crate::fault::point("revoke");
        let entry = proof.entry("key", self.key.uuid(), json!({ "reason": self.reason }));
        Ok(done(entry, entries, format!("/keys/{}", self.key)))
    }
}

impl Privileged for RevokeGrant {
    const ACT: Act = Act::RevokeGrant;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.revoker()?;
        let context = Context::load(read, self.grant).await?;
        if !revoke::is_live(context.grant.state.0) {
            return Err(Refusal::conflict(
                "grant-ended",
                "This grant has ended already.",
            ));
        }
        let live = revoke::live_keys(read, self.grant).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.grant.uuid(),
                stamp: context.grant.stamp(),
                lines: vec![
                    ("Partner", context.partner.name.clone()),
                    ("Service", context.service.name.clone()),
                    ("Environment", context.environment.name.clone()),
                    ("Keys that end", live.to_string()),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Revoke a grant".to_owned(),
            does:
                "The partner is told, with the reason. It takes a new request to have access again."
                    .to_owned(),
            breaks: format!(
                "Every key of {} for {} in {} is refused from then on, for good: {live} of them.",
                context.partner.name, context.service.name, context.environment.name
            ),
            button: "Revoke the grant".to_owned(),
            back: format!("/requests/{}", context.grant.request_id),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        actor.revoker()?;
        let grant = work.grant(self.grant).await?.ok_or(Refusal::NotFound)?;
        let request = grant.request_id;
        revoke::tell_grant(portal, work, &grant, proof.at, self.reason.as_str()).await?;
        let entries = revoke::end_grant(
            work,
            grant,
            GrantState::Revoked,
            proof.at,
            self.reason.as_str(),
        )
        .await?;
        crate::fault::point("revoke");
        let entry = proof.entry("grant", self.grant.uuid(), json!({ "reason": self.reason }));
        Ok(done(entry, entries, format!("/requests/{request}")))
    }
}

impl RevokePartner {
    async fn partner(&self, read: &mut Read) -> Result<Stamped<Partner>, Refusal> {
        let partner = read.partner(self.partner).await?.ok_or(Refusal::NotFound)?;
        if partner.state.0 == PartnerState::Ended {
            return Err(Refusal::conflict(
                "partner-ended",
                "This partner has ended already.",
            ));
        }
        Ok(partner)
    }
}

impl Privileged for RevokePartner {
    const ACT: Act = Act::RevokePartner;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.revoker()?;
        let partner = self.partner(read).await?;
        let (grants, keys) = revoke::live_of_partner(read, self.partner).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.partner.uuid(),
                stamp: partner.stamp(),
                lines: vec![
                    ("Partner", partner.name.clone()),
                    ("Grants that end", grants.to_string()),
                    ("Keys that end", keys.to_string()),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Revoke a partner".to_owned(),
            does:
                "Its people are told, with the reason, and are signed out. What was recorded stays."
                    .to_owned(),
            breaks: format!(
                "{} is over for good: {keys} keys stop working, what it asked for is withdrawn, and nobody there can sign in again.",
                partner.name
            ),
            button: "Revoke the partner".to_owned(),
            back: format!("/partners/{}", self.partner),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        actor.revoker()?;
        let partner = self.partner(work).await?;
        let entries =
            revoke::end_partner(portal, work, partner, proof.at, self.reason.as_str()).await?;
        crate::fault::point("revoke");
        let entry = proof.entry(
            "partner",
            self.partner.uuid(),
            json!({ "reason": self.reason }),
        );
        Ok(done(entry, entries, format!("/partners/{}", self.partner)))
    }
}

fn done(entry: Entry, entries: Vec<Entry>, location: String) -> Done {
    Done {
        evidence: entries.into_iter().fold(Evidence::of(entry), Evidence::and),
        location,
        told: Some(Told::Sent),
    }
}
