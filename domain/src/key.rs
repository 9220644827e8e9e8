//! The life of a key: the states of NIST SP 800-57 part 1, section 7, expiry and replacement.

use core::time::Duration;

use crate::text::codes;
use crate::time::Timestamp;

codes! {
    KeyState {
        /// Minted, its delivery not receipted: it does not work (never 5).
        PreActivation = "pre_activation",
        Active = "active",
        Suspended = "suspended",
        /// Ended in the ordinary way: revoked, replaced or expired.
        Deactivated = "deactivated",
        /// Ended because somebody else may have it.
        Compromised = "compromised",
        /// Its MAC is erased; the record stays as evidence.
        Destroyed = "destroyed",
    }
}

codes! {
    KeyStep {
        /// The receipt.
        Activate = "activate",
        Suspend = "suspend",
        Resume = "resume",
        Deactivate = "deactivate",
        Compromise = "compromise",
        Destroy = "destroy",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A key that is {state} does not allow: {step}.")]
pub struct KeyStepRefused {
    pub state: KeyState,
    pub step: KeyStep,
}

impl KeyState {
    pub const fn step(self, step: KeyStep) -> Result<Self, KeyStepRefused> {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActivation, Suspended};
        match (self, step) {
            (PreActivation, KeyStep::Activate) | (Suspended, KeyStep::Resume) => Ok(Active),
            (Active, KeyStep::Suspend) => Ok(Suspended),
            (Active | Suspended, KeyStep::Deactivate) => Ok(Deactivated),
            (PreActivation | Active | Suspended | Deactivated, KeyStep::Compromise) => {
                Ok(Compromised)
            }
            (PreActivation | Deactivated | Compromised, KeyStep::Destroy) => Ok(Destroyed),
            (state, step) => Err(KeyStepRefused { state, step }),
        }
    }

    /// What a revocation does: an undelivered key is destroyed, a delivered one deactivated.
    pub const fn revoke(self) -> Result<Self, KeyStepRefused> {
        match self {
            Self::PreActivation => self.step(KeyStep::Destroy),
            _ => self.step(KeyStep::Deactivate),
        }
    }

    /// Ended for good.
    pub const fn is_ended(self) -> bool {
        matches!(
            self,
            Self::Deactivated | Self::Compromised | Self::Destroyed
        )
    }
}

/// How long the old key still works once its replacement is receipted.
pub const OVERLAP: Duration = Duration::from_hours(7 * 24);

/// When the replaced key expires: after the overlap, and never later than before or than the grant.
pub fn replaced_expires(
    receipted: Timestamp,
    old_expires: Timestamp,
    grant_valid_until: Timestamp,
) -> Timestamp {
    receipted
        .plus(OVERLAP)
        .min(old_expires)
        .min(grant_valid_until)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementRefused {
    #[error("This key has ended. Ask for access again.")]
    KeyEnded,
    #[error("The grant has expired. Ask for access again.")]
    GrantExpired,
    #[error("The first key is not stored yet. Open its link first.")]
    NotDelivered,
    #[error("This key is suspended. Ask the staff.")]
    Suspended,
    #[error("A replacement is already on its way.")]
    AlreadyUnderWay,
}

/// When a replacement asked for now expires: with its grant.
pub fn replacement_expires(
    state: KeyState,
    grant_valid_until: Timestamp,
    under_way: bool,
    now: Timestamp,
) -> Result<Timestamp, ReplacementRefused> {
    match state {
        KeyState::Active if now >= grant_valid_until => Err(ReplacementRefused::GrantExpired),
        KeyState::Active if under_way => Err(ReplacementRefused::AlreadyUnderWay),
        KeyState::Active => Ok(grant_valid_until),
        KeyState::Suspended => Err(ReplacementRefused::Suspended),
        KeyState::PreActivation => Err(ReplacementRefused::NotDelivered),
        KeyState::Deactivated | KeyState::Compromised | KeyState::Destroyed => {
            Err(ReplacementRefused::KeyEnded)
        }
    }
}

codes! {
    /// A mail before a key expires.
    ExpiryNotice {
        ThirtyDays = "30",
        SevenDays = "7",
        OneDay = "1",
    }
}

impl ExpiryNotice {
    pub const fn days(self) -> u64 {
        match self {
            Self::ThirtyDays => 30,
            Self::SevenDays => 7,
            Self::OneDay => 1,
        }
    }

    /// How long before the end it falls due.
    pub const fn before(self) -> Duration {
        Duration::from_hours(24 * self.days())
    }

    fn falls_due(self, expires: Timestamp) -> Timestamp {
        expires.minus(self.before())
    }
}

/// The notice to send now, if any; one that was missed is not made up for once the next is due.
/// `last_sent` is when the last notice was sent, or else when the key was activated: a key that
/// lives for a week gets no mail that says 30 days.
pub fn notice_due(
    now: Timestamp,
    expires: Timestamp,
    last_sent: Timestamp,
) -> Option<ExpiryNotice> {
    if now >= expires {
        return None;
    }
    ExpiryNotice::ALL
        .iter()
        .copied()
        .rev()
        .find(|notice| notice.falls_due(expires) <= now)
        .filter(|notice| last_sent < notice.falls_due(expires))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> Timestamp {
        Timestamp::from_micros(0).plus(Duration::from_hours(24 * n))
    }

    #[test]
    fn only_these_steps_exist() {
        let mut allowed = Vec::new();
        for state in KeyState::ALL {
            for step in KeyStep::ALL {
                match state.step(*step) {
                    Ok(next) => allowed.push(format!("{state} {step} {next}")),
                    Err(refused) => assert_eq!((refused.state, refused.step), (*state, *step)),
                }
            }
        }
        assert_eq!(
            allowed,
            [
                "pre_activation activate active",
                "pre_activation compromise compromised",
                "pre_activation destroy destroyed",
                "active suspend suspended",
                "active deactivate deactivated",
                "active compromise compromised",
                "suspended resume active",
                "suspended deactivate deactivated",
                "suspended compromise compromised",
                "deactivated compromise compromised",
                "deactivated destroy destroyed",
                "compromised destroy destroyed",
            ]
        );
    }

    #[test]
    fn an_ended_key_never_works_again() {
        for state in KeyState::ALL.iter().filter(|state| state.is_ended()) {
            for step in KeyStep::ALL {
                assert!(state.step(*step).ok().is_none_or(KeyState::is_ended));
            }
        }
    }

    #[test]
    fn a_revocation_ends_every_live_key() {
        assert_eq!(KeyState::PreActivation.revoke(), Ok(KeyState::Destroyed));
        assert_eq!(KeyState::Active.revoke(), Ok(KeyState::Deactivated));
        assert_eq!(KeyState::Suspended.revoke(), Ok(KeyState::Deactivated));
        assert!(KeyState::Compromised.revoke().is_err());
    }

    #[test]
    fn codes_read_back() {
        for state in KeyState::ALL {
            assert_eq!(state.code().parse(), Ok(*state));
        }
        assert!("revoked".parse::<KeyState>().is_err());
    }

    #[test]
    fn the_overlap_never_outlives_the_grant() {
        assert_eq!(replaced_expires(day(10), day(90), day(90)), day(17));
        assert_eq!(replaced_expires(day(10), day(90), day(12)), day(12));
        assert_eq!(replaced_expires(day(10), day(11), day(90)), day(11));
    }

    #[test]
    fn a_replacement_expires_with_its_grant() {
        let asked = |state, under_way, now| replacement_expires(state, day(90), under_way, now);
        assert_eq!(asked(KeyState::Active, false, day(1)), Ok(day(90)));
        for (state, under_way, now, refusal) in [
            (
                KeyState::Active,
                false,
                day(90),
                ReplacementRefused::GrantExpired,
            ),
            (
                KeyState::Active,
                true,
                day(1),
                ReplacementRefused::AlreadyUnderWay,
            ),
            (
                KeyState::Suspended,
                false,
                day(1),
                ReplacementRefused::Suspended,
            ),
            (
                KeyState::PreActivation,
                false,
                day(1),
                ReplacementRefused::NotDelivered,
            ),
            (
                KeyState::Deactivated,
                false,
                day(1),
                ReplacementRefused::KeyEnded,
            ),
            (
                KeyState::Compromised,
                false,
                day(1),
                ReplacementRefused::KeyEnded,
            ),
            (
                KeyState::Destroyed,
                false,
                day(1),
                ReplacementRefused::KeyEnded,
            ),
        ] {
            assert_eq!(asked(state, under_way, now), Err(refusal));
        }
    }

    #[test]
    fn each_notice_is_sent_once() {
        let mut last = day(0);
        let mut sent = Vec::new();
        for now in 0..=120 {
            if let Some(notice) = notice_due(day(now), day(100), last) {
                sent.push((now, notice.days()));
                last = day(now);
            }
        }
        assert_eq!(sent, [(70, 30), (93, 7), (99, 1)]);
    }

    #[test]
    fn a_short_life_gets_no_early_notice() {
        assert_eq!(notice_due(day(1), day(7), day(1)), None);
        assert_eq!(
            notice_due(day(6), day(7), day(1)),
            Some(ExpiryNotice::OneDay)
        );
    }

    #[test]
    fn after_an_outage_only_the_nearest_notice_is_sent() {
        assert_eq!(
            notice_due(day(95), day(100), day(0)),
            Some(ExpiryNotice::SevenDays)
        );
    }

    #[test]
    fn nothing_is_announced_after_the_fact() {
        assert_eq!(notice_due(day(100), day(100), day(0)), None);
    }
}
