use domain::decision::DecisionVerdict;
use domain::id::{CredentialId, DecisionId, GrantId, NarrowingId, OverlayId, PersonId, PolicyId};
use domain::state::OverlayState;
use uuid::Uuid;

use super::{FIRST, LAST, Sample, document};
use crate::{Code, NarrowingRow, OverlayDecision, OverlayRow};

impl Sample for OverlayRow {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: OverlayId::new(id),
            grant_id: GrantId::new(id),
            requester_id: PersonId::new(id),
            policy_id: PolicyId::new(id),
            document: document(),
            digest: [0xff; 32],
            reason: document(),
            state: Code(OverlayState::Ended),
            asked_at: LAST,
            settled_at: Some(LAST),
            ends_at: Some(FIRST),
            ended_at: Some(LAST),
            end_reason: Some(document()),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            document: String::new(),
            reason: String::new(),
            state: Code(OverlayState::Asked),
            asked_at: FIRST,
            settled_at: None,
            ends_at: None,
            ended_at: None,
            end_reason: None,
            ..Self::full(id)
        }
    }
}

impl Sample for OverlayDecision {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: DecisionId::new(id),
            overlay_id: OverlayId::new(id),
            person_id: PersonId::new(id),
            credential_id: CredentialId::new(id),
            verdict: Code(DecisionVerdict::Approve),
            reason: document(),
            revision_digest: [0xff; 32],
            grant_digest: [1; 32],
            policy_digest: [2; 32],
            recipient_digest: [3; 32],
            evidence: document(),
            at: LAST,
            voided_at: Some(FIRST),
            voided_why: Some(document()),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            verdict: Code(DecisionVerdict::Reject),
            reason: String::new(),
            evidence: String::new(),
            at: FIRST,
            voided_at: None,
            voided_why: None,
            ..Self::full(id)
        }
    }
}

impl Sample for NarrowingRow {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: NarrowingId::new(id),
            grant_id: GrantId::new(id),
            number: i64::MAX,
            document: document(),
            digest: [0xff; 32],
            reason: document(),
            narrowed_by: PersonId::new(id),
            credential_id: CredentialId::new(id),
            evidence: document(),
            at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            number: 1,
            document: String::new(),
            reason: String::new(),
            evidence: String::new(),
            at: FIRST,
            ..Self::full(id)
        }
    }
}
