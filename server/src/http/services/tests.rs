use axum::http::StatusCode;
use domain::id::ServiceId;
use domain::service::{EnvironmentKind, Scope, Sensitivity};
use domain::state::Role;

use super::*;
use crate::auth::actor::Actor;
use crate::service::catalogue::EnvironmentChange;
use crate::service::policies;
use crate::testing::Fixture;

async fn with_service(host: &Fixture, name: &str) -> (Actor, ServiceId) {
    let operator = host.staff("Olga", &[Role::Operator]).await;
    let service = host.service(&operator, name).await;
    (operator, service)
}

fn scope(name: &str) -> Change {
    Change::AddScope(Scope {
        name: name.parse().unwrap(),
        allows: "Read the status of shipments".parse().unwrap(),
        sensitivity: Sensitivity::Low,
    })
}

#[tokio::test]
async fn a_sound_form_leads_to_its_confirm_page_and_changes_nothing_before() {
    let host = Fixture::new().await;
    let operator = host.staff("Olga", &[Role::Operator]).await;
    let form = "slug=reports&name=Reports+API&description=Monthly+figures+by+region";
    let (status, to) = host.post(&operator, "/services/new", form).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(to.starts_with("/confirm/"), "{to}");
    assert!(
        host.portal
            .store
            .read()
            .await
            .unwrap()
            .services()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_environment_begins_with_the_policy_of_its_kind() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    host.environment(&operator, service, EnvironmentKind::Production)
        .await;
    let mut read = host.portal.store.read().await.unwrap();
    let now = policies::named(&mut read, service, "production")
        .await
        .unwrap();
    assert_eq!(
        now.policy,
        domain::policy::Policy::default_for(EnvironmentKind::Production)
    );
    drop(read);
    let (status, page) = host.get(&operator, &format!("/services/{service}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("lk_live_") && page.contains("2 approvals"),
        "{page}"
    );
}

#[tokio::test]
async fn who_changes_an_older_version_is_told_and_what_was_typed_is_kept() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    let act = ChangeService {
        service,
        version: 1,
        change: scope("shipments:read"),
    };
    host.act(&operator, act).await.unwrap();
    let form = "version=1&scope=shipments%3Awrite&allows=Create+shipments&sensitivity=low";
    let (status, page) = host
        .post(&operator, &format!("/services/{service}/scopes"), form)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("meanwhile") && page.contains("shipments:write"),
        "{page}"
    );
    assert!(page.contains("name=\"version\" value=\"2\""), "{page}");
}

#[tokio::test]
async fn a_fault_of_the_catalogue_is_said_beside_its_field() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    let act = ChangeService {
        service,
        version: 1,
        change: scope("shipments:read"),
    };
    host.act(&operator, act).await.unwrap();
    let form = "version=2&scope=shipments%3Aread&allows=Again&sensitivity=low";
    let (status, page) = host
        .post(&operator, &format!("/services/{service}/scopes"), form)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("There are two scopes shipments:read."),
        "{page}"
    );
}

#[tokio::test]
async fn a_short_name_is_of_one_service() {
    let host = Fixture::new().await;
    let (operator, _) = with_service(&host, "Shipments API").await;
    let form = "slug=shipments&name=Another+API&description=Monthly+figures+by+region";
    let (status, page) = host.post(&operator, "/services/new", form).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("has this short name already") && page.contains("Another API"),
        "{page}"
    );
}

