use core::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::audit::TruncatedAddress;
use crate::grant::tests::{grant, scopes};
use crate::grant::{Narrowing, Replay};
use crate::service::{Method, RequestPath};
use crate::verification::Reason;

fn only(text: &str) -> Sources {
    Sources::Only(text.parse().unwrap())
}

/// Calls of an endpoint from the network of an address.
fn calls(endpoint: &str, from: &str, calls: u64) -> Traffic {
    Traffic {
        endpoint: Some(endpoint.parse().unwrap()),
        source: Some(TruncatedAddress::of(from.parse().unwrap())),
        scope: None,
        calls,
    }
}

fn record(traffic: &[Traffic]) -> Record {
    Record {
        traffic: traffic.to_vec(),
        began_late: false,
    }
}

fn narrower(fit: Fit) -> Grant {
    match fit {
        Fit::Narrower(grant) => *grant,
        other => panic!("{other:?}"),
    }
}

/// How many calls a replay refuses.
fn refused(replay: &Replay) -> u64 {
    replay.refused.iter().map(|(calls, _)| calls.calls).sum()
}

fn rules(grant: &Grant) -> Vec<String> {
    let name = |rule| EndpointName::from(rule).to_string();
    grant.rules().iter().map(name).collect()
}

fn whole() -> Grant {
    grant(
        &["read", "write", "labels"],
        only("10.0.0.0/8 192.0.2.0/28 198.51.100.0/24"),
    )
}

/// Reads only, and from two of three networks.
fn reads() -> Record {
    record(&[
        calls("GET /shipments", "10.1.2.3", 3),
        calls("GET /shipments/{id}", "10.1.2.9", 40),
        calls("GET /shipments/{id}", "192.0.2.7", 2),
    ])
}

#[test]
fn each_part_of_a_grant_is_told_with_its_calls() {
    let whole = whole();
    let used = whole.used(&reads());
    let rules: Vec<(String, u64)> = used
        .rules
        .iter()
        .map(|(rule, calls)| (EndpointName::from(*rule).to_string(), *calls))
        .collect();
    let told = |text: &str, calls| (text.to_owned(), calls);
    assert_eq!(
        rules,
        [
            told("GET /labels/{rest...}", 0),
            told("GET /shipments", 3),
            told("GET /shipments/{id}", 42),
            told("POST /shipments", 0),
        ]
    );
    let scopes: Vec<(&str, u64)> = used.scopes.iter().map(|(s, n)| (s.as_str(), *n)).collect();
    assert_eq!(scopes, [("labels", 0), ("read", 45), ("write", 0)]);
    let networks: Vec<(String, u64)> = used
        .networks
        .iter()
        .map(|(network, calls)| (network.to_string(), *calls))
        .collect();
    assert_eq!(
        networks,
        [
            told("10.0.0.0/8", 43),
            told("192.0.2.0/28", 2),
            told("198.51.100.0/24", 0),
        ]
    );
}

#[test]
fn what_was_not_used_is_left_out_of_the_proposal() {
    let whole = whole();
    let fitted = narrower(whole.fit(&reads()));
    assert_eq!(rules(&fitted), ["GET /shipments", "GET /shipments/{id}"]);
    assert_eq!(fitted.scopes(), &scopes(&["read"]));
    assert_eq!(fitted.sources(), &only("10.1.2.0/24 192.0.2.0/28"));
    assert_eq!(fitted.rate(), whole.rate());
    assert_eq!(fitted.limits(), whole.limits());
    let replay = whole.replay(&fitted, &reads().traffic);
    assert_eq!((replay.calls, refused(&replay)), (45, 0));
}

#[test]
fn a_scope_that_a_gateway_asks_for_is_kept() {
    let whole = grant(&["read", "write", "labels"], Sources::Anywhere);
    let asked = Traffic {
        scope: Some("labels".parse().unwrap()),
        ..calls("POST /shipments", "192.0.2.7", 1)
    };
    let fitted = narrower(whole.fit(&record(std::slice::from_ref(&asked))));
    assert_eq!(fitted.scopes(), &scopes(&["labels", "write"]));
    assert_eq!(whole.replay(&fitted, &[asked]).refused, []);
}

#[test]
fn what_is_not_known_is_not_narrowed() {
    let whole = whole();
    let late = Record {
        began_late: true,
        ..reads()
    };
    assert_eq!(whole.fit(&late), Fit::Unknown);
    let mut elsewhere = reads();
    elsewhere.traffic[2].source = None;
    let fitted = narrower(whole.fit(&elsewhere));
    assert_eq!(fitted.sources(), whole.sources());
    assert_eq!(fitted.rules().len(), 2);
    assert_eq!(whole.replay(&fitted, &elsewhere.traffic).refused, []);
    let mut something = reads();
    something.traffic[0].endpoint = None;
    let fitted = narrower(whole.fit(&something));
    assert_eq!(fitted.rules(), whole.rules());
    assert_eq!(fitted.scopes(), whole.scopes());
    assert_ne!(fitted.sources(), whole.sources());
    assert_eq!(whole.replay(&fitted, &something.traffic).refused, []);
}

