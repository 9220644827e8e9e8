//! What is left of some limits. Rates by the generic cell rate algorithm (ITU-T I.371, annex A):
//! N calls pass at once, and after that one more for each Nth part of the period, so that a span of
//! `t` sees at most `N + N·t/period` calls. Quotas count the calls of a day or month in UTC.

use core::time::Duration;

use super::{Counted, Counts, Period};
use crate::policy::Calls;
use crate::time::Timestamp;

/// The state behind the limits of one grant or key. It knows no limits: those are the grant's, and
/// may be narrowed while the count goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// For each rate: when the bucket is empty again (the theoretical arrival time), in
    /// nanoseconds since the epoch.
    arrivals: [i64; 3],
    quotas: [Quota; 2],
}

/// The calls of one day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quota {
    starts: Timestamp,
    ends: Timestamp,
    calls: u64,
    /// Those among them that are not known to be in the database.
    unsaved: u64,
    /// Those among these that were taken out to be written.
    taken: u64,
}

impl Quota {
    fn around(at: Timestamp, period: Period) -> Self {
        let (starts, ends) = around(at, period);
        Self::empty(starts, ends)
    }

    const fn empty(starts: Timestamp, ends: Timestamp) -> Self {
        Self {
            starts,
            ends,
            calls: 0,
            unsaved: 0,
            taken: 0,
        }
    }
}

/// Before any call: the first one is in a later period.
impl Default for Quota {
    fn default() -> Self {
        let never = Timestamp::from_micros(i64::MIN);
        Self::empty(never, never)
    }
}

/// What is left of one limit after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub counted: Counted,
    pub period: Period,
    pub limit: Calls,
    pub calls: u32,
    /// Until all of it is there again.
    pub full_after: Duration,
}

/// Why a call is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    Rate {
        retry_after: Duration,
    },
    Quota {
        retry_after: Duration,
    },
    /// So many calls wait to be written that a crash now would forget more than is promised.
    Unsaved,
}

/// Calls of one day or month, as the database counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub period: Period,
    pub starts: Timestamp,
    pub calls: u64,
}

/// Counts a call by all these limits, or by none where one is exceeded. What is left of each is
/// handed to `left`.
///
/// # Errors
/// [`Exceeded`]: by a rate before a quota.
pub fn spend(
    meters: &mut [(Counted, &mut Meter, Counts)],
    now: Timestamp,
    mut left: impl FnMut(Left),
) -> Result<(), Exceeded> {
    check(meters, now)?;
    for (counted, meter, counts) in meters {
        for (period, limit) in counts.iter() {
            let (calls, full_after) = meter.count(period, limit, now);
            left(Left {
                counted: *counted,
                period,
                limit,
                calls,
                full_after,
            });
        }
    }
    Ok(())
}

/// Whether a call would pass; it counts nothing.
///
/// # Errors
/// As [`spend`].
pub fn check(meters: &mut [(Counted, &mut Meter, Counts)], now: Timestamp) -> Result<(), Exceeded> {
    for quotas in [false, true] {
        for (_, meter, counts) in &mut *meters {
            for (period, limit) in counts
                .iter()
                .filter(|(period, _)| period.is_quota() == quotas)
            {
                meter.allows(period, limit, now)?;
            }
        }
    }
    Ok(())
}

/// So many calls may wait to be written: what a crash can add to a quota, at most.
fn slack(quota: Calls) -> u64 {
    (u64::from(u32::from(quota)) / 100).clamp(100, 10_000)
}

impl Meter {
    fn allows(&mut self, period: Period, limit: Calls, now: Timestamp) -> Result<(), Exceeded> {
        match Cells::of(period, limit) {
            Some(cells) => {
                let over = self.ahead(period, cells, now) - cells.tolerance();
                if over > 0 {
                    let retry_after = Duration::from_nanos(over.unsigned_abs());
                    return Err(Exceeded::Rate { retry_after });
                }
            }
            None => {
                let quota = self.quota(period, now);
                if quota.calls >= u64::from(u32::from(limit)) {
                    let retry_after = quota.ends.since(now);
                    return Err(Exceeded::Quota { retry_after });
                }
                if quota.unsaved >= slack(limit) {
                    return Err(Exceeded::Unsaved);
                }
            }
        }
        Ok(())
    }

    /// How many more calls would pass at once now, and when all would again.
    fn count(&mut self, period: Period, limit: Calls, now: Timestamp) -> (u32, Duration) {
        if let Some(cells) = Cells::of(period, limit) {
            let ahead = self.ahead(period, cells, now) + cells.each;
            if let Some(arrival) = self.arrivals.get_mut(period as usize) {
                *arrival = nanos(now).saturating_add(ahead);
            }
            let room = (cells.all() - ahead) / cells.each;
            let full_after = Duration::from_nanos(ahead.unsigned_abs());
            return (u32::try_from(room).unwrap_or_default(), full_after);
        }
        let quota = self.quota(period, now);
        quota.calls += 1;
        quota.unsaved += 1;
        let room = u64::from(u32::from(limit)).saturating_sub(quota.calls);
        let full_after = quota.ends.since(now);
        (u32::try_from(room).unwrap_or(u32::MAX), full_after)
    }

