//! Gateways are registered, get another credential, or are revoked.

use domain::act::Act;
use domain::id::GatewayId;
use domain::text::Paragraph;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Evidence, Gateway, Read, Stamped, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::gateways::{self, Registration};

/// Registers a gateway, under an id that was chosen when the form was sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterGateway {
    pub registration: Registration,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateGateway {
    pub gateway: GatewayId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeGateway {
    pub gateway: GatewayId,
    pub reason: Paragraph<400>,
}

impl Privileged for RegisterGateway {
    const ACT: Act = Act::ChangeGateway;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.operator()?;
        let registration = &self.registration;
        let reach = gateways::check(read, registration).await?;
        let reach: Vec<&str> = reach.iter().map(|named| named.code.as_str()).collect();
        let proxies = match registration.proxies.is_empty() {
            true => "none".to_owned(),
            false => registration.proxies.to_string(),
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: registration.id.uuid(),
                stamp: 0,
                lines: vec![
                    ("New gateway", registration.name.to_string()),
                    ("Kind", registration.kind.to_string()),
                    ("Serves", reach.join(", ")),
                    ("Proxies in front of it", proxies),
                ],
            },
            title: "Register a gateway".to_owned(),
            does: "It may ask about these environments. Its credential is shown once, to you."
                .to_owned(),
            breaks: String::new(),
            button: "Register the gateway".to_owned(),
            back: "/gateways".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let registration = &self.registration;
        let location = gateways::register(portal, work, registration, actor.person()).await?;
        let details = json!({ "change": "register", "registration": registration });
        Ok(Done {
            evidence: Evidence::of(proof.entry("gateway", registration.id.uuid(), details)),
            location,
            told: None,
        })
    }
}

/// An operator, and a gateway that is not revoked.
async fn active(
    read: &mut Read,
    actor: &Actor,
    id: GatewayId,
) -> Result<Stamped<Gateway>, Refusal> {
    actor.operator()?;
    let gateway = gateways::load(read, id).await?;
    gateways::is_active(&gateway)?;
    Ok(gateway)
}

impl Privileged for RotateGateway {
    const ACT: Act = Act::ChangeGateway;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let gateway = active(read, actor, self.gateway).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.gateway.uuid(),
                stamp: gateway.stamp(),
                lines: vec![
                    ("Gateway", gateway.name.clone()),
                    ("Change", "a new credential".to_owned()),
                    ("Present credential", "counts for 24 hours more".to_owned()),
                ],
            },
            title: "Rotate a gateway’s credential".to_owned(),
            does: "It gets a new credential, shown once, to you.".to_owned(),
            breaks: "After 24 hours the present credential is refused. If an older one still counted, it ends now.".to_owned(),
            button: "Rotate the credential".to_owned(),
            back: format!("/gateways/{}", self.gateway),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let location = gateways::rotate(portal, work, self.gateway, actor.person()).await?;
        let details = json!({ "change": "rotate" });
        Ok(Done {
            evidence: Evidence::of(proof.entry("gateway", self.gateway.uuid(), details)),
            location,
            told: None,
        })
    }
}

impl Privileged for RevokeGateway {
    const ACT: Act = Act::ChangeGateway;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let gateway = active(read, actor, self.gateway).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.gateway.uuid(),
                stamp: gateway.stamp(),
                lines: vec![
                    ("Gateway", gateway.name.clone()),
                    ("Change", "revoked for good".to_owned()),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Revoke a gateway".to_owned(),
            does: "It gets no more answers.".to_owned(),
            breaks: format!(
                "Every call through {} is refused, for good. The keys themselves stay as they are.",
                gateway.name
            ),
            button: "Revoke the gateway".to_owned(),
            back: format!("/gateways/{}", self.gateway),
        })
    }

    async fn perform(
        self,
        _: &Portal,
        work: &mut Work,
        _: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        gateways::revoke(work, self.gateway).await?;
        let details = json!({ "change": "revoke", "reason": self.reason });
        Ok(Done {
            evidence: Evidence::of(proof.entry("gateway", self.gateway.uuid(), details)),
            location: format!("/gateways/{}", self.gateway),
            told: Some(Told::Done),
        })
    }
}

#[cfg(test)]
mod tests;
