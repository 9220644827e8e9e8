//! When in the week a key works, in UTC.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Spans of the week, as one bit for each of its minutes would say it: no two of them meet.
/// Without any, a key works at all hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours(Vec<Span>);

/// Minutes of the week, from Monday 00:00; the end is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from: u16,
    to: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoursRefused {
    #[error("Write hours like Mon-Fri 08:00-18:00, in UTC. {0:?} cannot be read.")]
    Form(String),
    #[error("A span of hours ends after it starts: write one that passes midnight as two.")]
    Backwards,
    #[error("At most 50 spans of hours.")]
    TooMany,
}

const DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MOST: usize = 50;

impl Hours {
    pub fn contain(&self, at: Timestamp) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let (day, minute) = at.weekday_and_minute();
        let at = u16::from(day) * DAY + minute;
        self.0.iter().any(|span| (span.from..span.to).contains(&at))
    }

    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these are no hours that the other ones are not.
    pub fn are_within(&self, other: &Self) -> bool {
        let covered = |ours: &Span| {
            let covers = |theirs: &Span| theirs.from <= ours.from && ours.to <= theirs.to;
            other.0.iter().any(covers)
        };
        other.are_all() || (!self.are_all() && self.0.iter().all(covered))
    }

    /// Sorted, and joined where they meet.
    fn of(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
                _ => joined.push(span),
            }
        }
        Self(joined)
    }
}

/// One span of one day a part, so that it reads back whatever met: `Mon 08:00-18:00, Tue …`.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_day = self.0.iter().flat_map(|span| {
            (span.from / DAY..=(span.to - 1) / DAY).map(|day| {
                let from = span.from.max(day * DAY) - day * DAY;
                let to = span.to.min((day + 1) * DAY) - day * DAY;
                (day, from, to)
            })
        });
        let mut parts: Vec<(u16, u16, u16, u16)> = Vec::new();
        for (day, from, to) in by_day {
            // The same hours on the day after: one part for both.
            match parts
                .iter_mut()
                .find(|part| part.1 + 1 == day && (part.2, part.3) == (from, to))
            {
                Some(part) => part.1 = day,
                None => parts.push((day, day, from, to)),
            }
        }
        for (at, (first, last, from, to)) in parts.into_iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name(first))?;
            if last > first {
                write!(f, "-{}", name(last))?;
            }
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            write!(f, " {}-{}", clock(from), clock(to))?;
        }
        Ok(())
    }
}

fn name(day: u16) -> &'static str {
    DAYS.get(usize::from(day)).copied().unwrap_or_default()
}

/// What a person typed: `Mon-Fri 08:00-18:00, Sat 09:00-12:00`, separated by commas or lines.
impl FromStr for Hours {
    type Err = HoursRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split([',', '\n']).map(str::trim);
        let mut spans = Vec::new();
        for (at, part) in parts.filter(|part| !part.is_empty()).enumerate() {
            if at >= MOST {
                return Err(HoursRefused::TooMany);
            }
            spans.extend(spans_of(part)?);
        }
        Ok(Self::of(spans))
    }
}

fn spans_of(text: &str) -> Result<Vec<Span>, HoursRefused> {
    let form = || HoursRefused::Form(text.to_owned());
    let (days, hours) = text.split_once(' ').ok_or_else(form)?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let first = day(first).ok_or_else(form)?;
    let last = day(last).ok_or_else(form)?;
    let (from, to) = hours.trim().split_once('-').ok_or_else(form)?;
    let from = minute(from).filter(|at| *at < DAY).ok_or_else(form)?;
    let to = minute(to).ok_or_else(form)?;
    if from >= to || first > last {
        return Err(HoursRefused::Backwards);
    }
    Ok((first..=last)
        .map(|day| Span {
            from: day * DAY + from,
            to: day * DAY + to,
        })
        .collect())
}

fn day(name: &str) -> Option<u16> {
    let at = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name))?;
    u16::try_from(at).ok()
}

/// `08:00`; `24:00` is the end of a day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| -> Option<u16> {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let at = hours * 60 + minutes;
    (minutes < 60 && at <= DAY).then_some(at)
}

impl TryFrom<String> for Hours {
    type Error = HoursRefused;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    /// A Monday, 00:00.
    const MONDAY: Timestamp = Timestamp::from_micros(4 * 24 * 3600 * 1_000_000);

    fn hours(text: &str) -> Hours {
        text.parse().unwrap()
    }

    fn at(day: u64, hour: u64, minute: u64) -> Timestamp {
        MONDAY.plus(Duration::from_secs(((day * 24 + hour) * 60 + minute) * 60))
    }

    #[test]
    fn a_key_works_within_its_hours_and_at_no_other_time() {
        let office = hours("Mon-Fri 08:00-18:00");
        for (day, hour, minute, works) in [
            (0, 8, 0, true),
            (0, 7, 59, false),
            (4, 17, 59, true),
            (4, 18, 0, false),
            (5, 12, 0, false),
            (7, 8, 0, true),
        ] {
            assert_eq!(
                office.contain(at(day, hour, minute)),
                works,
                "{day} {hour}:{minute}"
            );
        }
        assert!(
            Hours::default().contain(at(6, 23, 59)),
            "without hours it always works"
        );
    }

    #[test]
    fn hours_read_back_as_they_are() {
        for (typed, shown) in [
            ("", ""),
            ("mon-fri 08:00-18:00", "Mon-Fri 08:00-18:00"),
            (
                "Sat 09:00-12:00\nMon 22:00-24:00,",
                "Mon 22:00-24:00, Sat 09:00-12:00",
            ),
            ("Mon 08:00-12:00, Mon 12:00-18:00", "Mon 08:00-18:00"),
            ("Mon-Sun 00:00-24:00", "Mon-Sun 00:00-24:00"),
            (
                "Mon 22:00-24:00, Tue 00:00-06:00",
                "Mon 22:00-24:00, Tue 00:00-06:00",
            ),
        ] {
            assert_eq!(hours(typed).to_string(), shown);
            assert_eq!(hours(shown), hours(typed));
        }
    }

    #[test]
    fn what_is_no_span_of_hours_is_refused() {
        use HoursRefused::*;
        for text in [
            "Mon",
            "08:00-18:00",
            "Mon 8:00-18:00",
            "Mon 08:00",
            "Mon 08:60-09:00",
            "Mon 24:00-24:00",
            "Mon 08:00-24:01",
            "Montag 08:00-18:00",
            "Mon 08:00-18:00 CET",
        ] {
            assert_eq!(text.parse::<Hours>(), Err(Form(text.to_owned())));
        }
        for text in ["Mon 18:00-08:00", "Mon 08:00-08:00", "Fri-Mon 08:00-18:00"] {
            assert_eq!(text.parse::<Hours>(), Err(Backwards), "{text}");
        }
        let many = "Mon 08:00-18:00,".repeat(51);
        assert_eq!(many.parse::<Hours>(), Err(TooMany));
    }

    #[test]
    fn hours_are_within_others_that_hold_them_all() {
        let (office, all) = (hours("Mon-Fri 08:00-18:00"), Hours::default());
        assert!(hours("Tue 09:00-10:00, Fri 17:00-18:00").are_within(&office));
        assert!(!hours("Tue 07:59-10:00").are_within(&office));
        assert!(office.are_within(&all) && all.are_within(&all));
        assert!(!all.are_within(&office));
    }
}
