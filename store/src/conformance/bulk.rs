//! Keys that are added by the thousand are keys like any other.

use domain::id::KeyId;
use domain::key::KeyState;
use uuid::Uuid;

use super::bench::{Bench, at, on_each_engine};
use super::samples::{ONE, Sample, fill};
use crate::{Code, KeyRow};

#[tokio::test]
async fn keys_added_in_bulk_are_genuine_and_followed_one_by_one() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let mut keys: Vec<KeyRow> = (10..30_u128)
            .map(|number| KeyRow {
                id: KeyId::new(Uuid::from_u128(number)),
                kid: format!("{number:08}"),
                state: Code(KeyState::Active),
                activated_at: Some(at(2)),
                replaces_id: None,
                ended_at: None,
                end_reason: None,
                noticed_days: None,
                ..KeyRow::bare(ONE)
            })
            .collect();
        bench
            .write(async |work| work.add_active_keys(&mut keys).await.unwrap())
            .await;
        let mut read = bench.store.read().await.unwrap();
        assert_eq!(read.key_counter().await.unwrap(), 20);
        let followed = read.keys_changed_since(0, 100).await.unwrap();
        let changes: Vec<i64> = followed
            .into_iter()
            .map(Result::unwrap)
            .filter(|row| keys.iter().any(|key| key.id == row.id))
            .map(|row| row.change)
            .collect();
        assert_eq!(changes, (1..=20).collect::<Vec<_>>());
        let one = read.key_by_kid("00000010").await.unwrap().unwrap();
        assert_eq!(
            (one.state.0, one.activated_at),
            (KeyState::Active, Some(at(2)))
        );
    })
    .await;
}
