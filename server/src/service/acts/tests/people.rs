use domain::id::{PartnerId, PersonId, ProposalId};
use domain::person::Email;
use domain::state::{PersonState, Role};

use super::{code, conflict, field, is_forbidden, is_missing, reason, staff};
use crate::service::acts::{
    ChangeAddress, ChangeRoles, ConfirmRoles, InviteAgain, InviteMember, RemovePerson,
};
use crate::service::{people, profile, proposals};
use crate::testing::Fixture;
use crate::{chance::system_rng, refusal::Refusal};

async fn roles(fixture: &Fixture, person: PersonId) -> Vec<Role> {
    let mut read = fixture.portal.store.read().await.unwrap();
    people::roles(&mut read, person).await.unwrap()
}

async fn open_links(fixture: &Fixture, person: PersonId) -> usize {
    let mut read = fixture.portal.store.read().await.unwrap();
    read.open_links(person).await.unwrap().len()
}

async fn proposal(fixture: &Fixture) -> ProposalId {
    let mut read = fixture.portal.store.read().await.unwrap();
    read.open_proposals().await.unwrap()[0].id
}

fn member(partner: PartnerId, name: &str) -> InviteMember {
    InviteMember {
        partner,
        person: PersonId::random(&mut system_rng()),
        name: name.parse().unwrap(),
        email: format!("{}@example.com", name.to_lowercase())
            .parse()
            .unwrap(),
        admin: false,
    }
}

#[tokio::test]
async fn an_invitation_is_mailed_and_its_code_is_shown_once_and_nowhere_else() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let other = fixture.staff("Ben", &[]).await;
    let invited = staff("Cleo", &[Role::Reviewer]);
    let person = invited.person;
    let location = fixture.act(&owner, invited).await.unwrap();
    assert_eq!(fixture.got("staff-invitation").await, ["cleo@example.com"]);
    assert_eq!(
        code(&fixture, &other, &location).await,
        None,
        "somebody else's asking"
    );
    let shown = code(&fixture, &owner, &location).await.unwrap();
    assert_eq!(code(&fixture, &owner, &location).await, None, "shown once");
    for entry in fixture.log().await {
        assert!(!entry.evidence.contains(&shown));
    }
    for mail in fixture.mails().await {
        assert!(!mail.content.contains(&shown));
    }
    assert_eq!(open_links(&fixture, person).await, 1);
    assert_eq!(roles(&fixture, person).await, [Role::Reviewer]);
}

#[tokio::test]
async fn only_an_owner_invites_staff() {
    let fixture = Fixture::new().await;
    let operator = fixture
        .staff("Ada", &[Role::Operator, Role::Reviewer, Role::Auditor])
        .await;
    assert!(is_forbidden(
        &fixture
            .act(&operator, staff("Cleo", &[Role::Auditor]))
            .await
    ));
    let partner = fixture.partner("Quay").await;
    let admin = fixture.contact(partner, "Dora", Role::Admin).await;
    assert!(is_missing(
        &fixture.act(&admin, staff("Cleo", &[Role::Auditor])).await
    ));
}

#[tokio::test]
async fn an_address_is_one_person() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let mut twice = staff("Cleo", &[Role::Auditor]);
    twice.email = "ADA@example.com".parse().unwrap();
    assert_eq!(field(&fixture.act(&owner, twice).await), "email");
}

#[tokio::test]
async fn an_invitation_sent_again_voids_the_one_before() {
    let fixture = Fixture::new().await;
    let owner = fixture.staff("Ada", &[Role::Owner]).await;
    let invited = staff("Cleo", &[Role::Auditor]);
    let person = invited.person;
    let first = fixture.act(&owner, invited).await.unwrap();
    let again = fixture.act(&owner, InviteAgain { person }).await.unwrap();
    assert_eq!(open_links(&fixture, person).await, 1);
    let codes = (
        code(&fixture, &owner, &first).await,
        code(&fixture, &owner, &again).await,
    );
    assert_ne!(codes.0, codes.1);
}

