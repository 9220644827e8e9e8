mod live;
mod scene;

use std::sync::Arc;

use domain::decision::DecisionVerdict;
use domain::id::DecisionId;
use domain::key::KeyState;
use domain::state::GrantState;
use domain::verification::Reason;
use futures_util::FutureExt as _;
use store::{Code, DecisionRow, Gateway, GrantRow};

use super::*;
use crate::chance::{Clock, system_rng};
use crate::service::usage::{flush, hours};
use crate::verify::tests::{NOW, QUESTION};
use crate::verify::{GatewayCredential, Subject};
use scene::{GATEWAY, GRANT, KEY, KID, approval, gateway_row, grant_row, key_row, scene, write};

#[tokio::test]
async fn an_active_key_under_an_approved_grant_is_loaded() {
    let scene = scene().await.loaded().await;
    assert_eq!(scene.reason(KID), None);
}

#[tokio::test]
async fn a_revoked_key_is_refused_as_soon_as_the_commit_is_followed() {
    let scene = scene().await.loaded().await;
    let committed = scene.end_key().await;
    refresh(&scene.engine, &scene.store, NOW, &committed.touched)
        .await
        .unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}

#[tokio::test]
async fn another_processs_revocation_is_found_by_the_poll() {
    let scene = scene().await.loaded().await;
    scene.end_key().await;
    scene.refresh().await.unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}

#[tokio::test]
async fn a_key_works_no_longer_than_its_grant() {
    let scene = scene().await.loaded().await;
    scene.change_grant(|row| row.valid_until = Some(NOW)).await;
    assert_eq!(scene.reason(KID), Some(Reason::Expired));
    scene.change_grant(|row| row.valid_until = None).await;
    assert_eq!(scene.reason(KID), Some(Reason::Expired));
    for state in GrantState::ALL {
        scene
            .change_grant(|row| {
                row.state = Code(*state);
                row.valid_until = Some(NOW.plus(Duration::from_hours(1)));
            })
            .await;
        let expected = match state {
            GrantState::Approved => None,
            GrantState::Expired => Some(Reason::Expired),
            _ => Some(Reason::Revoked),
        };
        assert_eq!(scene.reason(KID), expected, "{state}");
    }
}

#[tokio::test]
async fn a_key_works_no_longer_than_its_partner() {
    let scene = scene().await.loaded().await;
    for (state, expected) in [
        (PartnerState::Suspended, Some(Reason::NotActive)),
        (PartnerState::Active, None),
        (PartnerState::Ended, Some(Reason::Revoked)),
    ] {
        scene.set_partner(state).await;
        assert_eq!(scene.reason(KID), expected, "{state}");
    }
}

#[tokio::test]
async fn a_key_made_in_the_database_is_unknown_and_the_others_are_loaded() {
    let scene = scene().await;
    let id = KeyId::new(Uuid::from_u128(8));
    write(&scene.intruder(), async |work| {
        work.add_key(key_row(id, "bbbbbbbb")).await.unwrap();
    })
    .await;
    let scene = scene.loaded().await;
    assert_eq!(scene.reason("bbbbbbbb"), Some(Reason::Unknown));
    assert_eq!(scene.reason(KID), None);
}

#[tokio::test]
async fn a_grant_made_in_the_database_makes_no_key_work() {
    let scene = scene().await;
    let id = GrantId::new(Uuid::from_u128(8));
    write(&scene.intruder(), async |work| {
        let row = GrantRow {
            id,
            number: 2,
            ..grant_row()
        };
        work.add_grant(row).await.unwrap();
    })
    .await;
    scene
        .write(async |work| {
            let row = key_row(KeyId::new(Uuid::from_u128(8)), "bbbbbbbb");
            work.add_key(KeyRow {
                grant_id: id,
                ..row
            })
            .await
            .unwrap();
        })
        .await;
    let scene = scene.loaded().await;
    assert_eq!(scene.reason("bbbbbbbb"), Some(Reason::Unknown));
    assert_eq!(scene.reason(KID), None);
}

#[tokio::test]
async fn a_grant_whose_document_is_not_the_one_approved_makes_no_key_work() {
    let scene = scene().await.loaded().await;
    scene.change_grant(|row| row.digest = [0; 32]).await;
    assert_eq!(scene.reason(KID), Some(Reason::Unknown));
}

/// Leaves one decision as it is and changes the other.
async fn change_decision(scene: &scene::Scene, change: impl FnOnce(&mut DecisionRow)) {
    scene
        .write(async |work| {
            let row = work.decisions(GRANT).await.unwrap().remove(0);
            let stamp = row.stamp();
            let mut row = row.into_row();
            change(&mut row);
            work.update_decision(row, stamp).await.unwrap();
        })
        .await;
    scene.change_grant(|_| {}).await;
}

