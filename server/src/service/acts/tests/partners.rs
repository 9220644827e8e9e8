use domain::id::{PartnerId, PersonId};
use domain::state::{PartnerState, Role};

use super::{code, conflict, field, is_forbidden, is_missing, reason};
use crate::chance::system_rng;
use crate::service::acts::{InvitePartner, ResumePartner, SuspendPartner};
use crate::service::people;
use crate::testing::Fixture;

fn quay() -> InvitePartner {
    let rng = &mut system_rng();
    InvitePartner {
        partner: PartnerId::random(rng),
        person: PersonId::random(rng),
        organisation: "Quay".parse().unwrap(),
        name: "Dora".parse().unwrap(),
        email: "dora@example.com".parse().unwrap(),
        why: "They ship our parcels.".parse().unwrap(),
    }
}

async fn state(fixture: &Fixture, partner: PartnerId) -> PartnerState {
    let mut read = fixture.portal.store.read().await.unwrap();
    read.partner(partner).await.unwrap().unwrap().state.0
}

#[tokio::test]
async fn a_partner_is_invited_through_its_first_contact_who_is_its_admin() {
    let fixture = Fixture::new().await;
    let operator = fixture.staff("Ada", &[Role::Operator]).await;
    let invited = quay();
    let (partner, person) = (invited.partner, invited.person);
    let location = fixture.act(&operator, invited).await.unwrap();
    assert!(code(&fixture, &operator, &location).await.is_some());
    assert_eq!(
        fixture.got("partner-invitation").await,
        ["dora@example.com"]
    );
    let mut read = fixture.portal.store.read().await.unwrap();
    assert_eq!(
        people::roles(&mut read, person).await.unwrap(),
        [Role::Admin]
    );
    assert_eq!(read.contacts(partner).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_an_operator_invites_a_partner() {
    let fixture = Fixture::new().await;
    let others = [Role::Owner, Role::Reviewer, Role::Auditor];
    let staff = fixture.staff("Ada", &others).await;
    assert!(is_forbidden(&fixture.act(&staff, quay()).await));
    let partner = fixture.partner("Mill").await;
    let admin = fixture.contact(partner, "Emil", Role::Admin).await;
    assert!(is_missing(&fixture.act(&admin, quay()).await));
}

#[tokio::test]
async fn two_partners_do_not_share_a_name() {
    let fixture = Fixture::new().await;
    let operator = fixture.staff("Ada", &[Role::Operator]).await;
    fixture.partner("QUAY").await;
    assert_eq!(field(&fixture.act(&operator, quay()).await), "organisation");
}

#[tokio::test]
async fn a_suspended_partners_people_can_do_nothing_until_it_is_resumed() {
    let fixture = Fixture::new().await;
    let operator = fixture.staff("Ada", &[Role::Operator]).await;
    let partner = fixture.partner("Quay").await;
    let admin = fixture.contact(partner, "Dora", Role::Admin).await;
    let suspend = || SuspendPartner {
        partner,
        reason: reason(),
    };
    fixture.act(&operator, suspend()).await.unwrap();
    assert_eq!(state(&fixture, partner).await, PartnerState::Suspended);
    assert_eq!(fixture.got("partner-suspended").await, ["dora@example.com"]);
    let now = fixture.again(&admin).await.unwrap();
    assert!(is_forbidden(&now.contact()) && is_forbidden(&now.partner_admin()));
    assert_eq!(
        conflict(&fixture.act(&operator, suspend()).await),
        "partner-state"
    );
    fixture
        .act(&operator, ResumePartner { partner })
        .await
        .unwrap();
    assert!(fixture.again(&admin).await.unwrap().partner_admin().is_ok());
    assert_eq!(fixture.got("partner-resumed").await, ["dora@example.com"]);
}
