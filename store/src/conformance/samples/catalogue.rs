use domain::id::*;
use domain::state::{GatewayKind, GatewayState};
use uuid::Uuid;

use super::{FIRST, LAST, Sample, document, text};
use crate::{Added, Code, Environment, Gateway, PolicyVersion, Proposal, Service};

impl Sample for Service {
    const SEALED: bool = false;

    fn full(id: Uuid) -> Self {
        Self {
            id: ServiceId::new(id),
            slug: text(id),
            name: text(id),
            description: document(),
            catalogue: document(),
            version: i64::MAX,
            created_at: LAST,
            retired_at: Some(LAST),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            slug: String::new(),
            name: String::new(),
            description: String::new(),
            catalogue: String::new(),
            version: 1,
            created_at: FIRST,
            retired_at: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Environment {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: EnvironmentId::new(id),
            service_id: ServiceId::new(id),
            name: text(id),
            kind: text(id),
            tag: text(id),
            base_url: document(),
            created_at: LAST,
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            name: String::new(),
            kind: String::new(),
            tag: String::new(),
            base_url: String::new(),
            created_at: FIRST,
            ..Self::full(id)
        }
    }
}

impl Sample for PolicyVersion {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: PolicyId::new(id),
            environment_id: EnvironmentId::new(id),
            version: i64::MAX,
            document: document(),
            created_at: LAST,
            created_by: Some(PersonId::new(id)),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            version: i64::MIN,
            document: String::new(),
            created_at: FIRST,
            created_by: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Proposal {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: ProposalId::new(id),
            act: text(id),
            subject_id: Uuid::nil(),
            input: document(),
            state: text(id),
            proposed_by: PersonId::new(id),
            proposed_at: LAST,
            settled_by: Some(PersonId::new(id)),
            settled_at: Some(FIRST),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            act: String::new(),
            subject_id: Uuid::max(),
            input: String::new(),
            state: String::new(),
            proposed_at: FIRST,
            settled_by: None,
            settled_at: None,
            ..Self::full(id)
        }
    }
}

impl Sample for Gateway {
    const SEALED: bool = true;

    fn full(id: Uuid) -> Self {
        Self {
            id: GatewayId::new(id),
            name: text(id),
            kind: Code(GatewayKind::Nginx),
            reach: document(),
            proxies: document(),
            credential_mac: [0xff; 32],
            old_credential_mac: Some([0; 32]),
            old_credential_until: Some(LAST),
            state: Code(GatewayState::Active),
            created_at: LAST,
            signs: Added(true),
        }
    }

    fn bare(id: Uuid) -> Self {
        Self {
            name: String::new(),
            reach: String::new(),
            proxies: String::new(),
            old_credential_mac: None,
            old_credential_until: None,
            state: Code(GatewayState::Revoked),
            created_at: FIRST,
            ..Self::full(id)
        }
    }
}
