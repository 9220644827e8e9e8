//! Rates and quotas against an implementation that keeps every call that passed, and reckons from the
//! first one whenever the next one comes. Two keys under one grant, the database that quotas are
//! written to, what other processes write there, and kills.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::limit::{Counted, Counts, Exceeded, Left, Meter, Period, Spent, spend};
use domain::time::Timestamp;

#[cfg(test)]
use super::dice;
use super::dice::Dice;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 1 January 2027, 00:00 UTC.
const START: i64 = 1_798_761_600 * SECOND;
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// What may be typed for each period, and the words for it.
const TYPED: [(Period, &str, [u32; 4]); 5] = [
    (Period::Second, "a second", [1, 2, 3, 10]),
    (Period::Minute, "a minute", [1, 5, 7, 60]),
    (Period::Hour, "an hour", [1, 3, 11, 100]),
    (Period::Day, "a day", [5, 120, 150, 20_000]),
    (Period::Month, "a month", [60, 120, 150, 30_000]),
];
const STEPS: [i64; 6] = [0, 0, 1, 1_000, 50_000, 333_333];
const LONG_STEPS: [i64; 6] = [
    SECOND,
    12 * SECOND,
    900 * SECOND,
    5 * 3600 * SECOND,
    26 * 3600 * SECOND,
    9 * DAY,
];

type Limits = Vec<(Period, u32)>;

/// A call that passed, and for day and month: whether the database has it.
struct Passed {
    at: i64,
    written: [Written; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    No,
    /// With the batch of this number.
    OnItsWay(usize),
    Yes,
}

/// What counts together: a grant's calls, or one key's.
struct Book {
    counted: Counted,
    limits: Limits,
    meter: Meter,
    /// Since the process started.
    passed: Vec<Passed>,
    /// What the database was last seen to count of the day or month that starts then.
    seen: BTreeMap<(Period, i64), u64>,
    /// How many passed in it in all, and how often the process was killed meanwhile.
    ever: BTreeMap<(Period, i64), (u64, u64)>,
}

struct World {
    /// The grant's, and one for each of two keys.
    books: [Book; 3],
    database: BTreeMap<(usize, Period, i64), u64>,
    on_its_way: Vec<(usize, usize, Spent)>,
    batches: usize,
    now: i64,
}

/// How often what happened.
type Told = BTreeMap<&'static str, usize>;

/// The day or month that this is in: when it starts, and when it ends.
fn around(at: i64, period: Period) -> (i64, i64) {
    if period == Period::Day {
        let starts = at / DAY * DAY;
        return (starts, starts + DAY);
    }
    let mut starts = START;
    for number in 0.. {
        let is_leap = (2027 + number / 12) % 4 == 0;
        let days = MONTHS[number % 12] + i64::from(is_leap && number % 12 == 1);
        let ends = starts + days * DAY;
        if at < ends {
            return (starts, ends);
        }
        starts = ends;
    }
    unreachable!()
}

fn nth(period: Period) -> usize {
    usize::from(period == Period::Month)
}

const fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

/// What a kill may forget of a quota: one per cent, at least 100 calls and at most 10,000.
fn stated(limit: u32) -> u64 {
    (u64::from(limit) / 100).clamp(100, 10_000)
}

impl Book {
    fn new(counted: Counted, dice: &mut Dice) -> Self {
        let mut limits = Vec::new();
        for (period, _, some) in TYPED {
            let sides = if period.is_quota() { 3 } else { 6 };
            if dice.roll(sides) == 0 {
                limits.push((period, dice.one(&some)));
            }
        }
        Self {
            counted,
            limits,
            meter: Meter::default(),
            passed: Vec::new(),
            seen: BTreeMap::new(),
            ever: BTreeMap::new(),
        }
    }

    fn typed(&self) -> Counts {
        let words = |period| TYPED.iter().find(|(one, _, _)| *one == period).unwrap().1;
        let typed: Vec<String> = self
            .limits
            .iter()
            .map(|(period, calls)| format!("{calls} {}", words(*period)))
            .collect();
        typed.join(", ").parse().unwrap()
    }

    /// A bucket that each call fills by its part of the period and that runs empty at the speed of
    /// time: how full it is, and what a call adds. In nanoseconds.
    fn bucket(&self, period: Period, limit: u32, now: i64) -> (i64, i64) {
        let span = match period {
            Period::Second => 1,
            Period::Minute => 60,
            _ => 3600,
        } * 1_000_000_000;
        let call = (span + i64::from(limit) - 1) / i64::from(limit);
        let (mut full, mut last) = (0, START);
        for Passed { at, .. } in &self.passed {
            full = (full - (at - last) * 1000).max(0) + call;
            last = *at;
        }
        ((full - (now - last) * 1000).max(0), call)
    }

