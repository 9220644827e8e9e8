//! The rule of a decision: who may decide, on what, and what follows.

use crate::quorum::{Approval, DecisionSubject, Quorum, QuorumState, Void, tally};
use crate::request::{LineState, RequestState, Requester};
use crate::review::{ReviewRefused, Reviewer};
use crate::text::codes;
use crate::time::Timestamp;

codes! {
    DecisionVerdict {
        Approve = "approve",
        Reject = "reject",
        AskForChanges = "ask_for_changes",
    }
}

/// What is decided on: one line of a request, as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub request: RequestState,
    pub line: LineState,
    pub submitted: Timestamp,
    pub requester: &'a Requester,
    pub quorum: Quorum,
    pub current: DecisionSubject,
    /// Every approval of this line so far, void ones included.
    pub approvals: &'a [Approval],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionOutcome {
    /// The approval counts; others are still missing.
    Recorded(QuorumState),
    /// The approval was the last one needed: mint.
    QuorumComplete(QuorumState),
    /// The line is rejected; one reviewer is enough to say no.
    Rejected,
    /// The whole request goes back to the partner.
    ChangesAsked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionRefused {
    #[error(transparent)]
    MayNotJudge(#[from] ReviewRefused),
    #[error("This request is not in review any more.")]
    NotInReview,
    #[error("This environment is already decided.")]
    AlreadyDecided,
    #[error("What you signed has changed meanwhile. Look at it again.")]
    SubjectChanged,
    #[error("You have already approved this.")]
    ApprovedAlready,
}

/// `signed` is what the reviewer's assertion covers.
pub fn decide(
    reviewer: &Reviewer,
    verdict: DecisionVerdict,
    signed: &DecisionSubject,
    case: &Case<'_>,
) -> Result<DecisionOutcome, DecisionRefused> {
    reviewer.may_judge(case.requester, case.submitted)?;
    if case.request != RequestState::InReview {
        return Err(DecisionRefused::NotInReview);
    }
    if case.line != LineState::Proposed {
        return Err(DecisionRefused::AlreadyDecided);
    }
    if *signed != case.current {
        return Err(DecisionRefused::SubjectChanged);
    }
    match verdict {
        DecisionVerdict::Approve => approve(reviewer, case),
        DecisionVerdict::Reject => Ok(DecisionOutcome::Rejected),
        DecisionVerdict::AskForChanges => Ok(DecisionOutcome::ChangesAsked),
    }
}

fn approve(reviewer: &Reviewer, case: &Case<'_>) -> Result<DecisionOutcome, DecisionRefused> {
    let mut approvals = case.approvals.to_vec();
    approvals.push(Approval {
        person: reviewer.person,
        email: reviewer.email.clone(),
        appointed: reviewer.appointed,
        subject: case.current,
    });
    let state = tally(
        case.quorum,
        &case.current,
        case.submitted,
        case.requester,
        &approvals,
    );
    if state
        .void
        .contains(&(reviewer.person, Void::CountedAlready))
    {
        Err(DecisionRefused::ApprovedAlready)
    } else if state.is_complete() {
        Ok(DecisionOutcome::QuorumComplete(state))
    } else {
        Ok(DecisionOutcome::Recorded(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::{RoleSet, StaffRole};
    use crate::policy::Policy;
    use crate::quorum::tests::{SUBJECT, approval, requester};
    use crate::service::EnvironmentKind;

    fn reviewer(n: u128) -> Reviewer {
        let Approval {
            person,
            email,
            appointed,
            ..
        } = approval(n);
        Reviewer {
            person,
            email,
            appointed,
            roles: RoleSet::NONE.with(StaffRole::Reviewer),
            recused: false,
        }
    }

    fn decided(
        reviewer: &Reviewer,
        verdict: DecisionVerdict,
        signed: &DecisionSubject,
        approvals: &[Approval],
        change: fn(&mut Case<'_>),
    ) -> Result<DecisionOutcome, DecisionRefused> {
        let requester = requester();
        let mut case = Case {
            request: RequestState::InReview,
            line: LineState::Proposed,
            submitted: Timestamp::from_micros(5),
            requester: &requester,
            quorum: Quorum::of(&Policy::default_for(EnvironmentKind::Production)),
            current: SUBJECT,
            approvals,
        };
        change(&mut case);
        decide(reviewer, verdict, signed, &case)
    }

    fn approved(n: u128, before: &[Approval]) -> Result<DecisionOutcome, DecisionRefused> {
        decided(
            &reviewer(n),
            DecisionVerdict::Approve,
            &SUBJECT,
            before,
            |_| {},
        )
    }

    #[test]
    fn the_first_of_two_approvals_is_recorded() {
        let outcome = approved(1, &[]).unwrap();
        assert!(matches!(outcome, DecisionOutcome::Recorded(state) if state.missing() == 1));
    }

    #[test]
    fn the_second_of_two_approvals_completes_the_quorum() {
        let outcome = approved(2, &[approval(1)]).unwrap();
        assert!(matches!(outcome, DecisionOutcome::QuorumComplete(_)));
    }

    #[test]
    fn an_approval_of_something_else_does_not_help() {
        let mut old = approval(1);
        old.subject.grant = [9; 32];
        let outcome = approved(2, &[old]).unwrap();
        assert!(matches!(outcome, DecisionOutcome::Recorded(state) if state.missing() == 1));
    }

    #[test]
    fn who_approved_before_a_change_may_approve_again() {
        let mut old = approval(1);
        old.subject.grant = [9; 32];
        assert!(matches!(
            approved(1, &[old]),
            Ok(DecisionOutcome::Recorded(_))
        ));
    }

    #[test]
    fn one_person_cannot_approve_twice() {
        assert_eq!(
            approved(1, &[approval(1)]),
            Err(DecisionRefused::ApprovedAlready)
        );
    }

    #[test]
    fn no_one_decides_on_their_own_request() {
        for verdict in DecisionVerdict::ALL {
            assert_eq!(
                decided(&reviewer(100), *verdict, &SUBJECT, &[], |_| {}),
                Err(DecisionRefused::MayNotJudge(ReviewRefused::OwnRequest))
            );
        }
    }

    #[test]
    fn without_the_reviewer_role_nothing_is_decided() {
        let owner = Reviewer {
            roles: RoleSet::NONE.with(StaffRole::Owner),
            ..reviewer(1)
        };
        assert_eq!(
            decided(&owner, DecisionVerdict::Reject, &SUBJECT, &[], |_| {}),
            Err(DecisionRefused::MayNotJudge(ReviewRefused::NotReviewer))
        );
    }

    #[test]
    fn what_was_signed_must_be_what_stands() {
        let signed = DecisionSubject {
            policy: [9; 32],
            ..SUBJECT
        };
        for verdict in DecisionVerdict::ALL {
            assert_eq!(
                decided(&reviewer(1), *verdict, &signed, &[], |_| {}),
                Err(DecisionRefused::SubjectChanged)
            );
        }
    }

    #[test]
    fn only_a_request_in_review_is_decided() {
        let refused = decided(
            &reviewer(1),
            DecisionVerdict::Approve,
            &SUBJECT,
            &[],
            |case| {
                case.request = RequestState::Withdrawn;
            },
        );
        assert_eq!(refused, Err(DecisionRefused::NotInReview));
    }

    #[test]
    fn a_decided_line_is_not_decided_again() {
        let refused = decided(
            &reviewer(1),
            DecisionVerdict::Approve,
            &SUBJECT,
            &[],
            |case| {
                case.line = LineState::Rejected;
            },
        );
        assert_eq!(refused, Err(DecisionRefused::AlreadyDecided));
    }

    #[test]
    fn one_reviewer_rejects_or_asks_for_changes() {
        let outcome = |verdict| decided(&reviewer(1), verdict, &SUBJECT, &[], |_| {});
        assert_eq!(
            outcome(DecisionVerdict::Reject),
            Ok(DecisionOutcome::Rejected)
        );
        assert_eq!(
            outcome(DecisionVerdict::AskForChanges),
            Ok(DecisionOutcome::ChangesAsked)
        );
    }
}
