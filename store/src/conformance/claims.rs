//! A delivery is claimed once, by one of those it was sealed to, in time.

use domain::delivery::DeliveryCode;
use domain::id::{CredentialId, DeliveryId};
use uuid::Uuid;

use super::bench::{Bench, at, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, envelope, fill};
use crate::{Credential, Delivery, Evidence};

const THIRD: Uuid = Uuid::from_u128(3);
pub(super) const DELIVERY: DeliveryId = DeliveryId::new(THIRD);
pub(super) const MINE: CredentialId = CredentialId::new(ONE);
const MY_OTHER: CredentialId = CredentialId::new(TWO);
const NOT_SEALED_TO: CredentialId = CredentialId::new(THIRD);

/// A delivery that is sealed to two of three credentials and open until 100.
pub(super) async fn seal(bench: &Bench, ciphertext: &[u8]) {
    fill(bench).await;
    let delivery = Delivery {
        id: DELIVERY,
        expires_at: at(100),
        ..Delivery::bare(ONE)
    };
    let stranger = Credential {
        id: NOT_SEALED_TO,
        raw_id: vec![3],
        ..Credential::bare(ONE)
    };
    let envelopes = [
        envelope(THIRD, ONE, ciphertext),
        envelope(THIRD, TWO, ciphertext),
    ];
    bench
        .write(async |work| {
            work.add_credential(stranger).await.unwrap();
            work.add_delivery(&delivery, &envelopes).await.unwrap();
        })
        .await;
}

async fn claim(bench: &Bench, by: CredentialId, now: i64) -> bool {
    let mut claimed = false;
    bench
        .write(async |work| {
            claimed = work
                .claim(DELIVERY, by, at(now), at(now + 10))
                .await
                .unwrap()
        })
        .await;
    claimed
}

async fn receipt(bench: &Bench, by: CredentialId, now: i64) -> bool {
    let mut closed = false;
    bench
        .write(async |work| closed = work.receipt(DELIVERY, by, at(now), "{}").await.unwrap())
        .await;
    closed
}

async fn end(bench: &Bench, to: DeliveryCode) -> bool {
    let mut ended = false;
    bench
        .write(async |work| {
            ended = work
                .end_delivery(DELIVERY, to, at(50), "why")
                .await
                .unwrap()
        })
        .await;
    ended
}

async fn stage(bench: &Bench) -> DeliveryCode {
    let mut read = bench.store.read().await.unwrap();
    read.delivery(DELIVERY).await.unwrap().unwrap().state.0
}

async fn ciphertexts(bench: &Bench) -> usize {
    let mut read = bench.store.read().await.unwrap();
    let envelopes = read.envelopes(DELIVERY).await.unwrap();
    assert_eq!(envelopes.len(), 2);
    envelopes
        .iter()
        .filter(|envelope| envelope.sealed.is_some())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_claim_one_delivery_one_wins() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        let claim = |store: crate::Store, racer: usize| async move {
            let by = if racer.is_multiple_of(2) {
                MINE
            } else {
                MY_OTHER
            };
            let mut work = store.work().await.unwrap();
            let claimed = work.claim(DELIVERY, by, at(1), at(11)).await.unwrap();
            work.commit(Evidence::of(entry("claim"))).await.unwrap();
            claimed.then_some(by)
        };
        let outcomes = bench.race(64, claim).await;
        assert_eq!(outcomes.len(), 64);
        let winners: Vec<CredentialId> = outcomes.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        let mut read = bench.store.read().await.unwrap();
        let delivery = read.delivery(DELIVERY).await.unwrap().unwrap();
        assert_eq!(delivery.claimed_by, Some(winners[0]));
        assert_eq!(delivery.lease_until, Some(at(11)));
    })
    .await;
}

#[tokio::test]
async fn a_credential_that_it_was_not_sealed_to_claims_nothing() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        assert!(!claim(bench, NOT_SEALED_TO, 1).await);
        assert_eq!(stage(bench).await, DeliveryCode::Sealed);
        assert!(claim(bench, MINE, 1).await);
    })
    .await;
}

#[tokio::test]
async fn an_expired_delivery_is_not_claimed() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        assert!(!claim(bench, MINE, 100).await);
        assert!(!claim(bench, MINE, 101).await);
        assert!(claim(bench, MINE, 99).await);
    })
    .await;
}

#[tokio::test]
async fn an_ended_delivery_is_not_claimed() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        assert!(end(bench, DeliveryCode::Cancelled).await);
        assert!(!claim(bench, MINE, 1).await);
        assert_eq!(stage(bench).await, DeliveryCode::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn a_receipt_counts_only_within_the_lease_and_from_who_claimed() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        assert!(!receipt(bench, MINE, 1).await, "before a claim");
        assert!(claim(bench, MINE, 1).await);
        assert!(!receipt(bench, MY_OTHER, 2).await, "another's");
        assert!(!receipt(bench, MINE, 11).await, "after the lease");
        assert_eq!(ciphertexts(bench).await, 2);
        assert!(receipt(bench, MINE, 10).await);
        assert_eq!(stage(bench).await, DeliveryCode::Receipted);
        assert_eq!(ciphertexts(bench).await, 0);
        assert!(!receipt(bench, MINE, 10).await, "again");
        assert!(
            !end(bench, DeliveryCode::Cancelled).await,
            "after a receipt"
        );
        assert_eq!(stage(bench).await, DeliveryCode::Receipted);
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_delivery_erases_its_ciphertexts() {
    for (claimed, to) in [
        (false, DeliveryCode::Expired),
        (true, DeliveryCode::Cancelled),
    ] {
        on_each_engine(async |bench: &Bench| {
            seal(bench, &[1; 256]).await;
            if claimed {
                assert!(claim(bench, MINE, 1).await);
            }
            assert_eq!(ciphertexts(bench).await, 2);
            assert!(end(bench, to).await);
            assert_eq!(stage(bench).await, to);
            assert_eq!(ciphertexts(bench).await, 0);
            assert!(!end(bench, DeliveryCode::Expired).await, "again");
        })
        .await;
    }
}

#[tokio::test]
async fn a_link_or_lease_that_ran_out_is_overdue() {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &[1; 256]).await;
        assert_eq!(overdue(bench, 99).await, 0);
        assert_eq!(overdue(bench, 100).await, 1);
        assert!(claim(bench, MINE, 99).await);
        assert_eq!(overdue(bench, 108).await, 0);
        assert_eq!(overdue(bench, 109).await, 1);
        assert!(end(bench, DeliveryCode::Cancelled).await);
        assert_eq!(overdue(bench, 1_000).await, 0);
    })
    .await;
}

async fn overdue(bench: &Bench, now: i64) -> usize {
    let mut read = bench.store.read().await.unwrap();
    let overdue = read.overdue_deliveries(at(now)).await.unwrap();
    assert!(overdue.iter().all(|delivery| delivery.id == DELIVERY));
    overdue.len()
}
