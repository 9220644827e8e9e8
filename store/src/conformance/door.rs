//! Ceremonies are taken once, tries are counted exactly, sessions end.

use domain::id::{CeremonyId, CredentialId, PersonId, SessionId};
use uuid::Uuid;

use super::bench::{Bench, at, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{Ceremony, PendingAct, Session, Store, Unaudited};

const ID: CeremonyId = CeremonyId::new(Uuid::from_u128(3));

async fn add_ceremony(bench: &Bench) {
    fill(bench).await;
    let ceremony = Ceremony {
        id: ID,
        kind: "sign-in".to_owned(),
        expires_at: at(100),
        ..Ceremony::full(ONE)
    };
    bench
        .write_minor(async |work| work.add_ceremony(&ceremony).await.unwrap())
        .await;
}

async fn take(store: Store, kind: &str, now: i64) -> bool {
    let mut work = store.passing_work().await.unwrap();
    let taken = work.take_ceremony(ID, kind, at(now)).await.unwrap();
    work.commit_unaudited(Unaudited::Ceremony).await.unwrap();
    taken.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_take_a_ceremony_one_gets_it() {
    on_each_engine(async |bench: &Bench| {
        add_ceremony(bench).await;
        let taken = bench.race(64, |store, _| take(store, "sign-in", 1)).await;
        assert_eq!(taken.len(), 64);
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_ceremony_of_another_kind_is_not_taken() {
    on_each_engine(async |bench: &Bench| {
        add_ceremony(bench).await;
        assert!(!take(bench.store.clone(), "enrol", 1).await);
        assert!(take(bench.store.clone(), "sign-in", 1).await);
    })
    .await;
}

#[tokio::test]
async fn an_expired_ceremony_is_not_given_and_is_gone() {
    on_each_engine(async |bench: &Bench| {
        add_ceremony(bench).await;
        assert!(!take(bench.store.clone(), "sign-in", 100).await);
        assert!(!take(bench.store.clone(), "sign-in", 1).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_exactly_among_racers() {
    on_each_engine(async |bench: &Bench| {
        let count = |store: Store, _| async move {
            let mut work = store.passing_work().await.unwrap();
            let count = work
                .count_try("sign-in 192.0.2.0/24", at(60))
                .await
                .unwrap();
            work.commit_unaudited(Unaudited::Limit).await.unwrap();
            count
        };
        let mut counts = bench.race(64, count).await;
        counts.sort_unstable();
        assert_eq!(counts, (1..=64).collect::<Vec<i64>>());
        let mut read = bench.store.read().await.unwrap();
        let bucket = "sign-in 192.0.2.0/24";
        assert_eq!(read.tries(bucket, at(60)).await.unwrap(), 64);
        assert_eq!(read.tries(bucket, at(120)).await.unwrap(), 0);
        assert_eq!(read.tries("another", at(60)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_pending_act_is_for_its_person_in_time_and_once() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let act = PendingAct {
            id: ID,
            expires_at: at(100),
            ..PendingAct::full(ONE)
        };
        bench
            .write_minor(async |work| work.add_pending_act(&act).await.unwrap())
            .await;
        let (mine, another) = (PersonId::new(ONE), PersonId::new(TWO));
        let mut read = bench.store.read().await.unwrap();
        assert!(read.pending_act(ID, mine, at(99)).await.unwrap().is_some());
        assert!(read.pending_act(ID, mine, at(100)).await.unwrap().is_none());
        assert!(
            read.pending_act(ID, another, at(99))
                .await
                .unwrap()
                .is_none()
        );
        drop(read);
        bench
            .write_minor(async |work| {
                assert!(!work.take_pending_act(ID, another).await.unwrap());
                assert!(work.take_pending_act(ID, mine).await.unwrap());
                assert!(!work.take_pending_act(ID, mine).await.unwrap());
            })
            .await;
    })
    .await;
}

async fn add_sessions(bench: &Bench) {
    fill(bench).await;
    let session = |number: u8, ends_at| Session {
        id: SessionId::new(Uuid::from_u128(10 + u128::from(number))),
        token_mac: [100 + number; 32],
        seen_at: at(0),
        ends_at: at(ends_at),
        ..Session::full(ONE)
    };
    bench
        .write_minor(async |work| {
            for (number, ends_at) in [(0, 10), (1, 20), (2, 30)] {
                work.add_session(&session(number, ends_at)).await.unwrap();
            }
        })
        .await;
}

/// The last digits of the person's sessions that are left.
async fn sessions(bench: &Bench, now: i64) -> Vec<u128> {
    let mut read = bench.store.read().await.unwrap();
    let left = read.sessions(PersonId::new(ONE), at(now)).await.unwrap();
    let numbers = left.iter().map(|session| session.id.uuid().as_u128());
    numbers
        .filter(|number| *number >= 10)
        .map(|number| number - 10)
        .collect()
}

#[tokio::test]
async fn a_session_ends_by_its_person_by_its_credential_and_by_time() {
    on_each_engine(async |bench: &Bench| {
        add_sessions(bench).await;
        let id = SessionId::new(Uuid::from_u128(12));
        assert_eq!(sessions(bench, 9).await, [0, 1, 2]);
        assert_eq!(sessions(bench, 10).await, [1, 2]);
        bench
            .write_minor(async |work| {
                assert!(!work.end_session(id, PersonId::new(TWO)).await.unwrap());
                assert!(work.end_session(id, PersonId::new(ONE)).await.unwrap());
            })
            .await;
        assert_eq!(sessions(bench, 9).await, [0, 1]);
        bench
            .write_minor(async |work| work.sweep_the_door(at(10), at(0)).await.unwrap())
            .await;
        assert_eq!(sessions(bench, 0).await, [1]);
        bench
            .write_minor(async |work| {
                work.end_sessions_by(CredentialId::new(TWO)).await.unwrap();
            })
            .await;
        assert_eq!(sessions(bench, 0).await, [1]);
        bench
            .write_minor(async |work| {
                work.end_sessions_by(CredentialId::new(ONE)).await.unwrap();
            })
            .await;
        assert!(sessions(bench, 0).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_session_is_never_seen_earlier_than_before() {
    on_each_engine(async |bench: &Bench| {
        add_sessions(bench).await;
        let id = SessionId::new(Uuid::from_u128(10));
        for (now, expected) in [(5, 5), (3, 5), (7, 7)] {
            bench
                .write_minor(async |work| work.touch_session(id, at(now)).await.unwrap())
                .await;
            let mut read = bench.store.read().await.unwrap();
            let session = read.session(id).await.unwrap().unwrap();
            assert_eq!(session.seen_at, at(expected));
        }
    })
    .await;
}
