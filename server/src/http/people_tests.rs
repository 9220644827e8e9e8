//! What the pages of people, partners and the profile promise, over the whole service.

use axum::http::StatusCode;
use domain::state::Role;

use crate::testing::Fixture;

const EVERY: [Role; 4] = [Role::Owner, Role::Operator, Role::Reviewer, Role::Auditor];

#[tokio::test]
async fn every_page_of_people_and_partners_opens_for_staff() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &EVERY).await;
    let quay = fixture.partner("Quay").await;
    let dora = fixture.contact(quay, "Dora", Role::Admin).await;
    for (path, shown) in [
        ("/people".to_owned(), "ada@example.com"),
        ("/people/invite".to_owned(), "No role implies another"),
        (format!("/people/{}", ada.person()), "last owner"),
        (format!("/people/{}", dora.person()), "Quay"),
        ("/partners".to_owned(), "Quay"),
        ("/partners?q=dora&state=active".to_owned(), "Quay"),
        ("/partners?q=nobody".to_owned(), "Nothing matches"),
        ("/partners/invite".to_owned(), "first contact"),
        (format!("/partners/{quay}"), "Dora"),
        ("/profile".to_owned(), "work laptop"),
    ] {
        let (status, page) = fixture.get(&ada, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(page.contains(shown), "{path} does not show {shown}");
    }
}

#[tokio::test]
async fn a_contact_sees_colleagues_and_nobody_else() {
    let fixture = Fixture::new().await;
    let (quay, mill) = (fixture.partner("Quay").await, fixture.partner("Mill").await);
    let dora = fixture.contact(quay, "Dora", Role::Admin).await;
    let emil = fixture.contact(mill, "Emil", Role::Member).await;
    let ada = fixture.staff("Ada", &EVERY).await;
    let (status, page) = fixture.get(&dora, "/people").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("dora@example.com"));
    assert!(!page.contains("emil@example.com") && !page.contains("ada@example.com"));
    for path in [
        format!("/people/{}", emil.person()),
        format!("/people/{}", ada.person()),
        format!("/people/{}", quay),
        "/partners".to_owned(),
        format!("/partners/{quay}"),
        format!("/partners/{mill}"),
        "/profile/passkeys/new".to_owned(),
    ] {
        assert_eq!(
            fixture.get(&dora, &path).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed_and_says_why() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &EVERY).await;
    let form = "name=Cleo+%3Cb%3E&email=cleo%40&role=auditor";
    let (status, page) = fixture.post(&ada, "/people/invite", form).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Cleo &lt;b&gt;") && !page.contains("Cleo <b>"));
    assert!(page.contains("exactly one @"));
    let (status, _) = fixture
        .post(&ada, "/people/invite", "name=Cleo&admin=1")
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "an unknown field");
    let address = format!("/people/{}/address", ada.person());
    let form = "email=ada%40example.com&reason=She+moved+house";
    let (status, page) = fixture.post(&ada, &address, form).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("She moved house") && page.contains("the address already"));
}

#[tokio::test]
async fn a_good_form_leads_to_its_confirm_page_and_changes_nothing_yet() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &EVERY).await;
    let form = "name=Cleo&email=cleo%40example.com&role=auditor";
    let (status, location) = fixture.post(&ada, "/people/invite", form).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (status, page) = fixture.get(&ada, &location).await;
    assert_eq!(status, StatusCode::OK, "{location}");
    assert!(page.contains("cleo@example.com") && page.contains("Auditor"));
    assert!(fixture.mails().await.is_empty());
    let ben = fixture.staff("Ben", &EVERY).await;
    assert_eq!(fixture.get(&ben, &location).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_person_cannot_send_invitations_without_end() {
    let fixture = Fixture::new().await;
    let ada = fixture.staff("Ada", &EVERY).await;
    let bucket = ada.person().to_string();
    let limit = crate::service::limits::INVITATIONS;
    for _ in 0..limit.tries {
        crate::service::limits::count_for(&fixture.portal, limit, &bucket)
            .await
            .unwrap();
    }
    let form = "organisation=Quay&name=Dora&email=dora%40example.com&why=They+ship+parcels";
    let (status, _) = fixture.post(&ada, "/partners/invite", form).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}
