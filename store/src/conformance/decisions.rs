//! No identity counts twice.

use domain::id::{CredentialId, DecisionId, GrantId, PersonId};
use uuid::Uuid;

use super::bench::{Bench, at, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{DecisionRow, Error, Evidence};

fn decision(number: u128) -> DecisionRow {
    DecisionRow {
        id: DecisionId::new(Uuid::from_u128(number)),
        grant_id: GrantId::new(TWO),
        person_id: PersonId::new(ONE),
        credential_id: CredentialId::new(ONE),
        ..DecisionRow::bare(ONE)
    }
}

#[tokio::test]
async fn a_second_standing_decision_of_a_person_is_refused_until_the_first_is_voided() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        bench
            .write(async |work| drop(work.add_decision(decision(10)).await.unwrap()))
            .await;
        let mut work = bench.store.work().await.unwrap();
        let second = work.add_decision(decision(11)).await;
        assert!(matches!(second, Err(Error::Taken(_))), "{second:?}");
        drop(work);

        let voided = DecisionRow {
            voided_at: Some(at(2)),
            voided_why: Some("narrowed".to_owned()),
            ..decision(10)
        };
        bench
            .write(async |work| {
                work.update_decision(voided, 1).await.unwrap();
                work.add_decision(decision(11)).await.unwrap();
            })
            .await;
        let mut read = bench.store.read().await.unwrap();
        let all = read.decisions(GrantId::new(TWO)).await.unwrap();
        let standing = all.iter().filter(|d| d.voided_at.is_none()).count();
        // With the one of the other person, which `fill` made.
        assert_eq!((all.len(), standing), (3, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_decisions_of_one_person_at_once_one_stands() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let decide = |store: crate::Store, racer: usize| async move {
            let mut work = store.work().await.unwrap();
            match work.add_decision(decision(10 + racer as u128)).await {
                Ok(_) => work.commit(Evidence::of(entry("decide"))).await.is_ok(),
                Err(Error::Taken(_)) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let stood = bench.race(32, decide).await;
        assert_eq!((stood.len(), stood.iter().filter(|s| **s).count()), (32, 1));
    })
    .await;
}
