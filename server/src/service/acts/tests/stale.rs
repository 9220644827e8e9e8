//! Between the page that shows an act and the passkey that signs it, its person may lose what lets
//! them do it: the transaction that does it asks again.

use domain::state::Role;

use super::{is_forbidden, reason, staff};
use crate::auth::actor::Actor;
use crate::refusal::Refusal;
use crate::service::acts::{
    AnyAct, ChangeRoles, RemovePasskey, RemovePerson, SuspendPartner, settle, sign_unsigned,
};
use crate::testing::Fixture;

/// Signs as `actor`, lets `meanwhile` happen, and finishes with the actor of the request's start.
async fn finish_after(
    fixture: &Fixture,
    actor: &Actor,
    act: impl Into<AnyAct>,
    meanwhile: impl AsyncFnOnce(),
) -> Result<(), Refusal> {
    let portal = &fixture.portal;
    let (id, proof) = sign_unsigned(portal, actor, act.into()).await.unwrap();
    meanwhile().await;
    settle(portal, actor, id, &proof).await.map(drop)
}

fn is_signed_out(outcome: &Result<(), Refusal>) -> bool {
    matches!(outcome, Err(Refusal::SignedOut))
}

#[tokio::test]
async fn a_role_that_is_taken_away_before_the_signature_arrives_does_nothing_more() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let operator = fixture.staff("Olga", &[Role::Operator]).await;
    let partner = fixture.partner("Quay").await;
    let suspend = SuspendPartner {
        partner,
        reason: reason(),
    };
    let taken_away = ChangeRoles {
        person: operator.person(),
        roles: vec![Role::Auditor],
    };
    let refused = finish_after(&fixture, &operator, suspend, async || {
        fixture.act(&owner, taken_away).await.unwrap();
    })
    .await;
    assert!(is_forbidden(&refused), "{refused:?}");
    let mut read = fixture.portal.store.read().await.unwrap();
    let partner = read.partner(partner).await.unwrap().unwrap();
    assert_eq!(partner.state.0, domain::state::PartnerState::Active);
}

#[tokio::test]
async fn a_person_who_is_removed_before_the_signature_arrives_does_nothing_more() {
    let fixture = Fixture::new().await;
    let (owner, other) = (
        fixture.staff("Ada", &[Role::Owner]).await,
        fixture.staff("Ben", &[Role::Owner]).await,
    );
    let removal = RemovePerson {
        person: other.person(),
        reason: reason(),
    };
    let refused = finish_after(
        &fixture,
        &other,
        staff("Cleo", &[Role::Auditor]),
        async || {
            fixture.act(&owner, removal).await.unwrap();
        },
    )
    .await;
    assert!(is_signed_out(&refused), "{refused:?}");
    assert!(fixture.got("staff-invitation").await.is_empty());
}

#[tokio::test]
async fn a_session_that_ends_before_the_signature_arrives_does_nothing_more() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let refused = finish_after(
        &fixture,
        &owner,
        staff("Cleo", &[Role::Auditor]),
        async || {
            let mut work = fixture.portal.store.minor_work().await.unwrap();
            work.end_sessions_of(owner.person()).await.unwrap();
            work.commit_unaudited(store::Unaudited::Session)
                .await
                .unwrap();
        },
    )
    .await;
    assert!(is_signed_out(&refused), "{refused:?}");
}

#[tokio::test]
async fn a_passkey_that_is_removed_after_it_signed_does_nothing_more() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let signer = fixture.other_passkey(&owner).await;
    let removal = RemovePasskey {
        credential: signer.credential(),
    };
    let refused = finish_after(
        &fixture,
        &signer,
        staff("Cleo", &[Role::Auditor]),
        async || {
            fixture.act(&owner, removal).await.unwrap();
        },
    )
    .await;
    assert!(
        matches!(refused, Err(Refusal::Unproven { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn who_is_refused_for_what_another_does_at_the_same_time_is_told_when_that_is_kept() {
    let fixture = Fixture::new().await;
    let portal = &fixture.portal;
    let first = fixture.staff("Olga", &[Role::Operator]).await;
    let second = fixture.staff("Omar", &[Role::Operator]).await;
    let partner = fixture.partner("Quay").await;
    let suspend = || SuspendPartner {
        partner,
        reason: reason(),
    };
    let signed = async |actor| {
        let signed = sign_unsigned(portal, actor, suspend().into()).await;
        signed.unwrap()
    };
    let (a, b) = (signed(&first).await, signed(&second).await);
    let done = settle(portal, &first, a.0, &a.1);
    let refused = async {
        let refused = settle(portal, &second, b.0, &b.1).await.map(drop);
        let mut read = portal.store.read().await.unwrap();
        let state = read.partner(partner).await.unwrap().unwrap().state.0;
        (refused, state)
    };
    let (done, (refused, state)) = tokio::join!(done, refused);
    done.unwrap();
    assert!(
        matches!(refused, Err(Refusal::Conflict { .. })),
        "{refused:?}"
    );
    assert_eq!(state, domain::state::PartnerState::Suspended);
}
