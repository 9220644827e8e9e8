//! The state of one environment's quorum, recomputed from MAC-checked rows: who may decide, which
//! approvals count, what is signed. Nothing of it is stored as a count.

mod decision;

pub use decision::Decision;

use domain::decision::{Case, DecisionVerdict};
use domain::enc::Digest;
use domain::grant::Grant;
use domain::id::{PersonId, PolicyId};
use domain::person::{Email, RoleSet, StaffRole};
use domain::policy::Policy;
use domain::quorum::{Approval, DecisionSubject, Quorum, QuorumState, recipient_digest, tally};
use domain::request::Requester;
use domain::review::Reviewer;
use domain::state::{GrantState, PersonKind, PersonState, Role};
use domain::time::Timestamp;
use store::{AccessRequest, Code, DecisionRow, GrantRow, Read, Recusal, Stamped, Work};

use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::requests::{self, Frozen, Proposed, RequestFile};

/// One proposal with all that a decision on it depends on.
pub struct LineCase {
    pub subject: DecisionSubject,
    /// The policy in force, which is what approvers sign: a newer one voids older approvals.
    pub policy: Policy,
    pub policy_id: PolicyId,
    pub requester: Requester,
    pub recipient: PersonId,
    pub recipient_email: Email,
    pub submitted: Timestamp,
    pub state: domain::request::RequestState,
    approvals: Vec<Approval>,
}