    /// How far the bucket is filled, as the time until it is empty. A clock that was set back does
    /// not fill it beyond its brim.
    fn ahead(&self, period: Period, cells: Cells, now: Timestamp) -> i64 {
        let arrival = self.arrivals.get(period as usize).copied();
        let ahead = arrival.unwrap_or_default().saturating_sub(nanos(now));
        ahead.clamp(0, cells.all())
    }

    /// The quota of the day or month that `now` is in. A clock that was set back refills nothing.
    fn quota(&mut self, period: Period, now: Timestamp) -> &mut Quota {
        let quota = self.of(period);
        if now >= quota.ends {
            // What is not saved of the period before is lost with it: nothing asks for it any more.
            *quota = Quota::around(now, period);
        }
        quota
    }

    fn of(&mut self, period: Period) -> &mut Quota {
        let [day, month] = &mut self.quotas;
        match period {
            Period::Month => month,
            _ => day,
        }
    }

    /// Half of what may wait to be written waits to be taken out: it is time to.
    pub fn is_filling(&self, counts: Counts) -> bool {
        let [day, month] = &self.quotas;
        [(Period::Day, day), (Period::Month, month)]
            .into_iter()
            .filter_map(|(period, quota)| Some((quota, counts.get(period)?)))
            .any(|(quota, limit)| quota.unsaved - quota.taken >= slack(limit) / 2)
    }

    /// Takes out what is to be written. A crash forgets it until [`Meter::saved`] says that it was;
    /// what could not be comes back by [`Meter::unsaved`].
    pub fn take(&mut self) -> impl Iterator<Item = Spent> + use<> {
        let mut taken = [None; 2];
        let periods = [Period::Day, Period::Month];
        for ((quota, period), spent) in self.quotas.iter_mut().zip(periods).zip(&mut taken) {
            let calls = quota.unsaved - quota.taken;
            let starts = quota.starts;
            quota.taken = quota.unsaved;
            *spent = (calls > 0).then_some(Spent {
                period,
                starts,
                calls,
            });
        }
        taken.into_iter().flatten()
    }

    /// What was taken out is in the database.
    pub fn saved(&mut self, spent: Spent) {
        if let Some(quota) = self.same(spent) {
            quota.taken = quota.taken.saturating_sub(spent.calls);
            quota.unsaved = quota.unsaved.saturating_sub(spent.calls);
        }
    }

    /// What was taken out could not be written: it waits for the next time, if its period is not
    /// over.
    pub fn unsaved(&mut self, spent: Spent) {
        if let Some(quota) = self.same(spent) {
            quota.taken = quota.taken.saturating_sub(spent.calls);
        }
    }

    /// All calls of this period that the database knows of, other nodes' among them.
    pub fn learn(&mut self, total: Spent) {
        let quota = self.of(total.period);
        if quota.starts < total.starts {
            *quota = Quota::around(total.starts, total.period);
        }
        if let Some(quota) = self.same(total) {
            quota.calls = quota.calls.max(total.calls + quota.unsaved);
        }
    }

    fn same(&mut self, spent: Spent) -> Option<&mut Quota> {
        let quota = self.of(spent.period);
        (quota.starts == spent.starts).then_some(quota)
    }
}

/// A rate as the algorithm has it.
#[derive(Clone, Copy)]
struct Cells {
    /// Nanoseconds that one call takes up, rounded up: never more than N calls in the long run.
    each: i64,
    most: i64,
}

impl Cells {
    /// None for a quota.
    fn of(period: Period, limit: Calls) -> Option<Self> {
        const SECOND: i64 = 1_000_000_000;
        let span = match period {
            Period::Second => SECOND,
            Period::Minute => 60 * SECOND,
            Period::Hour => 3600 * SECOND,
            Period::Day | Period::Month => return None,
        };
        let most = i64::from(u32::from(limit));
        let each = (span + most - 1) / most;
        Some(Self { each, most })
    }

    /// A call passes while no more than this is ahead of it.
    const fn tolerance(self) -> i64 {
        self.each * (self.most - 1)
    }

    const fn all(self) -> i64 {
        self.each * self.most
    }
}

fn around(at: Timestamp, period: Period) -> (Timestamp, Timestamp) {
    match period {
        Period::Month => at.calendar_month(),
        _ => at.calendar_day(),
    }
}

const fn nanos(at: Timestamp) -> i64 {
    at.micros().saturating_mul(1000)
}

#[cfg(test)]
mod tests;
