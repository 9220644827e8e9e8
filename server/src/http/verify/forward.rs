//! `ANY /v1/forward-auth`: the question of a gateway that forwards a call's headers and goes by the
//! status of the answer (`docs/gateways.md`). The gateway's registered kind says which headers
//! describe the call; all others of them are the client's own words and are not read.

mod called;

use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::limit::{Left, Period};
use domain::state::GatewayKind;
use domain::verification::Reason;

use super::admitted;
use super::answer::{OK, Refused, public, whole_seconds};
use super::assertion;
use crate::http::answer::problem;
use crate::portal::Portal;
use crate::verify::{Decision, Known, Refused as NotAllowed};
use called::{Called, Unclear};

/// What a backend may believe of the caller. Each is in each answer, empty where there is nothing
/// to say, so that a gateway which copies them overwrites what a client sent under their names.
pub(in crate::http) const IDENTITY: [HeaderName; 6] = [
    HeaderName::from_static("latchkey-key-id"),
    HeaderName::from_static("latchkey-kid"),
    HeaderName::from_static("latchkey-partner-id"),
    HeaderName::from_static("latchkey-scopes"),
    HeaderName::from_static("latchkey-reason"),
    HeaderName::from_static("latchkey-assertion"),
];

/// The code where the call came without a key.
pub(in crate::http) const NO_KEY: &str = "no-key";

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

pub async fn forward_auth(State(portal): State<Portal>, request: Request) -> Response {
    let gateway = match admitted(&portal, &request) {
        Ok(gateway) => gateway,
        Err(refused) => return unanswered(&refused),
    };
    let called = match Called::read(gateway.kind(), gateway.proxies(), &request) {
        Ok(called) => called,
        Err(Unclear::NoKey) => return challenge(),
        Err(Unclear::Call) => return refusal(gateway.kind(), &Reason::Malformed.into(), None),
        Err(Unclear::Gateway(sentence)) => return unanswered(&Refused::Body(sentence)),
    };
    let question = called.question();
    match portal
        .engine
        .verify(&gateway, called.key(), &question, portal.now())
    {
        Ok(Decision::Allowed(known, left)) => {
            let signed = gateway
                .signs()
                .then(|| assertion::signed(&portal, &gateway, &known, &question.call));
            accepted(&known, &left, signed.as_deref().unwrap_or_default())
        }
        Ok(Decision::Refused(refused)) => refusal(gateway.kind(), &refused, called.scope()),
        Err(not_ready) => unanswered(&not_ready.into()),
    }
}