impl LineCase {
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Store`].
    pub async fn load(
        read: &mut Read,
        file: &RequestFile,
        proposed: &Proposed,
    ) -> Result<Self, Refusal> {
        let revision = file
            .revisions
            .iter()
            .find(|frozen| frozen.row.id == proposed.row.revision_id)
            .ok_or(Refusal::NotFound)?;
        Self::over(read, &file.request, revision, &file.recusals, proposed).await
    }

    /// The same without the rest of the file, for a list of many.
    ///
    /// # Errors
    /// As [`LineCase::load`].
    pub async fn over(
        read: &mut Read,
        request: &AccessRequest,
        revision: &Frozen,
        recusals: &[Recusal],
        proposed: &Proposed,
    ) -> Result<Self, Refusal> {
        let policy = read
            .policy(proposed.row.environment_id)
            .await?
            .ok_or(Refusal::NotFound)?;
        let recipient = proposed.row.recipient_id;
        let recipient_email = requests::email(read, recipient).await?;
        let document: Policy = serde_json::from_str(&policy.document).map_err(Refusal::internal)?;
        Ok(Self {
            subject: DecisionSubject {
                revision: revision.document.digest(),
                grant: proposed.grant.digest(),
                policy: document.digest(),
                recipient: recipient_digest(recipient, &recipient_email),
            },
            policy: document,
            policy_id: policy.id,
            requester: Requester {
                person: request.requester_id,
                email: requests::email(read, request.requester_id).await?,
            },
            recipient,
            recipient_email,
            submitted: revision.row.submitted_at,
            state: request.state.0,
            approvals: approvals(read, recusals, proposed.decisions.iter()).await?,
        })
    }

    pub fn tally(&self) -> QuorumState {
        tally(
            Quorum::of(&self.policy),
            &self.subject,
            self.submitted,
            &self.requester,
            &self.approvals,
        )
    }

    pub fn case<'a>(&'a self, line: domain::request::LineState) -> Case<'a> {
        Case {
            request: self.state,
            line,
            submitted: self.submitted,
            requester: &self.requester,
            quorum: Quorum::of(&self.policy),
            current: self.subject,
            approvals: &self.approvals,
        }
    }

    /// Whether the proposal still fits the policy in force; an approval of one that does not would
    /// make a grant beyond it.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] with what has to be narrowed.
    pub fn check_policy(&self, grant: &Grant) -> Result<(), Refusal> {
        check_policy(&self.policy, grant)
    }

    /// Standing decisions over something that has changed since.
    pub fn stale<'a>(
        &self,
        proposed: &'a Proposed,
    ) -> impl Iterator<Item = &'a Stamped<DecisionRow>> {
        let subject = self.subject;
        proposed
            .standing()
            .filter(move |row| Decision::from(*row).subject != subject)
    }
}

/// Whether a grant fits a policy.
///
/// # Errors
/// [`Refusal::Conflict`] with what has to be narrowed.
pub fn check_policy(policy: &Policy, grant: &Grant) -> Result<(), Refusal> {
    let nowhere_named = matches!(grant.sources(), domain::network::Sources::Anywhere);
    let beyond = grant.rate() > policy.rate_limit
        || !grant.limits().are_within(&policy.limits)
        || grant.life() > policy.longest_life
        || (policy.networks_required && nowhere_named);
    if beyond {
        Err(Refusal::conflict(
            "beyond-policy",
            "The policy was made stricter since this was proposed. Narrow the grant first.",
        ))
    } else {
        Ok(())
    }
}

/// A member of staff as a reviewer of this request; `None` without an active reviewer's role.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn reviewer(
    read: &mut Read,
    recusals: &[Recusal],
    id: PersonId,
) -> Result<Option<Reviewer>, Refusal> {
    let row = read.person(id).await?;
    let active = row
        .is_some_and(|row| row.state.0 == PersonState::Active && row.kind.0 == PersonKind::Staff);
    let roles = read.roles(id).await?;
    let Some(appointed) = roles
        .iter()
        .find(|held| active && held.role.0 == Role::Reviewer)
        .map(|held| held.appointed_at)
    else {
        return Ok(None);
    };
    let held: RoleSet = roles
        .iter()
        .filter_map(|held| held.role.0.code().parse::<StaffRole>().ok())
        .collect();
    Ok(Some(Reviewer {
        person: id,
        email: requests::email(read, id).await?,
        roles: held,
        appointed,
        recused: recusals.iter().any(|recusal| recusal.person_id == id),
    }))
}

/// Everybody who may decide on this line.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn eligible(
    read: &mut Read,
    file: &RequestFile,
    case: &LineCase,
) -> Result<Vec<PersonId>, Refusal> {
    let mut people = Vec::new();
    for held in read.staff_roles().await? {
        if held.role.0 == Role::Reviewer
            && let Some(reviewer) = reviewer(read, &file.recusals, held.person_id).await?
            && reviewer.may_judge(&case.requester, case.submitted).is_ok()
        {
            people.push(held.person_id);
        }
    }
    Ok(people)
}

/// Approvals by people who are reviewers still and did not step aside.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn approvals(
    read: &mut Read,
    recusals: &[Recusal],
    decisions: impl Iterator<Item: Into<Decision>>,
) -> Result<Vec<Approval>, Refusal> {
    let mut approvals = Vec::new();
    for decision in decisions.map(Into::into).filter(Decision::approves) {
        if let Some(reviewer) = reviewer(read, recusals, decision.person).await?
            && !reviewer.recused
        {
            approvals.push(Approval {
                person: reviewer.person,
                email: reviewer.email,
                appointed: reviewer.appointed,
                subject: decision.subject,
            });
        }
    }
    Ok(approvals)
}

/// Voids decisions, keeps them, and tells those who approved.
///
/// # Errors
/// [`Refusal::Conflict`] when one was changed meanwhile, [`Refusal::Store`].
pub async fn void(
    portal: &Portal,
    work: &mut Work,
    file: &RequestFile,
    proposed: &Proposed,
    decisions: impl Iterator<Item = &Stamped<DecisionRow>>,
    why: &str,
) -> Result<usize, Refusal> {
    let mut voided = 0;
    for decision in decisions {
        if decision.verdict.0 == DecisionVerdict::Approve {
            let letter = Letter::ApprovalVoided {
                request: file.request.id,
                partner: file.partner.name.clone(),
                service: file.service.name.clone(),
                environment: file
                    .environment_name(proposed.row.environment_id)
                    .to_owned(),
                why: why.to_owned(),
            };
            let to = To::person(work, decision.person_id).await?;
            mail::queue(portal, work, letter, &to).await?;
        }
        let stamp = decision.stamp();
        let row = DecisionRow {
            voided_at: Some(portal.now()),
            voided_why: Some(why.to_owned()),
            ..decision.clone().into_row()
        };
        work.update_decision(row, stamp).await?;
        voided += 1;
    }
    Ok(voided)
}

/// Voids what this person said before of the very same lines: their later decision takes its place.
///
/// # Errors
/// As [`void`].
pub async fn take_back(
    work: &mut Work,
    proposed: &Proposed,
    by: PersonId,
    subject: &DecisionSubject,
    now: Timestamp,
) -> Result<(), Refusal> {
    let own = proposed
        .standing()
        .filter(|row| row.person_id == by && Decision::from(*row).subject == *subject);
    for decision in own {
        let stamp = decision.stamp();
        let row = DecisionRow {
            voided_at: Some(now),
            voided_why: Some("They decided otherwise later.".to_owned()),
            ..decision.clone().into_row()
        };
        work.update_decision(row, stamp).await?;
    }
    Ok(())
}

/// Ends a proposal without an approval.
///
/// # Errors
/// [`Refusal::Conflict`] when it was changed meanwhile, [`Refusal::Store`].
pub async fn settle_grant(
    work: &mut Work,
    proposed: &Proposed,
    state: GrantState,
    now: Timestamp,
) -> Result<Stamped<GrantRow>, Refusal> {
    let row = GrantRow {
        state: Code(state),
        settled_at: Some(now),
        ..proposed.row.clone().into_row()
    };
    Ok(work.update_grant(row, proposed.row.stamp()).await?)
}

/// Small letters, as people compare fingerprints.
pub fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