    fn unwritten(&self, period: Period, now: i64) -> u64 {
        let (starts, _) = around(now, period);
        let waits = |one: &&Passed| one.at >= starts && one.written[nth(period)] != Written::Yes;
        self.passed.iter().filter(waits).count() as u64
    }

    fn calls(&self, period: Period, now: i64) -> u64 {
        let seen = self.seen.get(&(period, around(now, period).0)).copied();
        seen.unwrap_or_default() + self.unwritten(period, now)
    }

    fn allows(&self, period: Period, limit: u32, now: i64) -> Result<(), Exceeded> {
        if !period.is_quota() {
            let (full, call) = self.bucket(period, limit, now);
            let room = call * (i64::from(limit) - 1);
            let retry_after = nanos(full - room);
            return (full <= room)
                .then_some(())
                .ok_or(Exceeded::Rate { retry_after });
        }
        if self.calls(period, now) >= u64::from(limit) {
            let retry_after = micros(around(now, period).1 - now);
            return Err(Exceeded::Quota { retry_after });
        }
        if self.unwritten(period, now) >= stated(limit) {
            return Err(Exceeded::Unsaved);
        }
        Ok(())
    }

    /// What is left of a limit, after the call.
    fn left(&self, period: Period, limit: u32, now: i64) -> Left {
        let (calls, full_after) = if period.is_quota() {
            let left = u64::from(limit).saturating_sub(self.calls(period, now));
            (left as u32, micros(around(now, period).1 - now))
        } else {
            let (full, call) = self.bucket(period, limit, now);
            let left = i64::from(limit) - (full + call - 1) / call;
            (left as u32, nanos(full))
        };
        Left {
            counted: self.counted,
            period,
            limit: limit.try_into().unwrap(),
            calls,
            full_after,
        }
    }

    fn pass(&mut self, now: i64) {
        self.passed.push(Passed {
            at: now,
            written: [Written::No; 2],
        });
        for (period, limit) in &self.limits {
            if period.is_quota() {
                let ever = self.ever.entry((*period, around(now, *period).0));
                let (passed, kills) = ever.or_default();
                *passed += 1;
                let most = u64::from(*limit) + *kills * stated(*limit);
                assert!(*passed <= most, "{passed} by {limit} after {kills} kills");
            }
        }
    }

    /// Marks those of a day or month that are as `from`; how many they were.
    fn mark(&mut self, spent: Spent, from: Written, to: Written) -> u64 {
        let (starts, ends) = around(spent.starts.micros(), spent.period);
        let mut marked = 0;
        for one in &mut self.passed {
            let written = &mut one.written[nth(spent.period)];
            if (starts..ends).contains(&one.at) && *written == from {
                *written = to;
                marked += 1;
            }
        }
        marked
    }
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        let grant = Book::new(Counted::Grant, dice);
        let key = Book::new(Counted::Key, dice);
        let other = Book {
            limits: key.limits.clone(),
            ..Book::new(Counted::Key, dice)
        };
        Self {
            books: [grant, key, other],
            database: BTreeMap::new(),
            on_its_way: Vec::new(),
            batches: 0,
            now: START + dice.roll(365) as i64 * DAY + dice.roll(1440) as i64 * 60 * SECOND,
        }
    }

    fn call(&mut self, key: usize) -> &'static str {
        let now = self.now;
        let [grant, keys @ ..] = &mut self.books;
        let key = &mut keys[key];
        let limits = |book: &Book, quotas: bool| -> Limits {
            let all = book.limits.iter().copied();
            all.filter(|(period, _)| period.is_quota() == quotas)
                .collect()
        };
        let mut expected = Ok(());
        for quotas in [false, true] {
            for book in [&*grant, &*key] {
                for (period, limit) in limits(book, quotas) {
                    expected = expected.and_then(|()| book.allows(period, limit, now));
                }
            }
        }
        if expected.is_ok() {
            grant.pass(now);
            key.pass(now);
        }
        let left = [&*grant, &*key].into_iter().flat_map(|book| {
            let each = book.limits.iter();
            each.map(|(period, limit)| book.left(*period, *limit, now))
        });
        let expected = expected.map(|()| left.collect::<Vec<Left>>());

