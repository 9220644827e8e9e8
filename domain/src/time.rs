//! Points in time, as integer microseconds since the Unix epoch (UTC).

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z. What the databases store and what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Saturates at the end of time rather than wrapping.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }

    fn civil(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }

    /// For people, in UTC: `20 February 2027`.
    pub fn day(self) -> String {
        self.strftime("%-d %B %Y")
    }

    /// For people, in UTC: `20 February 2027, 16:40 UTC`.
    pub fn minute(self) -> String {
        self.strftime("%-d %B %Y, %H:%M UTC")
    }

    fn strftime(self, format: &str) -> String {
        self.civil()
            .map(|at| at.strftime(format).to_string())
            .unwrap_or_else(|| "the end of time".to_owned())
    }
}

/// RFC 3339, in UTC: what goes into `datetime` attributes, JSON and exports.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(at) => write!(f, "{at}"),
            None => write!(f, "{}us", self.0),
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_rfc_3339_and_for_people() {
        let at = Timestamp::from_micros(1_803_055_200_000_000);
        assert_eq!(at.to_string(), "2027-02-19T16:40:00Z");
        assert_eq!(at.minute(), "19 February 2027, 16:40 UTC");
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_micros(5).since(end), Duration::ZERO);
    }
}
