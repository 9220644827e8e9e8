//! How many distinct people have to approve, and which of their approvals count.

use crate::enc::{Digest, Enc};
use crate::id::PersonId;
use crate::person::{Email, counts_for_revision};
use crate::policy::{Approvals, Policy};
use crate::request::Requester;
use crate::time::Timestamp;

/// Never zero, because [`Approvals`] is not: zero or omitted approvals fail open elsewhere (OpenBao
/// issues 3666, 3814, 3815).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum(Approvals);

impl Quorum {
    pub const fn of(policy: &Policy) -> Self {
        Self(policy.approvals)
    }

    pub fn needed(self) -> u32 {
        self.0.into()
    }
}

/// What a decision is about, as digests. An approval over anything else does not count, so any
/// change of what was approved voids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionSubject {
    pub revision: Digest,
    pub grant: Digest,
    pub policy: Digest,
    pub recipient: Digest,
}

impl DecisionSubject {
    /// The parameters of the act *decide*: the digests, in this order.
    pub fn digest(&self) -> Digest {
        Enc::new("latchkey/decision-subject/v1")
            .bytes(self.revision)
            .bytes(self.grant)
            .bytes(self.policy)
            .bytes(self.recipient)
            .sha256()
    }
}

/// Who a key is delivered to, as approvers sign it.
pub fn recipient_digest(person: PersonId, email: &Email) -> Digest {
    Enc::new("latchkey/recipient/v1")
        .uuid(person.uuid())
        .text(email.as_str())
        .sha256()
}

/// A verified assertion that approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub person: PersonId,
    pub email: Email,
    pub appointed: Timestamp,
    pub subject: DecisionSubject,
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    #[error("What was approved has changed since.")]
    SubjectChanged,
    #[error("This is the requester.")]
    Requester,
    #[error("This person became a reviewer after the submission.")]
    AppointedLater,
    #[error("This person has already approved.")]
    CountedAlready,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumState {
    /// Distinct people whose approval counts, in the order given.
    pub given: Vec<PersonId>,
    pub needed: u32,
    pub void: Vec<(PersonId, Void)>,
}

impl QuorumState {
    /// “1 of 2, waiting for 1 more.”
    pub fn missing(&self) -> u32 {
        let given = u32::try_from(self.given.len()).unwrap_or(u32::MAX);
        self.needed.saturating_sub(given)
    }

    pub fn is_complete(&self) -> bool {
        self.missing() == 0
    }
}

/// Counts the approvals of `subject`, for a revision submitted at `submitted`.
pub fn tally(
    quorum: Quorum,
    subject: &DecisionSubject,
    submitted: Timestamp,
    requester: &Requester,
    approvals: &[Approval],
) -> QuorumState {
    let mut counted: Vec<&Approval> = Vec::new();
    let mut void = Vec::new();
    for approval in approvals {
        let same = |other: &&Approval| {
            other.person == approval.person || other.email.same_mailbox(&approval.email)
        };
        let reason = if approval.subject != *subject {
            Void::SubjectChanged
        } else if requester.is(approval.person, &approval.email) {
            Void::Requester
        } else if !counts_for_revision(approval.appointed, submitted) {
            Void::AppointedLater
        } else if counted.iter().any(same) {
            Void::CountedAlready
        } else {
            counted.push(approval);
            continue;
        };
        void.push((approval.person, reason));
    }
    QuorumState {
        given: counted.iter().map(|approval| approval.person).collect(),
        needed: quorum.needed(),
        void,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) const SUBJECT: DecisionSubject = DecisionSubject {
        revision: [1; 32],
        grant: [2; 32],
        policy: [3; 32],
        recipient: [4; 32],
    };

    pub(crate) fn person(n: u128) -> PersonId {
        PersonId::new(Uuid::from_u128(n))
    }

    pub(crate) fn requester() -> Requester {
        Requester {
            person: person(100),
            email: "ada@partner.example".parse().unwrap(),
        }
    }

    pub(crate) fn approval(n: u128) -> Approval {
        Approval {
            person: person(n),
            email: format!("r{n}@host.example").parse().unwrap(),
            appointed: Timestamp::from_micros(1),
            subject: SUBJECT,
        }
    }

    fn count(approvals: &[Approval]) -> QuorumState {
        let quorum = Quorum(Approvals::TWO);
        let submitted = Timestamp::from_micros(5);
        tally(quorum, &SUBJECT, submitted, &requester(), approvals)
    }

    fn void(approval: Approval) -> Void {
        let state = count(&[approval]);
        assert_eq!(state.missing(), 2);
        state.void[0].1
    }

    #[test]
    fn no_approvals_are_not_enough() {
        assert_eq!(count(&[]).missing(), 2);
        assert!(!count(&[]).is_complete());
    }

    #[test]
    fn distinct_people_complete_the_quorum() {
        assert_eq!(count(&[approval(1)]).missing(), 1);
        assert!(count(&[approval(1), approval(2)]).is_complete());
        assert!(count(&[approval(1), approval(2), approval(3)]).is_complete());
    }

    #[test]
    fn no_identity_counts_twice() {
        let state = count(&[approval(1), approval(1)]);
        assert_eq!(state.missing(), 1);
        assert_eq!(state.void, [(person(1), Void::CountedAlready)]);
    }

    #[test]
    fn one_mailbox_under_two_records_counts_once() {
        let twin = Approval {
            email: "R1@host.example".parse().unwrap(),
            ..approval(2)
        };
        assert_eq!(count(&[approval(1), twin]).missing(), 1);
    }

    #[test]
    fn the_requester_does_not_count() {
        let by_record = Approval {
            person: person(100),
            ..approval(1)
        };
        let by_address = Approval {
            email: "ADA@partner.example".parse().unwrap(),
            ..approval(1)
        };
        assert_eq!(void(by_record), Void::Requester);
        assert_eq!(void(by_address), Void::Requester);
    }

    #[test]
    fn any_change_of_what_was_approved_voids_the_approval() {
        let changes: [fn(&mut DecisionSubject); 4] = [
            |s| s.revision = [9; 32],
            |s| s.grant = [9; 32],
            |s| s.policy = [9; 32],
            |s| s.recipient = [9; 32],
        ];
        for change in changes {
            let mut changed = approval(1);
            change(&mut changed.subject);
            assert_ne!(changed.subject.digest(), SUBJECT.digest());
            assert_eq!(void(changed), Void::SubjectChanged);
        }
    }

    #[test]
    fn who_was_appointed_after_the_submission_does_not_count() {
        let late = Approval {
            appointed: Timestamp::from_micros(6),
            ..approval(1)
        };
        assert_eq!(void(late), Void::AppointedLater);
    }

    #[test]
    fn another_address_is_another_recipient() {
        let digest = |email: &str| recipient_digest(person(1), &email.parse().unwrap());
        assert_ne!(digest("a@x.example"), digest("b@x.example"));
    }
}