#[tokio::test]
async fn giving_a_role_waits_for_another_owner_once_there_are_two() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Owner]).await;
    let cleo = fixture.staff("Cleo", &[]).await;
    let give = || ChangeRoles {
        person: cleo.person(),
        roles: vec![Role::Reviewer],
    };
    fixture.act(&ada, give()).await.unwrap();
    assert!(roles(&fixture, cleo.person()).await.is_empty());
    assert_eq!(
        fixture.got("second-person-needed").await,
        ["ben@example.com"]
    );
    let proposal = proposal(&fixture).await;
    assert!(
        is_forbidden(&fixture.act(&ada, ConfirmRoles { proposal }).await),
        "their own"
    );
    assert!(
        is_forbidden(&fixture.act(&cleo, ConfirmRoles { proposal }).await),
        "no owner"
    );
    fixture.act(&ben, ConfirmRoles { proposal }).await.unwrap();
    assert_eq!(roles(&fixture, cleo.person()).await, [Role::Reviewer]);
    assert_eq!(
        conflict(&fixture.act(&ben, ConfirmRoles { proposal }).await),
        "settled"
    );
}

#[tokio::test]
async fn an_owner_does_not_confirm_a_role_for_themselves() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Owner]).await;
    let give = ChangeRoles {
        person: ben.person(),
        roles: vec![Role::Owner, Role::Reviewer],
    };
    fixture.act(&ada, give).await.unwrap();
    let proposal = proposal(&fixture).await;
    assert!(is_forbidden(
        &fixture.act(&ben, ConfirmRoles { proposal }).await
    ));
}

#[tokio::test]
async fn an_invitation_is_no_way_round_the_second_owner() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Owner]).await;
    let invited = staff("Cleo", &[Role::Reviewer]);
    let person = invited.person;
    fixture.act(&ada, invited).await.unwrap();
    assert!(roles(&fixture, person).await.is_empty());
    let proposal = proposal(&fixture).await;
    fixture.act(&ben, ConfirmRoles { proposal }).await.unwrap();
    assert_eq!(roles(&fixture, person).await, [Role::Reviewer]);
}

#[tokio::test]
async fn a_proposal_does_not_outlive_its_proposers_role() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Owner]).await;
    let cleo = fixture.staff("Cleo", &[]).await;
    let give = ChangeRoles {
        person: cleo.person(),
        roles: vec![Role::Owner],
    };
    fixture.act(&ada, give).await.unwrap();
    let proposal = proposal(&fixture).await;
    let take = ChangeRoles {
        person: ada.person(),
        roles: vec![],
    };
    fixture.act(&ben, take).await.unwrap();
    assert_eq!(
        conflict(&fixture.act(&ben, ConfirmRoles { proposal }).await),
        "changed"
    );
}

#[tokio::test]
async fn a_refused_proposal_changes_nothing_and_cannot_be_confirmed() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Owner]).await;
    let cleo = fixture.staff("Cleo", &[]).await;
    let give = ChangeRoles {
        person: cleo.person(),
        roles: vec![Role::Reviewer],
    };
    fixture.act(&ada, give).await.unwrap();
    let proposal = proposal(&fixture).await;
    let from = crate::auth::session::Origin::default();
    proposals::refuse(&fixture.portal, &ben, proposal, &from)
        .await
        .unwrap();
    assert_eq!(
        conflict(&fixture.act(&ben, ConfirmRoles { proposal }).await),
        "settled"
    );
    assert!(roles(&fixture, cleo.person()).await.is_empty());
}

#[tokio::test]
async fn the_last_owner_cannot_go() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let step_down = ChangeRoles {
        person: ada.person(),
        roles: vec![Role::Auditor],
    };
    assert_eq!(field(&fixture.act(&ada, step_down).await), "role");
    let leave = RemovePerson {
        person: ada.person(),
        reason: reason(),
    };
    assert_eq!(conflict(&fixture.act(&ada, leave).await), "last-owner");
}

