use domain::decision::DecisionVerdict;
use domain::delivery::DeliveryCode;
use domain::id::*;
use domain::key::KeyState;
use domain::request::RequestState;
use domain::review::{Section, Verdict};
use domain::state::GrantState;
use uuid::Uuid;

use super::{FIRST, LAST, Sample, blob, document, text};
use crate::{
    AccessRequest, Added, Code, DecisionRow, Delivery, GrantRow, KeyRow, KeyUse, Recusal, Review,
    Revision,
};

impl Sample for AccessRequest {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: RequestId::new(id),
            partner_id: PartnerId::new(id),
            service_id: ServiceId::new(id),
            requester_id: PersonId::new(id),
            state: Code(RequestState::InReview),
            draft: document(),
            draft_version: i64::MAX,
            revisions: i64::MAX,
            created_at: FIRST,
            updated_at: LAST,
            submitted_at: Some(LAST),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            state: Code(RequestState::Draft),
            draft: String::new(),
            draft_version: 0,
            revisions: 0,
            updated_at: FIRST,
            submitted_at: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Revision {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: RevisionId::new(id),
            request_id: RequestId::new(id),
            number: i64::MAX,
            document: document(),
            digest: [0xff; 32],
            submitted_by: PersonId::new(id),
            submitted_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            number: 0,
            document: String::new(),
            digest: [0; 32],
            submitted_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Review {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: ReviewId::new(id),
            request_id: RequestId::new(id),
            revision_id: RevisionId::new(id),
            section: Code(Section::Workflow),
            verdict: Some(Code(Verdict::Objection)),
            comment: document(),
            person_id: PersonId::new(id),
            at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            verdict: None,
            comment: String::new(),
            at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Recusal {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: ReviewId::new(id),
            request_id: RequestId::new(id),
            person_id: PersonId::new(id),
            reason: document(),
            at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            reason: String::new(),
            at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for GrantRow {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: GrantId::new(id),
            request_id: RequestId::new(id),
            revision_id: RevisionId::new(id),
            partner_id: PartnerId::new(id),
            service_id: ServiceId::new(id),
            environment_id: EnvironmentId::new(id),
            policy_id: PolicyId::new(id),
            recipient_id: PersonId::new(id),
            number: i64::MAX,
            document: document(),
            digest: [0xff; 32],
            state: Code(GrantState::WaitingForPasskey),
            proposed_by: Some(PersonId::new(id)),
            proposed_at: LAST,
            settled_at: Some(LAST),
            valid_until: Some(FIRST),
            ended_at: Some(LAST),
            end_reason: Some(document()),
            narrowed: Added(Some(i64::MAX)),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            number: 1,
            document: String::new(),
            state: Code(GrantState::Proposed),
            proposed_by: None,
            proposed_at: FIRST,
            settled_at: None,
            valid_until: None,
            ended_at: None,
            end_reason: None,
            narrowed: Added(None),
            ..Self::full(id)
        }
    }
}

impl Sample for DecisionRow {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: DecisionId::new(id),
            grant_id: GrantId::new(id),
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
            verdict: Code(DecisionVerdict::AskForChanges),
            reason: String::new(),
            evidence: String::new(),
            at: FIRST,
            voided_at: None,
            voided_why: None,
            ..Self::full(id)
        }
    }
}

impl Sample for KeyRow {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: KeyId::new(id),
            kid: text(id),
            grant_id: GrantId::new(id),
            replaces_id: Some(KeyId::new(id)),
            key_mac: [0xff; 32],
            prefix: text(id),
            state: Code(KeyState::PreActivation),
            created_at: FIRST,
            activated_at: Some(LAST),
            expires_at: LAST,
            ended_at: Some(LAST),
            end_reason: Some(document()),
            noticed_days: Some(i64::MIN),
            change: i64::MAX,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            kid: String::new(),
            replaces_id: None,
            key_mac: [0; 32],
            prefix: String::new(),
            state: Code(KeyState::Destroyed),
            activated_at: None,
            expires_at: FIRST,
            ended_at: None,
            end_reason: None,
            noticed_days: None,
            change: 0,
            ..Self::full(id)
        }
    }
}

impl Sample for KeyUse {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: KeyId::new(id),
            accepted: i64::MAX,
            refused: i64::MAX,
            accepted_at: Some(LAST),
            accepted_from: Some(document()),
            refused_at: Some(FIRST),
            refused_from: Some(document()),
            refused_reason: Some(document()),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            id: KeyId::new(id),
            accepted: 0,
            refused: 0,
            accepted_at: None,
            accepted_from: None,
            refused_at: None,
            refused_from: None,
            refused_reason: None,
        }
    }
}

impl Sample for Delivery {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: DeliveryId::new(id),
            key_id: KeyId::new(id),
            grant_id: GrantId::new(id),
            recipient_id: PersonId::new(id),
            state: Code(DeliveryCode::Receipted),
            header: blob(70_000),
            claim_digest: [0xff; 32],
            created_at: FIRST,
            expires_at: LAST,
            claimed_by: Some(CredentialId::new(id)),
            claimed_at: Some(LAST),
            lease_until: Some(LAST),
            ended_at: Some(FIRST),
            end_reason: Some(document()),
            receipt: Some(document()),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            state: Code(DeliveryCode::Sealed),
            header: Vec::new(),
            claimed_by: None,
            claimed_at: None,
            lease_until: None,
            ended_at: None,
            end_reason: None,
            receipt: None,
            ..Self::full(id)
        }
    }
}
