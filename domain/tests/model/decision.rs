//! The decision against an implementation that works on what was typed, and gathers every reason that
//! applies. Over random grants, keys and calls.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use domain::grant::{Grant, LiveGrant, Narrowing};
use domain::id::{EnvironmentId, GrantId, KeyId, PartnerId, ServiceId};
use domain::key::KeyState;
use domain::network::Sources;
use domain::overlay::{Overlay, Wish};
use domain::policy::Policy;
use domain::request::RequestedLine;
use domain::service::{
    Catalogue, Endpoint, EnvironmentKind, Method, Scope, ScopeName, Sensitivity,
};
use domain::time::Timestamp;
use domain::verification::{Allowed, Call, KeyEntry, Place, RawCall, Reason, decide};
use uuid::Uuid;

#[cfg(test)]
use super::dice;
use super::dice::Dice;

#[cfg(test)]
const GRANTS: usize = 4_000;
#[cfg(test)]
const CALLS: usize = 260;

const SCOPES: [&str; 4] = ["read", "write", "labels", "admin"];
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];
const PATTERNS: [&str; 10] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/{id}",
    "/{x}/b",
    "/a/{id}/c",
    "/f/{rest...}",
    "/a/b/{rest...}",
    "/caf\u{e9}",
];
const PATHS: [&str; 15] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/x",
    "/a/x/c",
    "/x/b",
    "/f",
    "/f/",
    "/f/1/2",
    "/f/1/",
    "/a/b/c",
    "/caf%C3%A9",
    "/A",
    "/a/b?x=/../y",
];
const ODD_PATHS: [&str; 5] = ["/a//b", "/a/../b", "/a/%2e%2e", "/a;v=1", "a"];
const NETWORKS: [&str; 6] = [
    "192.0.2.0/24",
    "192.0.2.128/25",
    "198.51.100.7/32",
    "2001:db8::/48",
    "2001:db8:0:1::/64",
    "10.0.0.0/9",
];
const ADDRESSES: [&str; 11] = [
    "192.0.2.1",
    "192.0.2.200",
    "192.0.3.1",
    "198.51.100.7",
    "198.51.100.8",
    "2001:db8::1",
    "2001:db8:0:1::9",
    "2001:db9::1",
    "::ffff:192.0.2.200",
    "10.127.0.1",
    "10.128.0.1",
];
/// Hours as they are typed, and as days of the week (Monday is 0) with minutes of the day.
struct Hours {
    typed: &'static str,
    spans: &'static [(i64, i64, i64)],
}

const HOURS: [Hours; 3] = [
    Hours {
        typed: "",
        spans: &[],
    },
    Hours {
        typed: "Mon-Tue 08:00-18:00",
        spans: &[(0, 480, 1080), (1, 480, 1080)],
    },
    Hours {
        typed: "Wed 22:00-24:00, Thu 00:00-06:00",
        spans: &[(2, 1320, 1440), (3, 0, 360)],
    },
];

