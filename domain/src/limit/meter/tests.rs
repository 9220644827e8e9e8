use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn counts(text: &str) -> Counts {
    text.parse().unwrap()
}

fn spend_one(meter: &mut Meter, counts: Counts, now: Timestamp) -> Result<Vec<Left>, Exceeded> {
    let mut left = Vec::new();
    spend(&mut [(Counted::Key, meter, counts)], now, |one| {
        left.push(one)
    })?;
    Ok(left)
}

/// How many pass one after the other at the same moment.
fn pass_at_once(meter: &mut Meter, counts: Counts, now: Timestamp) -> usize {
    (0..100_000)
        .take_while(|_| spend_one(meter, counts, now).is_ok())
        .count()
}

#[test]
fn a_burst_of_the_whole_rate_passes_and_then_one_call_at_a_time() {
    for (rate, each) in [
        ("5 a second", 200_000),
        ("60 a minute", 1_000_000),
        ("3600 an hour", 1_000_000),
    ] {
        let (mut meter, rate) = (Meter::default(), counts(rate));
        let most = rate.iter().next().unwrap().1;
        assert_eq!(
            pass_at_once(&mut meter, rate, START),
            u32::from(most) as usize
        );
        let almost = START.plus(Duration::from_micros(each - 1));
        assert!(spend_one(&mut meter, rate, almost).is_err());
        let next = START.plus(Duration::from_micros(each));
        assert_eq!(pass_at_once(&mut meter, rate, next), 1, "{rate}");
    }
}

#[test]
fn a_rate_that_is_exceeded_says_when_to_try_again() {
    let (mut meter, rate) = (Meter::default(), counts("5 a second"));
    pass_at_once(&mut meter, rate, START);
    let refused = spend_one(&mut meter, rate, START).unwrap_err();
    let retry_after = Duration::from_millis(200);
    assert_eq!(refused, Exceeded::Rate { retry_after });
    assert!(spend_one(&mut meter, rate, START.plus(retry_after)).is_ok());
}

#[test]
fn what_is_left_is_told_for_every_limit() {
    let mut meter = Meter::default();
    let left = spend_one(&mut meter, counts("5 a second, 100 a day"), START).unwrap();
    let told: Vec<_> = left
        .iter()
        .map(|left| (left.period, left.calls, left.full_after))
        .collect();
    let day_left = Duration::from_secs(16 * 3600);
    assert_eq!(
        told,
        [
            (Period::Second, 4, Duration::from_millis(200)),
            (Period::Day, 99, day_left)
        ]
    );
    assert_eq!(START.plus(day_left), START.calendar_day().1);
}

#[test]
fn a_quota_refills_when_its_day_or_month_is_over_and_not_before() {
    for period in ["3 a day", "3 a month"] {
        let (mut meter, quota) = (Meter::default(), counts(period));
        let ends = match quota.get(Period::Day) {
            Some(_) => START.calendar_day().1,
            None => START.calendar_month().1,
        };
        assert_eq!(pass_at_once(&mut meter, quota, START), 3);
        let last = ends.minus(Duration::from_micros(1));
        let refused = spend_one(&mut meter, quota, last).unwrap_err();
        let retry_after = Duration::from_micros(1);
        assert_eq!(refused, Exceeded::Quota { retry_after });
        assert_eq!(pass_at_once(&mut meter, quota, ends), 3);
    }
}

#[test]
fn a_clock_that_is_set_back_refills_no_quota_and_locks_no_rate_for_long() {
    let back = START.minus(Duration::from_hours(48));
    let (mut meter, quota) = (Meter::default(), counts("3 a day"));
    pass_at_once(&mut meter, quota, START);
    assert!(spend_one(&mut meter, quota, back).is_err());

    let (mut meter, rate) = (Meter::default(), counts("5 a second"));
    pass_at_once(&mut meter, rate, START);
    let refused = spend_one(&mut meter, rate, back).unwrap_err();
    let Exceeded::Rate { retry_after } = refused else {
        panic!("{refused:?}")
    };
    assert!(retry_after <= Duration::from_secs(1), "{retry_after:?}");
}

#[test]
fn a_call_that_one_limit_refuses_is_counted_by_none() {
    let (mut grant, mut key) = (Meter::default(), Meter::default());
    let (wide, tight) = (
        counts("100 a second, 100 a day"),
        counts("1 a second, 9 a day"),
    );
    let mut both = |now| {
        spend(
            &mut [
                (Counted::Grant, &mut grant, wide),
                (Counted::Key, &mut key, tight),
            ],
            now,
            drop,
        )
    };
    assert!(both(START).is_ok());
    for _ in 0..50 {
        assert!(matches!(both(START), Err(Exceeded::Rate { .. })));
    }
    assert_eq!(pass_at_once(&mut grant, counts("100 a day"), START), 99);
    assert_eq!(pass_at_once(&mut grant, counts("100 a second"), START), 99);
}

#[test]
fn a_rate_is_refused_before_a_quota() {
    let (mut meter, both) = (Meter::default(), counts("1 a second, 1 a day"));
    assert!(spend_one(&mut meter, both, START).is_ok());
    assert!(matches!(
        spend_one(&mut meter, both, START),
        Err(Exceeded::Rate { .. })
    ));
    let later = START.plus(Duration::from_secs(1));
    assert!(matches!(
        spend_one(&mut meter, both, later),
        Err(Exceeded::Quota { .. })
    ));
}

