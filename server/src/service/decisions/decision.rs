//! What one person decided. Decisions on proposals and on temporary access stand in two tables, and
//! count by the same rules.

use domain::decision::DecisionVerdict;
use domain::id::PersonId;
use domain::quorum::DecisionSubject;
use store::{DecisionRow, OverlayDecision, Stamped};

pub struct Decision {
    pub person: PersonId,
    pub subject: DecisionSubject,
    verdict: DecisionVerdict,
    is_voided: bool,
}

impl Decision {
    /// Whether it is an approval that was not voided.
    pub fn approves(&self) -> bool {
        self.verdict == DecisionVerdict::Approve && !self.is_voided
    }
}

macro_rules! from {
    ($($row:ty)+) => {$(
        impl From<&Stamped<$row>> for Decision {
            fn from(row: &Stamped<$row>) -> Self {
                Self {
                    person: row.person_id,
                    subject: DecisionSubject {
                        revision: row.revision_digest,
                        grant: row.grant_digest,
                        policy: row.policy_digest,
                        recipient: row.recipient_digest,
                    },
                    verdict: row.verdict.0,
                    is_voided: row.voided_at.is_some(),
                }
            }
        }
    )+};
}

from! {
    DecisionRow
    OverlayDecision
}
