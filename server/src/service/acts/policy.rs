//! An environment's policy gets its next version. What weakens it waits for a second owner once two
//! can confirm.

use domain::act::Act;
use domain::id::{EnvironmentId, ProposalId};
use domain::policy::Policy;
use domain::state::{ProposalState, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Evidence, Proposal, Read, Stamped, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people;
use crate::service::policies::{self, InForce};
use crate::service::proposals::{self, Proposing};

/// Replaces the policy in force by one whose version is the next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePolicy {
    pub environment: EnvironmentId,
    pub policy: Policy,
}

/// Another owner confirms a weakening.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPolicy {
    pub proposal: ProposalId,
}

/// The change as it stands: what it replaces, and whether it waits.
struct Checked {
    now: InForce,
    weaker: Vec<String>,
    second_person: bool,
}

impl ChangePolicy {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Checked, Refusal> {
        actor.owner()?;
        let now = policies::in_force(read, self.environment).await?;
        is_next(&now.policy, &self.policy)?;
        let (weaker, second_person) = policies::weakening(read, &now.policy, &self.policy).await?;
        let waits = policies::proposed(read, self.environment, portal.now()).await?;
        if second_person && waits.is_some() {
            return Err(Refusal::conflict(
                "proposed",
                "Another change of this policy waits for a second person. Settle that one first, on the People page.",
            ));
        }
        let weaker = weaker.iter().map(ToString::to_string).collect();
        Ok(Checked {
            now,
            weaker,
            second_person,
        })
    }
}

/// Refuses what was made from another version than the one in force, and what changes nothing.
fn is_next(old: &Policy, new: &Policy) -> Result<(), Refusal> {
    if old.version.checked_add(1) != Some(new.version) {
        return Err(Refusal::conflict(
            "changed",
            "Somebody changed this policy meanwhile. Nothing was done: look at it again.",
        ));
    }
    if (Policy {
        version: old.version,
        ..*new
    }) == *old
    {
        return Err(Refusal::field(
            "approvals",
            "The policy is already like this: change a setting.",
        ));
    }
    Ok(())
}

impl Privileged for ChangePolicy {
    const ACT: Act = Act::ChangePolicy;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let Checked {
            now,
            weaker,
            second_person,
        } = self.check(portal, read, actor).await?;
        let does = if second_person {
            "Nothing changes yet: another owner has to confirm it on the People page."
        } else {
            "It counts at once. Approvals given under the version before it are void."
        };
        let mut lines = place(&now);
        lines.extend(policies::lines(&now.policy, &self.policy));
        lines.push((
            "Second person",
            if second_person {
                "needed"
            } else {
                "not needed"
            }
            .to_owned(),
        ));
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.environment.uuid(),
                stamp: now.row.version,
                lines,
            },
            title: "Change a policy".to_owned(),
            does: does.to_owned(),
            breaks: weaker.join(" "),
            button: "Change the policy".to_owned(),
            back: page(&now),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let Checked {
            now,
            weaker,
            second_person,
        } = self.check(portal, work, actor).await?;
        let details = json!({ "policy": self.policy, "weakens": weaker, "waits": second_person });
        if second_person {
            let (service, environment) = (&now.service.name, &now.environment.name);
            let proposing = Proposing {
                act: Act::ChangePolicy,
                subject: self.environment.uuid(),
                input: &self.policy,
                what: format!("Policy of {service}, {environment}: {}", weaker.join(" ")),
                by: actor,
                confirmed_by: Role::Owner,
            };
            proposals::open(portal, work, proposing).await?;
        } else {
            policies::add(
                work,
                self.environment,
                &self.policy,
                Some(actor.person()),
                proof.at,
            )
            .await?;
        }
        Ok(Done {
            evidence: Evidence::of(proof.entry("environment", self.environment.uuid(), details)),
            location: page(&now),
            told: Some(if second_person {
                Told::Waiting
            } else {
                Told::Done
            }),
        })
    }
}

impl ConfirmPolicy {
    async fn check(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<(Stamped<Proposal>, InForce, Policy), Refusal> {
        actor.owner()?;
        let proposal = proposals::confirmable(portal, read, actor, self.proposal).await?;
        if proposal.act != Act::ChangePolicy.as_str() {
            return Err(Refusal::NotFound);
        }
        let policy: Policy = proposals::input(&proposal)?;
        let now = policies::in_force(read, EnvironmentId::new(proposal.subject_id)).await?;
        is_next(&now.policy, &policy)?;
        // Two owners stand behind it: who proposed it has to be one still.
        if !people::owners(read).await?.contains(&proposal.proposed_by) {
            return Err(Refusal::conflict(
                "changed",
                "Who proposed this is no owner any more. Refuse it, and propose it again.",
            ));
        }
        Ok((proposal, now, policy))
    }
}

impl Privileged for ConfirmPolicy {
    const ACT: Act = Act::ConfirmProposal;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let (proposal, now, policy) = self.check(portal, read, actor).await?;
        let by = read
            .person(proposal.proposed_by)
            .await?
            .ok_or(Refusal::NotFound)?;
        let (weaker, _) = policies::weakening(read, &now.policy, &policy).await?;
        let weaker: Vec<String> = weaker.iter().map(ToString::to_string).collect();
        let mut lines = place(&now);
        lines.extend(policies::lines(&now.policy, &policy));
        lines.push(("Proposed by", by.name.clone()));
        lines.push(("Proposed", proposal.proposed_at.minute()));
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.proposal.uuid(),
                stamp: proposal.stamp(),
                lines,
            },
            title: "Confirm a change of a policy".to_owned(),
            does: "The policy changes at once. You are the second person.".to_owned(),
            breaks: weaker.join(" "),
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
        let (proposal, now, policy) = self.check(portal, work, actor).await?;
        let details = json!({ "environment": now.environment.id, "policy": policy });
        policies::add(
            work,
            now.environment.id,
            &policy,
            Some(proposal.proposed_by),
            proof.at,
        )
        .await?;
        proposals::settle(
            portal,
            work,
            proposal,
            ProposalState::Confirmed,
            actor.person(),
        )
        .await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("proposal", self.proposal.uuid(), details)),
            location: page(&now),
            told: Some(Told::Done),
        })
    }
}

fn place(now: &InForce) -> Vec<(&'static str, String)> {
    vec![
        ("Service", now.service.name.clone()),
        ("Environment", now.environment.name.clone()),
    ]
}

fn page(now: &InForce) -> String {
    format!(
        "/services/{}/policy/{}",
        now.service.id, now.environment.name
    )
}

#[cfg(test)]
mod tests;
