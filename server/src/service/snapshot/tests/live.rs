//! Temporary access and narrowings, as the snapshot takes them over.

use std::time::Duration;

use domain::grant::{Grant, Narrowing};
use domain::id::{CredentialId, DecisionId, NarrowingId, OverlayId, PersonId, PolicyId};
use domain::overlay::{Overlay, Wish};
use domain::service::{Catalogue, Method};
use domain::state::{GrantState, OverlayState};
use domain::time::Timestamp;
use domain::verification::{RawCall, Reason};
use store::{Added, Code, NarrowingRow, OverlayDecision, OverlayRow};
use uuid::Uuid;

use super::scene::{GATEWAY, GRANT, ID, KID, Scene, approval, scene};
use crate::chance::system_rng;
use crate::service::snapshot::refresh;
use crate::verify::tests::{NOW, QUESTION, grant};
use crate::verify::{Question, Subject};

const OVERLAY: OverlayId = OverlayId::new(Uuid::from_u128(70));

/// `GET /returns/{id}` for ten minutes.
fn returns() -> Overlay {
    let catalogue: Catalogue = serde_json::from_str(
        r#"{"scopes":[{"name":"returns","allows":"Read returns","sensitivity":"low"}],
            "endpoints":[{"method":"GET","pattern":"/returns/{id}","scopes":["returns"]}]}"#,
    )
    .unwrap();
    let wish = Wish {
        endpoints: [(Method::Get, "/returns/{id}".parse().unwrap())].into(),
        writes: false,
        minutes: 10.try_into().unwrap(),
    };
    Overlay::propose(GRANT, &grant(), &catalogue, wish).unwrap()
}

fn row() -> OverlayRow {
    let overlay = returns();
    OverlayRow {
        id: OVERLAY,
        grant_id: GRANT,
        requester_id: PersonId::new(ID),
        policy_id: PolicyId::new(ID),
        document: serde_json::to_string(&overlay).unwrap(),
        digest: overlay.digest(),
        reason: "We look for a lost parcel.".to_owned(),
        state: Code(OverlayState::Approved),
        asked_at: NOW,
        settled_at: Some(NOW),
        ends_at: Some(overlay.valid_until(NOW)),
        ended_at: None,
        end_reason: None,
    }
}

/// What one of two approvers signed.
fn decision(at: usize) -> OverlayDecision {
    let given = approval(GRANT, at);
    OverlayDecision {
        id: DecisionId::random(&mut system_rng()),
        overlay_id: OVERLAY,
        person_id: given.person_id,
        credential_id: given.credential_id,
        verdict: given.verdict,
        reason: String::new(),
        revision_digest: [0; 32],
        grant_digest: returns().digest(),
        policy_digest: given.policy_digest,
        recipient_digest: [0; 32],
        evidence: "{}".to_owned(),
        at: NOW,
        voided_at: None,
        voided_why: None,
    }
}

/// A scene with temporary access, as `change` leaves it.
async fn lent(change: impl FnOnce(&mut OverlayRow, &mut Vec<OverlayDecision>)) -> Scene {
    let scene = scene().await;
    let (mut row, mut decisions) = (row(), vec![decision(0), decision(1)]);
    change(&mut row, &mut decisions);
    scene
        .write(async |work| {
            work.add_overlay(row).await.unwrap();
            for decision in decisions {
                work.add_overlay_decision(decision).await.unwrap();
            }
        })
        .await;
    scene.loaded().await
}

async fn returns_at(scene: &Scene, now: Timestamp) -> Option<Reason> {
    refresh(&scene.engine, &scene.store, now, &[])
        .await
        .unwrap();
    asked(scene, "/returns/7", now)
}

fn asked(scene: &Scene, path: &str, now: Timestamp) -> Option<Reason> {
    let question = Question {
        call: RawCall {
            path,
            ..QUESTION.call
        },
        ..QUESTION
    };
    let subject = Subject::Kid(KID.parse().unwrap());
    let tried = scene.engine.try_call(GATEWAY, subject, &question, now);
    tried.unwrap().reason()
}

#[tokio::test]
async fn temporary_access_is_open_until_its_end_and_not_at_it() {
    let scene = lent(|_, _| {}).await;
    let end = returns().valid_until(NOW);
    assert_eq!(returns_at(&scene, NOW).await, None);
    let before = end.minus(Duration::from_micros(1));
    assert_eq!(returns_at(&scene, before).await, None);
    assert_eq!(returns_at(&scene, end).await, Some(Reason::Endpoint));
    assert_eq!(asked(&scene, "/shipments/7", end), None, "the grant's own");
}

