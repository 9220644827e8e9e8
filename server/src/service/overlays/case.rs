//! The state of the quorum of temporary access, recomputed from MAC-checked rows by the rules of
//! every other quorum: who may decide, which approvals count, what is signed.

use domain::decision::{Case, DecisionVerdict};
use domain::id::{PersonId, PolicyId};
use domain::overlay::request_digest;
use domain::policy::Policy;
use domain::quorum::{Approval, DecisionSubject, Quorum, QuorumState, recipient_digest, tally};
use domain::request::{LineState, RequestState, Requester};
use domain::state::OverlayState;
use store::{OverlayDecision, Read, Stamped, Work};

use super::OverlayFile;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions::{self, Decision};
use crate::service::requests;

/// One wish with all that a decision on it depends on.
pub struct OverlayCase {
    pub subject: DecisionSubject,
    /// The policy in force, which is what approvers sign: a newer one voids older approvals.
    pub policy: Policy,
    pub policy_id: PolicyId,
    pub requester: Requester,
    approvals: Vec<Approval>,
}

impl OverlayCase {
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Store`].
    pub async fn load(read: &mut Read, file: &OverlayFile) -> Result<Self, Refusal> {
        let grant = &file.around.grant;
        let policy = read
            .policy(grant.environment_id)
            .await?
            .ok_or(Refusal::NotFound)?;
        let document: Policy = serde_json::from_str(&policy.document).map_err(Refusal::internal)?;
        let requester = file.row.requester_id;
        let recipient = requests::email(read, grant.recipient_id).await?;
        Ok(Self {
            subject: DecisionSubject {
                revision: request_digest(
                    file.row.id,
                    requester,
                    &file.around.in_force,
                    &file.row.reason,
                ),
                grant: file.overlay.digest(),
                policy: document.digest(),
                recipient: recipient_digest(grant.recipient_id, &recipient),
            },
            policy: document,
            policy_id: policy.id,
            requester: Requester {
                person: requester,
                email: requests::email(read, requester).await?,
            },
            approvals: decisions::approvals(
                read,
                &file.around.file.recusals,
                file.decisions.iter(),
            )
            .await?,
        })
    }

    pub fn tally(&self, file: &OverlayFile) -> QuorumState {
        tally(
            Quorum::of(&self.policy),
            &self.subject,
            file.row.asked_at,
            &self.requester,
            &self.approvals,
        )
    }

    pub fn case<'a>(&'a self, file: &OverlayFile) -> Case<'a> {
        Case {
            request: RequestState::InReview,
            line: line_of(file.row.state.0),
            submitted: file.row.asked_at,
            requester: &self.requester,
            quorum: Quorum::of(&self.policy),
            current: self.subject,
            approvals: &self.approvals,
        }
    }

    /// Whether it lies within what the service offers, and its grant within the policy, as both are
    /// now: an approval otherwise would open more than either allows.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] with what has changed.
    pub fn check_within(&self, file: &OverlayFile) -> Result<(), Refusal> {
        if !file.overlay.is_within(&file.around.catalogue()?) {
            return Err(Refusal::conflict(
                "not-offered",
                "The service does not offer these endpoints as they were asked for any more. Reject this, so that it is asked for anew.",
            ));
        }
        decisions::check_policy(&self.policy, &file.around.in_force)
    }

    /// Standing decisions over something that has changed since.
    fn stale<'a>(
        &self,
        file: &'a OverlayFile,
    ) -> impl Iterator<Item = &'a Stamped<OverlayDecision>> {
        let subject = self.subject;
        file.standing()
            .filter(move |row| Decision::from(*row).subject != subject)
    }

    /// Voids decisions over something that has changed since, keeps them, and tells those who
    /// approved; and what this person said before of the very same lines, which their later decision
    /// takes the place of.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when one was changed meanwhile, [`Refusal::Store`].
    pub async fn void_others(
        &self,
        portal: &Portal,
        work: &mut Work,
        file: &OverlayFile,
        by: PersonId,
    ) -> Result<(), Refusal> {
        const CHANGED: &str =
            "What you approved was changed since: the policy, the grant, or who receives its keys.";
        for decision in self.stale(file) {
            if decision.verdict.0 == DecisionVerdict::Approve {
                let (service, environment) = file.place();
                let letter = Letter::ApprovalVoided {
                    request: file.around.file.request.id,
                    partner: file.around.file.partner.name.clone(),
                    service,
                    environment,
                    why: CHANGED.to_owned(),
                };
                let to = To::person(work, decision.person_id).await?;
                mail::queue(portal, work, letter, &to).await?;
            }
            void(portal, work, decision, CHANGED).await?;
        }
        let own = file
            .standing()
            .filter(|row| row.person_id == by && Decision::from(*row).subject == self.subject);
        for decision in own {
            void(portal, work, decision, "They decided otherwise later.").await?;
        }
        Ok(())
    }
}

/// Where a wish stands, as the rule of decisions knows it.
pub const fn line_of(state: OverlayState) -> LineState {
    match state {
        OverlayState::Asked => LineState::Proposed,
        OverlayState::Rejected | OverlayState::Withdrawn => LineState::Rejected,
        OverlayState::Approved | OverlayState::Ended => LineState::Approved,
    }
}

async fn void(
    portal: &Portal,
    work: &mut Work,
    decision: &Stamped<OverlayDecision>,
    why: &str,
) -> Result<(), Refusal> {
    let voided = OverlayDecision {
        voided_at: Some(portal.now()),
        voided_why: Some(why.to_owned()),
        ..decision.clone().into_row()
    };
    work.update_overlay_decision(voided, decision.stamp())
        .await?;
    Ok(())
}
