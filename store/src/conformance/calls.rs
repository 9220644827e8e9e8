//! Keys' calls, counted by what they were alike in.

use domain::id::{GrantId, KeyId, PartnerId, ServiceId};
use domain::time::Timestamp;
use uuid::Uuid;

use super::bench::{Bench, on_each_engine};
use super::samples::{ONE, TWO, fill};
use crate::{CallCount, CallsFrom, CallsOf, Store, Unaudited};

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour * 3_600_000_000)
}

fn count(key: Uuid, hour: i64, outcome: &str, calls: i64) -> CallCount {
    CallCount {
        key_id: KeyId::new(key),
        hour: at(hour),
        outcome: outcome.to_owned(),
        endpoint: "GET /a".to_owned(),
        source: "192.0.2.0/24".to_owned(),
        scope: String::new(),
        calls,
    }
}

async fn add(bench: &Bench, counts: &[CallCount]) {
    bench
        .write_minor(async |work| work.add_calls(counts).await.unwrap())
        .await;
}

const KEY: CallsOf = CallsOf::Key(KeyId::new(TWO));

async fn by_time(bench: &Bench, of: CallsOf, since: i64) -> Vec<(i64, String, i64)> {
    let mut read = bench.store.read().await.unwrap();
    let rows = read.calls_by_time(of, at(since)).await.unwrap();
    rows.into_iter()
        .map(|row| (row.starts_at / 3_600_000_000, row.outcome, row.calls))
        .collect()
}

fn said(hour: i64, outcome: &str, calls: i64) -> (i64, String, i64) {
    (hour, outcome.to_owned(), calls)
}

#[tokio::test]
async fn calls_that_were_alike_are_added_up_and_others_kept_apart() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let elsewhere = CallCount {
            source: "203.0.113.0/24".to_owned(),
            endpoint: "POST /b".to_owned(),
            scope: "write".to_owned(),
            ..count(TWO, 2, "ok", 8)
        };
        let unopened = CallCount {
            endpoint: String::new(),
            ..count(TWO, 3, "source_network", 2)
        };
        add(
            bench,
            &[
                count(TWO, 2, "ok", 3),
                count(TWO, 2, "ok", 4),
                count(TWO, 2, "rate_limit", 5),
                elsewhere,
                unopened,
                count(TWO, 1, "ok", 100),
                count(ONE, 2, "ok", 1_000),
            ],
        )
        .await;
        let calls = [
            said(2, "ok", 15),
            said(2, "rate_limit", 5),
            said(3, "source_network", 2),
        ];
        assert_eq!(by_time(bench, KEY, 2).await, calls);
        let mut read = bench.store.read().await.unwrap();
        let to = read.calls_by_endpoint(KEY, at(2)).await.unwrap();
        let to: Vec<_> = to
            .iter()
            .map(|row| (row.endpoint.as_str(), row.accepted, row.refused))
            .collect();
        assert_eq!(to, [("GET /a", 7, 5), ("POST /b", 8, 0)]);
        let from = |source: &str, accepted, refused| CallsFrom {
            source: source.to_owned(),
            accepted,
            refused,
        };
        let seen = read.calls_by_source(KEY, at(2), 9).await.unwrap();
        let sources = [from("192.0.2.0/24", 7, 7), from("203.0.113.0/24", 8, 0)];
        assert_eq!(seen, sources);
        let seen = read.calls_by_source(KEY, at(2), 1).await.unwrap();
        assert_eq!(seen, sources[..1]);
        let accepted = read.accepted_calls(GrantId::new(TWO), at(2)).await.unwrap();
        let accepted: Vec<_> = accepted
            .iter()
            .map(|row| (row.endpoint.as_str(), row.scope.as_str(), row.calls))
            .collect();
        assert_eq!(accepted, [("GET /a", "", 7), ("POST /b", "write", 8)]);
    })
    .await;
}

#[tokio::test]
async fn calls_are_found_by_key_grant_partner_and_service() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        add(bench, &[count(ONE, 2, "ok", 1), count(TWO, 2, "scope", 2)]).await;
        for of in [
            KEY,
            CallsOf::Grant(GrantId::new(TWO)),
            CallsOf::Partner(PartnerId::new(TWO)),
            CallsOf::Service(ServiceId::new(TWO), None),
            CallsOf::Service(ServiceId::new(TWO), Some(PartnerId::new(TWO))),
        ] {
            assert_eq!(by_time(bench, of, 0).await, [said(2, "scope", 2)], "{of:?}");
            let mut read = bench.store.read().await.unwrap();
            let keys = read.calls_by_key(of, at(0), 9).await.unwrap();
            let keys: Vec<_> = keys
                .iter()
                .map(|row| (row.key.id, row.around.accepted, row.around.refused))
                .collect();
            assert_eq!(keys, [(KeyId::new(TWO), 0, 2)], "{of:?}");
        }
        let of_another = CallsOf::Service(ServiceId::new(TWO), Some(PartnerId::new(ONE)));
        assert_eq!(by_time(bench, of_another, 0).await, []);
    })
    .await;
}

#[tokio::test]
async fn beyond_sixteen_networks_an_hour_calls_come_from_others() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let from = |net: i64, hour| CallCount {
            source: format!("10.0.{net}.0/24"),
            ..count(TWO, hour, "ok", 1)
        };
        for batch in [0..10, 10..16, 16..40, 0..3] {
            let counts: Vec<CallCount> = batch.map(|net| from(net, 2)).collect();
            add(bench, &counts).await;
        }
        add(bench, &[from(39, 3)]).await;
        let mut read = bench.store.read().await.unwrap();
        let seen = read.calls_by_source(KEY, at(2), 99).await.unwrap();
        assert_eq!(seen.len(), 16 + 2, "the other hour has its own");
        assert_eq!((seen[0].source.as_str(), seen[0].accepted), ("other", 24));
        let twice = seen.iter().filter(|row| row.accepted == 2).count();
        assert_eq!(twice, 3, "who is known stays known");
        assert_eq!(seen.iter().map(|row| row.accepted).sum::<i64>(), 44);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_hours_are_summed_up_by_day_once_and_old_days_forgotten() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        add(
            bench,
            &[
                count(TWO, 23, "ok", 1),
                count(TWO, 24, "ok", 2),
                count(TWO, 47, "ok", 3),
                count(TWO, 47, "scope", 4),
                count(TWO, 48, "ok", 5),
            ],
        )
        .await;
        let oldest = async || {
            bench
                .store
                .read()
                .await
                .unwrap()
                .oldest_hour()
                .await
                .unwrap()
        };
        assert_eq!(oldest().await, Some(at(23)));
        let sweep = |store: Store, _| async move {
            let mut work = store.minor_work().await?;
            work.sum_up_calls(at(48)).await?;
            work.sweep_calls(at(24)).await?;
            work.commit_unaudited(Unaudited::Usage).await
        };
        for outcome in bench.race(4, sweep).await {
            outcome.unwrap();
        }
        assert_eq!(oldest().await, Some(at(48)));
        let days = [said(24, "ok", 5), said(24, "scope", 4), said(48, "ok", 5)];
        assert_eq!(by_time(bench, KEY, 0).await, days);
        // What was written late is not lost.
        add(bench, &[count(TWO, 30, "ok", 6)]).await;
        sweep(bench.store.clone(), 0).await.unwrap();
        assert_eq!(by_time(bench, KEY, 0).await[0], said(24, "ok", 11));
        let hours = "SELECT CAST(COUNT(*) AS TEXT) FROM call_count WHERE span = 'hour'";
        assert_eq!(bench.hand.texts(hours).await, ["1"]);
    })
    .await;
}
