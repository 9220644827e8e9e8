//! The states that several pages name, each with its one word and colour.

use crate::components::{Pill, Tone};

/// Where an access request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    Draft,
    New,
    InReview,
    ChangesAsked,
    Approved,
    /// Approved, but no contact has a passkey that can receive a key.
    WaitingForPasskey,
    Rejected,
    Withdrawn,
    /// All that it led to has ended.
    Closed,
}

impl RequestState {
    pub fn pill(self) -> Pill {
        match self {
            Self::Draft => Pill::new("Draft", Tone::Plain),
            Self::New => Pill::new("New", Tone::Plain),
            Self::InReview => Pill::new("In review", Tone::Info),
            Self::ChangesAsked => Pill::new("Changes asked", Tone::Warn),
            Self::Approved => Pill::new("Approved", Tone::Ok),
            Self::WaitingForPasskey => Pill::new("Approved, waiting for a passkey", Tone::Warn),
            Self::Rejected => Pill::new("Rejected", Tone::Stop),
            Self::Withdrawn => Pill::new("Withdrawn", Tone::Plain),
            Self::Closed => Pill::new("Ended", Tone::Plain),
        }
    }
}

/// A key's state (NIST SP 800-57), and the two of its delivery that people wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Sealed and mailed, not opened yet.
    Sent,
    /// Opened, not receipted: does not work yet.
    NotActive,
    Active,
    Suspended,
    /// Its life is over, or it was replaced or revoked.
    Deactivated,
    Compromised,
    Destroyed,
}

impl KeyState {
    pub fn pill(self) -> Pill {
        match self {
            Self::Sent => Pill::new("Sent, not opened", Tone::Info),
            Self::NotActive => Pill::new("Not active yet", Tone::Warn),
            Self::Active => Pill::new("Active", Tone::Ok),
            Self::Suspended => Pill::new("Suspended", Tone::Warn),
            Self::Deactivated => Pill::new("Ended", Tone::Plain),
            Self::Compromised => Pill::new("Compromised", Tone::Stop),
            Self::Destroyed => Pill::new("Destroyed", Tone::Plain),
        }
    }

    /// Whether there is anything left to revoke.
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::NotActive | Self::Active | Self::Suspended
        )
    }
}

/// Whether a partner, a person, a gateway or a service is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Invited,
    Active,
    Suspended,
    Ended,
    /// A service that nobody can ask for any more.
    Retired,
}

impl Standing {
    pub fn pill(self) -> Pill {
        match self {
            Self::Invited => Pill::new("Invited", Tone::Info),
            Self::Active => Pill::new("Active", Tone::Ok),
            Self::Suspended => Pill::new("Suspended", Tone::Stop),
            Self::Ended => Pill::new("Ended", Tone::Plain),
            Self::Retired => Pill::new("Retired", Tone::Plain),
        }
    }
}