        let counts = [grant.typed(), key.typed()];
        let mut left = Vec::new();
        let spent = spend(
            &mut [
                (Counted::Grant, &mut grant.meter, counts[0]),
                (Counted::Key, &mut key.meter, counts[1]),
            ],
            Timestamp::from_micros(now),
            |one| left.push(one),
        );
        let spent = spent.map(|()| left);
        assert_eq!(spent, expected, "{counts:?} at {now}");
        match expected {
            Ok(_) => "ok",
            Err(Exceeded::Rate { .. }) => "rate_limit",
            Err(Exceeded::Quota { .. }) => "quota",
            Err(Exceeded::Unsaved) => "not-ready",
        }
    }

    /// All that waits is taken out, to be written.
    fn take(&mut self) {
        for (number, book) in self.books.iter_mut().enumerate() {
            self.batches += 1;
            let taken: Vec<Spent> = book.meter.take().collect();
            for spent in taken {
                let on_its_way = Written::OnItsWay(self.batches);
                let marked = book.mark(spent, Written::No, on_its_way);
                assert_eq!(spent.calls, marked, "what is taken out is what waits");
                self.on_its_way.push((number, self.batches, spent));
            }
            for (period, _) in &book.limits {
                let (starts, _) = around(self.now, *period);
                let waits =
                    |one: &Passed| one.at >= starts && one.written[nth(*period)] == Written::No;
                let is_left = period.is_quota() && book.passed.iter().any(waits);
                assert!(!is_left, "not all was taken out");
            }
        }
    }

    fn write(&mut self, number: usize, spent: Spent) -> u64 {
        let of = (number, spent.period, spent.starts.micros());
        let total = self.database.entry(of).or_default();
        *total += spent.calls;
        *total
    }

    /// The database answers, or does not.
    fn answer(&mut self, dice: &mut Dice) {
        if self.on_its_way.is_empty() {
            return;
        }
        let (number, batch, spent) = self
            .on_its_way
            .swap_remove(dice.roll(self.on_its_way.len()));
        let (is_written, is_known) =
            dice.one(&[(true, true), (true, true), (false, true), (true, false)]);
        let total = if is_written {
            self.write(number, spent)
        } else {
            0
        };
        let book = &mut self.books[number];
        if is_written && is_known {
            book.meter.saved(spent);
            book.learn(Spent {
                calls: total,
                ..spent
            });
            book.mark(spent, Written::OnItsWay(batch), Written::Yes);
        } else {
            book.meter.unsaved(spent);
            book.mark(spent, Written::OnItsWay(batch), Written::No);
        }
    }

    /// Another process, on the same database.
    fn others(&mut self, dice: &mut Dice) {
        let period = dice.one(&[Period::Day, Period::Month]);
        let spent = Spent {
            period,
            starts: Timestamp::from_micros(around(self.now, period).0),
            calls: dice.roll(4) as u64,
        };
        let number = dice.roll(self.books.len());
        self.write(number, spent);
    }

    /// What was on its way may have come there all the same.
    fn kill(&mut self, dice: &mut Dice) {
        for (number, _, spent) in std::mem::take(&mut self.on_its_way) {
            if dice.roll(2) == 0 {
                self.write(number, spent);
            }
        }
        for (number, book) in self.books.iter_mut().enumerate() {
            book.meter = Meter::default();
            book.passed.clear();
            book.seen.clear();
            book.ever.values_mut().for_each(|(_, kills)| *kills += 1);
            for period in [Period::Day, Period::Month] {
                let (starts, _) = around(self.now, period);
                if let Some(calls) = self.database.get(&(number, period, starts)) {
                    let starts = Timestamp::from_micros(starts);
                    book.learn(Spent {
                        period,
                        starts,
                        calls: *calls,
                    });
                }
            }
        }
    }
}

impl Book {
    fn learn(&mut self, total: Spent) {
        self.meter.learn(total);
        let of = (total.period, total.starts.micros());
        self.seen.insert(of, total.calls);
    }
}

/// Limits that the dice show, and so many things that happen under them.
fn agree(dice: &mut Dice, times: usize, told: &mut Told) {
    let mut world = World::new(dice);
    for _ in 0..times {
        if dice.are_used_up() {
            return;
        }
        let what = match dice.roll(32) {
            0 | 1 => {
                world.take();
                "taken"
            }
            2..=4 => {
                world.answer(dice);
                "answered"
            }
            5 => {
                world.others(dice);
                "others"
            }
            6 if dice.roll(4) == 0 => {
                world.kill(dice);
                "killed"
            }
            _ => {
                world.now += dice.mostly(&STEPS, &LONG_STEPS);
                world.call(dice.roll(2))
            }
        };
        *told.entry(what).or_default() += 1;
    }
}

/// For as long as the dice show anything.
pub(crate) fn agree_as_shown(bytes: &[u8]) {
    agree(&mut Dice::showing(bytes), bytes.len(), &mut Told::new());
}

#[test]
fn what_a_fuzzer_shows_agrees_too() {
    dice::show(agree_as_shown);
}

#[test]
fn a_million_calls_agree_with_the_model() {
    let mut dice = Dice::Seeded(0x6c69_6d69_7473);
    let mut told = Told::new();
    for _ in 0..5_200 {
        agree(&mut dice, 250, &mut told);
    }
    println!("{told:?}");
    let calls = ["ok", "rate_limit", "quota", "not-ready"].map(|code| told[code]);
    assert!(calls.iter().sum::<usize>() >= 1_000_000, "{told:?}");
    for (what, times) in told {
        assert!(times > 1_000, "{what} too seldom: {times}");
    }
}
