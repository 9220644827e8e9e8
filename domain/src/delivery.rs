//! The states of a delivery. The database decides a claim with one conditional UPDATE; these rules
//! say what that statement must do and explain why it changed no row.

use core::time::Duration;

use crate::id::CredentialId;
use crate::text::codes;
use crate::time::Timestamp;

/// How long the claiming credential, alone, gets the same ciphertext again.
pub const LEASE: Duration = Duration::from_mins(10);

/// How often a contact can have a new delivery under one grant.
pub const MAX_REPLACEMENTS: u32 = 3;

codes! {
    /// A delivery's state as it is stored; the credential and the lease have columns of their own.
    DeliveryCode {
        Sealed = "sealed",
        Claimed = "claimed",
        Receipted = "receipted",
        Expired = "expired",
        Cancelled = "cancelled",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Sealed,
    Claimed {
        credential: CredentialId,
        lease_until: Timestamp,
    },
    Receipted {
        credential: CredentialId,
    },
    Expired,
    /// By staff, by “this was not me”, or by a lease that ended without a receipt.
    Cancelled {
        /// Who had opened it by then.
        credential: Option<CredentialId>,
    },
}

impl DeliveryState {
    pub const fn code(&self) -> DeliveryCode {
        match self {
            Self::Sealed => DeliveryCode::Sealed,
            Self::Claimed { .. } => DeliveryCode::Claimed,
            Self::Receipted { .. } => DeliveryCode::Receipted,
            Self::Expired => DeliveryCode::Expired,
            Self::Cancelled { .. } => DeliveryCode::Cancelled,
        }
    }

    /// Reads the stored columns; none if they contradict each other.
    pub const fn from_stored(
        code: DeliveryCode,
        credential: Option<CredentialId>,
        lease_until: Option<Timestamp>,
    ) -> Option<Self> {
        match (code, credential, lease_until) {
            (DeliveryCode::Sealed, None, None) => Some(Self::Sealed),
            (DeliveryCode::Claimed, Some(credential), Some(lease_until)) => Some(Self::Claimed {
                credential,
                lease_until,
            }),
            (DeliveryCode::Receipted, Some(credential), _) => Some(Self::Receipted { credential }),
            (DeliveryCode::Expired, ..) => Some(Self::Expired),
            (DeliveryCode::Cancelled, credential, _) => Some(Self::Cancelled { credential }),
            _ => None,
        }
    }
}

/// What a claim by a proven recipient comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The first claim: its lease starts now.
    Fresh { lease_until: Timestamp },
    /// The same credential within its lease, after a lost response.
    Again { lease_until: Timestamp },
    /// Refused, and both sides are told.
    OpenedByOther { credential: CredentialId },
    /// Refused: over, and nobody else had opened it.
    Gone,
}