#[test]
fn a_grant_without_a_call_is_not_narrowed_to_nothing() {
    assert_eq!(whole().fit(&record(&[])), Fit::Unused);
    let of_before = record(&[calls("DELETE /shipments", "10.1.2.3", 9)]);
    assert_eq!(whole().fit(&of_before), Fit::Unused);
    let replay = whole().replay(&whole(), &of_before.traffic);
    assert_eq!((replay.calls, replay.no_longer), (0, 9));
}

#[test]
fn a_grant_of_which_everything_was_used_fits() {
    let grant = grant(&["write"], only("192.0.2.0/28"));
    let used = record(&[calls("POST /shipments", "192.0.2.7", 1)]);
    assert_eq!(grant.fit(&used), Fit::Fits);
}

#[test]
fn too_many_networks_are_no_list() {
    let grant = grant(&["write"], Sources::Anywhere);
    let from = |count: u8| {
        let nets = (0..count).map(|n| calls("POST /shipments", &format!("10.{n}.0.1"), 1));
        record(&nets.collect::<Vec<_>>())
    };
    assert_eq!(narrower(grant.fit(&from(16))).sources(), &{
        let nets = (0..16_u8).map(|n| format!("10.{n}.0.0/24"));
        only(&nets.collect::<Vec<_>>().join(" "))
    });
    assert_eq!(grant.fit(&from(17)), Fit::Fits);
}

#[test]
fn a_grant_cut_by_hand_refuses_the_calls_that_it_no_longer_opens() {
    let whole = whole();
    let mut used = reads().traffic;
    used.push(calls("POST /shipments", "10.1.2.3", 7));
    used.push(Traffic {
        scope: Some("write".parse().unwrap()),
        ..calls("GET /shipments", "10.1.2.3", 5)
    });
    let cut = |narrowing| {
        let cut = whole.narrow(&narrowing).unwrap();
        let replay = whole.replay(&cut, &used);
        let mut why: Vec<Reason> = replay.refused.iter().map(|(_, why)| *why).collect();
        why.dedup();
        (refused(&replay), why)
    };
    let without_write = Narrowing {
        scopes: Some(scopes(&["read", "labels"])),
        ..Narrowing::default()
    };
    assert_eq!(
        cut(without_write),
        (12, vec![Reason::Endpoint, Reason::Scope])
    );
    let elsewhere = Narrowing {
        sources: Some(only("192.0.2.0/28 198.51.100.0/24")),
        ..Narrowing::default()
    };
    assert_eq!(cut(elsewhere), (55, vec![Reason::SourceNetwork]));
    // No more than the network of an address is kept, so half of it may be too little.
    let half = Narrowing {
        sources: Some(only("10.0.0.0/8 192.0.2.0/29")),
        ..Narrowing::default()
    };
    assert_eq!(cut(half), (2, vec![Reason::SourceNetwork]));
}

#[test]
fn a_call_of_an_unknown_kind_is_refused_by_whatever_refuses_anything() {
    let whole = whole();
    let cut = whole
        .narrow(&Narrowing {
            scopes: Some(scopes(&["read"])),
            ..Narrowing::default()
        })
        .unwrap();
    let unknown = Traffic {
        endpoint: None,
        source: None,
        scope: None,
        calls: 4,
    };
    let replay = whole.replay(&cut, std::slice::from_ref(&unknown));
    assert_eq!(replay.refused, [(unknown.clone(), Reason::Endpoint)]);
    let elsewhere = whole
        .narrow(&Narrowing {
            sources: Some(only("10.0.0.0/8")),
            ..Narrowing::default()
        })
        .unwrap();
    let replay = whole.replay(&elsewhere, std::slice::from_ref(&unknown));
    assert_eq!(replay.refused, [(unknown, Reason::SourceNetwork)]);
}

/// A call as it is made: method, path, address, the scope that is asked for, how often.
type Made = (Method, &'static str, IpAddr, Option<&'static str>, u64);

