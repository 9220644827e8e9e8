//! Verdicts and comments on the sections of a revision.

use serde::{Deserialize, Serialize};

use crate::id::PersonId;
use crate::person::{Email, RoleSet, StaffRole, counts_for_revision};
use crate::request::{DiffPart, QuestionId, Questionnaire, Requester, Revision, word_diff};
use crate::text::{Paragraph, codes};
use crate::time::Timestamp;

codes! {
    Section {
        /// Why.
        Justification = "justification",
        /// How the API will be used.
        Workflow = "workflow",
        /// How key and data are protected.
        Safeguards = "safeguards",
    }
}

codes! {
    Verdict {
        Accepted = "accepted",
        ChangesAsked = "changes_asked",
        Objection = "objection",
    }
}

/// A verdict, a comment or both, on one section of one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    pub reviewer: PersonId,
    pub revision: u32,
    pub section: Section,
    pub verdict: Option<Verdict>,
    pub comment: Option<Paragraph<4000>>,
    pub at: Timestamp,
}

/// A member of staff who is about to give a verdict or decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewer {
    pub person: PersonId,
    pub email: Email,
    pub roles: RoleSet,
    /// When the reviewer role was given.
    pub appointed: Timestamp,
    /// Stepped aside from this request.
    pub recused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefused {
    #[error("Only reviewers can do this.")]
    NotReviewer,
    #[error("Nobody reviews or decides on their own request.")]
    OwnRequest,
    #[error("You stepped aside from this request.")]
    Recused,
    #[error(
        "You became a reviewer after this was submitted, so you do not count for this revision."
    )]
    AppointedLater,
    #[error("Say what should change or what you object to.")]
    CommentMissing,
    #[error("Give a verdict, write a comment, or both.")]
    Nothing,
}

impl Reviewer {
    /// May this person judge what the requester submitted then?
    pub fn may_judge(
        &self,
        requester: &Requester,
        submitted: Timestamp,
    ) -> Result<(), ReviewRefused> {
        if !self.roles.contains(StaffRole::Reviewer) {
            Err(ReviewRefused::NotReviewer)
        } else if requester.is(self.person, &self.email) {
            Err(ReviewRefused::OwnRequest)
        } else if self.recused {
            Err(ReviewRefused::Recused)
        } else if !counts_for_revision(self.appointed, submitted) {
            Err(ReviewRefused::AppointedLater)
        } else {
            Ok(())
        }
    }
}

/// A verdict that asks for something has to say what.
pub const fn check_review(
    verdict: Option<Verdict>,
    comment: Option<&Paragraph<4000>>,
) -> Result<(), ReviewRefused> {
    match (verdict, comment) {
        (None, None) => Err(ReviewRefused::Nothing),
        (Some(Verdict::ChangesAsked | Verdict::Objection), None) => {
            Err(ReviewRefused::CommentMissing)
        }
        _ => Ok(()),
    }
}

/// The verdicts that stand for a section of a revision: each reviewer's latest.
pub fn standing(reviews: &[Review], revision: u32, section: Section) -> Vec<(PersonId, Verdict)> {
    let mut sorted: Vec<&Review> = reviews
        .iter()
        .filter(|review| review.revision == revision && review.section == section)
        .collect();
    sorted.sort_by_key(|review| review.at);
    let mut standing: Vec<(PersonId, Verdict)> = Vec::new();
    for review in sorted {
        if let Some(verdict) = review.verdict {
            standing.retain(|(reviewer, _)| *reviewer != review.reviewer);
            standing.push((review.reviewer, verdict));
        }
    }
    standing
}

/// The revision that a section's last verdict was about.
pub fn last_judged(reviews: &[Review], section: Section) -> Option<u32> {
    reviews
        .iter()
        .filter(|review| review.section == section && review.verdict.is_some())
        .max_by_key(|review| review.at)
        .map(|review| review.revision)
}

/// An answer that differs between two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub question: QuestionId,
    pub parts: Vec<DiffPart>,
}

