//! An access request: the answers, what is asked for in each environment, and frozen revisions.

mod answers;
mod diff;
mod questionnaire;
mod state;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use answers::{AnswerTooLong, Answers, FieldError};
pub use diff::{DiffKind, DiffPart, word_diff};
pub use questionnaire::{Choice, Question, QuestionId, QuestionKind, Questionnaire};
pub use state::{LineState, RequestState, RequestStep, StepRefused};

use crate::enc::{Digest, Enc};
use crate::id::{EnvironmentId, PersonId, RequestId, ServiceId};
use crate::network::Sources;
use crate::person::Email;
use crate::policy::{LifeDays, RatePerSecond};
use crate::service::ScopeName;
use crate::time::Timestamp;

/// Who asks. The address decides too: one mailbox is one person, whatever the records say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub person: PersonId,
    pub email: Email,
}

impl Requester {
    pub fn is(&self, person: PersonId, email: &Email) -> bool {
        self.person == person || self.email.same_mailbox(email)
    }
}

/// What is asked for in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedLine {
    pub environment: EnvironmentId,
    pub scopes: BTreeSet<ScopeName>,
    pub sources: Sources,
    pub rate: RatePerSecond,
    pub life: LifeDays,
}

/// A submission, frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    pub request: RequestId,
    /// Counts up from 1 within the request.
    pub number: u32,
    pub submitted: Timestamp,
    pub service: ServiceId,
    /// The version of the questionnaire that the answers answer.
    pub questionnaire: u16,
    pub answers: Answers,
    pub lines: Vec<RequestedLine>,
}

impl Revision {
    pub fn line(&self, environment: EnvironmentId) -> Option<&RequestedLine> {
        self.lines
            .iter()
            .find(|line| line.environment == environment)
    }

    /// What approvers sign.
    pub fn digest(&self) -> Digest {
        let answers = self.answers.iter().map(|(question, answer)| {
            let pair = Enc::list().text(question.code()).text(answer);
            pair.finish()
        });
        let lines = self.lines.iter().map(|line| {
            Enc::list()
                .uuid(line.environment.uuid())
                .set(&line.scopes)
                .text(&line.sources.to_string())
                .u64(u32::from(line.rate).into())
                .u64(u32::from(line.life).into())
                .finish()
        });
        Enc::new("latchkey/revision/v1")
            .uuid(self.request.uuid())
            .u64(self.number.into())
            .time(self.submitted)
            .uuid(self.service.uuid())
            .u64(self.questionnaire.into())
            .set(answers)
            .set(lines)
            .sha256()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::grant;

    fn revision() -> Revision {
        let mut answers = Answers::default();
        answers
            .set(QuestionId::Purpose, "To print labels.")
            .unwrap();
        Revision {
            request: RequestId::new(Uuid::from_u128(1)),
            number: 1,
            submitted: Timestamp::from_micros(5),
            service: ServiceId::new(Uuid::from_u128(2)),
            questionnaire: 1,
            answers,
            lines: vec![grant::tests::line(&["read"], Sources::Anywhere)],
        }
    }

    #[test]
    fn every_part_of_a_revision_changes_its_digest() {
        let changes: [fn(&mut Revision); 7] = [
            |r| r.request = RequestId::new(Uuid::from_u128(9)),
            |r| r.number = 2,
            |r| r.submitted = Timestamp::from_micros(6),
            |r| r.service = ServiceId::new(Uuid::from_u128(9)),
            |r| r.questionnaire = 2,
            |r| {
                r.answers
                    .set(QuestionId::Purpose, "To print invoices.")
                    .unwrap()
            },
            |r| r.lines[0].rate = 11.try_into().unwrap(),
        ];
        for change in changes {
            let mut changed = revision();
            change(&mut changed);
            assert_ne!(changed.digest(), revision().digest(), "{changed:?}");
        }
    }

    #[test]
    fn a_revision_reads_back_as_it_was_stored() {
        let json = serde_json::to_string(&revision()).unwrap();
        assert_eq!(serde_json::from_str::<Revision>(&json).unwrap(), revision());
        let unknown = json.replacen('{', r#"{"urgent":true,"#, 1);
        assert!(serde_json::from_str::<Revision>(&unknown).is_err());
    }

    #[test]
    fn one_mailbox_under_two_records_is_the_requester() {
        let requester = Requester {
            person: PersonId::new(Uuid::from_u128(1)),
            email: "ada@example.com".parse().unwrap(),
        };
        let other = PersonId::new(Uuid::from_u128(2));
        assert!(requester.is(other, &"ADA@example.com".parse().unwrap()));
        assert!(!requester.is(other, &"bob@example.com".parse().unwrap()));
    }
}
