use domain::time::Timestamp;
use uuid::Uuid;

use super::*;

fn scope(name: &str) -> Change {
    Change::AddScope(Scope {
        name: name.parse().unwrap(),
        allows: "Read shipments".parse().unwrap(),
        sensitivity: domain::service::Sensitivity::Low,
    })
}

fn endpoint(pattern: &str, scopes: &[&str]) -> Change {
    Change::AddEndpoint(Endpoint {
        method: Method::Get,
        pattern: pattern.parse().unwrap(),
        scopes: scopes.iter().map(|name| name.parse().unwrap()).collect(),
    })
}

fn after(changes: &[Change]) -> Catalogue {
    changes
        .iter()
        .fold(Catalogue::default(), |catalogue, change| {
            changed(&catalogue, change).unwrap()
        })
}

fn field_at_fault(catalogue: &Catalogue, change: &Change) -> String {
    changed(catalogue, change).unwrap_err().field
}

fn new_environment(name: &str, tag: &str) -> NewEnvironment {
    NewEnvironment {
        name: name.parse().unwrap(),
        kind: EnvironmentKind::Other,
        tag: tag.parse().unwrap(),
        base_url: "https://api.example.com".parse().unwrap(),
    }
}

fn existing() -> Vec<Environment> {
    vec![Environment {
        id: EnvironmentId::new(Uuid::from_u128(1)),
        service_id: ServiceId::new(Uuid::from_u128(2)),
        name: "production".to_owned(),
        kind: "production".to_owned(),
        tag: "live".to_owned(),
        base_url: "https://api.example.com".to_owned(),
        created_at: Timestamp::from_micros(0),
    }]
}

fn fields_at_fault(prefix: &str, new: &NewEnvironment) -> Vec<String> {
    match environment_fits(prefix, &existing(), new) {
        Err(Refusal::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn scopes_then_endpoints_make_a_sound_catalogue() {
    let catalogue = after(&[scope("a"), endpoint("/x/{id}", &["a"])]);
    assert_eq!((catalogue.scopes.len(), catalogue.endpoints.len()), (1, 1));
    assert_eq!(catalogue.faults(), []);
}

#[test]
fn a_scope_twice_is_refused_beside_its_name() {
    assert_eq!(field_at_fault(&after(&[scope("a")]), &scope("a")), "scope");
}

#[test]
fn an_endpoint_without_a_scope_or_with_an_unknown_one_is_refused_beside_the_scopes() {
    let catalogue = after(&[scope("a")]);
    assert_eq!(field_at_fault(&catalogue, &endpoint("/x", &[])), "scope");
    assert_eq!(field_at_fault(&catalogue, &endpoint("/x", &["b"])), "scope");
}

#[test]
fn an_endpoint_that_overlaps_another_or_is_there_already_is_refused_beside_its_pattern() {
    let catalogue = after(&[scope("a"), scope("b"), endpoint("/x/{id}", &["a"])]);
    assert_eq!(
        field_at_fault(&catalogue, &endpoint("/x/all", &["b"])),
        "pattern"
    );
    assert_eq!(
        field_at_fault(&catalogue, &endpoint("/x/{id}", &["a"])),
        "pattern"
    );
}

#[test]
fn a_scope_that_an_endpoint_needs_stays() {
    let catalogue = after(&[scope("a"), endpoint("/x", &["a"])]);
    let removal = Change::RemoveScope("a".parse().unwrap());
    assert_eq!(field_at_fault(&catalogue, &removal), "scopes");
}

#[test]
fn what_is_gone_already_is_not_removed_again() {
    let scope = Change::RemoveScope("a".parse().unwrap());
    assert_eq!(field_at_fault(&Catalogue::default(), &scope), "scopes");
    let endpoint = Change::RemoveEndpoint {
        method: Method::Get,
        pattern: "/x".parse().unwrap(),
    };
    assert_eq!(
        field_at_fault(&Catalogue::default(), &endpoint),
        "endpoints"
    );
}

#[test]
fn a_tag_that_makes_keys_too_long_with_the_hosts_prefix_is_refused() {
    assert_eq!(
        fields_at_fault("lk", &new_environment("staging", "uat")),
        Vec::<String>::new()
    );
    assert_eq!(
        fields_at_fault("acme", &new_environment("staging", "uat1")),
        ["tag"]
    );
}

#[test]
fn an_environment_shares_neither_name_nor_tag_with_another() {
    assert_eq!(
        fields_at_fault("lk", &new_environment("production", "uat")),
        ["environment"]
    );
    assert_eq!(
        fields_at_fault("lk", &new_environment("staging", "live")),
        ["tag"]
    );
}

fn service(keyed: &[EnvironmentId]) -> Described {
    Described {
        service: Service {
            id: ServiceId::new(Uuid::from_u128(2)),
            slug: "shipments".to_owned(),
            name: "Shipments".to_owned(),
            description: String::new(),
            catalogue: "{}".to_owned(),
            version: 1,
            created_at: Timestamp::from_micros(0),
            retired_at: None,
        },
        catalogue: Catalogue::default(),
        environments: existing(),
        keyed: keyed.to_vec(),
    }
}

fn renamed(keyed: &[EnvironmentId], tag: &str, base_url: &str) -> Result<(), Refusal> {
    let change = EnvironmentChange {
        name: "production".parse().unwrap(),
        tag: tag.parse().unwrap(),
        base_url: base_url.parse().unwrap(),
    };
    change_fits("lk", &service(keyed), &change)
}

#[test]
fn the_tag_of_keys_that_are_out_stays_and_their_base_url_may_move() {
    let keyed = [EnvironmentId::new(Uuid::from_u128(1))];
    let Err(Refusal::Invalid(faults)) = renamed(&keyed, "eu", "https://api.example.com") else {
        panic!()
    };
    assert_eq!(faults[0].field, "tag");
    assert!(renamed(&keyed, "live", "https://eu.example.com").is_ok());
    assert!(renamed(&[], "eu", "https://api.example.com").is_ok());
}

#[test]
fn a_changed_tag_is_held_to_what_a_new_one_is() {
    let mut two = service(&[]);
    two.environments.push(Environment {
        id: EnvironmentId::new(Uuid::from_u128(9)),
        name: "sandbox".to_owned(),
        tag: "test".to_owned(),
        ..existing().remove(0)
    });
    let change = EnvironmentChange {
        name: "production".parse().unwrap(),
        tag: "test".parse().unwrap(),
        base_url: "https://api.example.com".parse().unwrap(),
    };
    assert!(change_fits("lk", &two, &change).is_err());
}

#[test]
fn a_stored_change_refuses_what_it_does_not_know() {
    let stored = serde_json::to_string(&Change::AddEnvironment(new_environment("a", "b"))).unwrap();
    assert!(serde_json::from_str::<Change>(&stored).is_ok());
    let more = stored.replace("\"tag\"", "\"public\":true,\"tag\"");
    assert!(serde_json::from_str::<Change>(&more).is_err());
}
