//! Partner organisations are invited through one person, suspended and resumed; their members are
//! invited by staff and by their own admins.

use domain::act::Act;
use domain::id::{PartnerId, PersonId};
use domain::key::KeyState;
use domain::link::PersonLinkKind;
use domain::person::{Email, PersonName};
use domain::state::{PartnerState, Role};
use domain::text::{Line, Paragraph};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Code, Evidence, Partner, Read, Stamped, Work};

use super::people::{Reason, send_invitation};
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::{Actor, Side};
use crate::http::page::Told;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people::{self, NewPerson, role_word};
use crate::service::{links, partners};

/// What an organisation is called.
pub type Organisation = Line<120>;

/// Invites an organisation through its first contact, who becomes its admin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitePartner {
    pub partner: PartnerId,
    pub person: PersonId,
    pub organisation: Organisation,
    pub name: PersonName,
    pub email: Email,
    pub why: Paragraph<500>,
}

/// Invites one more contact of a partner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    pub partner: PartnerId,
    pub person: PersonId,
    pub name: PersonName,
    pub email: Email,
    pub admin: bool,
}

/// Every call with a partner's keys is refused until it is resumed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendPartner {
    pub partner: PartnerId,
    pub reason: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumePartner {
    pub partner: PartnerId,
}

impl Privileged for InvitePartner {
    const ACT: Act = Act::InvitePartner;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.operator()?;
        people::address_is_free(read, &self.email, None).await?;
        partners::name_is_free(read, self.organisation.as_str()).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.partner.uuid(),
                stamp: 0,
                lines: vec![
                    ("Organisation", self.organisation.to_string()),
                    ("First contact", self.name.to_string()),
                    ("Address", self.email.to_string()),
                    ("Why", self.why.to_string()),
                ],
            },
            title: "Invite a partner".to_owned(),
            does: "The first contact gets a link by mail, and you a code to pass on by another way. They can invite colleagues and ask for access.".to_owned(),
            breaks: String::new(),
            button: "Send the invitation".to_owned(),
            back: "/partners/invite".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        partners::name_is_free(work, self.organisation.as_str()).await?;
        let partner = Partner {
            id: self.partner,
            name: self.organisation.to_string(),
            state: Code(PartnerState::Active),
            created_at: proof.at,
        };
        work.add_partner(partner).await?;
        let new = NewPerson {
            id: self.person,
            partner: Some(self.partner),
            name: &self.name,
            email: &self.email,
        };
        let person = people::add(work, new, proof.at).await?;
        people::appoint(work, person.id, Role::Admin, actor.person(), proof.at).await?;
        let sending = links::Sending {
            kind: PersonLinkKind::Invitation,
            person: &person,
            created_by: actor.person(),
            confirmed_by: None,
            lost: None,
            shown_to: actor.person(),
            back: format!("/partners/{}", self.partner),
        };
        let (name, organisation) = (self.name.to_string(), self.organisation.to_string());
        let inviter = actor.name().to_owned();
        let location = links::send(portal, work, sending, |link, expires| {
            Letter::PartnerInvitation {
                link,
                name,
                partner: organisation,
                inviter,
                expires,
            }
        })
        .await?;
        let details = json!({ "contact": self.person });
        Ok(Done {
            evidence: Evidence::of(proof.entry("partner", self.partner.uuid(), details)),
            location,
            told: None,
        })
    }
}

impl InviteMember {
    async fn check(&self, read: &mut Read, actor: &Actor) -> Result<Stamped<Partner>, Refusal> {
        match actor.side() {
            Side::Staff(_) => actor.operator().map(drop)?,
            Side::Contact { partner, .. } if *partner == self.partner => {
                actor.partner_admin().map(drop)?;
            }
            Side::Contact { .. } => return Err(Refusal::NotFound),
        }
        let partner = read.partner(self.partner).await?.ok_or(Refusal::NotFound)?;
        if partner.state.0 == PartnerState::Ended {
            return Err(Refusal::conflict(
                "partner-ended",
                "This partner has ended: nobody can join it.",
            ));
        }
        people::address_is_free(read, &self.email, None).await?;
        Ok(partner)
    }

    const fn role(&self) -> Role {
        if self.admin {
            Role::Admin
        } else {
            Role::Member
        }
    }
}

