use domain::id::*;
use domain::link::PersonLinkKind;
use domain::state::{PartnerState, PersonKind, PersonState, Role};
use uuid::Uuid;

use super::{FIRST, LAST, Sample, blob, document, text};
use crate::{
    Address, Appointment, Ceremony, Code, Credential, Mail, Partner, PendingAct, Person,
    PersonLink, Session,
};

impl Sample for Partner {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: PartnerId::new(id),
            name: text(id),
            state: Code(PartnerState::Active),
            created_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            name: String::new(),
            state: Code(PartnerState::Ended),
            created_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Person {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: PersonId::new(id),
            kind: Code(PersonKind::Contact),
            partner_id: Some(PartnerId::new(id)),
            name: text(id),
            state: Code(PersonState::Active),
            created_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            kind: Code(PersonKind::Staff),
            partner_id: None,
            name: String::new(),
            created_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Address {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: PersonId::new(id),
            email: text(id),
            mailbox: Some(text(id)),
            changed_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            email: String::new(),
            mailbox: None,
            changed_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Appointment {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: RoleId::new(id),
            person_id: PersonId::new(id),
            role: Code(Role::Reviewer),
            appointed_at: LAST,
            appointed_by: Some(PersonId::new(id)),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            role: Code(Role::Auditor),
            appointed_at: FIRST,
            appointed_by: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Credential {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: CredentialId::new(id),
            person_id: PersonId::new(id),
            raw_id: [id.as_bytes().to_vec(), blob(1007)].concat(),
            label: text(id),
            passkey: document(),
            device_bound: true,
            sealing_key: Some([0xff; 32]),
            signing_key: Some([0; 32]),
            enrolment: Some([0xff; 64]),
            created_at: LAST,
            used_at: Some(LAST),
            removed_at: Some(FIRST),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            raw_id: Vec::new(),
            label: String::new(),
            passkey: String::new(),
            device_bound: false,
            sealing_key: None,
            signing_key: None,
            enrolment: None,
            created_at: FIRST,
            used_at: None,
            removed_at: None,
            ..Self::full(id)
        }
    }
}

impl Sample for PersonLink {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: PersonLinkId::new(id),
            kind: Code(PersonLinkKind::Recovery),
            person_id: PersonId::new(id),
            secret_digest: [0xff; 32],
            code_mac: Some([0; 32]),
            wrong_codes: i64::MAX,
            created_by: Some(PersonId::new(id)),
            confirmed_by: Some(PersonId::new(id)),
            lost_credential_id: Some(CredentialId::new(id)),
            created_at: LAST,
            expires_at: LAST,
            consumed_at: Some(LAST),
            voided_at: Some(FIRST),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            kind: Code(PersonLinkKind::Owner),
            code_mac: None,
            wrong_codes: i64::MIN,
            created_by: None,
            confirmed_by: None,
            lost_credential_id: None,
            created_at: FIRST,
            expires_at: FIRST,
            consumed_at: None,
            voided_at: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Session {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: SessionId::new(id),
            token_mac: [id.as_bytes()[15]; 32],
            person_id: PersonId::new(id),
            credential_id: CredentialId::new(id),
            created_at: FIRST,
            seen_at: LAST,
            ends_at: LAST,
            address: text(id),
            agent: document(),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            seen_at: FIRST,
            ends_at: FIRST,
            address: String::new(),
            agent: String::new(),
            ..Self::full(id)
        }
    }
}

impl Sample for Ceremony {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: CeremonyId::new(id),
            kind: text(id),
            person_id: Some(PersonId::new(id)),
            state: document(),
            expires_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            kind: String::new(),
            person_id: None,
            state: String::new(),
            expires_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for PendingAct {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: CeremonyId::new(id),
            person_id: PersonId::new(id),
            act: text(id),
            input: document(),
            created_at: FIRST,
            expires_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            act: String::new(),
            input: String::new(),
            expires_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for Mail {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: MailId::new(id),
            template: text(id),
            address: text(id),
            person_id: Some(PersonId::new(id)),
            content: document(),
            sealed: Some(blob(70_000)),
            created_at: LAST,
            next_at: Some(LAST),
            attempts: i64::MAX,
            sent_at: Some(LAST),
            dead_at: Some(FIRST),
            last_error: Some(document()),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            person_id: None,
            content: String::new(),
            sealed: None,
            created_at: FIRST,
            next_at: None,
            attempts: 0,
            sent_at: None,
            dead_at: None,
            last_error: None,
            ..Self::full(id)
        }
    }
}
