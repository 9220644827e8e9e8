use core::net::IpAddr;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::grant::tests::grant;
use crate::id::{EnvironmentId, ServiceId};
use crate::network::Sources;

const HERE: Place = Place {
    service: ServiceId::new(Uuid::from_u128(1)),
    environment: EnvironmentId::new(Uuid::from_u128(2)),
};
const ELSEWHERE: Place = Place {
    service: ServiceId::new(Uuid::from_u128(1)),
    environment: EnvironmentId::new(Uuid::from_u128(3)),
};
const EXPIRES: Timestamp = Timestamp::from_micros(100);
const NOW: Timestamp = Timestamp::from_micros(50);
const RAW: RawCall<'static> = RawCall {
    method: "GET",
    path: "/shipments/7?full=1",
    source_ip: "192.0.2.7",
    scheme: "https",
    scope: Some("read"),
};

fn entry() -> KeyEntry {
    let sources = Sources::Only("192.0.2.0/24".parse().unwrap());
    KeyEntry {
        key: KeyId::new(Uuid::from_u128(5)),
        partner: PartnerId::new(Uuid::from_u128(6)),
        state: KeyState::Active,
        expires: EXPIRES,
        partner_suspended: false,
        grant: Arc::new(grant(&["read"], sources).into()),
    }
}

fn reason(entry: &KeyEntry, raw: RawCall<'_>, places: &[Place], now: Timestamp) -> Option<Reason> {
    match Call::parse(raw, places) {
        Ok(call) => decide(entry, &call, now).err(),
        Err(reason) => Some(reason),
    }
}

fn with_entry(change: fn(&mut KeyEntry)) -> Option<Reason> {
    let mut entry = entry();
    change(&mut entry);
    reason(&entry, RAW, &[HERE], NOW)
}

