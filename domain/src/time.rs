//! Points in time, as integer microseconds since the Unix epoch (UTC).

use core::fmt;
use core::time::Duration;

use jiff::tz::TimeZone;
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

    /// The day in UTC that this is in: when it starts, and when the next one does.
    pub fn calendar_day(self) -> (Self, Self) {
        const DAY: i64 = 24 * 3600 * 1_000_000;
        let starts = self.0.div_euclid(DAY).saturating_mul(DAY);
        (Self(starts), Self(starts.saturating_add(DAY)))
    }

    /// The month in UTC that this is in: when it starts, and when the next one does.
    pub fn calendar_month(self) -> (Self, Self) {
        let month = || {
            let first = self
                .civil()?
                .to_zoned(TimeZone::UTC)
                .date()
                .first_of_month();
            let next = first.last_of_month().tomorrow().ok()?;
            let midnight = |date: jiff::civil::Date| {
                let at = date.to_zoned(TimeZone::UTC).ok()?;
                Some(Self(at.timestamp().as_microsecond()))
            };
            midnight(first).zip(midnight(next))
        };
        // Beyond jiff's years a month is a day: its quota still ends.
        month().unwrap_or_else(|| self.calendar_day())
    }

    /// The day of the week (Monday is 0) and the minute of the day, in UTC.
    pub fn weekday_and_minute(self) -> (u8, u16) {
        const MINUTE: i64 = 60 * 1_000_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        // 1 January 1970 was a Thursday.
        let weekday = self.0.div_euclid(DAY).saturating_add(3).rem_euclid(7);
        let minute = self.0.rem_euclid(DAY) / MINUTE;
        (
            u8::try_from(weekday).unwrap_or_default(),
            u16::try_from(minute).unwrap_or_default(),
        )
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
    fn days_and_months_are_those_of_the_calendar() {
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let now = at("2028-02-29T23:59:59.999999Z");
        assert_eq!(
            now.calendar_day(),
            (at("2028-02-29T00:00:00Z"), at("2028-03-01T00:00:00Z"))
        );
        assert_eq!(
            now.calendar_month(),
            (at("2028-02-01T00:00:00Z"), at("2028-03-01T00:00:00Z"))
        );
        let first = at("2026-12-01T00:00:00Z");
        assert_eq!(first.calendar_month(), (first, at("2027-01-01T00:00:00Z")));
        assert_eq!(at("1969-12-31T12:00:00Z").calendar_day().1, Timestamp(0));
        assert!(Timestamp(i64::MAX).calendar_month().0 <= Timestamp(i64::MAX));
    }

    #[test]
    fn weekdays_count_from_monday() {
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        assert_eq!(at("1970-01-01T00:00:59Z").weekday_and_minute(), (3, 0));
        assert_eq!(at("2026-11-22T23:59:00Z").weekday_and_minute(), (6, 1439));
        assert_eq!(at("1969-12-31T23:59:00Z").weekday_and_minute(), (2, 1439));
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_micros(5).since(end), Duration::ZERO);
    }
}
