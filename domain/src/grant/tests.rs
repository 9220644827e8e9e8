use core::net::IpAddr;
use core::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::policy::{Approvals, Policy};
use crate::request::RequestedLine;
use crate::service::{Catalogue, Endpoint, EnvironmentKind, Scope, Sensitivity};

const SERVICE: ServiceId = ServiceId::new(Uuid::from_u128(1));
const ENVIRONMENT: EnvironmentId = EnvironmentId::new(Uuid::from_u128(2));

pub(crate) fn scopes(names: &[&str]) -> BTreeSet<ScopeName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn endpoint(method: Method, pattern: &str, needed: &[&str]) -> Endpoint {
    Endpoint {
        method,
        pattern: pattern.parse().unwrap(),
        scopes: scopes(needed),
    }
}

pub(crate) fn catalogue() -> Catalogue {
    let scope = |name: &str| Scope {
        name: name.parse().unwrap(),
        allows: "Something".parse().unwrap(),
        sensitivity: Sensitivity::Low,
    };
    Catalogue {
        scopes: ["read", "write", "labels", "idle"].map(scope).to_vec(),
        endpoints: vec![
            endpoint(Method::Get, "/shipments", &["read"]),
            endpoint(Method::Get, "/shipments/{id}", &["read"]),
            endpoint(Method::Post, "/shipments", &["write"]),
            endpoint(Method::Get, "/labels/{rest...}", &["labels", "read"]),
        ],
    }
}

const OFFICE: &str = "Mon-Fri 08:00-18:00";

fn limits(grant: &str, key: &str) -> Limits {
    Limits {
        grant: grant.parse().unwrap(),
        key: key.parse().unwrap(),
    }
}

fn policy() -> Policy {
    Policy {
        networks_required: false,
        approvals: Approvals::ONE,
        rate_limit: 10.try_into().unwrap(),
        ..Policy::default_for(EnvironmentKind::Production)
    }
}

pub(crate) fn line(names: &[&str], sources: Sources) -> RequestedLine {
    RequestedLine {
        environment: ENVIRONMENT,
        scopes: scopes(names),
        sources,
        rate: 10.try_into().unwrap(),
        life: 90.try_into().unwrap(),
    }
}

pub(crate) fn grant(names: &[&str], sources: Sources) -> Grant {
    Grant::propose(&line(names, sources), SERVICE, &catalogue(), &policy()).unwrap()
}

fn only(text: &str) -> Sources {
    Sources::Only(text.parse().unwrap())
}

fn refusal(line: &RequestedLine, policy: &Policy) -> ProposalRefused {
    Grant::propose(line, SERVICE, &catalogue(), policy).unwrap_err()
}

#[test]
fn a_proposal_holds_exactly_the_rules_that_its_scopes_open() {
    let patterns = |names: &[&str]| -> Vec<String> {
        grant(names, Sources::Anywhere)
            .rules()
            .iter()
            .map(|rule| format!("{} {}", rule.method, rule.pattern))
            .collect()
    };
    assert_eq!(
        patterns(&["read"]),
        ["GET /shipments", "GET /shipments/{id}"]
    );
    assert_eq!(patterns(&["write"]), ["POST /shipments"]);
    assert!(patterns(&["labels", "read"]).contains(&"GET /labels/{rest...}".to_owned()));
}

#[test]
fn a_proposal_beyond_catalogue_or_policy_is_refused() {
    let sound = line(&["read"], Sources::Anywhere);
    let strict = Policy {
        networks_required: true,
        ..policy()
    };
    let with = |change: fn(&mut RequestedLine)| {
        let mut line = sound.clone();
        change(&mut line);
        refusal(&line, &policy())
    };
    assert_eq!(with(|l| l.scopes.clear()), ProposalRefused::NoScopes);
    assert_eq!(
        with(|l| l.scopes = scopes(&["admin"])),
        ProposalRefused::UnknownScope("admin".parse().unwrap())
    );
    assert_eq!(
        with(|l| l.scopes = scopes(&["idle"])),
        ProposalRefused::NothingToCall
    );
    assert_eq!(refusal(&sound, &strict), ProposalRefused::NetworksMissing);
    assert_eq!(
        with(|l| l.sources = only("")),
        ProposalRefused::NetworksMissing
    );
    assert!(matches!(
        with(|l| l.sources = only("0.0.0.0/0")),
        ProposalRefused::NetworkTooBroad(_)
    ));
    assert!(matches!(
        with(|l| l.rate = 11.try_into().unwrap()),
        ProposalRefused::RateAbovePolicy(_)
    ));
    assert!(matches!(
        with(|l| l.life = 366.try_into().unwrap()),
        ProposalRefused::LifeAbovePolicy(_)
    ));
}