fn with_call(change: fn(&mut RawCall<'static>)) -> Option<Reason> {
    let mut raw = RAW;
    change(&mut raw);
    reason(&entry(), raw, &[HERE], NOW)
}

#[test]
fn a_call_within_the_grant_is_allowed() {
    let entry = entry();
    let call = Call::parse(RAW, &[ELSEWHERE, HERE]).unwrap();
    let allowed = decide(&entry, &call, NOW).unwrap();
    let rule = entry.grant.rules().iter().nth(allowed.rule).unwrap();
    assert_eq!(rule.pattern.to_string(), "/shipments/{id}");
}

#[test]
fn a_key_that_is_not_receipted_does_not_work() {
    let refused = with_entry(|e| e.state = KeyState::PreActivation);
    assert_eq!(refused, Some(Reason::NotActive));
}

#[test]
fn a_suspended_key_or_partner_is_refused() {
    assert_eq!(
        with_entry(|e| e.state = KeyState::Suspended),
        Some(Reason::NotActive)
    );
    assert_eq!(
        with_entry(|e| e.partner_suspended = true),
        Some(Reason::NotActive)
    );
}

#[test]
fn a_revoked_key_is_refused() {
    assert_eq!(
        with_entry(|e| e.state = KeyState::Deactivated),
        Some(Reason::Revoked)
    );
    assert_eq!(
        with_entry(|e| e.state = KeyState::Compromised),
        Some(Reason::Revoked)
    );
    assert_eq!(
        with_entry(|e| e.state = KeyState::Destroyed),
        Some(Reason::Revoked)
    );
}

#[test]
fn an_expired_key_is_refused() {
    assert_eq!(with_entry(|e| e.expires = NOW), Some(Reason::Expired));
}

#[test]
fn a_key_never_crosses_environments() {
    assert_eq!(
        reason(&entry(), RAW, &[ELSEWHERE], NOW),
        Some(Reason::WrongEnvironment)
    );
    assert_eq!(
        reason(&entry(), RAW, &[], NOW),
        Some(Reason::WrongEnvironment)
    );
}

#[test]
fn a_call_in_the_clear_is_refused() {
    assert_eq!(
        with_call(|c| c.scheme = "http"),
        Some(Reason::PlaintextTransport)
    );
}

#[test]
fn a_call_from_another_network_is_refused() {
    assert_eq!(
        with_call(|c| c.source_ip = "198.51.100.1"),
        Some(Reason::SourceNetwork)
    );
    assert_eq!(with_call(|c| c.source_ip = "::ffff:192.0.2.9"), None);
}

#[test]
fn a_call_to_another_endpoint_is_refused() {
    assert_eq!(
        with_call(|c| c.path = "/shipments/7/labels"),
        Some(Reason::Endpoint)
    );
    assert_eq!(with_call(|c| c.method = "HEAD"), Some(Reason::Endpoint));
    assert_eq!(with_call(|c| c.method = "DELETE"), Some(Reason::Endpoint));
}

#[test]
fn a_scope_that_was_not_granted_is_refused() {
    assert_eq!(with_call(|c| c.scope = Some("write")), Some(Reason::Scope));
    assert_eq!(with_call(|c| c.scope = None), None);
}

#[test]
fn what_cannot_be_read_in_one_way_is_malformed() {
    let changes: [fn(&mut RawCall<'static>); 9] = [
        |c| c.method = "get",
        |c| c.method = "",
        |c| c.path = "/shipments/../admin",
        |c| c.path = "shipments",
        |c| c.source_ip = "192.0.2.7, 10.0.0.1",
        |c| c.source_ip = "",
        |c| c.scheme = "HTTPS",
        |c| c.scope = Some("read write"),
        |c| c.scope = Some(" read"),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        assert_eq!(with_call(change), Some(Reason::Malformed), "change {i}");
    }
}

#[test]
fn the_codes_are_the_contract() {
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(
        codes.join(" "),
        "malformed unknown not_active revoked expired wrong_environment plaintext_transport \
         source_network time_window endpoint scope rate_limit quota"
    );
    assert!(
        Reason::ALL
            .iter()
            .all(|reason| reason.sentence().ends_with('.'))
    );
}

/// The obvious model: every reason that applies, and the first in the order of the codes.
fn model(entry: &KeyEntry, raw: &RawCall<'_>, places: &[Place], now: Timestamp) -> Option<Reason> {
    let mut reasons = Vec::new();
    let mut apply = |applies: bool, reason| {
        if applies {
            reasons.push(reason);
        }
    };
    let source: IpAddr = raw.source_ip.parse().unwrap();
    let segments: Vec<&str> = raw.path.split('/').skip(1).collect();
    let endpoint =
        raw.method == "GET" && matches!(segments[..], ["shipments"] | ["shipments", "7" | "8"]);
    let state = entry.state.code();
    apply(raw.path.contains(".."), Reason::Malformed);
    apply(
        ["pre_activation", "suspended"].contains(&state),
        Reason::NotActive,
    );
    apply(entry.partner_suspended, Reason::NotActive);
    apply(
        ["deactivated", "compromised", "destroyed"].contains(&state),
        Reason::Revoked,
    );
    apply(now.micros() >= entry.expires.micros(), Reason::Expired);
    apply(!places.contains(&HERE), Reason::WrongEnvironment);
    apply(raw.scheme == "http", Reason::PlaintextTransport);
    apply(
        !source.to_string().starts_with("192.0.2."),
        Reason::SourceNetwork,
    );
    apply(!endpoint, Reason::Endpoint);
    apply(
        raw.scope.is_some_and(|scope| scope != "read"),
        Reason::Scope,
    );
    reasons.into_iter().min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_decision_agrees_with_the_model(
        state in prop::sample::select(vec![
            KeyState::Active, KeyState::Active, KeyState::Active, KeyState::PreActivation,
            KeyState::Suspended, KeyState::Deactivated, KeyState::Compromised, KeyState::Destroyed,
        ]),
        partner_suspended in prop::bool::weighted(0.1),
        now in prop::sample::select(vec![0_i64, 50, 99, 100, 101]),
        places in prop::sample::subsequence(vec![ELSEWHERE, HERE, HERE, HERE], 0..=4),
        method in prop::sample::select(vec!["GET", "GET", "POST", "HEAD"]),
        path in prop::sample::select(vec![
            "/shipments", "/shipments/7", "/shipments/8", "/shipments/", "/", "/a/../shipments",
            "/labels/x", "/shipments/7/8",
        ]),
        source_ip in prop::sample::select(vec!["192.0.2.7", "192.0.2.255", "192.0.20.7", "2001:db8::1"]),
        scheme in prop::sample::select(vec!["https", "https", "http"]),
        scope in prop::sample::select(vec![None, Some("read"), Some("write")]),
    ) {
        let entry = KeyEntry { state, partner_suspended, ..ENTRY.with(Clone::clone) };
        let raw = RawCall { method, path, source_ip, scheme, scope };
        let now = Timestamp::from_micros(now);
        prop_assert_eq!(reason(&entry, raw, &places, now), model(&entry, &raw, &places, now));
    }
}

thread_local! {
    static ENTRY: KeyEntry = entry();
}
