use domain::id::{EnvironmentId, ServiceId};
use uuid::Uuid;

use super::*;

fn named(code: &str, service: &str) -> NamedPlace {
    let (_, environment) = code.split_once('/').unwrap();
    NamedPlace {
        place: Place {
            service: ServiceId::new(Uuid::from_u128(1)),
            environment: EnvironmentId::new(Uuid::from_u128(code.len() as u128)),
        },
        code: code.to_owned(),
        service: service.to_owned(),
        environment: environment.to_owned(),
    }
}

fn all() -> Vec<NamedPlace> {
    vec![
        named("reports/sandbox", "Reports API"),
        named("shipments/production", "Shipments API"),
        named("shipments/sandbox", "Shipments API"),
    ]
}

fn gateway() -> Gateway {
    Gateway {
        id: GatewayId::new(Uuid::from_u128(2)),
        name: "edge".to_owned(),
        kind: Code(GatewayKind::Nginx),
        reach: reach_json(&[all()[1].place, all()[2].place]).unwrap(),
        proxies: String::new(),
        credential_mac: [1; 32],
        old_credential_mac: Some([0; 32]),
        old_credential_until: None,
        state: Code(GatewayState::Active),
        created_at: Timestamp::from_micros(0),
        signs: Added(false),
    }
}

#[test]
fn an_empty_or_unknown_reach_is_refused_and_never_everything() {
    assert!(chosen(all(), &[]).is_err());
    assert!(
        chosen(
            all(),
            &["shipments/sandbox".to_owned(), "shipments/*".to_owned()]
        )
        .is_err()
    );
    let one = chosen(all(), &["shipments/sandbox".to_owned()]).unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn what_a_gateway_serves_is_worded_by_service() {
    assert_eq!(
        serves(&gateway(), &all()).unwrap(),
        "Shipments API: production, sandbox"
    );
}

#[test]
fn after_a_rotation_the_present_credential_counts_for_a_day_and_the_one_before_no_longer() {
    let rotated = rotated(gateway(), [2; 32], Timestamp::from_micros(5));
    assert_eq!(rotated.credential_mac, [2; 32]);
    assert_eq!(rotated.old_credential_mac, Some([1; 32]));
    assert_eq!(
        rotated.old_credential_until,
        Some(Timestamp::from_micros(5).plus(OVERLAP))
    );
}

#[test]
fn a_revoked_gateway_is_neither_rotated_nor_revoked_again() {
    let revoked = Gateway {
        state: Code(GatewayState::Revoked),
        ..gateway()
    };
    assert!(is_active(&gateway()).is_ok());
    assert!(is_active(&revoked).is_err());
}