#[test]
fn a_proposal_has_the_limits_of_the_policy() {
    let limited = Policy {
        limits: limits("5 a minute", "7 a day"),
        ..policy()
    };
    let line = line(&["read"], Sources::Anywhere);
    let grant = Grant::propose(&line, SERVICE, &catalogue(), &limited).unwrap();
    assert_eq!(grant.limits(), limited.limits);
    assert_eq!(grant.together().to_string(), "10 a second, 5 a minute");
}

#[test]
fn the_life_counts_from_the_approval() {
    let approved = Timestamp::from_micros(1_000_000);
    assert_eq!(
        grant(&["read"], Sources::Anywhere).valid_until(approved),
        approved.plus(Duration::from_hours(90 * 24))
    );
}

#[test]
fn a_narrowing_that_widens_is_refused() {
    let limited = Narrowing {
        limits: Some(limits("10 a day", "")),
        hours: Some(OFFICE.parse().unwrap()),
        ..Default::default()
    };
    let grant = grant(&["read", "labels"], only("192.0.2.0/24"));
    let grant = grant.narrow(&limited).unwrap();
    for (narrowing, refusal) in [
        (
            Narrowing {
                scopes: Some(scopes(&["read", "write"])),
                ..Default::default()
            },
            NarrowRefused::Scopes,
        ),
        (
            Narrowing {
                scopes: Some(scopes(&[])),
                ..Default::default()
            },
            NarrowRefused::NothingLeft,
        ),
        (
            Narrowing {
                scopes: Some(scopes(&["labels"])),
                ..Default::default()
            },
            NarrowRefused::NothingLeft,
        ),
        (
            Narrowing {
                sources: Some(Sources::Anywhere),
                ..Default::default()
            },
            NarrowRefused::Sources,
        ),
        (
            Narrowing {
                sources: Some(only("192.0.0.0/16")),
                ..Default::default()
            },
            NarrowRefused::Sources,
        ),
        (
            Narrowing {
                sources: Some(only("")),
                ..Default::default()
            },
            NarrowRefused::Sources,
        ),
        (
            Narrowing {
                rate: Some(11.try_into().unwrap()),
                ..Default::default()
            },
            NarrowRefused::Rate,
        ),
        (
            Narrowing {
                limits: Some(limits("11 a day", "")),
                ..Default::default()
            },
            NarrowRefused::Limits,
        ),
        (
            Narrowing {
                limits: Some(Limits::default()),
                ..Default::default()
            },
            NarrowRefused::Limits,
        ),
        (
            Narrowing {
                hours: Some(Hours::default()),
                ..Default::default()
            },
            NarrowRefused::Hours,
        ),
        (
            Narrowing {
                life: Some(91.try_into().unwrap()),
                ..Default::default()
            },
            NarrowRefused::Life,
        ),
        (Narrowing::default(), NarrowRefused::Unchanged),
    ] {
        assert_eq!(grant.narrow(&narrowing), Err(refusal), "{narrowing:?}");
    }
}

#[test]
fn every_change_of_a_grant_changes_its_digest() {
    let whole = grant(&["read", "write"], Sources::Anywhere);
    let narrowings = [
        Narrowing {
            scopes: Some(scopes(&["read"])),
            ..Default::default()
        },
        Narrowing {
            sources: Some(only("10.0.0.0/8")),
            ..Default::default()
        },
        Narrowing {
            rate: Some(9.try_into().unwrap()),
            ..Default::default()
        },
        Narrowing {
            limits: Some(limits("9 a day", "")),
            ..Default::default()
        },
        Narrowing {
            limits: Some(limits("", "9 a day")),
            ..Default::default()
        },
        Narrowing {
            hours: Some(OFFICE.parse().unwrap()),
            ..Default::default()
        },
        Narrowing {
            life: Some(89.try_into().unwrap()),
            ..Default::default()
        },
    ];
    for narrowing in narrowings {
        assert_ne!(whole.narrow(&narrowing).unwrap().digest(), whole.digest());
    }
    let mut elsewhere = whole.clone();
    elsewhere.environment = EnvironmentId::new(Uuid::from_u128(9));
    assert_ne!(elsewhere.digest(), whole.digest());
}

#[test]
fn rules_can_be_taken_away_one_by_one_and_none_can_be_added() {
    let whole = grant(&["read"], Sources::Anywhere);
    let list: BTreeSet<Rule> = whole
        .rules()
        .iter()
        .filter(|rule| rule.pattern.to_string() == "/shipments")
        .cloned()
        .collect();
    let kept = |rules: &BTreeSet<Rule>| Narrowing {
        rules: Some(rules.clone()),
        ..Narrowing::default()
    };
    let narrowed = whole.narrow(&kept(&list)).unwrap();
    assert_eq!(*narrowed.rules(), list);
    assert!(narrowed.is_within(&whole));
    assert_eq!(
        narrowed.narrow(&kept(whole.rules())),
        Err(NarrowRefused::Rules)
    );
    assert_eq!(
        whole.narrow(&kept(&BTreeSet::new())),
        Err(NarrowRefused::NothingLeft)
    );
}

