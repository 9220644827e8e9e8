//! Calls that quotas count.

use domain::limit::{Counted, Period};
use domain::time::Timestamp;
use uuid::Uuid;

use super::bench::{Bench, on_each_engine};
use crate::column::Code;
use crate::spent::Spent;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour * 3_600_000_000)
}

fn spent(counted: Counted, period: Period, starts: i64, calls: i64) -> Spent {
    Spent {
        counted: Code(counted),
        id: Uuid::from_u128(7),
        period: Code(period),
        starts_at: at(starts),
        calls,
    }
}

#[tokio::test]
async fn calls_are_added_up_by_grant_key_and_period() {
    on_each_engine(async |bench: &Bench| {
        let of_grant = |calls| spent(Counted::Grant, Period::Day, 48, calls);
        let mut totals = Vec::new();
        bench
            .write_minor(async |work| {
                let others = [
                    of_grant(4),
                    spent(Counted::Key, Period::Day, 48, 5),
                    spent(Counted::Grant, Period::Month, 24, 6),
                    spent(Counted::Grant, Period::Day, 24, 8),
                ];
                for batch in [&[of_grant(3)], &others[..]] {
                    totals.extend(work.spend(batch).await.unwrap());
                }
            })
            .await;
        totals.sort_unstable_by_key(|row| row.calls);
        let calls: Vec<i64> = totals.iter().map(|row| row.calls).collect();
        assert_eq!(calls, [3, 5, 6, 7, 8]);
        assert_eq!(
            (totals[3].counted.0, totals[3].period.0),
            (Counted::Grant, Period::Day)
        );
        let seen = async || {
            let mut read = bench.store.read().await.unwrap();
            let rows = read.spent(at(48), at(24)).await.unwrap();
            let mut calls: Vec<i64> = rows.iter().map(|row| row.calls).collect();
            calls.sort_unstable();
            calls
        };
        assert_eq!(seen().await, [5, 6, 7], "the day before is over");
        bench
            .write_minor(async |work| work.sweep_spent(at(25)).await.unwrap())
            .await;
        assert_eq!(seen().await, [5, 7], "what began before is forgotten");
    })
    .await;
}
