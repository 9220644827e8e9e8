//! Whole numbers that a policy and a grant are made of. Out of bounds, they cannot be constructed.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Use a whole number from {min} to {max}.")]
pub struct OutOfBounds {
    pub min: u32,
    pub max: u32,
}

macro_rules! bounded {
    ($($(#[$meta:meta])* $name:ident = $min:literal ..= $max:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name(u32);

        impl $name {
            pub const MIN: u32 = $min;
            pub const MAX: u32 = $max;
        }

        impl TryFrom<u32> for $name {
            type Error = OutOfBounds;

            fn try_from(number: u32) -> Result<Self, Self::Error> {
                ($min..=$max)
                    .contains(&number)
                    .then_some(Self(number))
                    .ok_or(OutOfBounds { min: $min, max: $max })
            }
        }

        impl From<$name> for u32 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl FromStr for $name {
            type Err = OutOfBounds;

            /// What a person typed: digits alone.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let text = text.trim();
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                digits
                    .then(|| text.parse::<u32>().ok())
                    .flatten()
                    .and_then(|number| Self::try_from(number).ok())
                    .ok_or(OutOfBounds { min: $min, max: $max })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

bounded! {
    /// How many distinct people have to approve. Never zero.
    Approvals = 1..=9;
    /// How long a grant lives, counted from its approval.
    LifeDays = 1..=1095;
    RatePerSecond = 1..=100_000;
    LinkHours = 1..=336;
    /// How long temporary access lasts, counted from its approval: at most three days.
    OverlayMinutes = 5..=4320;
    /// In a period, by a limit.
    Calls = 1..=1_000_000_000;
}

impl Approvals {
    pub const ONE: Self = Self(1);
    pub const TWO: Self = Self(2);
}

impl LifeDays {
    pub const YEAR: Self = Self(365);

    pub const fn duration(self) -> Duration {
        Duration::from_hours(24 * self.0 as u64)
    }
}

impl OverlayMinutes {
    pub const fn duration(self) -> Duration {
        Duration::from_mins(self.0 as u64)
    }
}

impl RatePerSecond {
    pub const HUNDRED: Self = Self(100);
}

impl From<RatePerSecond> for Calls {
    fn from(rate: RatePerSecond) -> Self {
        Self(rate.0)
    }
}

impl LinkHours {
    pub const THREE_DAYS: Self = Self(72);

    pub const fn duration(self) -> Duration {
        Duration::from_hours(self.0 as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_of_zero_cannot_exist() {
        assert_eq!(Approvals::try_from(0), Err(OutOfBounds { min: 1, max: 9 }));
        assert!(serde_json::from_str::<Approvals>("0").is_err());
        assert!("0".parse::<Approvals>().is_err());
    }

    #[test]
    fn numbers_out_of_bounds_are_refused_with_the_bounds() {
        let refused = "1096".parse::<LifeDays>().unwrap_err();
        assert_eq!(refused.to_string(), "Use a whole number from 1 to 1095.");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", "-1", "+1", "1.5", "1e3", "٣", "4294967297", "ten"] {
            assert!(text.parse::<RatePerSecond>().is_err(), "{text}");
        }
    }
}
