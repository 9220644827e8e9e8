//! What falls due by time alone is found, and nothing else; page by page where there is much.

use domain::id::{EnvironmentId, GrantId, KeyId};
use domain::key::{ExpiryNotice, KeyState, notice_due};
use domain::state::GrantState;
use domain::time::Timestamp;
use uuid::Uuid;

use super::bench::{Bench, at, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{Code, GrantRow, KeyRow, Stamped};

fn day(number: i64) -> Timestamp {
    at(number * 24 * 3600)
}

fn key(number: u128, state: KeyState, expires_at: Timestamp) -> KeyRow {
    KeyRow {
        id: KeyId::new(Uuid::from_u128(number)),
        kid: format!("{number:08}"),
        state: Code(state),
        created_at: day(0),
        expires_at,
        ..KeyRow::bare(ONE)
    }
}

async fn with_keys(bench: &Bench, keys: impl IntoIterator<Item = KeyRow>) {
    fill(bench).await;
    bench.hand.run("DELETE FROM api_key").await;
    let keys: Vec<KeyRow> = keys.into_iter().collect();
    bench
        .write(async |work| {
            for key in keys {
                work.add_key(key).await.unwrap();
            }
        })
        .await;
}

fn ids(keys: &[Stamped<KeyRow>]) -> Vec<u128> {
    keys.iter().map(|key| key.id.uuid().as_u128()).collect()
}

#[tokio::test]
async fn keys_that_are_not_ended_are_over_when_their_time_is_the_first_first() {
    on_each_engine(async |bench: &Bench| {
        let live = [
            KeyState::PreActivation,
            KeyState::Active,
            KeyState::Suspended,
        ];
        let keys = (10..).zip(KeyState::ALL);
        with_keys(
            bench,
            keys.map(|(number, state)| key(number, *state, at(100))),
        )
        .await;
        bench
            .write(async |work| {
                let first = key(30, KeyState::Active, at(99));
                work.add_key(first).await.unwrap();
            })
            .await;
        let mut read = bench.store.read().await.unwrap();
        assert!(read.keys_over(at(98), 9).await.unwrap().is_empty());
        assert_eq!(ids(&read.keys_over(at(99), 9).await.unwrap()), [30]);
        let over = read.keys_over(at(100), 9).await.unwrap();
        let states: Vec<KeyState> = over.iter().skip(1).map(|key| key.state.0).collect();
        assert_eq!(states, live);
        assert_eq!(ids(&read.keys_over(at(100), 2).await.unwrap()), [30, 10]);
    })
    .await;
}

/// The domain says when a notice is due; the database is asked for just those keys.
#[tokio::test]
async fn the_keys_of_whose_end_a_notice_is_due_are_found() {
    on_each_engine(async |bench: &Bench| {
        let mut lives = Vec::new();
        for state in [KeyState::Active, KeyState::Suspended] {
            for noticed_days in [None, Some(30), Some(7), Some(1)] {
                for begins in [0, 75, 96, 99] {
                    for activated_at in [None, Some(day(begins))] {
                        let number = lives.len() as u128 + 10;
                        lives.push(KeyRow {
                            noticed_days,
                            created_at: if activated_at.is_none() {
                                day(begins)
                            } else {
                                day(0)
                            },
                            activated_at,
                            ..key(number, state, day(100))
                        });
                    }
                }
            }
        }
        let dead = [
            KeyState::PreActivation,
            KeyState::Deactivated,
            KeyState::Compromised,
            KeyState::Destroyed,
        ];
        let dead = (1000..)
            .zip(dead)
            .map(|(number, state)| key(number, state, day(100)));
        with_keys(bench, lives.iter().cloned().chain(dead)).await;
        let mut read = bench.store.read().await.unwrap();
        for hours in (60 * 24..=101 * 24).step_by(6) {
            let now = at(hours * 3600);
            let mut found = Vec::new();
            for notice in ExpiryNotice::ALL {
                found.extend(ids(&read.keys_to_notice(now, *notice, 1000).await.unwrap()));
            }
            found.sort_unstable();
            found.dedup();
            let is_due = |key: &&KeyRow| {
                let begun = key.activated_at.unwrap_or(key.created_at);
                let last = key
                    .noticed_days
                    .map_or(begun, |days| begun.max(day(100 - days)));
                notice_due(now, key.expires_at, last).is_some()
            };
            let due = lives.iter().filter(is_due);
            let due: Vec<u128> = due.map(|key| key.id.uuid().as_u128()).collect();
            assert_eq!(found, due, "after {hours} hours");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_of_keys_to_notice_begins_with_those_that_end_first() {
    on_each_engine(async |bench: &Bench| {
        let ends = [(10, 103), (11, 101), (12, 102)];
        with_keys(
            bench,
            ends.map(|(number, end)| key(number, KeyState::Active, day(end))),
        )
        .await;
        let mut read = bench.store.read().await.unwrap();
        let page = read
            .keys_to_notice(day(98), ExpiryNotice::SevenDays, 2)
            .await;
        assert_eq!(ids(&page.unwrap()), [11, 12]);
    })
    .await;
}

#[tokio::test]
async fn grants_are_over_in_their_state_and_when_their_time_is() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let grant = |number: u128, state, valid_until| GrantRow {
            id: GrantId::new(Uuid::from_u128(number)),
            environment_id: EnvironmentId::new(TWO),
            number: number as i64,
            state: Code(state),
            valid_until,
            ..GrantRow::bare(ONE)
        };
        bench
            .write(async |work| {
                for grant in [
                    grant(10, GrantState::Approved, Some(at(100))),
                    grant(11, GrantState::Approved, Some(at(99))),
                    grant(12, GrantState::Approved, Some(at(101))),
                    grant(13, GrantState::Approved, None),
                    grant(14, GrantState::Expired, Some(at(99))),
                    grant(15, GrantState::WaitingForPasskey, Some(at(99))),
                ] {
                    work.add_grant(grant).await.unwrap();
                }
            })
            .await;
        let mut read = bench.store.read().await.unwrap();
        let mut over = async |state, limit| {
            let grants = read.grants_over(state, at(100), limit).await.unwrap();
            grants
                .iter()
                .map(|grant| grant.id.uuid().as_u128())
                .collect::<Vec<_>>()
        };
        assert_eq!(over(GrantState::Approved, 9).await, [11, 10]);
        assert_eq!(over(GrantState::Approved, 1).await, [11]);
        assert_eq!(over(GrantState::Revoked, 9).await, [0; 0]);
    })
    .await;
}