#[tokio::test]
async fn a_grant_without_its_quorum_makes_no_key_work() {
    let changes: [fn(&mut DecisionRow); 4] = [
        |row| row.voided_at = Some(NOW),
        |row| row.verdict = Code(DecisionVerdict::Reject),
        |row| row.grant_digest = [0; 32],
        |row| row.policy_digest = [0; 32],
    ];
    for change in changes {
        let scene = scene().await.loaded().await;
        assert_eq!(scene.reason(KID), None);
        change_decision(&scene, change).await;
        assert_eq!(scene.reason(KID), Some(Reason::Unknown));
    }
}

#[tokio::test]
async fn a_decision_made_in_the_database_makes_no_quorum() {
    let scene = scene().await.loaded().await;
    change_decision(&scene, |row| row.voided_at = Some(NOW)).await;
    let by = scene
        .store
        .read()
        .await
        .unwrap()
        .decisions(GRANT)
        .await
        .unwrap()
        .into_iter()
        .find(|row| row.voided_at.is_some())
        .unwrap()
        .into_row();
    write(&scene.intruder(), async |work| {
        let forged = DecisionRow {
            id: DecisionId::new(Uuid::from_u128(99)),
            voided_at: None,
            ..by
        };
        work.add_decision(forged).await.unwrap();
    })
    .await;
    scene.change_grant(|_| {}).await;
    assert_eq!(scene.reason(KID), Some(Reason::Unknown));
}

/// They are read together, with all of their decisions.
#[tokio::test]
async fn of_many_grants_each_stands_or_falls_with_its_own_decisions() {
    let scene = scene().await;
    let grant = |number: u128| GrantId::new(Uuid::from_u128(100 + number));
    let kid = |number: u128| format!("bbbbb{number:03}");
    let key = |number: u128| KeyRow {
        grant_id: grant(number),
        ..key_row(KeyId::new(Uuid::from_u128(100 + number)), &kid(number))
    };
    scene
        .write(async |work| {
            for number in 0..700 {
                let row = GrantRow {
                    id: grant(number),
                    number: i64::try_from(number).unwrap() + 2,
                    ..grant_row()
                };
                work.add_grant(row).await.unwrap();
                // Every seventh has one approval of two.
                for at in 0..if number % 7 == 0 { 1 } else { 2 } {
                    work.add_decision(approval(grant(number), at))
                        .await
                        .unwrap();
                }
                work.add_key(key(number)).await.unwrap();
            }
        })
        .await;
    let scene = scene.loaded().await;
    let reasons = |forged: u128| {
        for number in 0..700 {
            let expected = (number % 7 == 0 || number == forged).then_some(Reason::Unknown);
            assert_eq!(scene.reason(&kid(number)), expected, "{number}");
        }
    };
    reasons(0);
    // One more decision that nobody made leaves its own grant without any that count.
    write(&scene.intruder(), async |work| {
        let forged = DecisionRow {
            voided_at: Some(NOW),
            ..approval(grant(3), 1)
        };
        work.add_decision(forged).await.unwrap();
    })
    .await;
    scene
        .write(async |work| {
            for number in 0..700 {
                let row = work.key(key(number).id).await.unwrap().unwrap();
                let stamp = row.stamp();
                work.update_key(row.into_row(), stamp).await.unwrap();
            }
        })
        .await;
    scene.refresh().await.unwrap();
    reasons(3);
}

#[tokio::test]
async fn a_change_that_the_counter_does_not_lead_to_is_found_by_reading_all_keys_again() {
    let scene = scene().await.loaded().await;
    let again = async || {
        recheck(&scene.engine, &scene.store, NOW, FIRST)
            .await
            .unwrap()
    };
    assert_eq!(again().await, FIRST, "one page is a whole round");
    assert_eq!(scene.reason(KID), None);
    scene.end_key().await;
    again().await;
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}

#[tokio::test]
async fn a_row_that_was_edited_behind_the_counter_is_found_by_reading_all_keys_again() {
    let scene = scene().await.loaded().await;
    write(&scene.intruder(), async |work| {
        // The intruder cannot read it: the row key is another one.
        let revoked = KeyRow {
            state: Code(KeyState::Deactivated),
            ..key_row(KEY, KID)
        };
        work.update_key(revoked, 1).await.unwrap();
    })
    .await;
    recheck(&scene.engine, &scene.store, NOW, FIRST)
        .await
        .unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Unknown));
}

#[tokio::test]
async fn a_gateway_made_in_the_database_is_not_admitted_and_the_others_are() {
    let scene = scene().await;
    let credential = GatewayCredential::mint(&mut system_rng());
    let forged = Gateway {
        id: domain::id::GatewayId::new(Uuid::from_u128(8)),
        name: "forged".to_owned(),
        ..gateway_row(credential.mac(&scene.keyring.pepper))
    };
    write(&scene.intruder(), async |work| {
        work.add_gateway(forged).await.unwrap();
    })
    .await;
    let scene = scene.loaded().await;
    let admitted = scene.engine.admit(&credential.expose_text(), NOW);
    assert!(admitted.unwrap().is_none());
    assert_eq!(scene.reason(KID), None);
}

