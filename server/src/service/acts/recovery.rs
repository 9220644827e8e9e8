//! Recovery of somebody who lost every passkey: started by one operator, confirmed by another.

use domain::act::Act;
use domain::id::{PersonId, ProposalId};
use domain::link::PersonLinkKind;
use domain::state::{PersonState, ProposalState, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Evidence, Person, Proposal, Read, Stamped, Work};

use super::people::Reason;
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::mail::Letter;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::proposals::{self, Proposing};
use crate::service::{links, people, recovery};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRecovery {
    pub person: PersonId,
    /// How the operator knows that it is them.
    pub reason: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRecovery {
    pub proposal: ProposalId,
}

/// What a proposal keeps.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Started {
    reason: Reason,
}

impl StartRecovery {
    async fn check(&self, read: &mut Read, actor: &Actor) -> Result<Stamped<Person>, Refusal> {
        actor.operator()?;
        let person = read.person(self.person).await?.ok_or(Refusal::NotFound)?;
        match person.state.0 {
            PersonState::Removed => return Err(Refusal::NotFound),
            PersonState::Invited => {
                return Err(Refusal::conflict(
                    "not-enrolled",
                    "They have no passkey yet. Send the invitation again instead.",
                ));
            }
            PersonState::Active => {}
        }
        if person.id == actor.person() {
            return Err(Refusal::conflict(
                "own-recovery",
                "Nobody starts their own recovery: ask a colleague.",
            ));
        }
        if recovery::waiting(read, person.id).await?.is_some() {
            return Err(Refusal::conflict(
                "recovery-waits",
                "A recovery of them waits for a second person already.",
            ));
        }
        Ok(person)
    }
}

impl Privileged for StartRecovery {
    const ACT: Act = Act::RecoverStart;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let person = self.check(read, actor).await?;
        let address = read.address(person.id).await?.ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: person.id.uuid(),
                stamp: person.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Belongs to", recovery::belongs_to(read, &person).await?),
                    ("Address", address.email.clone()),
                    ("How you know that it is them", self.reason.to_string()),
                ],
            },
            title: "Start a recovery".to_owned(),
            does: "Every admin of their organisation is told, and another operator has to confirm it. Nothing else happens until then.".to_owned(),
            breaks: "Once it is confirmed and the link is used, their old passkeys end, and keys on their way to them are cancelled and made again.".to_owned(),
            button: "Start the recovery".to_owned(),
            back: format!("/people/{}", person.id),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let person = self.check(work, actor).await?;
        let proposing = Proposing {
            act: Act::RecoverStart,
            subject: person.id.uuid(),
            input: &Started {
                reason: self.reason,
            },
            what: format!("Recovery of {}, who lost every passkey", person.name),
            by: actor,
            confirmed_by: Role::Operator,
        };
        let proposal = proposals::open(portal, work, proposing).await?;
        recovery::tell(portal, work, &person, actor, proof.at).await?;
        let details = json!({ "proposal": proposal });
        Ok(Done {
            evidence: Evidence::of(proof.entry("person", person.id.uuid(), details)),
            location: format!("/people/{}", person.id),
            told: Some(Told::Waiting),
        })
    }
}

impl ConfirmRecovery {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<Proposal>, Stamped<Person>, Started), Refusal> {
        actor.operator()?;
        let proposal = proposals::confirmable(portal, read, actor, self.proposal).await?;
        if proposal.act != Act::RecoverStart.as_str() {
            return Err(Refusal::NotFound);
        }
        let person = read
            .person(PersonId::new(proposal.subject_id))
            .await?
            .ok_or(Refusal::NotFound)?;
        // Two operators stand behind it: who started it has to be one still.
        let starter_stands = people::holders(read, Role::Operator)
            .await?
            .contains(&proposal.proposed_by);
        if person.state.0 != PersonState::Active || !starter_stands {
            return Err(Refusal::conflict(
                "changed",
                "Who started this, or whom it is about, has changed since. Refuse it, and start again.",
            ));
        }
        let started = proposals::input(&proposal)?;
        Ok((proposal, person, started))
    }
}

impl Privileged for ConfirmRecovery {
    const ACT: Act = Act::RecoverConfirm;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let (proposal, person, started) = self.check(portal, read, actor).await?;
        let by = read
            .person(proposal.proposed_by)
            .await?
            .ok_or(Refusal::NotFound)?;
        let address = read.address(person.id).await?.ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.proposal.uuid(),
                stamp: proposal.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Belongs to", recovery::belongs_to(read, &person).await?),
                    ("Address", address.email.clone()),
                    ("Started by", by.name.clone()),
                    ("How they know that it is them", started.reason.to_string()),
                ],
            },
            title: "Confirm a recovery".to_owned(),
            does: "They get a link by mail, and you a code: pass it on by another way, to somebody whom you know to be them.".to_owned(),
            breaks: "When the link is used, their old passkeys end, and keys on their way to them are cancelled and made again.".to_owned(),
            button: "Confirm the recovery".to_owned(),
            back: "/people".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let (proposal, person, _) = self.check(portal, work, actor).await?;
        let started_by = proposal.proposed_by;
        let lost = work.credentials(person.id).await?.first().map(|row| row.id);
        let sending = links::Sending {
            kind: PersonLinkKind::Recovery,
            person: &person,
            created_by: started_by,
            confirmed_by: Some(actor.person()),
            lost,
            shown_to: actor.person(),
            back: "/people".to_owned(),
        };
        let name = person.name.clone();
        let location = links::send(portal, work, sending, |link, expires| Letter::Recovery {
            link,
            name,
            expires,
        })
        .await?;
        proposals::settle(
            portal,
            work,
            proposal,
            ProposalState::Confirmed,
            actor.person(),
        )
        .await?;
        let details = json!({ "person": person.id, "started_by": started_by });
        Ok(Done {
            evidence: Evidence::of(proof.entry("proposal", self.proposal.uuid(), details)),
            location,
            told: None,
        })
    }
}