#[tokio::test]
async fn markup_in_a_name_stays_text() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "<img src=x onerror=alert(1)>").await;
    for path in ["/services".to_owned(), format!("/services/{service}")] {
        let (_, page) = host.get(&operator, &path).await;
        assert!(
            page.contains("&lt;img src=x") && !page.contains("<img src=x"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn contacts_read_the_catalogue_and_change_nothing() {
    let host = Fixture::new().await;
    let (_, service) = with_service(&host, "Shipments API").await;
    let partner = host.partner("Quay").await;
    let contact = host.contact(partner, "Cleo", Role::Admin).await;
    let page = format!("/services/{service}");
    let (status, shown) = host.get(&contact, &page).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!shown.contains("<form class=\"form\""), "{shown}");
    let form = "version=1&name=Mine&description=All+of+it+is+mine";
    assert_eq!(
        host.post(&contact, &page, form).await.0,
        StatusCode::NOT_FOUND
    );
    let act = ChangeService {
        service,
        version: 1,
        change: scope("a"),
    };
    assert!(matches!(
        host.act(&contact, act).await,
        Err(Refusal::NotFound)
    ));
}

#[tokio::test]
async fn staff_without_the_role_of_an_operator_change_nothing() {
    let host = Fixture::new().await;
    let (_, service) = with_service(&host, "Shipments API").await;
    let owner = host
        .staff("Otto", &[Role::Owner, Role::Reviewer, Role::Auditor])
        .await;
    let act = ChangeService {
        service,
        version: 1,
        change: scope("a"),
    };
    assert!(matches!(
        host.act(&owner, act).await,
        Err(Refusal::Forbidden(_))
    ));
}

fn change(service: ServiceId, version: i64, change: Change) -> ChangeService {
    ChangeService {
        service,
        version,
        change,
    }
}

fn moved(name: &str, tag: &str, base_url: &str) -> Change {
    Change::ChangeEnvironment(EnvironmentChange {
        name: name.parse().unwrap(),
        tag: tag.parse().unwrap(),
        base_url: base_url.parse().unwrap(),
    })
}

#[tokio::test]
async fn an_environment_moves_by_a_signed_act_that_the_log_keeps() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    let page = format!("/services/{service}");
    host.environment(&operator, service, EnvironmentKind::Production)
        .await;
    let form = "version=2&environment=production&tag=eu&base_url=https%3A%2F%2Feu.example.com";
    let (status, to) = host
        .post(&operator, &format!("{page}/environments/change"), form)
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{to}");
    let (_, before) = host.get(&operator, &page).await;
    assert!(!before.contains("eu.example.com"), "not before the passkey");
    let act = moved("production", "eu", "https://eu.example.com");
    host.act(&operator, change(service, 2, act)).await.unwrap();
    let (_, after) = host.get(&operator, &page).await;
    assert!(
        after.contains("https://eu.example.com") && after.contains("lk_eu_"),
        "{after}"
    );
    let log = host.log().await;
    assert!(
        log.iter()
            .any(|row| row.evidence.contains("eu.example.com")),
        "{log:?}"
    );
}

#[tokio::test]
async fn an_environment_that_is_not_there_or_stays_as_it_is_is_not_changed() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    host.environment(&operator, service, EnvironmentKind::Production)
        .await;
    let none = moved("sandbox", "test", "https://api.example.com");
    let refused = host.act(&operator, change(service, 2, none)).await;
    assert!(matches!(refused, Err(Refusal::NotFound)));
    let same = "version=2&environment=production&tag=live&base_url=https%3A%2F%2Fapi.example.com";
    let (status, shown) = host
        .post(
            &operator,
            &format!("/services/{service}/environments/change"),
            same,
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shown.contains("This is what it is already."), "{shown}");
}

#[tokio::test]
async fn a_retired_service_is_on_no_list_to_ask_for_and_can_be_offered_again() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    let page = format!("/services/{service}");
    let retire = || change(service, 1, Change::Retire);
    host.act(&operator, retire()).await.unwrap();
    let stale = host.act(&operator, retire()).await;
    assert!(matches!(stale, Err(Refusal::Conflict { .. })));
    let partner = host.partner("Quay").await;
    let contact = host.contact(partner, "Cleo", Role::Admin).await;
    let (_, shown) = host.get(&contact, &page).await;
    assert!(shown.contains("Keys keep working"), "{shown}");
    let (status, shown) = host
        .post(&operator, &format!("{page}/retire"), "version=2")
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shown.contains("retired already"), "{shown}");
    host.act(&operator, change(service, 2, Change::Offer))
        .await
        .unwrap();
    let (_, shown) = host.get(&contact, &page).await;
    assert!(!shown.contains("Keys keep working"), "{shown}");
}

#[tokio::test]
async fn only_operators_move_environments_and_retire_services() {
    let host = Fixture::new().await;
    let (operator, service) = with_service(&host, "Shipments API").await;
    host.environment(&operator, service, EnvironmentKind::Production)
        .await;
    let owner = host.staff("Otto", &[Role::Owner, Role::Reviewer]).await;
    for act in [
        Change::Retire,
        moved("production", "eu", "https://eu.example.com"),
    ] {
        let refused = host.act(&owner, change(service, 2, act)).await;
        assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    }
}

#[test]
fn a_refused_removal_is_not_typed_into_the_form_that_adds() {
    let mut typed = Filled::from_pairs([("scope", "a")]);
    typed.refuse("scopes", "It is needed.");
    let shown = again(typed, "");
    assert_eq!(
        (shown.value("scope"), shown.error("scopes").is_some()),
        (String::new(), true)
    );
}