#[test]
fn what_a_crash_could_forget_is_bounded_also_while_it_is_being_written() {
    let (mut meter, quota) = (Meter::default(), counts("1000000 a day"));
    assert_eq!(pass_at_once(&mut meter, quota, START), 10_000);
    assert_eq!(spend_one(&mut meter, quota, START), Err(Exceeded::Unsaved));
    let taken = meter.take().next().unwrap();
    assert_eq!(taken.calls, 10_000);
    assert_eq!(spend_one(&mut meter, quota, START), Err(Exceeded::Unsaved));
    meter.unsaved(taken);
    assert_eq!(spend_one(&mut meter, quota, START), Err(Exceeded::Unsaved));
    let taken = meter.take().next().unwrap();
    assert_eq!(taken.calls, 10_000);
    meter.saved(taken);
    assert_eq!(pass_at_once(&mut meter, quota, START), 10_000);
    assert_eq!(
        [1, 100_000, u32::MAX / 5].map(|quota| slack(quota.try_into().unwrap())),
        [100, 1000, 10_000]
    );
}

#[test]
fn it_is_time_to_write_when_half_of_what_may_wait_does() {
    let (mut meter, quota) = (Meter::default(), counts("1000 a month"));
    let passes = |meter: &mut Meter, calls| {
        for _ in 0..calls {
            spend_one(meter, quota, START).unwrap();
        }
        meter.is_filling(quota)
    };
    assert!(!passes(&mut meter, 49));
    assert!(passes(&mut meter, 1));
    let taken = meter.take().next().unwrap();
    assert!(!passes(&mut meter, 49), "the others are on their way");
    meter.saved(taken);
    assert!(!meter.is_filling(quota));
    assert!(passes(&mut meter, 1));
    let taken = meter.take().next().unwrap();
    assert!(!meter.is_filling(quota));
    meter.unsaved(taken);
    assert!(meter.is_filling(quota));
    assert!(
        !meter.is_filling(counts("100000 a month")),
        "of another limit"
    );
    assert!(!meter.is_filling(counts("5 a second, 1000 a day")));
}

#[test]
fn what_was_saved_comes_back_after_a_restart() {
    let (mut before, quota) = (Meter::default(), counts("10 a day, 20 a month"));
    for _ in 0..7 {
        spend_one(&mut before, quota, START).unwrap();
    }
    let mut after = Meter::default();
    before.take().for_each(|spent| after.learn(spent));
    assert_eq!(before.take().count(), 0, "it is taken out once");
    assert_eq!(pass_at_once(&mut after, quota, START), 3);
    let tomorrow = START.calendar_day().1;
    assert_eq!(
        pass_at_once(&mut after, quota, tomorrow),
        10,
        "of the month ten are left"
    );
}

#[test]
fn what_could_not_be_written_waits_and_what_others_spent_counts() {
    let (mut meter, quota) = (Meter::default(), counts("10 a day"));
    spend_one(&mut meter, quota, START).unwrap();
    let spent = meter.take().next().unwrap();
    meter.unsaved(spent);
    spend_one(&mut meter, quota, START).unwrap();
    let spent = meter.take().next().unwrap();
    assert_eq!(spent.calls, 2);
    meter.saved(spent);
    meter.learn(Spent { calls: 7, ..spent });
    assert_eq!(pass_at_once(&mut meter, quota, START), 3);
}

#[test]
fn what_comes_too_late_for_its_day_changes_nothing_of_the_next() {
    let (mut meter, quota) = (Meter::default(), counts("10 a day"));
    for late in [Meter::saved, Meter::unsaved] {
        spend_one(&mut meter, quota, START).unwrap();
        let taken = meter.take().next().unwrap();
        let tomorrow = START.calendar_day().1;
        spend_one(&mut meter, quota, tomorrow).unwrap();
        late(&mut meter, taken);
        assert_eq!(meter.take().next().unwrap().calls, 1);
        meter = Meter::default();
    }
}

/// Obvious and slow: one list of the calls that passed.
fn passed_within(passed: &[i64], now: i64, span: i64) -> usize {
    passed.iter().filter(|at| now - **at < span).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// In a span of `t` at most `N + N·t/period` calls pass, and a call is refused only when the
    /// last period saw N calls at least once over.
    #[test]
    fn a_rate_lets_no_more_pass_than_it_says(
        most in 1_u32..20,
        waits in prop::collection::vec(0_i64..400_000, 1..200),
    ) {
        const SECOND: i64 = 1_000_000;
        let (mut meter, mut now) = (Meter::default(), START.micros());
        let rate = Counts::default().with(Period::Second, most.try_into().unwrap());
        let mut passed: Vec<i64> = Vec::new();
        for wait in waits {
            now += wait;
            let is_ok = spend_one(&mut meter, rate, Timestamp::from_micros(now)).is_ok();
            if is_ok {
                passed.push(now);
                for (at, first) in passed.iter().enumerate() {
                    let span = now - first;
                    let most_of_span = i64::from(most) + i64::from(most) * span / SECOND + 1;
                    prop_assert!((passed.len() - at) as i64 <= most_of_span);
                }
            } else {
                prop_assert!(passed_within(&passed, now, 2 * SECOND) >= most as usize);
            }
        }
    }
}