fn accepted(known: &Known, left: &[Left], assertion: &str) -> Response {
    let held = &known.held;
    let scopes: Vec<&str> = known
        .scopes()
        .iter()
        .map(domain::service::ScopeName::as_str)
        .collect();
    let mut response = StatusCode::OK.into_response();
    let values = [
        &held.entry.key.to_string(),
        &held.kid.to_string(),
        &held.entry.partner.to_string(),
        &scopes.join(" "),
        OK,
        assertion,
    ];
    identify(response.headers_mut(), values);
    limits(response.headers_mut(), left);
    response
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4):
/// `"grant-second";q=50;w=1` and `"grant-second";r=49;t=1`. A month has no one length, so it has no
/// window.
fn limits(headers: &mut HeaderMap, left: &[Left]) {
    let (mut policy, mut now) = (String::new(), String::new());
    for left in left {
        let comma = if policy.is_empty() { "" } else { ", " };
        let name = format!("{}-{}", left.counted, left.period);
        let window = match left.period {
            Period::Second => ";w=1",
            Period::Minute => ";w=60",
            Period::Hour => ";w=3600",
            Period::Day => ";w=86400",
            Period::Month => "",
        };
        policy += &format!("{comma}\"{name}\";q={}{window}", left.limit);
        let resets = whole_seconds(left.full_after);
        now += &format!("{comma}\"{name}\";r={};t={resets}", left.calls);
    }
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// No credentials came: a bare challenge, without an error code (RFC 6750, section 3.1).
fn challenge() -> Response {
    let sentence = "Send the key as `Authorization: Bearer`, or as `X-Api-Key`.";
    let mut response = problem(public(StatusCode::UNAUTHORIZED, NO_KEY, sentence));
    challenge_with(&mut response, HeaderValue::from_static("Bearer"));
    refused_for(&mut response, Reason::Malformed);
    response
}

fn refusal(kind: GatewayKind, refused: &NotAllowed, scope: Option<&str>) -> Response {
    let reason = refused.reason;
    let mut response = problem(crate::http::answer::Public {
        retry_after: refused.retry_after.map(whole_seconds),
        ..public(status(kind, reason), reason.code(), reason.sentence())
    });
    if let Some(value) = bearer(reason, scope) {
        challenge_with(&mut response, value);
    }
    refused_for(&mut response, reason);
    response
}

/// There is no decision, so the call must not pass. It is not the client's fault: no 401, which
/// nginx would hand on as if it were.
fn unanswered(refused: &Refused) -> Response {
    let sentence = match refused {
        Refused::Gateway => {
            tracing::warn!("a question came without a registered gateway's credential");
            "This gateway is not registered with Latchkey, so no call passes through it."
        }
        Refused::Body(sentence) => {
            tracing::warn!(%sentence, "a gateway's question cannot be read");
            "This gateway does not describe its calls to Latchkey, so none passes through it."
        }
        Refused::NotReady => "Latchkey cannot be sure of its keys right now. Try again soon.",
    };
    let mut response = problem(crate::http::answer::Public {
        retry_after: matches!(refused, Refused::NotReady).then_some(1),
        ..public(StatusCode::SERVICE_UNAVAILABLE, refused.code(), sentence)
    });
    identify(response.headers_mut(), [""; 6]);
    response
}

/// nginx hands on 401 and 403 alone, and answers 500 for everything else.
pub(in crate::http) const fn status(kind: GatewayKind, reason: Reason) -> StatusCode {
    let is_nginx = matches!(kind, GatewayKind::Nginx);
    match reason {
        Reason::Unknown | Reason::NotActive | Reason::Revoked | Reason::Expired => {
            StatusCode::UNAUTHORIZED
        }
        Reason::Malformed if !is_nginx => StatusCode::BAD_REQUEST,
        Reason::RateLimit | Reason::Quota if !is_nginx => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    }
}

/// The challenge of RFC 6750, section 3.1, where one of its error codes fits.
fn bearer(reason: Reason, scope: Option<&str>) -> Option<HeaderValue> {
    let value = match (reason, scope) {
        (Reason::Malformed, _) => "Bearer error=\"invalid_request\"".to_owned(),
        (Reason::Unknown | Reason::NotActive | Reason::Revoked | Reason::Expired, _) => {
            "Bearer error=\"invalid_token\"".to_owned()
        }
        (Reason::Scope, Some(scope)) => {
            format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")
        }
        (Reason::Scope | Reason::Endpoint, _) => "Bearer error=\"insufficient_scope\"".to_owned(),
        _ => return None,
    };
    HeaderValue::try_from(value).ok()
}

fn challenge_with(response: &mut Response, value: HeaderValue) {
    response.headers_mut().insert(WWW_AUTHENTICATE, value);
}

fn refused_for(response: &mut Response, reason: Reason) {
    identify(response.headers_mut(), ["", "", "", "", reason.code(), ""]);
}

fn identify(headers: &mut HeaderMap, values: [&str; 6]) {
    for (name, value) in IDENTITY.into_iter().zip(values) {
        // Ids, scopes, codes and base64url are visible ASCII.
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::limit::Counted;

    use super::*;

    #[test]
    fn nginx_is_only_told_what_it_hands_on() {
        for reason in Reason::ALL.iter().copied() {
            let status = status(GatewayKind::Nginx, reason).as_u16();
            assert!(matches!(status, 401 | 403), "{reason:?} {status}");
        }
    }

    #[test]
    fn each_reason_has_its_status() {
        for (reason, expected) in [
            (Reason::Malformed, 400),
            (Reason::Unknown, 401),
            (Reason::Expired, 401),
            (Reason::WrongEnvironment, 403),
            (Reason::PlaintextTransport, 403),
            (Reason::SourceNetwork, 403),
            (Reason::Endpoint, 403),
            (Reason::RateLimit, 429),
            (Reason::Quota, 429),
        ] {
            assert_eq!(status(GatewayKind::Caddy, reason), expected, "{reason:?}");
        }
    }

    #[test]
    fn a_missing_scope_is_named_in_the_challenge() {
        let value = bearer(Reason::Scope, Some("parcels:write")).unwrap();
        let expected = "Bearer error=\"insufficient_scope\", scope=\"parcels:write\"";
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_left_of_each_limit_is_told() {
        let left = |counted, period, limit: u32, calls, full_after| Left {
            counted,
            period,
            limit: limit.try_into().unwrap(),
            calls,
            full_after,
        };
        let second = Duration::from_millis(20);
        let month = Duration::from_secs(86_400);
        let mut headers = HeaderMap::new();
        limits(
            &mut headers,
            &[
                left(Counted::Grant, Period::Second, 50, 49, second),
                left(Counted::Key, Period::Month, 9, 0, month),
            ],
        );
        assert_eq!(
            headers[RATE_LIMIT_POLICY],
            "\"grant-second\";q=50;w=1, \"key-month\";q=9"
        );
        assert_eq!(
            headers[RATE_LIMIT],
            "\"grant-second\";r=49;t=1, \"key-month\";r=0;t=86400"
        );
    }

    #[test]
    fn a_call_that_comes_too_soon_is_told_when_to_come_again() {
        let refused = NotAllowed {
            retry_after: Some(Duration::from_millis(1_001)),
            ..Reason::RateLimit.into()
        };
        let answer = refusal(GatewayKind::Caddy, &refused, None);
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "2");
    }

    #[test]
    fn every_answer_overwrites_every_identity_header() {
        let answers = [
            challenge(),
            refusal(GatewayKind::Nginx, &Reason::Endpoint.into(), None),
            unanswered(&Refused::Gateway),
            unanswered(&Refused::NotReady),
        ];
        for answer in answers {
            for name in &IDENTITY {
                assert!(answer.headers().contains_key(name), "{name}");
            }
        }
    }

    #[test]
    fn without_a_decision_the_client_is_not_blamed() {
        for refused in [Refused::Gateway, Refused::Body("No."), Refused::NotReady] {
            assert_eq!(unanswered(&refused).status(), 503);
        }
    }
}