impl Privileged for InviteMember {
    const ACT: Act = Act::InviteMember;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let partner = self.check(read, actor).await?;
        let back = match actor.side() {
            Side::Staff(_) => format!("/partners/{}", self.partner),
            Side::Contact { .. } => "/people/invite".to_owned(),
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.person.uuid(),
                stamp: 0,
                lines: vec![
                    ("Partner", partner.name.clone()),
                    ("Name", self.name.to_string()),
                    ("Address", self.email.to_string()),
                    ("Role", role_word(self.role()).to_owned()),
                ],
            },
            title: "Invite a contact".to_owned(),
            does: "They get a link by mail, and you a code to pass on by another way. With both they make a passkey and belong to this partner.".to_owned(),
            breaks: String::new(),
            button: "Send the invitation".to_owned(),
            back,
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        self.check(work, actor).await?;
        let new = NewPerson {
            id: self.person,
            partner: Some(self.partner),
            name: &self.name,
            email: &self.email,
        };
        let person = people::add(work, new, proof.at).await?;
        let role = self.role();
        people::appoint(work, person.id, role, actor.person(), proof.at).await?;
        let location = send_invitation(portal, work, actor, &person, &[role]).await?;
        let details = json!({ "partner": self.partner });
        Ok(Done {
            evidence: Evidence::of(proof.entry("person", person.id.uuid(), details)),
            location,
            told: None,
        })
    }
}

impl Privileged for SuspendPartner {
    const ACT: Act = Act::Suspend;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.operator()?;
        let partner = in_state(read, self.partner, PartnerState::Active).await?;
        let live = live_keys(read, self.partner).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.partner.uuid(),
                stamp: partner.stamp(),
                lines: vec![
                    ("Partner", partner.name.clone()),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Suspend a partner".to_owned(),
            does: "It can be resumed at any time, and then everything works as before.".to_owned(),
            breaks: format!(
                "Every call with its keys is refused at once: {live} live. Its people can do nothing here until it is resumed."
            ),
            button: "Suspend this partner".to_owned(),
            back: format!("/partners/{}", self.partner),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        _: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let partner = in_state(work, self.partner, PartnerState::Active).await?;
        let letter = Letter::PartnerSuspended {
            partner: partner.name.clone(),
            reason: self.reason.to_string(),
            when: proof.at,
        };
        change_state(portal, work, partner, PartnerState::Suspended, &letter).await?;
        done(self.partner, proof)
    }
}

impl Privileged for ResumePartner {
    const ACT: Act = Act::Resume;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.operator()?;
        let partner = in_state(read, self.partner, PartnerState::Suspended).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.partner.uuid(),
                stamp: partner.stamp(),
                lines: vec![("Partner", partner.name.clone())],
            },
            title: "Resume a partner".to_owned(),
            does: "Calls with its keys are accepted again at once, and its people can work here again.".to_owned(),
            breaks: String::new(),
            button: "Resume this partner".to_owned(),
            back: format!("/partners/{}", self.partner),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        _: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let partner = in_state(work, self.partner, PartnerState::Suspended).await?;
        let letter = Letter::PartnerResumed {
            partner: partner.name.clone(),
            when: proof.at,
        };
        change_state(portal, work, partner, PartnerState::Active, &letter).await?;
        done(self.partner, proof)
    }
}

/// Writes the state, touches the partner's keys so that every process follows, and tells its
/// admins. The keys' own states stay: one that was suspended by itself does not come back with it.
async fn change_state(
    portal: &Portal,
    work: &mut Work,
    partner: Stamped<Partner>,
    state: PartnerState,
    letter: &Letter,
) -> Result<(), Refusal> {
    let (id, stamp) = (partner.id, partner.stamp());
    let changed = Partner {
        state: Code(state),
        ..partner.into_row()
    };
    work.update_partner(changed, stamp).await?;
    for key in partners::keys(work, id).await? {
        if !key.state.0.is_ended() {
            let stamp = key.stamp();
            work.update_key(key.into_row(), stamp).await?;
        }
    }
    for admin in people::admins(work, id).await? {
        let to = To::person(work, admin).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

fn done(partner: PartnerId, proof: &Proof) -> Result<Done, Refusal> {
    Ok(Done {
        evidence: Evidence::of(proof.entry("partner", partner.uuid(), json!(null))),
        location: format!("/partners/{partner}"),
        told: Some(Told::Sent),
    })
}

async fn in_state(
    read: &mut Read,
    id: PartnerId,
    state: PartnerState,
) -> Result<Stamped<Partner>, Refusal> {
    let partner = read.partner(id).await?.ok_or(Refusal::NotFound)?;
    if partner.state.0 == state {
        return Ok(partner);
    }
    Err(Refusal::conflict(
        "partner-state",
        format!("{} is {} now.", partner.name, partner.state.0),
    ))
}

async fn live_keys(read: &mut Read, partner: PartnerId) -> Result<usize, Refusal> {
    let keys = partners::keys(read, partner).await?;
    Ok(keys
        .iter()
        .filter(|key| key.state.0 == KeyState::Active)
        .count())
}
