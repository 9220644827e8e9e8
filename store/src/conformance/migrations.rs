//! The schema is brought up once, by whoever comes first, and never down.

use super::bench::{Bench, on_each_empty_engine, on_each_engine};
use crate::{Database, Error, WrappedKey};

#[tokio::test]
async fn migrating_twice_is_harmless() {
    on_each_empty_engine(async |bench: &Bench| {
        let database = bench.store.database();
        assert!(!database.is_current().await.unwrap());
        database.migrate().await.unwrap();
        assert!(database.is_current().await.unwrap());
        bench.write(async |_| {}).await;
        database.migrate().await.unwrap();
        assert_eq!(bench.hand.count("audit").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_all_succeed() {
    on_each_empty_engine(async |bench: &Bench| {
        let migrate = |store: crate::Store, _| async move { store.database().migrate().await };
        for outcome in bench.race(4, migrate).await {
            outcome.unwrap();
        }
        assert!(bench.store.database().is_current().await.unwrap());
        assert_eq!(bench.hand.count("key_counter").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    on_each_engine(async |bench: &Bench| {
        bench
            .hand
            .run(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
            )
            .await;
        let database = bench.store.database();
        let refused = database.migrate().await;
        assert!(
            matches!(refused, Err(Error::NewerSchema { found: 9999, known }) if known == Database::known_schema()),
            "{refused:?}"
        );
        let refused = database.is_current().await;
        assert!(matches!(refused, Err(Error::NewerSchema { found: 9999, .. })));
    })
    .await;
}

#[tokio::test]
async fn of_two_keyrings_made_at_once_one_is_kept_whole() {
    on_each_engine(async |bench: &Bench| {
        let ring = |wrapped: u8| {
            ["pepper", "row"].map(|name| WrappedKey {
                name: name.to_owned(),
                version: 1,
                wrapped: vec![wrapped; 60],
            })
        };
        let database = bench.store.database();
        let now = super::bench::at(1);
        database.add_wrapped_keys(&ring(1), now).await.unwrap();
        let late = database.add_wrapped_keys(&ring(2), now).await;
        assert!(matches!(late, Err(Error::Taken(_))), "{late:?}");
        let kept = database.wrapped_keys().await.unwrap();
        assert!(kept.len() == 2 && kept.iter().all(|key| key.wrapped == [1; 60]));
    })
    .await;
}

#[tokio::test]
async fn a_setting_keeps_its_first_value() {
    on_each_engine(async |bench: &Bench| {
        let database = bench.store.database();
        assert_eq!(database.setting("origin").await.unwrap(), None);
        assert_eq!(database.settle("origin", "one").await.unwrap(), "one");
        assert_eq!(database.settle("origin", "two").await.unwrap(), "one");
        assert_eq!(database.setting("origin").await.unwrap().unwrap(), "one");
    })
    .await;
}
