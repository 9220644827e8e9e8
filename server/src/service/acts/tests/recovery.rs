use domain::id::ProposalId;
use domain::link::PersonLinkKind;
use domain::state::Role;

use super::{code, conflict, is_forbidden, is_missing, reason};
use crate::service::acts::{ConfirmRecovery, StartRecovery};
use crate::service::recovery;
use crate::testing::Fixture;

async fn started(fixture: &Fixture) -> ProposalId {
    let mut read = fixture.portal.store.read().await.unwrap();
    read.open_proposals().await.unwrap()[0].id
}

#[tokio::test]
async fn a_recovery_takes_two_operators_and_tells_every_admin() {
    let fixture = Fixture::new().await;
    let quay = fixture.partner("Quay").await;
    let ada = fixture.staff("Ada", &[Role::Operator]).await;
    let ben = fixture.staff("Ben", &[Role::Operator]).await;
    let owner = fixture.staff("Cleo", &[Role::Owner]).await;
    let lost = fixture.contact(quay, "Dora", Role::Member).await;
    fixture.contact(quay, "Emil", Role::Admin).await;
    let start = || StartRecovery {
        person: lost.person(),
        reason: reason(),
    };
    assert!(is_forbidden(&fixture.act(&owner, start()).await));
    assert!(is_missing(&fixture.act(&lost, start()).await));
    fixture.act(&ada, start()).await.unwrap();
    assert_eq!(fixture.got("recovery-started").await, ["emil@example.com"]);
    assert_eq!(
        conflict(&fixture.act(&ben, start()).await),
        "recovery-waits"
    );
    assert!(
        fixture.got("recovery").await.is_empty(),
        "no link before the second person"
    );
    let proposal = started(&fixture).await;
    assert!(
        is_forbidden(&fixture.act(&ada, ConfirmRecovery { proposal }).await),
        "their own"
    );
    let location = fixture
        .act(&ben, ConfirmRecovery { proposal })
        .await
        .unwrap();
    assert!(code(&fixture, &ben, &location).await.is_some());
    assert_eq!(fixture.got("recovery").await, ["dora@example.com"]);
    let mut read = fixture.portal.store.read().await.unwrap();
    let links = read.open_links(lost.person()).await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].kind.0, PersonLinkKind::Recovery);
    assert_eq!(links[0].created_by, Some(ada.person()));
    assert_eq!(links[0].confirmed_by, Some(ben.person()));
}

#[tokio::test]
async fn nobody_takes_part_in_their_own_recovery() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Operator]).await;
    let ben = fixture.staff("Ben", &[Role::Operator]).await;
    let own = StartRecovery {
        person: ada.person(),
        reason: reason(),
    };
    assert_eq!(conflict(&fixture.act(&ada, own).await), "own-recovery");
    let of_ben = StartRecovery {
        person: ben.person(),
        reason: reason(),
    };
    fixture.act(&ada, of_ben).await.unwrap();
    let proposal = started(&fixture).await;
    assert!(is_forbidden(
        &fixture.act(&ben, ConfirmRecovery { proposal }).await
    ));
}

#[tokio::test]
async fn a_used_recovery_ends_every_older_passkey_and_session() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Operator]).await;
    let mut work = fixture.portal.store.work().await.unwrap();
    recovery::end_lost(&mut work, ada.person(), fixture.portal.now())
        .await
        .unwrap();
    assert!(work.credentials(ada.person()).await.unwrap().is_empty());
    assert!(work.session(ada.session()).await.unwrap().is_none());
}