#[tokio::test]
async fn a_revoked_gateway_is_refused_once_followed() {
    let scene = scene().await.loaded().await;
    scene
        .write(async |work| {
            let row = work.gateway(GATEWAY).await.unwrap().unwrap();
            let stamp = row.stamp();
            let mut row = row.into_row();
            row.state = Code(GatewayState::Revoked);
            work.update_gateway(row, stamp).await.unwrap();
        })
        .await;
    scene.refresh().await.unwrap();
    let subject = Subject::Kid(KID.parse().unwrap());
    assert!(
        scene
            .engine
            .try_call(GATEWAY, subject, &QUESTION, NOW)
            .is_err()
    );
}

#[tokio::test]
async fn usage_is_added_up_in_the_database() {
    let scene = scene().await.loaded().await;
    let seen = crate::verify::Seen {
        at: NOW,
        from: "192.0.2.7".parse().unwrap(),
        why: None,
        rule: Some(0),
        scope: None,
    };
    for _ in 0..2 {
        let kid = KID.parse().unwrap();
        scene.engine.count_calls(&kid, &seen, 2);
        flush(&scene.engine, &scene.store).await;
    }
    let mut read = scene.store.read().await.unwrap();
    let usage = read.key_use(KEY).await.unwrap().unwrap();
    assert_eq!((usage.accepted, usage.accepted_at), (4, Some(NOW)));
    assert_eq!(usage.accepted_from.as_deref(), Some("192.0.2.0/24"));
    let hours = hours(&scene.store, &mut read, KEY, NOW).await.unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!(hours.last(), Some(&(4, 0)));
    assert!(hours[..23].iter().all(|hour| *hour == (0, 0)));
}

#[tokio::test]
async fn nothing_is_answered_before_the_database_was_read() {
    let scene = scene().await;
    assert!(!scene.engine.is_ready(NOW));
    scene.store.database().close().await;
    assert!(scene.refresh().await.is_err());
    assert!(!scene.engine.is_ready(NOW));
}

/// As if the counter had been lowered by hand: the engine has seen a higher one.
async fn ahead_by(steps: i64) -> scene::Scene {
    let scene = scene().await.loaded().await;
    let counter = scene.store.database().key_counter().await.unwrap();
    let reading = scene.engine.begin(NOW);
    scene.engine.finish(reading, counter + steps);
    scene
}

#[tokio::test]
async fn a_counter_that_was_set_back_does_not_keep_a_revoked_key_alive() {
    let scene = ahead_by(1).await;
    let committed = scene.end_key().await;
    refresh(&scene.engine, &scene.store, NOW, &committed.touched)
        .await
        .unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}

#[tokio::test]
async fn a_database_that_went_back_is_not_followed() {
    let scene = ahead_by(1).await;
    let refused = scene.refresh().await;
    assert!(matches!(refused, Err(NotFollowed::WentBack { .. })));
}

fn now() -> Clock {
    Clock::Told(Arc::new(NOW.micros().into()))
}

#[tokio::test]
async fn nobody_answers_from_a_commit_that_the_snapshot_has_not_followed() {
    let scene = scene().await.loaded().await;
    let following = Following::default();
    let clock = now();
    let follow = |touched| following.follow(&scene.engine, &scene.store, &clock, touched);
    // Whoever ended the key has not come to follow it so far: who only saw it ended reads as well.
    scene.end_key().await;
    follow(&[]).await.unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}

#[tokio::test]
async fn one_reading_serves_all_who_wait_and_a_later_commit_waits_for_the_next() {
    let scene = scene().await.loaded().await;
    let following = Following::default();
    let clock = now();
    let follow = |touched| following.follow(&scene.engine, &scene.store, &clock, touched);
    let committed = scene.end_key().await;
    let turn = following.turn().await;
    let (mut first, mut second) = (Box::pin(follow(&committed.touched)), Box::pin(follow(&[])));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(turn);
    first.await.unwrap();
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
    let second = second.now_or_never();
    second.expect("the first has read for both").unwrap();
    let third = Box::pin(follow(&[])).now_or_never();
    assert!(third.is_none(), "it committed after that reading began");
}

#[tokio::test]
async fn a_commit_that_a_failed_reading_lost_is_taken_over_by_the_next() {
    let scene = ahead_by(2).await;
    let following = Following::default();
    let read = async || following.read(&scene.engine, &scene.store, NOW).await;
    let committed = scene.end_key().await;
    following.add(&committed.touched);
    assert!(matches!(read().await, Err(NotFollowed::WentBack { .. })));
    assert!(!scene.engine.is_ready(NOW));
    // The counter goes on, and does not lead to the key.
    for number in 10..12 {
        let credential = GatewayCredential::mint(&mut system_rng());
        let row = Gateway {
            id: domain::id::GatewayId::new(Uuid::from_u128(number)),
            name: format!("gateway {number}"),
            ..gateway_row(credential.mac(&scene.keyring.pepper))
        };
        scene
            .write(async |work| drop(work.add_gateway(row).await.unwrap()))
            .await;
    }
    read().await.unwrap();
    assert!(scene.engine.is_ready(NOW));
    assert_eq!(scene.reason(KID), Some(Reason::Revoked));
}
