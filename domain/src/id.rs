//! Identifiers. Each kind of thing has its own type, so that a partner's id cannot be passed where
//! a person's is asked for.

use core::fmt;
use core::str::FromStr;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// A fresh random id (UUID version 4).
            pub fn random(rng: &mut impl CryptoRng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A member of staff or a contact.
    PersonId
    /// A partner organisation.
    PartnerId
    /// An API product of the host.
    ServiceId
    /// One environment of one service.
    EnvironmentId
    /// One version of an environment's policy.
    PolicyId
    ScopeId
    EndpointId
    /// A registered passkey: our id, not the authenticator's.
    CredentialId
    /// One role of one person.
    RoleId
    SessionId
    /// A WebAuthn ceremony in progress.
    CeremonyId
    /// A one-time link for a person: owner, invitation or recovery.
    PersonLinkId
    /// A partner's access request.
    RequestId
    /// One immutable submission of a request.
    RevisionId
    /// A verdict or comment on one section.
    ReviewId
    /// What is proposed or approved for one environment.
    GrantId
    DecisionId
    /// Temporary access, asked for or approved.
    OverlayId
    /// One narrowing of a live grant.
    NarrowingId
    KeyId
    DeliveryId
    GatewayId
    MailId
    /// A change of settings that waits for a second person.
    ProposalId
}
