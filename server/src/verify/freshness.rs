//! Whether the snapshot may be believed now. It may for two seconds after the database was last
//! seen to hold nothing newer, and not at all while a commit's outcome is unknown.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use domain::time::Timestamp;

use crate::chance::Clock;

/// Without a successful look at the database for this long, nothing is answered: so that a
/// revocation on another node holds here within the same bound.
pub const BOUND: Duration = Duration::from_secs(2);

const NEVER: i64 = i64::MIN;

#[derive(Debug)]
pub(super) struct Freshness {
    clock: Clock,
    /// When the last look that succeeded began, by the time of day…
    looked: AtomicI64,
    /// … and by the time that only goes on, in microseconds.
    ticked: AtomicU64,
    /// How often the snapshot was distrusted…
    doubts: AtomicU64,
    /// … and how many of those a look that began later has settled.
    settled: AtomicU64,
}

/// A look at the database that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    began: Timestamp,
    ticks: u64,
    doubts: u64,
}

impl Freshness {
    pub(super) const fn new(clock: Clock) -> Self {
        Self {
            clock,
            looked: AtomicI64::new(NEVER),
            ticked: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    /// By both times: the time of day may be set back by a little again and again, and the other one
    /// stands still while the machine sleeps. A look that seems to lie far ahead is as stale as an
    /// old one.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        let looked = self.looked.load(Ordering::SeqCst);
        let at = Timestamp::from_micros(looked);
        let ticked = self.ticked.load(Ordering::SeqCst);
        looked != NEVER
            && self.settled.load(Ordering::SeqCst) >= self.doubts.load(Ordering::SeqCst)
            && now.since(at).max(at.since(now)) <= BOUND
            && Duration::from_micros(self.ticks().saturating_sub(ticked)) <= BOUND
    }

    fn ticks(&self) -> u64 {
        u64::try_from(self.clock.ticks().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn distrust(&self) {
        self.doubts.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn begin(&self, now: Timestamp) -> Look {
        Look {
            began: now,
            ticks: self.ticks(),
            doubts: self.doubts.load(Ordering::SeqCst),
        }
    }

    /// The look has taken over all that it found. A doubt that came after it began still stands.
    pub(super) fn finish(&self, look: Look) {
        self.settled.fetch_max(look.doubts, Ordering::SeqCst);
        self.looked.store(look.began.micros(), Ordering::SeqCst);
        self.ticked.store(look.ticks, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);
    const BEYOND: Duration = BOUND.saturating_add(Duration::from_micros(1));

    /// A look at `START`, and the time that only goes on.
    fn looked() -> (Freshness, Arc<AtomicI64>) {
        let ticks = Arc::new(AtomicI64::new(5_000_000));
        let freshness = Freshness::new(Clock::Told(Arc::clone(&ticks)));
        freshness.finish(freshness.begin(START));
        (freshness, ticks)
    }

    fn pass(ticks: &AtomicI64, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        ticks.fetch_add(micros, Ordering::SeqCst);
    }

    #[test]
    fn before_the_first_look_nothing_holds() {
        let freshness = Freshness::new(Clock::System);
        assert!(!freshness.holds(START));
        assert!(!freshness.holds(Timestamp::from_micros(NEVER)));
    }

    #[test]
    fn a_look_holds_for_two_seconds_after_it_began() {
        let (freshness, ticks) = looked();
        pass(&ticks, BOUND);
        assert!(freshness.holds(START.plus(BOUND)));
        assert!(!freshness.holds(START.plus(BEYOND)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_prolong_a_look() {
        let (freshness, ticks) = looked();
        assert!(!freshness.holds(START.minus(Duration::from_hours(1))));
        // Nor does one that is set back by a little whenever some time has passed.
        for _ in 0..4 {
            pass(&ticks, BOUND / 4);
            assert!(freshness.holds(START));
        }
        pass(&ticks, Duration::from_micros(1));
        assert!(!freshness.holds(START));
        freshness.finish(freshness.begin(START));
        assert!(freshness.holds(START));
    }

    #[test]
    fn a_doubt_stands_until_a_look_that_began_after_it() {
        let (freshness, _) = looked();
        let before = freshness.begin(START);
        freshness.distrust();
        assert!(!freshness.holds(START));
        freshness.finish(before);
        assert!(!freshness.holds(START), "that look may have missed it");
        freshness.finish(freshness.begin(START));
        assert!(freshness.holds(START));
    }
}
