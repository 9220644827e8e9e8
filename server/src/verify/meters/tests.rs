use std::thread;
use std::time::Duration;

use domain::grant::Narrowing;
use domain::limit::{Limits, Period};
use futures_util::FutureExt as _;

use super::*;
use crate::verify::tests::{NOW, grant};

const GRANT: GrantId = GrantId::new(Uuid::from_u128(1));
const KEY: KeyId = KeyId::new(Uuid::from_u128(2));
const OTHER: KeyId = KeyId::new(Uuid::from_u128(3));

fn limited(together: &str, each: &str) -> Grant {
    let limits = Limits {
        grant: together.parse().unwrap(),
        key: each.parse().unwrap(),
    };
    let narrowing = Narrowing {
        limits: Some(limits),
        ..Narrowing::default()
    };
    grant().narrow(&narrowing).unwrap()
}

fn passed(
    meters: &Meters,
    (limited, key): &(Limited, KeyId),
    grant: &Grant,
    tries: usize,
) -> usize {
    (0..tries)
        .filter(|_| meters.spend(limited, *key, grant, NOW).is_ok())
        .count()
}

#[test]
fn keys_of_a_grant_share_what_it_may_and_each_has_what_a_key_may() {
    let meters = Meters::default();
    let grant = limited("8 a day", "5 a day");
    let (one, other) = ((meters.under(GRANT), KEY), (meters.under(GRANT), OTHER));
    assert_eq!(passed(&meters, &one, &grant, 20), 5);
    assert_eq!(
        passed(&meters, &other, &grant, 20),
        3,
        "of the grant no more are left"
    );
}

#[test]
fn a_key_that_is_loaded_again_goes_on_where_it_was() {
    let meters = Meters::default();
    let grant = limited("", "5 a day");
    assert_eq!(passed(&meters, &(meters.under(GRANT), KEY), &grant, 3), 3);
    assert_eq!(passed(&meters, &(meters.under(GRANT), KEY), &grant, 9), 2);
}

#[test]
fn a_quota_is_exact_under_many_callers() {
    let meters = Meters::default();
    let grant = limited("64 a day", "");
    let rate = Duration::from_secs(1);
    let limited = (meters.under(GRANT), KEY);
    let passed: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    // A second later each time, so that the rate is no limit.
                    (0..100)
                        .filter(|at| {
                            let now = NOW.plus(rate * *at);
                            meters.spend(&limited.0, KEY, &grant, now).is_ok()
                        })
                        .count()
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum()
    });
    assert_eq!(passed, 64);
}

#[test]
fn a_rate_is_exact_under_many_callers() {
    let meters = Meters::default();
    let limited = (meters.under(GRANT), KEY);
    let passed: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| passed(&meters, &limited, &grant(), 100)))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum()
    });
    assert_eq!(
        passed, 10,
        "as many as the grant's rate lets through at once"
    );
}

#[test]
fn what_quotas_count_is_written_once_and_what_is_not_written_waits() {
    let meters = Meters::default();
    let grant = limited("8 a day", "5 a month");
    let limited = (meters.under(GRANT), KEY);
    passed(&meters, &limited, &grant, 2);
    let mut drained = meters.drain();
    drained.sort_unstable_by_key(|(id, _)| id.counted);
    let told: Vec<_> = drained
        .iter()
        .map(|(id, spent)| (*id, spent.period, spent.calls))
        .collect();
    let both = [
        (MeterId::grant(GRANT), Period::Day, 2),
        (MeterId::key(KEY), Period::Month, 2),
    ];
    assert_eq!(told, both);
    assert!(meters.drain().is_empty());
    for (id, spent) in drained {
        meters.put_back(id, spent);
    }
    assert_eq!(meters.drain().len(), 2);
}

#[test]
fn callers_who_wait_for_answers_need_never_wait_for_the_database() {
    let meters = Meters::default();
    let grant = limited("1000 a day", "900 a day");
    let limited = (meters.under(GRANT), KEY);
    let mut now = NOW;
    let mut passed = |tries| {
        let passes = |_: &u32| {
            // Later each time, so that the rate is no limit.
            now = now.plus(Duration::from_secs(1));
            meters.spend(&limited.0, KEY, &grant, now).is_ok()
        };
        (0..tries).filter(passes).count()
    };
    // Nothing asks for a write before half of what may wait does…
    assert_eq!(passed(49), 49);
    assert!(meters.filling().now_or_never().is_none());
    for _ in 0..10 {
        assert_eq!(passed(1), 1);
        assert!(meters.filling().now_or_never().is_some());
        let drained = meters.drain();
        // … and as many calls as that pass while it goes on.
        assert_eq!(passed(49), 49);
        for (id, spent) in drained {
            meters.saved(id, spent);
        }
    }
    meters.drain();
    assert_eq!(passed(200), 51, "what is taken out is not written");
    assert!(meters.filling().now_or_never().is_some());
}

#[test]
fn without_a_quota_nothing_is_written() {
    let meters = Meters::default();
    let limited = (meters.under(GRANT), KEY);
    assert_eq!(passed(&meters, &limited, &grant(), 5), 5);
    assert!(meters.drain().is_empty());
}

#[test]
fn what_was_spent_before_a_restart_is_not_there_again() {
    let meters = Meters::default();
    let total = Spent {
        period: Period::Day,
        starts: NOW.calendar_day().0,
        calls: 7,
    };
    meters.learn(MeterId::grant(GRANT), total);
    let grant = limited("8 a day", "");
    assert_eq!(passed(&meters, &(meters.under(GRANT), KEY), &grant, 5), 1);
}

#[test]
fn looking_counts_nothing() {
    let meters = Meters::default();
    let grant = limited("1 a day", "");
    let limited = (meters.under(GRANT), KEY);
    for _ in 0..5 {
        assert_eq!(meters.check(&limited.0, KEY, &grant, NOW), Ok(()));
    }
    assert_eq!(passed(&meters, &limited, &grant, 5), 1);
    let retry_after = NOW.calendar_day().1.since(NOW);
    let exceeded = meters.check(&limited.0, KEY, &grant, NOW);
    assert_eq!(exceeded, Err(Exceeded::Quota { retry_after }));
}

#[test]
fn a_key_has_no_meter_before_it_is_in_use_or_where_none_is_needed() {
    let meters = Meters::default();
    let (each, together) = (limited("", "5 a day"), limited("5 a day", ""));
    let keys: Vec<_> = (0..100)
        .map(|n| (meters.under(GRANT), KeyId::new(Uuid::from_u128(n))))
        .collect();
    assert_eq!(lock(&meters.all).len(), 1, "the grant's");
    passed(&meters, &keys[0], &together, 1);
    assert_eq!(lock(&meters.all).len(), 1);
    passed(&meters, &keys[1], &each, 1);
    assert_eq!(lock(&meters.all).len(), 2);
}
