//! Whether the snapshot may be believed now. It may for two seconds after the database was last
//! seen to hold nothing newer, and not at all while a commit's outcome is unknown.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use domain::time::Timestamp;

/// Without a successful look at the database for this long, nothing is answered: so that a
/// revocation on another node holds here within the same bound.
pub const BOUND: Duration = Duration::from_secs(2);

const NEVER: i64 = i64::MIN;

#[derive(Debug)]
pub(super) struct Freshness {
    /// When the last look that succeeded began.
    looked: AtomicI64,
    /// How often the snapshot was distrusted…
    doubts: AtomicU64,
    /// … and how many of those a look that began later has settled.
    settled: AtomicU64,
}

/// A look at the database that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    began: Timestamp,
    doubts: u64,
}

impl Freshness {
    pub(super) const fn new() -> Self {
        Self {
            looked: AtomicI64::new(NEVER),
            doubts: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    /// The clock may be set: a look that seems to lie far ahead is as stale as an old one.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        let looked = self.looked.load(Ordering::SeqCst);
        let at = Timestamp::from_micros(looked);
        looked != NEVER
            && self.settled.load(Ordering::SeqCst) >= self.doubts.load(Ordering::SeqCst)
            && now.since(at).max(at.since(now)) <= BOUND
    }

    pub(super) fn distrust(&self) {
        self.doubts.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn begin(&self, now: Timestamp) -> Look {
        Look {
            began: now,
            doubts: self.doubts.load(Ordering::SeqCst),
        }
    }

    /// The look has taken over all that it found. A doubt that came after it began still stands.
    pub(super) fn finish(&self, look: Look) {
        self.settled.fetch_max(look.doubts, Ordering::SeqCst);
        self.looked.store(look.began.micros(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn looked() -> Freshness {
        let freshness = Freshness::new();
        freshness.finish(freshness.begin(START));
        freshness
    }

    #[test]
    fn before_the_first_look_nothing_holds() {
        assert!(!Freshness::new().holds(START));
        assert!(!Freshness::new().holds(Timestamp::from_micros(NEVER)));
    }

    #[test]
    fn a_look_holds_for_two_seconds_after_it_began() {
        assert!(looked().holds(START.plus(BOUND)));
        assert!(!looked().holds(START.plus(BOUND).plus(Duration::from_micros(1))));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_prolong_a_look() {
        assert!(!looked().holds(START.minus(Duration::from_hours(1))));
    }

    #[test]
    fn a_doubt_stands_until_a_look_that_began_after_it() {
        let freshness = looked();
        let before = freshness.begin(START);
        freshness.distrust();
        assert!(!freshness.holds(START));
        freshness.finish(before);
        assert!(!freshness.holds(START), "that look may have missed it");
        freshness.finish(freshness.begin(START));
        assert!(freshness.holds(START));
    }
}