/// What changed in a section since another revision, in the order of the questions.
pub fn changes_since(judged: &Revision, current: &Revision, section: Section) -> Vec<Change> {
    Questionnaire::CURRENT
        .section(section)
        .map(|question| question.id)
        .map(|id| (id, judged.answers.answer(id), current.answers.answer(id)))
        .filter(|(_, old, new)| old != new)
        .map(|(question, old, new)| Change {
            question,
            parts: word_diff(old, new),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{RequestId, ServiceId};
    use crate::request::Answers;

    fn person(n: u128) -> PersonId {
        PersonId::new(Uuid::from_u128(n))
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn requester() -> Requester {
        Requester {
            person: person(1),
            email: "ada@partner.example".parse().unwrap(),
        }
    }

    fn reviewer() -> Reviewer {
        Reviewer {
            person: person(2),
            email: "rita@host.example".parse().unwrap(),
            roles: RoleSet::NONE.with(StaffRole::Reviewer),
            appointed: at(1),
            recused: false,
        }
    }

    fn judged(change: fn(&mut Reviewer)) -> Result<(), ReviewRefused> {
        let mut reviewer = reviewer();
        change(&mut reviewer);
        reviewer.may_judge(&requester(), at(5))
    }

    #[test]
    fn a_reviewer_may_judge() {
        assert_eq!(judged(|_| {}), Ok(()));
    }

    #[test]
    fn an_owner_without_the_reviewer_role_may_not_judge() {
        let refused = judged(|r| r.roles = RoleSet::NONE.with(StaffRole::Owner));
        assert_eq!(refused, Err(ReviewRefused::NotReviewer));
    }

    #[test]
    fn no_one_judges_their_own_request() {
        assert_eq!(
            judged(|r| r.person = person(1)),
            Err(ReviewRefused::OwnRequest)
        );
        assert_eq!(
            judged(|r| r.email = "Ada@partner.example".parse().unwrap()),
            Err(ReviewRefused::OwnRequest)
        );
    }

    #[test]
    fn who_stepped_aside_may_not_judge() {
        assert_eq!(judged(|r| r.recused = true), Err(ReviewRefused::Recused));
    }

    #[test]
    fn who_was_appointed_later_may_not_judge() {
        assert_eq!(
            judged(|r| r.appointed = at(6)),
            Err(ReviewRefused::AppointedLater)
        );
    }

    #[test]
    fn asking_for_changes_needs_words() {
        let comment = "Name the secret manager.".parse().unwrap();
        assert_eq!(check_review(None, None), Err(ReviewRefused::Nothing));
        for verdict in [Verdict::ChangesAsked, Verdict::Objection] {
            assert_eq!(
                check_review(Some(verdict), None),
                Err(ReviewRefused::CommentMissing)
            );
            assert_eq!(check_review(Some(verdict), Some(&comment)), Ok(()));
        }
        assert_eq!(check_review(Some(Verdict::Accepted), None), Ok(()));
    }

    fn review(reviewer: u128, revision: u32, verdict: Option<Verdict>, time: i64) -> Review {
        Review {
            reviewer: person(reviewer),
            revision,
            section: Section::Safeguards,
            verdict,
            comment: None,
            at: at(time),
        }
    }

    #[test]
    fn the_latest_verdict_of_each_reviewer_stands() {
        let reviews = [
            review(2, 1, Some(Verdict::Accepted), 1),
            review(2, 2, Some(Verdict::Accepted), 4),
            review(2, 2, Some(Verdict::Objection), 2),
            review(2, 2, None, 9),
            review(3, 2, Some(Verdict::ChangesAsked), 3),
        ];
        assert_eq!(
            standing(&reviews, 2, Section::Safeguards),
            [
                (person(3), Verdict::ChangesAsked),
                (person(2), Verdict::Accepted)
            ]
        );
        assert_eq!(standing(&reviews, 2, Section::Workflow), []);
        assert_eq!(last_judged(&reviews, Section::Safeguards), Some(2));
        assert_eq!(last_judged(&reviews, Section::Workflow), None);
    }

    #[test]
    fn what_changed_since_the_last_verdict_is_listed() {
        let revision = |storage: &str| {
            let mut answers = Answers::default();
            answers.set(QuestionId::Storage, storage).unwrap();
            answers
                .set(QuestionId::Purpose, "Labels for parcels.")
                .unwrap();
            Revision {
                request: RequestId::new(Uuid::nil()),
                number: 1,
                submitted: at(1),
                service: ServiceId::new(Uuid::nil()),
                questionnaire: 1,
                answers,
                lines: Vec::new(),
            }
        };
        let (old, new) = (revision("In a file."), revision("In a vault."));
        let changed: Vec<QuestionId> = changes_since(&old, &new, Section::Safeguards)
            .iter()
            .map(|change| change.question)
            .collect();
        assert_eq!(changed, [QuestionId::Storage]);
        assert_eq!(changes_since(&old, &new, Section::Justification), []);
    }
}
