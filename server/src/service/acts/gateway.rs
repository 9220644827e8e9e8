//! Gateways are registered, changed, get another credential, or are revoked.

use domain::act::Act;
use domain::id::GatewayId;
use domain::network::Networks;
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
use crate::service::gateways::{self, NamedPlace, Registration};

/// Registers a gateway, under an id that was chosen when the form was sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterGateway {
    pub registration: Registration,
}

/// Gives a gateway another reach and other proxies, or has its answers signed. Its kind stays: another kind reads other
/// headers, and is another gateway.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeGateway {
    pub gateway: GatewayId,
    /// `service/environment` by their short names.
    pub reach: Vec<String>,
    pub proxies: Networks,
    pub signs: bool,
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
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: registration.id.uuid(),
                stamp: 0,
                lines: vec![
                    ("New gateway", registration.name.to_string()),
                    ("Kind", registration.kind.to_string()),
                    ("Serves", codes(&reach)),
                    ("Proxies in front of it", words(&registration.proxies)),
                    ("Signs who calls", yes_or_no(registration.signs)),
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

fn codes(reach: &[NamedPlace]) -> String {
    let codes: Vec<&str> = reach.iter().map(|named| named.code.as_str()).collect();
    codes.join(", ")
}

fn yes_or_no(truth: bool) -> String {
    let word = if truth { "yes" } else { "no" };
    word.to_owned()
}

fn words(proxies: &Networks) -> String {
    match proxies.is_empty() {
        true => "none".to_owned(),
        false => proxies.to_string(),
    }
}

impl Privileged for ChangeGateway {
    const ACT: Act = Act::ChangeGateway;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let gateway = active(read, actor, self.gateway).await?;
        let places = gateways::places(read).await?;
        let before = gateways::codes(&gateway, &places)?;
        let reach = gateways::chosen(places, &self.reach)?;
        let (serves, proxies) = (codes(&reach), self.proxies.to_string());
        gateways::can_sign(gateway.kind.0, self.signs)?;
        let signs_already = gateway.signs.0 == self.signs;
        if serves == before.join(", ") && proxies == gateway.proxies && signs_already {
            return Err(Refusal::field("pair", "This is what it is already."));
        }
        let lost: Vec<&str> = before
            .iter()
            .map(String::as_str)
            .filter(|code| reach.iter().all(|named| named.code != *code))
            .collect();
        let mut breaks = Vec::new();
        if !lost.is_empty() {
            let (name, lost) = (&gateway.name, lost.join(", "));
            breaks.push(format!(
                "Every call through {name} to {lost} is refused from then on."
            ));
        }
        if gateway.signs.0 && !self.signs {
            breaks.push(
                "A backend that asks for the signed assertion refuses every call from then on."
                    .to_owned(),
            );
        }
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.gateway.uuid(),
                stamp: gateway.stamp(),
                lines: vec![
                    ("Gateway", gateway.name.clone()),
                    ("Serves", serves),
                    ("Served before", before.join(", ")),
                    ("Proxies in front of it", words(&self.proxies)),
                    ("Signs who calls", yes_or_no(self.signs)),
                ],
            },
            title: "Change what a gateway serves".to_owned(),
            does: "It counts from the next call on. Its credential stays.".to_owned(),
            breaks: breaks.join(" "),
            button: "Change the gateway".to_owned(),
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
        gateways::change(work, self.gateway, &self.reach, &self.proxies, self.signs).await?;
        let details = json!({
            "change": "serves", "reach": self.reach, "proxies": self.proxies, "signs": self.signs,
        });
        Ok(Done {
            evidence: Evidence::of(proof.entry("gateway", self.gateway.uuid(), details)),
            location: format!("/gateways/{}", self.gateway),
            told: Some(Told::Done),
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
