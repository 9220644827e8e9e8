//! A person's roles are replaced. Giving staff a role takes a second owner once two can confirm.

use domain::act::Act;
use domain::id::{PersonId, ProposalId};
use domain::state::{PersonKind, PersonState, ProposalState, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Evidence, Person, Proposal, Read, Stamped, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::{Actor, Side};
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people::{self, role_words};
use crate::service::proposals::{self, Proposing};

/// Replaces a person's roles: any of the host's for staff, exactly one of admin and member for a
/// contact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRoles {
    pub person: PersonId,
    pub roles: Vec<Role>,
}

/// Another owner confirms a change of roles.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRoles {
    pub proposal: ProposalId,
}

/// What a proposal keeps: it fits only the roles that it was made over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    from: Vec<Role>,
    to: Vec<Role>,
}

/// Opens a proposal to replace these roles by those.
pub(super) async fn propose_roles(
    portal: &Portal,
    work: &mut Work,
    actor: &Actor,
    person: &Person,
    from: &[Role],
    to: &[Role],
) -> Result<ProposalId, Refusal> {
    let change = Change {
        from: from.to_vec(),
        to: to.to_vec(),
    };
    let proposing = Proposing {
        act: Act::ChangeRole,
        subject: person.id.uuid(),
        input: &change,
        what: format!(
            "Roles of {}: {} instead of {}",
            person.name,
            role_words(to),
            role_words(from)
        ),
        by: actor,
        confirmed_by: Role::Owner,
    };
    proposals::open(portal, work, proposing).await
}

impl ChangeRoles {
    /// The person, the roles held, and whether a second person is needed.
    async fn check(
        &self,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<Person>, Vec<Role>, bool), Refusal> {
        let person = people::managed(read, actor, self.person).await?;
        let held = people::roles(read, person.id).await?;
        if held == self.roles {
            return Err(Refusal::field("role", "The roles are already like this."));
        }
        let second = match person.kind.0 {
            PersonKind::Staff => {
                people::role_change(read, actor, person.id, &self.roles)
                    .await?
                    .second_person
            }
            PersonKind::Contact => {
                self.check_contact(read, actor, &person).await?;
                false
            }
        };
        Ok((person, held, second))
    }

    async fn check_contact(
        &self,
        read: &mut Read,
        actor: &Actor,
        person: &Person,
    ) -> Result<(), Refusal> {
        if !matches!(self.roles.as_slice(), [Role::Admin] | [Role::Member]) {
            return Err(Refusal::field(
                "role",
                "A contact is either an admin or a member.",
            ));
        }
        let Some(partner) = person.partner_id else {
            return Err(Refusal::NotFound);
        };
        let admins = people::admins(read, partner).await?;
        let by_contact = matches!(actor.side(), Side::Contact { .. });
        if by_contact && admins.as_slice() == [person.id] {
            return Err(Refusal::field(
                "role",
                "This is the last admin. Make somebody else one first.",
            ));
        }
        Ok(())
    }
}

impl Privileged for ChangeRoles {
    const ACT: Act = Act::ChangeRole;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let (person, held, second) = self.check(read, actor).await?;
        let does = if second {
            "Nothing changes yet: another owner has to confirm it on the People page."
        } else {
            "It holds from then on, in open sessions too."
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: person.id.uuid(),
                stamp: person.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Roles now", role_words(&held)),
                    ("New roles", role_words(&self.roles)),
                    (
                        "Second person",
                        if second { "needed" } else { "not needed" }.to_owned(),
                    ),
                ],
            },
            title: "Change somebody’s roles".to_owned(),
            does: does.to_owned(),
            breaks: String::new(),
            button: "Change the roles".to_owned(),
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
        let (person, held, second) = self.check(work, actor).await?;
        let details = json!({ "from": held, "to": self.roles, "waits": second });
        if second {
            propose_roles(portal, work, actor, &person, &held, &self.roles).await?;
        } else {
            people::set_roles(work, person.id, &self.roles, actor.person(), proof.at).await?;
        }
        Ok(Done {
            evidence: Evidence::of(proof.entry("person", person.id.uuid(), details)),
            location: format!("/people/{}", person.id),
            told: Some(if second { Told::Waiting } else { Told::Done }),
        })
    }
}

impl ConfirmRoles {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<Proposal>, Stamped<Person>, Change), Refusal> {
        actor.owner()?;
        let proposal = proposals::confirmable(portal, read, actor, self.proposal).await?;
        if proposal.act != Act::ChangeRole.as_str() {
            return Err(Refusal::NotFound);
        }
        let change: Change = proposals::input(&proposal)?;
        let person = read
            .person(PersonId::new(proposal.subject_id))
            .await?
            .ok_or(Refusal::NotFound)?;
        let held = people::roles(read, person.id).await?;
        // Two owners stand behind it: who proposed it has to be one still.
        let proposer_stands = people::owners(read).await?.contains(&proposal.proposed_by);
        if person.state.0 == PersonState::Removed || held != change.from || !proposer_stands {
            return Err(Refusal::conflict(
                "changed",
                "Roles have changed since this was proposed. Refuse it, and propose it again.",
            ));
        }
        // The rule is asked again: the last owner may have become so since.
        people::role_change(read, actor, person.id, &change.to).await?;
        Ok((proposal, person, change))
    }
}

impl Privileged for ConfirmRoles {
    const ACT: Act = Act::ConfirmProposal;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let (proposal, person, change) = self.check(portal, read, actor).await?;
        let by = read
            .person(proposal.proposed_by)
            .await?
            .ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.proposal.uuid(),
                stamp: proposal.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Roles now", role_words(&change.from)),
                    ("New roles", role_words(&change.to)),
                    ("Proposed by", by.name.clone()),
                    ("Proposed", proposal.proposed_at.minute()),
                ],
            },
            title: "Confirm a change of roles".to_owned(),
            does: "The roles change at once. You are the second person.".to_owned(),
            breaks: String::new(),
            button: "Confirm the change".to_owned(),
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
        let (proposal, person, change) = self.check(portal, work, actor).await?;
        let proposed_by = proposal.proposed_by;
        people::set_roles(work, person.id, &change.to, proposed_by, proof.at).await?;
        proposals::settle(
            portal,
            work,
            proposal,
            ProposalState::Confirmed,
            actor.person(),
        )
        .await?;
        let details = json!({ "person": person.id, "from": change.from, "to": change.to });
        Ok(Done {
            evidence: Evidence::of(proof.entry("proposal", self.proposal.uuid(), details)),
            location: format!("/people/{}", person.id),
            told: Some(Told::Done),
        })
    }
}