#[test]
fn an_edit_of_the_catalogue_never_widens_a_grant() {
    let granted = grant(&["read"], Sources::Anywhere);
    let mut edited = catalogue();
    edited
        .endpoints
        .push(endpoint(Method::Delete, "/shipments/{id}", &["read"]));
    let path = RequestPath::parse("/shipments/7").unwrap();
    let line = line(&["read"], Sources::Anywhere);
    let proposed_now = Grant::propose(&line, SERVICE, &edited, &policy()).unwrap();
    assert!(proposed_now.allows_call(Method::Delete, &path));
    assert!(!granted.allows_call(Method::Delete, &path));
    assert!(!proposed_now.is_within(&granted));
}

#[test]
fn a_grant_reads_back_as_it_was_stored() {
    let granted = grant(&["read", "labels"], only("192.0.2.0/24"));
    let json = serde_json::to_string(&granted).unwrap();
    assert_eq!(serde_json::from_str::<Grant>(&json).unwrap(), granted);
    let extended = json.replacen('{', r#"{"admin":true,"#, 1);
    assert!(serde_json::from_str::<Grant>(&extended).is_err());
}

fn any_scopes() -> impl Strategy<Value = BTreeSet<ScopeName>> {
    prop::sample::subsequence(vec!["read", "write", "labels"], 0..=3).prop_map(|s| scopes(&s))
}

fn any_sources() -> impl Strategy<Value = Sources> {
    prop_oneof![
        Just(Sources::Anywhere),
        Just(only("10.0.0.0/8")),
        Just(only("10.1.0.0/16 192.0.2.0/24")),
        Just(only("10.1.0.0/24")),
    ]
}

fn any_narrowing() -> impl Strategy<Value = Narrowing> {
    (
        prop::option::of(any_scopes()),
        prop::option::of(any_sources()),
        prop::option::of(1_u32..20),
        prop::option::of(1_u32..120),
        prop::option::of(1_u32..5),
        prop::option::of(prop_oneof![Just(""), Just(OFFICE), Just("Mon 09:00-10:00")]),
    )
        .prop_map(|(scopes, sources, rate, life, day, hours)| Narrowing {
            limits: day.map(|n| limits(&format!("{n} a day"), "")),
            hours: hours.map(|hours| hours.parse().unwrap()),
            scopes,
            sources,
            rules: None,
            rate: rate.map(|n| n.try_into().unwrap()),
            life: life.map(|n| n.try_into().unwrap()),
        })
}

fn whole() -> Grant {
    grant(&["read", "write", "labels"], Sources::Anywhere)
}

/// Every call that could tell two of these grants apart: (method, path, address).
fn allowed(grant: &Grant) -> Vec<bool> {
    let paths = [
        "/shipments",
        "/shipments/7",
        "/labels/a/b",
        "/labels",
        "/other",
    ];
    let addresses = [
        "10.1.0.1",
        "10.1.9.1",
        "10.9.0.1",
        "192.0.2.1",
        "203.0.113.1",
    ];
    let mut allowed = Vec::new();
    for method in [Method::Get, Method::Post, Method::Delete] {
        for path in paths {
            for address in addresses {
                let address: IpAddr = address.parse().unwrap();
                let path = RequestPath::parse(path).unwrap();
                allowed.push(grant.allows_call(method, &path) && grant.allows_source(address));
            }
        }
    }
    allowed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn narrowing_is_monotone(a in any_narrowing(), b in any_narrowing()) {
        let whole = whole();
        if let Ok(once) = whole.narrow(&a) {
            prop_assert!(once.is_within(&whole) && !whole.is_within(&once));
            if let Ok(twice) = once.narrow(&b) {
                prop_assert!(twice.is_within(&once) && twice.is_within(&whole));
            }
        }
    }

    #[test]
    fn a_grant_within_another_allows_no_call_that_the_other_refuses(
        a in any_narrowing(), b in any_narrowing(),
    ) {
        let whole = whole();
        let (a, b) = (whole.narrow(&a).unwrap_or(whole.clone()), whole.narrow(&b).unwrap_or(whole));
        if a.is_within(&b) {
            let beyond = allowed(&a).iter().zip(allowed(&b)).any(|(a, b)| *a && !b);
            prop_assert!(!beyond);
        }
    }
}