pub fn claim(
    state: &DeliveryState,
    now: Timestamp,
    expires: Timestamp,
    claimer: CredentialId,
) -> ClaimOutcome {
    match *state {
        DeliveryState::Sealed if now < expires => ClaimOutcome::Fresh {
            lease_until: now.plus(LEASE),
        },
        DeliveryState::Claimed { credential, .. }
        | DeliveryState::Receipted { credential }
        | DeliveryState::Cancelled {
            credential: Some(credential),
        } if credential != claimer => ClaimOutcome::OpenedByOther { credential },
        DeliveryState::Claimed { lease_until, .. } if now < lease_until => {
            ClaimOutcome::Again { lease_until }
        }
        _ => ClaimOutcome::Gone,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// Activate the key and erase the ciphertexts.
    Accept,
    /// The same receipt again: nothing more to do.
    Already,
    Refused,
}

/// What a receipt whose proof and signature hold comes to.
pub fn receipt(state: &DeliveryState, now: Timestamp, signer: CredentialId) -> ReceiptOutcome {
    match *state {
        DeliveryState::Claimed {
            credential,
            lease_until,
        } if credential == signer && now < lease_until => ReceiptOutcome::Accept,
        DeliveryState::Receipted { credential } if credential == signer => ReceiptOutcome::Already,
        _ => ReceiptOutcome::Refused,
    }
}

/// Where time alone takes a delivery; none while it stays as it is. Its key is destroyed with it.
pub fn lapse(state: &DeliveryState, now: Timestamp, expires: Timestamp) -> Option<DeliveryState> {
    match *state {
        DeliveryState::Sealed if now >= expires => Some(DeliveryState::Expired),
        DeliveryState::Claimed {
            credential,
            lease_until,
        } if now >= lease_until => Some(DeliveryState::Cancelled {
            credential: Some(credential),
        }),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemakeRefused {
    #[error("The last delivery can still be opened.")]
    StillOpen,
    #[error("The key was delivered and stored. Ask for a replacement key instead.")]
    Receipted,
    #[error("This was delivered {MAX_REPLACEMENTS} times again already. Ask the staff.")]
    TooOften,
}

/// May the contact have a new delivery? `made` counts the replacements under this grant so far.
pub const fn may_remake(last: &DeliveryState, made: u32) -> Result<(), RemakeRefused> {
    match last {
        DeliveryState::Sealed | DeliveryState::Claimed { .. } => Err(RemakeRefused::StillOpen),
        DeliveryState::Receipted { .. } => Err(RemakeRefused::Receipted),
        DeliveryState::Expired | DeliveryState::Cancelled { .. } if made >= MAX_REPLACEMENTS => {
            Err(RemakeRefused::TooOften)
        }
        DeliveryState::Expired | DeliveryState::Cancelled { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MINE: CredentialId = CredentialId::new(Uuid::from_u128(1));
    const OTHER: CredentialId = CredentialId::new(Uuid::from_u128(2));
    const EXPIRES: Timestamp = Timestamp::from_micros(1_000);
    const LEASE_UNTIL: Timestamp = Timestamp::from_micros(500);
    const CLAIMED: DeliveryState = DeliveryState::Claimed {
        credential: MINE,
        lease_until: LEASE_UNTIL,
    };
    const RECEIPTED: DeliveryState = DeliveryState::Receipted { credential: MINE };
    const CANCELLED: DeliveryState = DeliveryState::Cancelled { credential: None };
    const LAPSED: DeliveryState = DeliveryState::Cancelled {
        credential: Some(MINE),
    };

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_first_claim_opens_a_lease_of_ten_minutes() {
        assert_eq!(
            claim(&DeliveryState::Sealed, at(999), EXPIRES, MINE),
            ClaimOutcome::Fresh {
                lease_until: at(999 + 600_000_000)
            }
        );
    }

    #[test]
    fn a_claim_after_the_expiry_is_refused() {
        let outcome = claim(&DeliveryState::Sealed, EXPIRES, EXPIRES, MINE);
        assert_eq!(outcome, ClaimOutcome::Gone);
    }

    #[test]
    fn a_lost_response_loses_nothing_within_the_lease() {
        let again = ClaimOutcome::Again {
            lease_until: LEASE_UNTIL,
        };
        assert_eq!(claim(&CLAIMED, at(499), EXPIRES, MINE), again);
        assert_eq!(
            claim(&CLAIMED, LEASE_UNTIL, EXPIRES, MINE),
            ClaimOutcome::Gone
        );
    }

    #[test]
    fn no_other_credential_gets_it_ever() {
        let opened = ClaimOutcome::OpenedByOther { credential: MINE };
        for state in [CLAIMED, RECEIPTED, LAPSED] {
            for now in [at(1), at(499), at(2_000)] {
                assert_eq!(claim(&state, now, EXPIRES, OTHER), opened);
            }
        }
    }

    #[test]
    fn what_is_over_is_gone() {
        for state in [RECEIPTED, DeliveryState::Expired, CANCELLED, LAPSED] {
            assert_eq!(claim(&state, at(1), EXPIRES, MINE), ClaimOutcome::Gone);
        }
    }

    #[test]
    fn a_receipt_counts_within_the_lease_and_is_idempotent() {
        assert_eq!(receipt(&CLAIMED, at(499), MINE), ReceiptOutcome::Accept);
        assert_eq!(
            receipt(&RECEIPTED, at(9_999), MINE),
            ReceiptOutcome::Already
        );
    }

    #[test]
    fn a_receipt_by_another_late_or_out_of_turn_is_refused() {
        for (state, now, signer) in [
            (CLAIMED, at(499), OTHER),
            (CLAIMED, LEASE_UNTIL, MINE),
            (RECEIPTED, at(1), OTHER),
            (DeliveryState::Sealed, at(1), MINE),
            (DeliveryState::Expired, at(1), MINE),
            (CANCELLED, at(1), MINE),
            (LAPSED, at(1), MINE),
        ] {
            assert_eq!(
                receipt(&state, now, signer),
                ReceiptOutcome::Refused,
                "{state:?}"
            );
        }
    }

    #[test]
    fn time_ends_what_nobody_finishes() {
        assert_eq!(lapse(&DeliveryState::Sealed, at(999), EXPIRES), None);
        assert_eq!(
            lapse(&DeliveryState::Sealed, EXPIRES, EXPIRES),
            Some(DeliveryState::Expired)
        );
        assert_eq!(lapse(&CLAIMED, at(499), EXPIRES), None);
        assert_eq!(lapse(&CLAIMED, LEASE_UNTIL, EXPIRES), Some(LAPSED));
        assert_eq!(lapse(&RECEIPTED, at(9_999), EXPIRES), None);
    }

    #[test]
    fn a_delivery_is_made_again_three_times_at_most() {
        for ended in [DeliveryState::Expired, CANCELLED, LAPSED] {
            assert_eq!(may_remake(&ended, 2), Ok(()));
            assert_eq!(may_remake(&ended, 3), Err(RemakeRefused::TooOften));
        }
        assert_eq!(
            may_remake(&DeliveryState::Sealed, 0),
            Err(RemakeRefused::StillOpen)
        );
        assert_eq!(may_remake(&CLAIMED, 0), Err(RemakeRefused::StillOpen));
        assert_eq!(may_remake(&RECEIPTED, 0), Err(RemakeRefused::Receipted));
    }

    #[test]
    fn contradictory_columns_are_not_a_state() {
        let stored = DeliveryState::from_stored;
        assert_eq!(
            stored(DeliveryCode::Claimed, Some(MINE), Some(LEASE_UNTIL)),
            Some(CLAIMED)
        );
        assert_eq!(
            stored(DeliveryCode::Cancelled, Some(MINE), Some(LEASE_UNTIL)),
            Some(LAPSED)
        );
        assert_eq!(stored(DeliveryCode::Cancelled, None, None), Some(CANCELLED));
        assert_eq!(stored(DeliveryCode::Claimed, None, Some(LEASE_UNTIL)), None);
        assert_eq!(stored(DeliveryCode::Sealed, Some(MINE), None), None);
        assert_eq!(stored(DeliveryCode::Receipted, None, None), None);
    }
}
