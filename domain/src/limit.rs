//! How many calls in how long: rate limits (a second, a minute, an hour), which let a burst pass and
//! refill steadily, and quotas (a day, a month of the calendar in UTC), which refill at its end.

mod meter;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use meter::{Exceeded, Left, Meter, Spent, check, spend};

use crate::policy::{Calls, OutOfBounds};
use crate::text::codes;

codes! {
    Period {
        Second = "second",
        Minute = "minute",
        Hour = "hour",
        Day = "day",
        Month = "month",
    }
}

impl Period {
    /// Days and months are quotas: they follow the calendar and outlive a restart.
    pub const fn is_quota(self) -> bool {
        matches!(self, Self::Day | Self::Month)
    }

    /// `1000 a minute`, `1000 an hour`.
    const fn article(self) -> &'static str {
        match self {
            Self::Hour => "an",
            _ => "a",
        }
    }
}

codes! {
    /// Whose calls are counted together.
    Counted {
        Grant = "grant",
        Key = "key",
    }
}

/// At most one number of calls for each period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Counts([Option<Calls>; Period::ALL.len()]);

/// What a policy and a grant hold beside the calls a second of all keys of a grant together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of all keys of a grant together: a replacement key does not start anew.
    pub grant: Counts,
    /// Of each key by itself.
    pub key: Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountsRefused {
    #[error("Write numbers of calls like 600 a minute, 20000 a day. {0:?} cannot be read.")]
    Form(String),
    #[error("{0}")]
    Number(OutOfBounds),
    #[error("There are two numbers of calls for a {0}.")]
    Twice(Period),
}

impl Counts {
    pub fn get(&self, period: Period) -> Option<Calls> {
        self.0.get(period as usize).copied().flatten()
    }

    #[must_use]
    pub fn with(mut self, period: Period, calls: Calls) -> Self {
        if let Some(count) = self.0.get_mut(period as usize) {
            *count = Some(calls);
        }
        self
    }

    /// Those that are set, the shortest period first.
    pub fn iter(&self) -> impl Iterator<Item = (Period, Calls)> + '_ {
        Period::ALL
            .iter()
            .zip(self.0)
            .filter_map(|(period, calls)| Some((*period, calls?)))
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Both: of two numbers for a period, the smaller.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        other.iter().fold(self, |both, (period, calls)| {
            let calls = both.get(period).map_or(calls, |ours| ours.min(calls));
            both.with(period, calls)
        })
    }

    /// Whether these allow no more than the other ones in any period that those limit.
    pub fn are_within(&self, other: &Self) -> bool {
        other
            .iter()
            .all(|(period, most)| self.get(period).is_some_and(|calls| calls <= most))
    }
}

impl Limits {
    pub fn are_within(&self, other: &Self) -> bool {
        self.grant.are_within(&other.grant) && self.key.are_within(&other.key)
    }

    pub fn are_empty(&self) -> bool {
        self.grant.is_empty() && self.key.is_empty()
    }
}

/// `600 a minute, 20 a second for each key`; `none` where nothing is limited.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.grant.is_empty(), self.key.is_empty()) {
            (true, true) => f.write_str("none"),
            (false, true) => self.grant.fmt(f),
            (true, false) => write!(f, "{} for each key", self.key),
            (false, false) => write!(f, "{}, and {} for each key", self.grant, self.key),
        }
    }
}

/// `600 a minute, 20000 a day`; empty where nothing is limited.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (period, calls)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{calls} {} {period}", period.article())?;
        }
        Ok(())
    }
}

/// What a person typed: `600 a minute`, `600/minute`, `600 per minute`, separated by commas or lines.
impl FromStr for Counts {
    type Err = CountsRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut counts = Self::default();
        let parts = text.split([',', '\n']).map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let (calls, period) = count(part)?;
            if counts.get(period).is_some() {
                return Err(CountsRefused::Twice(period));
            }
            counts = counts.with(period, calls);
        }
        Ok(counts)
    }
}

fn count(text: &str) -> Result<(Calls, Period), CountsRefused> {
    let form = || CountsRefused::Form(text.to_owned());
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(form)?;
    let (number, rest) = text.split_at_checked(end).ok_or_else(form)?;
    let rest = rest.trim();
    let period = ["/", "a ", "an ", "per "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .ok_or_else(form)?;
    let period = period.trim().parse().map_err(|_| form())?;
    if number.is_empty() {
        return Err(form());
    }
    Ok((number.parse().map_err(CountsRefused::Number)?, period))
}

impl TryFrom<String> for Counts {
    type Error = CountsRefused;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Counts> for String {
    fn from(counts: Counts) -> Self {
        counts.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Counts {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_typed_reads_back_in_one_form() {
        for (typed, shown) in [
            ("", ""),
            ("20000 a day, 600 a minute", "600 a minute, 20000 a day"),
            (" 5/second\n1 per hour ", "5 a second, 1 an hour"),
            ("7 a month,", "7 a month"),
        ] {
            assert_eq!(counts(typed).to_string(), shown);
            assert_eq!(counts(shown), counts(typed));
        }
    }

    #[test]
    fn what_is_no_number_of_calls_is_refused() {
        use CountsRefused::*;
        for text in [
            "600",
            "a minute",
            "-1 a day",
            "6e3 a day",
            "1.5 a day",
            "600 a week",
            "600 minute",
            "600 a",
            "٣ a day",
            "600 a minute 3 a day",
        ] {
            assert_eq!(text.parse::<Counts>(), Err(Form(text.to_owned())));
        }
        for text in ["0 a day", "1000000001 a day", "99999999999999 a day"] {
            assert!(matches!(text.parse::<Counts>(), Err(Number(_))), "{text}");
        }
        assert_eq!(
            "1 a day, 2 a day".parse::<Counts>(),
            Err(Twice(Period::Day))
        );
    }

    #[test]
    fn limits_are_within_others_when_none_is_looser_or_missing() {
        let most = counts("100 a minute, 1000 a day");
        assert!(counts("100 a minute, 1000 a day").are_within(&most));
        assert!(counts("1 a second, 99 a minute, 5 a day").are_within(&most));
        assert!(!counts("100 a minute").are_within(&most));
        assert!(!counts("100 a minute, 1001 a day").are_within(&most));
        assert!(most.are_within(&Counts::default()));
    }

    #[test]
    fn limits_say_what_counts_together() {
        let limits = |grant, key| Limits {
            grant: counts(grant),
            key: counts(key),
        };
        assert_eq!(limits("", "").to_string(), "none");
        assert_eq!(
            limits("9 a day", "1 a minute").to_string(),
            "9 a day, and 1 a minute for each key"
        );
    }

    #[test]
    fn of_two_limits_both_hold() {
        let both = counts("5 a second, 100 a minute").and(counts("90 a minute, 7 a day"));
        assert_eq!(both, counts("5 a second, 90 a minute, 7 a day"));
    }
}
