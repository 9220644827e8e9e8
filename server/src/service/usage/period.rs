//! How far back a page of use looks.

use std::time::Duration;

use domain::time::Timestamp;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Each ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    Day,
    #[default]
    Week,
    Month,
    Quarter,
}

impl Period {
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// As it stands in the URL.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
        }
    }

    /// What one bar of the chart stands for.
    pub const fn step(self) -> &'static str {
        match self {
            Self::Day => "Hour",
            Self::Week | Self::Month => "Day",
            Self::Quarter => "Week from",
        }
    }

    /// What the URL says; an unknown one is the usual one: it decides nothing.
    pub fn of_code(code: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|period| period.code() == code)
            .unwrap_or_default()
    }

    /// When its bars begin, oldest first: whole hours, or days of the calendar in UTC.
    pub(super) fn starts(self, now: Timestamp) -> Vec<Timestamp> {
        let today = now.calendar_day().0;
        let days_ago = |days: u32| today.minus(DAY * days);
        match self {
            Self::Day => {
                let hour = hour_of(now);
                (0..24).rev().map(|ago| hour.minus(HOUR * ago)).collect()
            }
            Self::Week => (0..7).rev().map(days_ago).collect(),
            Self::Month => (0..30).rev().map(days_ago).collect(),
            // Weeks that end today; the first lacks a day.
            Self::Quarter => [89]
                .into_iter()
                .chain((0..12).rev().map(|week| week * 7 + 6))
                .map(days_ago)
                .collect(),
        }
    }

    pub(super) fn name(self, start: Timestamp) -> String {
        match self {
            Self::Day => {
                let (_, minute) = start.weekday_and_minute();
                format!("{:02}:00 UTC", minute / 60)
            }
            _ => start.day(),
        }
    }
}

fn hour_of(at: Timestamp) -> Timestamp {
    let day = at.calendar_day().0;
    let hours = at.since(day).as_secs() / HOUR.as_secs();
    day.plus(Duration::from_hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 15 January 2027, 08:00 UTC, and something.
    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000 + 1_234_567);

    #[test]
    fn a_period_is_whole_hours_or_days_and_ends_now() {
        let ends = |period: Period| {
            let starts = period.starts(NOW);
            let named = |at: Option<&Timestamp>| period.name(*at.unwrap());
            (starts.len(), named(starts.first()), named(starts.last()))
        };
        let told = |count, first: &str, last: &str| (count, first.to_owned(), last.to_owned());
        assert_eq!(ends(Period::Day), told(24, "09:00 UTC", "08:00 UTC"));
        let today = "15 January 2027";
        assert_eq!(ends(Period::Week), told(7, "9 January 2027", today));
        assert_eq!(ends(Period::Month), told(30, "17 December 2026", today));
        let quarter = told(13, "18 October 2026", "9 January 2027");
        assert_eq!(ends(Period::Quarter), quarter);
        let starts = Period::Quarter.starts(NOW);
        let gaps: Vec<u64> = starts
            .windows(2)
            .map(|pair| pair[1].since(pair[0]).as_secs() / 86_400)
            .collect();
        assert_eq!(gaps, [6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
    }

    #[test]
    fn an_unknown_period_is_the_usual_one() {
        assert_eq!(Period::of_code("90d"), Period::Quarter);
        for code in ["", "1y", "7D", "<script>"] {
            assert_eq!(Period::of_code(code), Period::Week, "{code}");
        }
    }
}