#[tokio::test]
async fn who_is_removed_is_signed_out_and_their_address_is_free() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[Role::Auditor]).await;
    let remove = || RemovePerson {
        person: ben.person(),
        reason: reason(),
    };
    fixture.act(&ada, remove()).await.unwrap();
    assert!(fixture.again(&ben).await.is_none());
    assert!(roles(&fixture, ben.person()).await.is_empty());
    let mut read = fixture.portal.store.read().await.unwrap();
    assert!(read.session(ben.session()).await.unwrap().is_none());
    let row = read.person(ben.person()).await.unwrap().unwrap();
    assert_eq!(row.state.0, PersonState::Removed);
    drop(read);
    assert!(
        is_missing(&fixture.act(&ada, remove()).await),
        "removed once"
    );
    fixture
        .act(&ada, staff("Ben", &[Role::Auditor]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_invitation_is_void() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let invited = staff("Cleo", &[Role::Auditor]);
    let person = invited.person;
    fixture.act(&ada, invited).await.unwrap();
    fixture
        .act(
            &ada,
            RemovePerson {
                person,
                reason: reason(),
            },
        )
        .await
        .unwrap();
    assert_eq!(open_links(&fixture, person).await, 0);
}

#[tokio::test]
async fn a_corrected_address_is_told_to_both_and_voids_links_but_no_session() {
    let fixture = Fixture::new().await;
    let partner = fixture.partner("Quay").await;
    let operator = fixture.staff("Ada", &[Role::Operator]).await;
    let dora = fixture.contact(partner, "Dora", Role::Member).await;
    let to = |email: &str| ChangeAddress {
        person: dora.person(),
        email: email.parse::<Email>().unwrap(),
        reason: reason(),
    };
    assert_eq!(
        field(&fixture.act(&operator, to("ada@example.com")).await),
        "email"
    );
    assert_eq!(
        field(&fixture.act(&operator, to("dora@example.com")).await),
        "email"
    );
    fixture
        .act(&operator, to("dora@quay.example"))
        .await
        .unwrap();
    let both = ["dora@example.com", "dora@quay.example"];
    assert_eq!(fixture.got("address-changed").await, both);
    assert!(fixture.again(&dora).await.is_some());
    let invited = member(partner, "Faye");
    let person = invited.person;
    fixture.act(&operator, invited).await.unwrap();
    let correct = ChangeAddress {
        person,
        email: "faye@quay.example".parse().unwrap(),
        reason: reason(),
    };
    fixture.act(&operator, correct).await.unwrap();
    assert_eq!(open_links(&fixture, person).await, 0);
}

#[tokio::test]
async fn another_partners_people_answer_as_missing() {
    let fixture = Fixture::new().await;
    let (quay, mill) = (fixture.partner("Quay").await, fixture.partner("Mill").await);
    let admin = fixture.contact(quay, "Dora", Role::Admin).await;
    let theirs = fixture.contact(mill, "Emil", Role::Member).await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    for person in [
        theirs.person(),
        ada.person(),
        PersonId::random(&mut system_rng()),
    ] {
        let remove = RemovePerson {
            person,
            reason: reason(),
        };
        assert!(is_missing(&fixture.act(&admin, remove).await));
        let roles = ChangeRoles {
            person,
            roles: vec![Role::Admin],
        };
        assert!(is_missing(&fixture.act(&admin, roles).await));
        assert!(is_missing(
            &fixture.act(&admin, InviteAgain { person }).await
        ));
        let mut read = fixture.portal.store.read().await.unwrap();
        let seen = people::seen(&mut read, &admin, person).await;
        assert!(matches!(seen, Err(Refusal::NotFound)));
    }
    assert!(is_missing(&fixture.act(&admin, member(mill, "Faye")).await));
}

#[tokio::test]
async fn admins_invite_to_their_own_partner_and_members_do_not() {
    let fixture = Fixture::new().await;
    let quay = fixture.partner("Quay").await;
    let admin = fixture.contact(quay, "Dora", Role::Admin).await;
    let plain = fixture.contact(quay, "Emil", Role::Member).await;
    fixture.act(&admin, member(quay, "Faye")).await.unwrap();
    assert_eq!(fixture.got("member-invitation").await, ["faye@example.com"]);
    assert!(is_forbidden(
        &fixture.act(&plain, member(quay, "Gus")).await
    ));
    let give = ChangeRoles {
        person: plain.person(),
        roles: vec![Role::Owner],
    };
    assert_eq!(field(&fixture.act(&admin, give).await), "role");
}

#[tokio::test]
async fn nobody_ends_or_renames_what_is_somebody_elses() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &[Role::Owner]).await;
    let ben = fixture.staff("Ben", &[]).await;
    let ended = profile::end_session(&fixture.portal, &ben, ada.session()).await;
    assert!(is_missing(&ended));
    let from = crate::auth::session::Origin::default();
    let name = "mine now".parse().unwrap();
    let renamed = profile::rename(&fixture.portal, &ben, ada.credential(), &name, &from).await;
    assert!(is_missing(&renamed));
    profile::end_other_sessions(&fixture.portal, &ada)
        .await
        .unwrap();
    assert_eq!(
        profile::mine(&fixture.portal, &ada)
            .await
            .unwrap()
            .sessions
            .len(),
        1
    );
}