#[tokio::test]
async fn temporary_access_that_nobody_or_too_few_approved_opens_nothing() {
    let changes: [fn(&mut OverlayRow, &mut Vec<OverlayDecision>); 9] = [
        |_, decisions| decisions.clear(),
        |_, decisions| drop(decisions.pop()),
        |_, decisions| decisions[0].voided_at = Some(NOW),
        |_, decisions| decisions[0].verdict = Code(domain::decision::DecisionVerdict::Reject),
        |_, decisions| decisions[0].grant_digest = [1; 32],
        |_, decisions| decisions[0].policy_digest = [1; 32],
        |row, _| row.state = Code(OverlayState::Asked),
        |row, _| row.state = Code(OverlayState::Ended),
        |row, _| row.settled_at = None,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let scene = lent(change).await;
        assert_eq!(
            returns_at(&scene, NOW).await,
            Some(Reason::Endpoint),
            "{at}"
        );
        assert_eq!(asked(&scene, "/shipments/7", NOW), None, "the grant's own");
    }
}

#[tokio::test]
async fn a_row_that_says_a_later_end_does_not_prolong_it() {
    let scene = lent(|row, _| row.ends_at = Some(Timestamp::from_micros(i64::MAX))).await;
    let end = returns().valid_until(NOW);
    assert_eq!(returns_at(&scene, NOW).await, None);
    assert_eq!(returns_at(&scene, end).await, Some(Reason::Endpoint));
}

#[tokio::test]
async fn temporary_access_made_in_the_database_opens_nothing() {
    let scene = scene().await;
    let intruder = scene.intruder();
    super::write(&intruder, async |work| {
        work.add_overlay(row()).await.unwrap();
        for at in 0..2 {
            work.add_overlay_decision(decision(at)).await.unwrap();
        }
    })
    .await;
    let scene = scene.loaded().await;
    assert_eq!(returns_at(&scene, NOW).await, Some(Reason::Endpoint));
    assert_eq!(asked(&scene, "/shipments/7", NOW), None);
}

fn narrower() -> Grant {
    let to = Narrowing {
        sources: Some(domain::network::Sources::Only(
            "192.0.2.8/32".parse().unwrap(),
        )),
        life: Some(30.try_into().unwrap()),
        ..Narrowing::default()
    };
    grant().narrow(&to).unwrap()
}

/// A scene whose grant was narrowed to this, by a row with this digest and number.
async fn narrowed(to: &Grant, change: impl FnOnce(&mut NarrowingRow)) -> Scene {
    let scene = scene().await.loaded().await;
    let mut row = NarrowingRow {
        id: NarrowingId::random(&mut system_rng()),
        grant_id: GRANT,
        number: 1,
        document: serde_json::to_string(to).unwrap(),
        digest: to.digest(),
        reason: "It was never used.".to_owned(),
        narrowed_by: approval(GRANT, 0).person_id,
        credential_id: CredentialId::new(approval(GRANT, 0).person_id.uuid()),
        evidence: "{}".to_owned(),
        at: NOW,
    };
    change(&mut row);
    scene
        .write(async |work| drop(work.add_narrowing(row).await.unwrap()))
        .await;
    scene
        .change_grant(|row| row.narrowed = Added(Some(1)))
        .await;
    scene
}

#[tokio::test]
async fn keys_are_held_to_what_their_grant_was_narrowed_to() {
    let scene = narrowed(&narrower(), |_| {}).await;
    assert_eq!(scene.reason(KID), Some(Reason::SourceNetwork));
    scene
        .change_grant(|row| row.state = Code(GrantState::Revoked))
        .await;
    assert_eq!(scene.reason(KID), Some(Reason::Revoked), "as for any grant");
}

#[tokio::test]
async fn a_narrowing_that_is_wider_or_missing_or_another_makes_the_keys_unknown() {
    let wider: Grant = serde_json::from_str(
        &serde_json::to_string(&grant())
            .unwrap()
            .replace("\"rate\":10", "\"rate\":11"),
    )
    .unwrap();
    assert!(!wider.is_within(&grant()));
    assert_eq!(
        narrowed(&wider, |_| {}).await.reason(KID),
        Some(Reason::Unknown)
    );
    let to = narrower();
    let missing = narrowed(&to, |row| row.number = 2).await;
    assert_eq!(missing.reason(KID), Some(Reason::Unknown));
    let other = narrowed(&to, |row| row.digest = [0; 32]).await;
    assert_eq!(other.reason(KID), Some(Reason::Unknown));
}

#[tokio::test]
async fn temporary_access_beside_a_narrowed_grant_is_held_to_it() {
    let scene = lent(|_, _| {}).await;
    assert_eq!(returns_at(&scene, NOW).await, None);
    let to = narrower();
    let row = NarrowingRow {
        id: NarrowingId::random(&mut system_rng()),
        grant_id: GRANT,
        number: 1,
        document: serde_json::to_string(&to).unwrap(),
        digest: to.digest(),
        reason: "It was never used.".to_owned(),
        narrowed_by: approval(GRANT, 0).person_id,
        credential_id: approval(GRANT, 0).credential_id,
        evidence: "{}".to_owned(),
        at: NOW,
    };
    scene
        .write(async |work| drop(work.add_narrowing(row).await.unwrap()))
        .await;
    scene
        .change_grant(|row| row.narrowed = Added(Some(1)))
        .await;
    let refused = returns_at(&scene, NOW).await;
    assert_eq!(refused, Some(Reason::SourceNetwork));
}
