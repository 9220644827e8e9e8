use axum::http::StatusCode;
use domain::network::Networks;
use domain::service::EnvironmentKind;
use domain::state::{GatewayKind, Role};

use super::*;
use crate::chance::system_rng;
use crate::testing::Fixture;

/// An operator, in a host with one environment, `shipments/sandbox`.
async fn operator(host: &Fixture) -> Actor {
    let operator = host.staff("Olga", &[Role::Operator]).await;
    let service = host.service(&operator, "Shipments API").await;
    host.environment(&operator, service, EnvironmentKind::Sandbox)
        .await;
    operator
}

fn registration() -> Registration {
    Registration {
        id: GatewayId::random(&mut system_rng()),
        name: "edge".parse().unwrap(),
        kind: GatewayKind::Nginx,
        reach: vec!["shipments/sandbox".to_owned()],
        proxies: Networks::default(),
        signs: false,
    }
}

fn credential_in(page: &str) -> Option<String> {
    let start = page.find("lkg_")?;
    page.get(start..start + 47).map(str::to_owned)
}

/// The credential that a registration or rotation shows.
async fn shown(host: &Fixture, actor: &Actor, reveal: &str) -> String {
    let (status, page) = host.post(actor, reveal, "").await;
    assert_eq!(status, StatusCode::OK);
    credential_in(&page).unwrap()
}

fn is_admitted(host: &Fixture, credential: &str) -> bool {
    host.portal
        .engine
        .admit(credential, host.portal.now())
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn a_credential_is_shown_once_to_who_registered_and_stands_in_no_row() {
    let host = Fixture::new().await;
    let (operator, other) = (
        operator(&host).await,
        host.staff("Omar", &[Role::Operator]).await,
    );
    let reveal = host
        .act(
            &operator,
            RegisterGateway {
                registration: registration(),
            },
        )
        .await
        .unwrap();
    for _ in 0..3 {
        let (status, page) = host.get(&operator, &reveal).await;
        assert_eq!((status, credential_in(&page)), (StatusCode::OK, None));
    }
    assert_eq!(host.post(&other, &reveal, "").await.0, StatusCode::GONE);
    let credential = shown(&host, &operator, &reveal).await;
    assert!(is_admitted(&host, &credential));
    let (status, page) = host.post(&operator, &reveal, "").await;
    assert_eq!((status, credential_in(&page)), (StatusCode::GONE, None));
    assert!(
        host.log()
            .await
            .iter()
            .all(|row| !format!("{row:?}").contains("lkg_"))
    );
}

#[tokio::test]
async fn both_credentials_count_after_a_rotation_and_neither_after_a_revocation() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    let registration = registration();
    let gateway = registration.id;
    let reveal = host
        .act(&operator, RegisterGateway { registration })
        .await
        .unwrap();
    let old = shown(&host, &operator, &reveal).await;
    let reveal = host
        .act(&operator, RotateGateway { gateway })
        .await
        .unwrap();
    let new = shown(&host, &operator, &reveal).await;
    assert!(old != new && is_admitted(&host, &old) && is_admitted(&host, &new));
    let revoke = || RevokeGateway {
        gateway,
        reason: "It was taken down for good".parse().unwrap(),
    };
    host.act(&operator, revoke()).await.unwrap();
    assert!(!is_admitted(&host, &old) && !is_admitted(&host, &new));
    assert!(host.act(&operator, revoke()).await.is_err());
    assert!(
        host.act(&operator, RotateGateway { gateway })
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_gateway_of_an_unknown_environment_or_a_taken_name_is_refused() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    let unknown = Registration {
        reach: vec!["shipments/production".to_owned()],
        ..registration()
    };
    let refused = host
        .act(
            &operator,
            RegisterGateway {
                registration: unknown,
            },
        )
        .await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))));
    host.act(
        &operator,
        RegisterGateway {
            registration: registration(),
        },
    )
    .await
    .unwrap();
    let refused = host
        .act(
            &operator,
            RegisterGateway {
                registration: registration(),
            },
        )
        .await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))));
}