/// Method, pattern, and the scopes that the endpoint needs.
type Typing = (&'static str, &'static str, Vec<&'static str>);

/// What a grant was made of, as it was typed.
struct Typed {
    scopes: Vec<&'static str>,
    endpoints: Vec<Typing>,
    /// None: from anywhere.
    networks: Option<Vec<&'static str>>,
    hours: usize,
    /// What it was narrowed to since; both have to allow a call.
    narrowed: Option<Narrowed>,
    /// Temporary access beside it, and until when.
    lent: Vec<(Vec<Typing>, i64)>,
}

struct Narrowed {
    scopes: Vec<&'static str>,
    endpoints: Vec<Typing>,
    networks: Option<Vec<&'static str>>,
    hours: usize,
}

const WEEK: usize = 7 * 24 * 60;

/// A minute of the week that begins with the first Monday after 1 January 1970.
fn minute(dice: &mut Dice) -> i64 {
    (4 * 24 * 60 + dice.roll(WEEK) as i64) * 60_000_000
}

const HERE: Place = place(1, 2);
const THERE: Place = place(1, 3);

const fn place(service: u128, environment: u128) -> Place {
    Place {
        service: ServiceId::new(Uuid::from_u128(service)),
        environment: EnvironmentId::new(Uuid::from_u128(environment)),
    }
}

fn names(of: &[&str]) -> BTreeSet<ScopeName> {
    of.iter().map(|name| name.parse().unwrap()).collect()
}

fn catalogue(endpoints: &[Typing]) -> Catalogue {
    Catalogue {
        scopes: SCOPES
            .iter()
            .map(|name| Scope {
                name: name.parse().unwrap(),
                allows: "Something".parse().unwrap(),
                sensitivity: Sensitivity::Low,
            })
            .collect(),
        endpoints: endpoints
            .iter()
            .map(|(method, pattern, scopes)| Endpoint {
                method: method.parse::<Method>().unwrap(),
                pattern: pattern.parse().unwrap(),
                scopes: names(scopes),
            })
            .collect(),
    }
}

fn sources(networks: Option<&Vec<&str>>) -> Sources {
    match networks {
        None => Sources::Anywhere,
        Some(networks) => Sources::Only(networks.join(" ").parse().unwrap()),
    }
}

/// A grant of this, where one can be made of it. What cannot be narrowed so, or asked for, is taken
/// out of what was typed.
fn granted(typed: &mut Typed) -> Option<LiveGrant> {
    let line = RequestedLine {
        environment: HERE.environment,
        scopes: names(&typed.scopes),
        sources: sources(typed.networks.as_ref()),
        rate: 10.try_into().unwrap(),
        life: 90.try_into().unwrap(),
    };
    let policy = Policy::default_for(EnvironmentKind::Sandbox);
    let all = catalogue(&typed.endpoints);
    let grant = Grant::propose(&line, HERE.service, &all, &policy).ok()?;
    let hours = Narrowing {
        hours: Some(HOURS[typed.hours].typed.parse().unwrap()),
        ..Narrowing::default()
    };
    let approved = grant.narrow(&hours).unwrap_or(grant);
    let mut overlays = Vec::new();
    typed.lent.retain(|(endpoints, until)| {
        let offered = catalogue(endpoints);
        let wish = Wish {
            endpoints: offered
                .endpoints
                .iter()
                .map(|one| (one.method, one.pattern.clone()))
                .collect(),
            writes: true,
            minutes: 60.try_into().unwrap(),
        };
        let id = GrantId::new(Uuid::nil());
        let overlay = Overlay::propose(id, &approved, &offered, wish);
        let taken = overlay.is_ok();
        overlays.extend(overlay.map(|one| (one, Timestamp::from_micros(*until))));
        taken
    });
    let in_force = typed.narrowed.as_ref().and_then(|to| {
        let kept = catalogue(&to.endpoints).endpoints;
        let is_kept = |rule: &&domain::grant::Rule| {
            kept.iter().any(|one| {
                one.method == rule.method
                    && one.pattern == rule.pattern
                    && one.scopes == rule.scopes
            })
        };
        approved
            .narrow(&Narrowing {
                scopes: Some(names(&to.scopes)),
                rules: Some(approved.rules().iter().filter(is_kept).cloned().collect()),
                sources: Some(sources(to.networks.as_ref())),
                hours: Some(HOURS[to.hours].typed.parse().unwrap()),
                ..Narrowing::default()
            })
            .ok()
    });
    if in_force.is_none() {
        typed.narrowed = None;
    }
    Some(LiveGrant::new(in_force.unwrap_or(approved), overlays))
}

fn endpoint(dice: &mut Dice) -> Typing {
    let needed = dice.some(&SCOPES);
    (dice.one(&METHODS), dice.one(&PATTERNS), needed)
}

fn typed(dice: &mut Dice) -> Typed {
    let mut typed = Typed {
        scopes: dice.some(&SCOPES),
        endpoints: (0..1 + dice.roll(5)).map(|_| endpoint(dice)).collect(),
        networks: (dice.roll(3) > 0)
            .then(|| dice.some(&NETWORKS))
            .filter(|networks| !networks.is_empty()),
        hours: dice.roll(HOURS.len()),
        narrowed: None,
        lent: Vec::new(),
    };
    if dice.roll(2) == 0 {
        let networks = typed.networks.clone();
        typed.narrowed = Some(Narrowed {
            scopes: dice.some(&typed.scopes.clone()),
            endpoints: typed
                .endpoints
                .iter()
                .filter(|_| dice.roll(4) > 0)
                .cloned()
                .collect(),
            networks: match networks {
                None => None,
                Some(all) => Some(dice.some(&all))
                    .filter(|some| !some.is_empty())
                    .or(Some(all)),
            },
            hours: if dice.roll(3) == 0 {
                dice.roll(HOURS.len())
            } else {
                typed.hours
            },
        });
    }
    for _ in 0..dice.roll(6) {
        let mut endpoints: Vec<Typing> = Vec::new();
        for _ in 0..1 + dice.roll(8) / 7 {
            let one = endpoint(dice);
            if !endpoints
                .iter()
                .any(|other| (other.0, other.1) == (one.0, one.1))
            {
                endpoints.push(one);
            }
        }
        typed.lent.push((endpoints, minute(dice)));
    }
    typed
}

/// The bits of an address, with IPv4 as the addresses of RFC 4291, section 2.5.5.2.
fn bits(address: &str) -> Option<u128> {
    Some(match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}

fn is_in(address: &str, network: &str) -> bool {
    let (base, length) = network.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    let length = if base.contains(':') {
        length
    } else {
        length + 96
    };
    let (address, base) = (bits(address).unwrap(), bits(base).unwrap());
    (0..length).all(|bit| (address ^ base) >> (127 - bit) & 1 == 0)
}

fn fits(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap().replace("%C3%A9", "\u{e9}");
    let (patterns, parts): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    for (at, pattern) in patterns.iter().enumerate() {
        let part = parts.get(at).copied();
        if pattern.ends_with("...}") {
            return part.is_some_and(|part| !part.is_empty());
        }
        let fits = match part {
            Some(part) if pattern.starts_with('{') => !part.is_empty(),
            Some(part) => part == *pattern,
            None => false,
        };
        if !fits {
            return false;
        }
    }
    patterns.len() == parts.len()
}

fn can_be_read(path: &str) -> bool {
    !["//", "..", "%2e", ";"]
        .iter()
        .any(|odd| path.split('?').next().unwrap().contains(odd))
        && path.starts_with('/')
}

struct Asked {
    state: KeyState,
    suspended: bool,
    now: i64,
    expires: i64,
    places: Vec<Place>,
    raw: RawCall<'static>,
}

fn asked(dice: &mut Dice) -> Asked {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActivation, Suspended};
    let rare = [
        Suspended,
        PreActivation,
        Deactivated,
        Compromised,
        Destroyed,
    ];
    Asked {
        state: if dice.roll(8) == 0 {
            dice.one(&rare)
        } else {
            Active
        },
        suspended: dice.roll(16) == 0,
        now: minute(dice),
        expires: dice.mostly(&[i64::MAX], &[0]),
        places: [
            vec![HERE],
            vec![THERE, HERE],
            vec![HERE],
            vec![THERE],
            vec![],
        ][dice.roll(5)]
        .clone(),
        raw: RawCall {
            method: dice.mostly(&METHODS, &["HEAD", "get"]),
            path: dice.mostly(&PATHS, &ODD_PATHS),
            source_ip: dice.mostly(&ADDRESSES, &["1.2.3"]),
            scheme: dice.mostly(&["https"], &["http", "HTTPS"]),
            scope: dice.mostly(&[None, Some("read"), Some("admin")], &[Some("a b")]),
        },
    }
}

fn model(typed: &Typed, asked: &Asked) -> Option<Reason> {
    let raw = &asked.raw;
    let malformed = raw.method == "get"
        || raw.scheme == "HTTPS"
        || raw.scope == Some("a b")
        || raw.source_ip == "1.2.3"
        || !can_be_read(raw.path);
    if malformed {
        return Some(Reason::Malformed);
    }
    let narrowed = typed.narrowed.as_ref();
    let scopes: Vec<&str> = typed
        .scopes
        .iter()
        .copied()
        .filter(|scope| narrowed.is_none_or(|to| to.scopes.contains(scope)))
        .collect();
    let is_kept = |one: &&Typing| {
        narrowed.is_none_or(|to| {
            to.endpoints
                .iter()
                .any(|kept| (kept.0, kept.1) == (one.0, one.1) && names(&kept.2) == names(&one.2))
        })
    };
    // What opens endpoints, with the scopes that it has: the grant, and each overlay in its time.
    let own: Vec<&Typing> = typed.endpoints.iter().filter(is_kept).collect();
    let mut layers = vec![(own, scopes.clone())];
    for (endpoints, until) in &typed.lent {
        if asked.now < *until {
            let needed = endpoints.iter().flat_map(|one| one.2.iter().copied());
            let added = needed.filter(|scope| !typed.scopes.contains(scope));
            let scopes = scopes.iter().copied().chain(added).collect();
            layers.push((endpoints.iter().collect(), scopes));
        }
    }
    let opening: Vec<&Vec<&str>> = layers
        .iter()
        .filter(|(endpoints, scopes)| {
            endpoints.iter().any(|(method, pattern, needed)| {
                *method == raw.method
                    && fits(pattern, raw.path)
                    && !needed.is_empty()
                    && needed.iter().all(|scope| scopes.contains(scope))
            })
        })
        .map(|(_, scopes)| scopes)
        .collect();
    let opened = !opening.is_empty();
    let has_scope = raw
        .scope
        .is_none_or(|scope| opening.iter().any(|scopes| scopes.contains(&scope)));
    let minute = asked.now / 60_000_000 - 4 * 24 * 60;
    let (day, minute) = (minute / 1440 % 7, minute % 1440);
    let is_in_hours = |hours: usize| {
        let spans = HOURS[hours].spans;
        spans.is_empty()
            || spans
                .iter()
                .any(|(on, from, to)| day == *on && (*from..*to).contains(&minute))
    };
    let is_from = |networks: &Option<Vec<&str>>| {
        networks
            .as_ref()
            .is_none_or(|all| all.iter().any(|network| is_in(raw.source_ip, network)))
    };
    let state = asked.state.code();
    let reasons = [
        (
            state == "pre_activation" || state == "suspended" || asked.suspended,
            Reason::NotActive,
        ),
        (
            ["deactivated", "compromised", "destroyed"].contains(&state),
            Reason::Revoked,
        ),
        (asked.now >= asked.expires, Reason::Expired),
        (!asked.places.contains(&HERE), Reason::WrongEnvironment),
        (raw.scheme == "http", Reason::PlaintextTransport),
        (
            !is_from(&typed.networks) || !narrowed.is_none_or(|to| is_from(&to.networks)),
            Reason::SourceNetwork,
        ),
        (
            !is_in_hours(typed.hours) || !narrowed.is_none_or(|to| is_in_hours(to.hours)),
            Reason::TimeWindow,
        ),
        (!opened, Reason::Endpoint),
        (!has_scope, Reason::Scope),
    ];
    reasons
        .iter()
        .find(|(applies, _)| *applies)
        .map(|(_, reason)| *reason)
}

/// Decides, and holds the decision against the model's: what is allowed, and the reason of both.
fn agreed(
    typed: &Typed,
    grant: &Arc<LiveGrant>,
    asked: &Asked,
) -> (Option<Allowed>, Option<Reason>) {
    let entry = KeyEntry {
        key: KeyId::new(Uuid::nil()),
        partner: PartnerId::new(Uuid::nil()),
        state: asked.state,
        expires: Timestamp::from_micros(asked.expires),
        partner_suspended: asked.suspended,
        grant: Arc::clone(grant),
    };
    let now = Timestamp::from_micros(asked.now);
    let decided = Call::parse(asked.raw, &asked.places).and_then(|call| decide(&entry, &call, now));
    let expected = model(typed, asked);
    assert_eq!(
        decided.err(),
        expected,
        "{:?} under {:?} {:?} {:?} {}",
        asked.raw,
        typed.scopes,
        typed.endpoints,
        typed.networks,
        HOURS[typed.hours].typed
    );
    (decided.ok(), expected)
}

/// A grant that the dice show, then calls under it for as long as they show any.
pub(crate) fn agrees_as_shown(bytes: &[u8]) {
    let mut dice = Dice::showing(bytes);
    let mut typed = typed(&mut dice);
    let Some(grant) = granted(&mut typed).map(Arc::new) else {
        return;
    };
    while !dice.are_used_up() {
        agreed(&typed, &grant, &asked(&mut dice));
    }
}

#[test]
fn what_a_fuzzer_shows_agrees_too() {
    dice::show(agrees_as_shown);
}

#[test]
fn a_million_decisions_agree_with_the_model() {
    let mut dice = Dice::Seeded(0x6c61_7463_686b_6579);
    let (mut cases, mut grants, mut of) = (0_usize, 0_usize, BTreeMap::new());
    let (mut lent, mut narrowed) = (0_usize, 0_usize);
    while grants < GRANTS {
        let mut typed = typed(&mut dice);
        let Some(grant) = granted(&mut typed) else {
            continue;
        };
        grants += 1;
        let grant = Arc::new(grant);
        for _ in 0..CALLS {
            let (allowed, expected) = agreed(&typed, &grant, &asked(&mut dice));
            let is_lent = |allowed: Allowed| allowed.rule >= grant.rules().len();
            lent += usize::from(allowed.is_some_and(is_lent));
            narrowed += usize::from(typed.narrowed.is_some());
            *of.entry(expected.map_or("ok", Reason::code))
                .or_insert(0_usize) += 1;
            cases += 1;
        }
    }
    println!(
        "{cases} decisions, {narrowed} under narrowed grants, {lent} let pass by overlays: {of:?}"
    );
    assert!(lent > 2_000, "few passed by an overlay: {lent}");
    assert!(narrowed > 100_000, "few grants were narrowed: {narrowed}");
    assert!(cases >= 1_000_000);
    for code in [
        "ok",
        "malformed",
        "time_window",
        "source_network",
        "endpoint",
        "scope",
    ] {
        assert!(
            of.get(code).is_some_and(|count| *count > 1_000),
            "few are {code}: {of:?}"
        );
    }
}