fn any_call() -> impl Strategy<Value = Made> {
    (
        prop_oneof![Just(Method::Get), Just(Method::Post)],
        prop_oneof![
            Just("/shipments"),
            Just("/shipments/7"),
            Just("/labels/a/b"),
            Just("/elsewhere")
        ],
        prop_oneof![
            (0_u8..4, 0_u8..20).prop_map(|(net, host)| IpAddr::from([10, 0, net, host])),
            (0_u8..20).prop_map(|host| IpAddr::from([192, 0, 2, host])),
            (0_u16..3).prop_map(|net| IpAddr::from([0x2001, 0xdb8, net, 7, 0, 0, 0, 1])),
        ],
        prop::option::of(prop_oneof![Just("read"), Just("write"), Just("labels")]),
        1_u64..9,
    )
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let names = prop::sample::subsequence(vec!["read", "write", "labels", "idle"], 1..=4)
        .prop_filter("it opens something", |names| {
            names.contains(&"read") || names.contains(&"write")
        });
    let sources = prop_oneof![
        Just(Sources::Anywhere),
        Just(only("10.0.0.0/8")),
        Just(only("10.0.1.0/24 10.0.2.8/29 192.0.2.0/28")),
        Just(only("192.0.2.4 2001:db8::/32")),
    ];
    (names, sources).prop_map(|(names, sources)| grant(&names, sources))
}

/// Whether a grant lets a call pass that is not only recorded but made.
fn passes(grant: &Grant, (method, path, from, scope, _): &Made) -> bool {
    grant.allows_call(*method, &RequestPath::parse(path).unwrap())
        && grant.allows_source(*from)
        && scope.is_none_or(|scope| grant.scopes().iter().any(|had| had.as_str() == scope))
}

/// What is kept of a call that passed.
fn kept(grant: &Grant, (method, path, from, scope, times): &Made) -> Traffic {
    let rule = grant
        .rule_for(*method, &RequestPath::parse(path).unwrap())
        .and_then(|at| grant.rules().iter().nth(at))
        .unwrap();
    Traffic {
        endpoint: Some(rule.into()),
        source: Some(TruncatedAddress::of(*from)),
        scope: scope.map(|scope| scope.parse().unwrap()),
        calls: *times,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The promise: what is proposed lies within the grant, and would have refused nothing.
    #[test]
    fn a_proposal_is_narrower_and_would_have_refused_nothing(
        grant in any_grant(),
        made in prop::collection::vec((any_call(), 0_u8..12), 0..12),
    ) {
        let passed: Vec<_> = made.iter().filter(|(call, _)| passes(&grant, call)).collect();
        let traffic: Vec<Traffic> = passed
            .iter()
            .map(|(call, lost)| {
                let mut kept = kept(&grant, call);
                if *lost == 0 {
                    kept.endpoint = None;
                }
                if *lost == 1 {
                    kept.source = None;
                }
                kept
            })
            .collect();
        let record = record(&traffic);
        let gaps = record.gaps();
        match grant.fit(&record) {
            Fit::Narrower(fitted) => {
                prop_assert!(fitted.is_within(&grant) && !grant.is_within(&fitted));
                for (call, _) in &passed {
                    prop_assert!(passes(&fitted, call), "{call:?}");
                }
                let replay = grant.replay(&fitted, &traffic);
                prop_assert_eq!(&replay.refused, &[]);
                let all: u64 = traffic.iter().map(|calls| calls.calls).sum();
                prop_assert_eq!(replay.calls, all);
                if gaps.endpoints {
                    prop_assert_eq!((fitted.rules(), fitted.scopes()), (grant.rules(), grant.scopes()));
                }
                if gaps.sources {
                    prop_assert_eq!(fitted.sources(), grant.sources());
                }
            }
            Fit::Unused => prop_assert!(passed.is_empty()),
            Fit::Fits => prop_assert!(!passed.is_empty()),
            Fit::Unknown => prop_assert!(false),
        }
    }

    /// A replay that refuses nothing says so rightly: every call that was made passes.
    #[test]
    fn what_a_replay_lets_pass_would_have_passed(
        grant in any_grant(),
        keep in prop::sample::subsequence(vec!["read", "write", "labels"], 1..=3),
        sources in prop::option::of(prop_oneof![
            Just(only("10.0.1.0/24")), Just(only("10.0.0.0/22")), Just(only("192.0.2.0/30 10.0.2.8/30")),
        ]),
        made in prop::collection::vec(any_call(), 0..12),
    ) {
        let narrowing = Narrowing { scopes: Some(scopes(&keep)), sources, ..Narrowing::default() };
        let Ok(cut) = grant.narrow(&narrowing) else { return Ok(()) };
        for call in made.iter().filter(|call| passes(&grant, call)) {
            let replay = grant.replay(&cut, &[kept(&grant, call)]);
            prop_assert_eq!(replay.calls, call.4);
            if replay.refused.is_empty() {
                prop_assert!(passes(&cut, call), "{call:?}");
            }
        }
    }
}
