//! Changes of live grants: no identity counts twice, a number is given once, and rows from before a
//! column keep their MAC.

use domain::id::{CredentialId, DecisionId, GrantId, NarrowingId, OverlayId, PersonId};
use domain::state::OverlayState;
use uuid::Uuid;

use super::bench::{Bench, at, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{
    Added, Code, Error, Evidence, GrantRow, NarrowingRow, OverlayDecision, OverlayRow, Unaudited,
};

fn decision(number: u128) -> OverlayDecision {
    OverlayDecision {
        id: DecisionId::new(Uuid::from_u128(number)),
        overlay_id: OverlayId::new(TWO),
        person_id: PersonId::new(ONE),
        credential_id: CredentialId::new(ONE),
        ..OverlayDecision::bare(ONE)
    }
}

fn narrowing(id: u128, number: i64) -> NarrowingRow {
    NarrowingRow {
        id: NarrowingId::new(Uuid::from_u128(id)),
        number,
        ..NarrowingRow::bare(ONE)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_decisions_of_one_person_on_temporary_access_at_once_one_stands() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let decide = |store: crate::Store, racer: usize| async move {
            let mut work = store.work().await.unwrap();
            match work
                .add_overlay_decision(decision(10 + racer as u128))
                .await
            {
                Ok(_) => work.commit(Evidence::of(entry("decide"))).await.is_ok(),
                Err(Error::Taken(_)) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let stood = bench.race(32, decide).await;
        assert_eq!((stood.len(), stood.iter().filter(|s| **s).count()), (32, 1));
        let voided = OverlayDecision {
            voided_at: Some(at(2)),
            ..bench
                .store
                .read()
                .await
                .unwrap()
                .overlay_decisions(OverlayId::new(TWO))
                .await
                .unwrap()
                .into_iter()
                .find(|one| one.person_id == PersonId::new(ONE))
                .unwrap()
                .into_row()
        };
        bench
            .write(async |work| {
                work.update_overlay_decision(voided, 1).await.unwrap();
                work.add_overlay_decision(decision(99)).await.unwrap();
            })
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_grant_has_one_narrowing_of_a_number() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        bench
            .write(async |work| drop(work.add_narrowing(narrowing(10, 7)).await.unwrap()))
            .await;
        let mut work = bench.store.work().await.unwrap();
        let second = work.add_narrowing(narrowing(11, 7)).await;
        assert!(matches!(second, Err(Error::Taken(_))), "{second:?}");
        drop(work);
        let mut read = bench.store.read().await.unwrap();
        let found = read.narrowing(GrantId::new(ONE), 7).await.unwrap().unwrap();
        assert_eq!(found.id, NarrowingId::new(Uuid::from_u128(10)));
        assert!(
            read.narrowing(GrantId::new(ONE), 8)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn temporary_access_is_found_by_its_grant_and_state_and_an_edited_one_hides_no_other() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let approved = |id: u128| OverlayRow {
            id: OverlayId::new(Uuid::from_u128(id)),
            state: Code(OverlayState::Approved),
            ..OverlayRow::bare(ONE)
        };
        bench
            .write(async |work| {
                work.add_overlay(approved(10)).await.unwrap();
                work.add_overlay(approved(11)).await.unwrap();
            })
            .await;
        let mut read = bench.store.read().await.unwrap();
        let grant = GrantId::new(ONE);
        // With the ended one that `fill` made.
        assert_eq!(read.overlays_of(grant).await.unwrap().len(), 3);
        let in_state = read.overlays_in(OverlayState::Approved).await.unwrap();
        assert_eq!(in_state.len(), 2);
        drop(read);
        let id = bench.literal(Uuid::from_u128(10));
        bench
            .hand
            .run(&format!(
                "UPDATE grant_overlay SET ends_at = 99 WHERE id = {id}"
            ))
            .await;
        let mut read = bench.store.read().await.unwrap();
        let found = read.approved_overlays(grant).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found.iter().filter(|one| one.is_ok()).count(), 1);
    })
    .await;
}

/// The MAC of a grant that was never narrowed is what it was before there was such a column.
#[tokio::test]
async fn a_grant_from_before_narrowing_is_read_and_a_narrowed_one_does_not_pass_for_it() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let id = GrantId::new(TWO);
        let mut read = bench.store.read().await.unwrap();
        let (row, stamp) = {
            let row = read.grant(id).await.unwrap().unwrap();
            let stamp = row.stamp();
            (row.into_row(), stamp)
        };
        drop(read);
        assert_eq!(row.narrowed, Added(None));
        let fields = |row: &GrantRow| {
            use crate::row::Row as _;
            row.enter(domain::enc::Enc::list()).finish()
        };
        let narrowed = GrantRow {
            narrowed: Added(Some(1)),
            ..row.clone()
        };
        assert!(fields(&narrowed).starts_with(&fields(&row)));
        assert!(fields(&narrowed).len() > fields(&row).len());
        let mut work = bench.store.work().await.unwrap();
        work.update_grant(narrowed, stamp).await.unwrap();
        work.commit_unaudited(Unaudited::Usage).await.unwrap();
        bench
            .hand
            .run("UPDATE access_grant SET narrowed = NULL")
            .await;
        let mut read = bench.store.read().await.unwrap();
        let read = read.grant(id).await;
        assert!(matches!(read, Err(Error::Tampered { .. })), "{read:?}");
    })
    .await;
}