#[tokio::test]
async fn the_console_registers_a_gateway_and_the_log_says_so() {
    let host = Fixture::new().await;
    operator(&host).await;
    let Registration {
        name,
        kind,
        reach,
        proxies,
        ..
    } = registration();
    let credential = gateways::add_from_console(&host.portal, name, kind, reach, proxies, false)
        .await
        .unwrap();
    assert!(is_admitted(&host, &credential));
    let log = host.log().await;
    assert!(
        log.iter().any(|row| format!("{row:?}").contains("Console")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_tried_call_names_its_reason_and_does_not_repeat_the_key() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    let registration = registration();
    let page = format!("/gateways/{}/try", registration.id);
    host.act(&operator, RegisterGateway { registration })
        .await
        .unwrap();
    let form = "key=lk_test_cut&method=GET&scheme=https&source_ip=203.0.113.4&path=%2Fv2%2Fx";
    let (status, shown) = host.post(&operator, &page, form).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        shown.contains("malformed") && shown.contains("/v2/x") && !shown.contains("lk_test_cut")
    );
}

#[tokio::test]
async fn only_operators_have_to_do_with_gateways() {
    let host = Fixture::new().await;
    let owner = host
        .staff("Otto", &[Role::Owner, Role::Reviewer, Role::Auditor])
        .await;
    assert_eq!(host.get(&owner, "/gateways").await.0, StatusCode::FORBIDDEN);
    let refused = host
        .act(
            &owner,
            RegisterGateway {
                registration: registration(),
            },
        )
        .await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
}

/// Another environment of the same service.
async fn add_production(host: &Fixture, operator: &Actor) {
    let mut read = host.portal.store.read().await.unwrap();
    let service = read.services().await.unwrap().remove(0);
    drop(read);
    host.environment(operator, service.id, EnvironmentKind::Production)
        .await;
}

fn serving(gateway: GatewayId, reach: &[&str], proxies: &str) -> ChangeGateway {
    ChangeGateway {
        gateway,
        reach: reach.iter().map(|code| (*code).to_owned()).collect(),
        proxies: proxies.parse().unwrap(),
        signs: false,
    }
}

#[tokio::test]
async fn a_gateway_gets_another_reach_and_other_proxies_and_keeps_its_credential() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    add_production(&host, &operator).await;
    let registration = registration();
    let id = registration.id;
    let reveal = host
        .act(&operator, RegisterGateway { registration })
        .await
        .unwrap();
    let credential = shown(&host, &operator, &reveal).await;
    let page = format!("/gateways/{id}");
    let form = "pair=shipments%2Fproduction&proxies=10.0.0.0%2F8";
    let (status, to) = host.post(&operator, &page, form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{to}");
    let act = serving(id, &["shipments/production"], "10.0.0.0/8");
    host.act(&operator, act).await.unwrap();
    let mut read = host.portal.store.read().await.unwrap();
    let row = read.gateway(id).await.unwrap().unwrap();
    let places = gateways::places(&mut read).await.unwrap();
    assert_eq!(
        gateways::codes(&row, &places).unwrap(),
        ["shipments/production"]
    );
    assert_eq!(row.proxies, "10.0.0.0/8");
    assert!(is_admitted(&host, &credential));
    let log = host.log().await;
    assert!(
        log.iter().any(|row| row.evidence.contains("10.0.0.0/8")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_reach_that_is_empty_unknown_or_the_same_is_refused_beside_the_choice() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    let registration = registration();
    let id = registration.id;
    host.act(&operator, RegisterGateway { registration })
        .await
        .unwrap();
    let page = format!("/gateways/{id}");
    for (form, why) in [
        ("proxies=", "Pick at least one"),
        (
            "pair=shipments%2Fnowhere&proxies=",
            "There is no environment",
        ),
        ("pair=shipments%2Fsandbox&proxies=", "what it is already"),
        (
            "pair=shipments%2Fsandbox&proxies=x",
            "Change what it serves",
        ),
    ] {
        let (status, shown) = host.post(&operator, &page, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(shown.contains(why), "{form}: {shown}");
    }
}

#[tokio::test]
async fn a_revoked_gateway_is_not_changed_and_neither_is_one_by_anybody_else() {
    let host = Fixture::new().await;
    let operator = operator(&host).await;
    add_production(&host, &operator).await;
    let registration = registration();
    let gateway = registration.id;
    host.act(&operator, RegisterGateway { registration })
        .await
        .unwrap();
    let act = || serving(gateway, &["shipments/production"], "");
    let owner = host.staff("Otto", &[Role::Owner, Role::Reviewer]).await;
    assert!(matches!(
        host.act(&owner, act()).await,
        Err(Refusal::Forbidden(_))
    ));
    let revoke = RevokeGateway {
        gateway,
        reason: "It was taken down for good".parse().unwrap(),
    };
    host.act(&operator, revoke).await.unwrap();
    assert!(matches!(
        host.act(&operator, act()).await,
        Err(Refusal::Conflict { .. })
    ));
}
