//! Points in time, for people: relative, with the exact value on hover and in `datetime`.

use domain::time::Timestamp;
use leptos::prelude::*;

/// A point in time as it is shown: worded when the page is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// `2 hours ago`, `in 62 days`.
    pub relative: String,
    /// `20 February 2027, 16:40 UTC`.
    pub exact: String,
    /// RFC 3339, for `datetime`.
    pub machine: String,
}

impl Moment {
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        let relative = if at > now {
            format!("in {}", span(at.since(now).as_secs()))
        } else if now.since(at).as_secs() < 10 {
            "just now".to_owned()
        } else {
            format!("{} ago", span(now.since(at).as_secs()))
        };
        Self {
            relative,
            exact: at.minute(),
            machine: at.to_string(),
        }
    }

    pub fn view(&self) -> AnyView {
        let Self {
            relative,
            exact,
            machine,
        } = self.clone();
        view! { <time datetime=machine title=exact>{relative}</time> }.into_any()
    }
}

/// One number and one unit, rounded down: enough to judge by.
fn span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const YEAR: u64 = 365 * DAY;
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        DAY..YEAR => (seconds / DAY, "day"),
        _ => (seconds / YEAR, "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(offset_seconds: i64) -> Moment {
        let now = 1_800_000_000_000_000;
        Moment::new(
            Timestamp::from_micros(now + offset_seconds * 1_000_000),
            Timestamp::from_micros(now),
        )
    }

    #[test]
    fn the_past_and_the_future_are_relative() {
        assert_eq!(moment(0).relative, "just now");
        assert_eq!(moment(-40).relative, "40 seconds ago");
        assert_eq!(moment(-3_600).relative, "1 hour ago");
        assert_eq!(moment(62 * 86_400).relative, "in 62 days");
        assert_eq!(moment(-800 * 86_400).relative, "2 years ago");
    }

    #[test]
    fn the_exact_value_is_kept() {
        assert_eq!(moment(0).exact, "15 January 2027, 08:00 UTC");
        assert_eq!(moment(0).machine, "2027-01-15T08:00:00Z");
    }
}
