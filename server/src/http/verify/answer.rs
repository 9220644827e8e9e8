//! What `POST /v1/verify` and `/v1/verify/batch` answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::id::{KeyId, PartnerId};
use domain::limit::{Counted, Left, Period};
use domain::service::ScopeName;
use domain::time::Timestamp;
use domain::token::Kid;
use domain::verification::Reason;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use super::question::{Unreadable, one_of};
use crate::http::answer::{Public, problem};
use crate::verify::{Decision, Known, NotReady};

/// The code of a call that may pass.
pub(super) const OK: &str = "ok";
/// The code where there is no decision for now.
const NOT_READY: &str = "not-ready";

/// The decisions on several calls.
#[derive(Serialize, ToSchema)]
#[schema(as = Decisions)]
pub(in crate::http) struct Answers<'a> {
    /// In the order of the calls.
    pub(super) answers: Vec<Answer<'a>>,
}

/// The decision on one call.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Decision)]
pub(in crate::http) enum Answer<'a> {
    Allowed(Allowed<'a>),
    Denied(Denied),
}

impl<'a> Answer<'a> {
    /// For one call among others that were decided.
    pub(super) const UNSURE: Self = Self::Denied(Denied {
        allowed: false,
        code: NOT_READY,
        sentence: "Latchkey cannot decide this call right now. Refuse it, and ask again.",
        retry_after: Some(1),
    });

    pub(super) fn of(decision: &'a Decision) -> Self {
        match decision {
            Decision::Allowed(known, left) => Self::Allowed(Allowed::of(known, left)),
            Decision::Refused(refused) => Self::Denied(Denied::of(refused)),
        }
    }
}

/// The call may pass.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Allowed<'a> {
    #[schema(schema_with = yes)]
    allowed: bool,
    #[schema(schema_with = ok)]
    code: &'static str,
    /// The key's id, as in the portal's addresses.
    #[schema(value_type = String, format = Uuid)]
    key_id: KeyId,
    /// The eight characters by which the key is known: they follow its prefix.
    #[schema(value_type = String, min_length = 8, max_length = 8)]
    kid: Kid,
    /// The organisation whose key it is.
    #[schema(value_type = String, format = Uuid)]
    partner_id: PartnerId,
    /// Granted to the key, whichever of them this call needs.
    #[schema(value_type = Vec<String>)]
    scopes: &'a BTreeSet<ScopeName>,
    /// Calls a second that the grant allows.
    rate_per_second: u32,
    /// What is left of each limit after this call.
    #[schema(value_type = Vec<LimitLeft>)]
    limits: Limits<'a>,
    /// When the key ends: RFC 3339, in UTC.
    #[serde(serialize_with = "rfc_3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// One limit, and what is left of it after this call.
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(in crate::http) struct LimitLeft {
    #[schema(schema_with = counted)]
    of: Counted,
    #[schema(schema_with = period)]
    period: Period,
    /// Calls in one period.
    limit: u32,
    /// Calls that are left now.
    remaining: u32,
    /// Whole seconds until all of it is there again.
    resets_in: u64,
}

impl From<&Left> for LimitLeft {
    fn from(left: &Left) -> Self {
        Self {
            of: left.counted,
            period: left.period,
            limit: left.limit.into(),
            remaining: left.calls,
            resets_in: whole_seconds(left.full_after),
        }
    }
}

/// Written one by one, without a list of them.
struct Limits<'a>(&'a [Left]);

impl Serialize for Limits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(LimitLeft::from))
    }
}

fn rfc_3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Rounded up: who waits so long has waited long enough.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl<'a> Allowed<'a> {
    /// What serde would write, for most answers are this one. None of its texts has anything to
    /// escape: ids, codes, names of scopes and a time.
    pub(super) fn write(&self, out: &mut String) {
        let mut number = itoa::Buffer::new();
        out.push_str(r#"{"allowed":true,"code":""#);
        out.push_str(self.code);
        out.push_str(r#"","key_id":""#);
        write_id(out, self.key_id.uuid());
        out.push_str(r#"","kid":""#);
        out.push_str(self.kid.as_str());
        out.push_str(r#"","partner_id":""#);
        write_id(out, self.partner_id.uuid());
        out.push_str(r#"","scopes":["#);
        for (at, scope) in self.scopes.iter().enumerate() {
            out.push_str(if at == 0 { "\"" } else { ",\"" });
            out.push_str(scope.as_str());
            out.push('"');
        }
        out.push_str(r#"],"rate_per_second":"#);
        out.push_str(number.format(self.rate_per_second));
        out.push_str(r#","limits":["#);
        for (at, left) in self.limits.0.iter().map(LimitLeft::from).enumerate() {
            out.push_str(if at == 0 { r#"{"of":""# } else { r#",{"of":""# });
            out.push_str(left.of.code());
            out.push_str(r#"","period":""#);
            out.push_str(left.period.code());
            out.push_str(r#"","limit":"#);
            out.push_str(number.format(left.limit));
            out.push_str(r#","remaining":"#);
            out.push_str(number.format(left.remaining));
            out.push_str(r#","resets_in":"#);
            out.push_str(number.format(left.resets_in));
            out.push('}');
        }
        out.push_str(r#"],"expires_at":""#);
        // Texts take whatever is written to them.
        let _ = write!(out, "{}", self.expires_at);
        out.push_str("\"}");
    }

    fn of(known: &'a Known, left: &'a [Left]) -> Self {
        let held = &known.held;
        let entry = &held.entry;
        Self {
            allowed: true,
            code: OK,
            key_id: entry.key,
            kid: held.kid,
            partner_id: entry.partner,
            scopes: known.scopes(),
            rate_per_second: entry.grant.rate().into(),
            limits: Limits(left),
            expires_at: entry.expires,
        }
    }
}

fn write_id(out: &mut String, id: Uuid) {
    out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

/// The call must not pass.
#[derive(Serialize, ToSchema)]
#[schema(as = Refused)]
pub(in crate::http) struct Denied {
    #[schema(schema_with = no)]
    allowed: bool,
    #[schema(schema_with = reason)]
    code: &'static str,
    /// The same in words, for whoever made the call.
    sentence: &'static str,
    /// Whole seconds until the same call can pass, where time alone refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Denied {
    fn of(refused: &crate::verify::Refused) -> Self {
        Self {
            allowed: false,
            code: refused.reason.code(),
            sentence: refused.reason.sentence(),
            retry_after: refused.retry_after.map(whole_seconds),
        }
    }
}

fn just(truth: bool) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .enum_values(Some([truth]))
        .build()
}

fn yes() -> Object {
    just(true)
}

fn no() -> Object {
    just(false)
}

fn ok() -> Object {
    one_of("It may pass.", [OK])
}

fn reason() -> Object {
    let reasons = Reason::ALL.iter().map(|reason| reason.code());
    one_of(
        "Why. `not-ready` stands in a batch alone, for a call that cannot be decided right now.",
        reasons.chain([NOT_READY]),
    )
}

fn counted() -> Object {
    one_of(
        "Whose calls it counts: those of all keys of the grant together, or of this key.",
        Counted::ALL.iter().map(|counted| counted.code()),
    )
}

fn period() -> Object {
    one_of(
        "Rates by the second, minute and hour; quotas by the day and month of the calendar in UTC.",
        Period::ALL.iter().map(|period| period.code()),
    )
}

/// Why there is no decision.
#[derive(Debug)]
pub(super) enum Refused {
    Gateway,
    Body(&'static str),
    NotReady,
}

impl From<NotReady> for Refused {
    fn from(_: NotReady) -> Self {
        Self::NotReady
    }
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        Self::Body(match unreadable {
            Unreadable::Json => {
                "The JSON cannot be read: a field is missing, unknown or of the wrong type."
            }
            Unreadable::Count => "Ask about 1 to 100 calls at a time.",
        })
    }
}

pub(super) fn public(status: StatusCode, code: &'static str, sentence: &str) -> Public {
    Public {
        status,
        code,
        sentence: sentence.to_owned(),
        fields: Vec::new(),
        retry_after: None,
    }
}

impl Refused {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Gateway => "unknown-gateway",
            Self::Body(_) => "bad-request",
            Self::NotReady => NOT_READY,
        }
    }

    pub(super) fn into_response(self) -> Response {
        let code = self.code();
        match self {
            Self::Gateway => {
                let mut response = problem(public(
                    StatusCode::UNAUTHORIZED,
                    code,
                    "The question did not come from a registered gateway: the header Latchkey-Gateway does not hold the credential of one.",
                ));
                // RFC 9110, section 15.5.2, asks for a challenge.
                let challenge = HeaderValue::from_static("Latchkey-Gateway");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
            Self::Body(sentence) => problem(public(StatusCode::BAD_REQUEST, code, sentence)),
            Self::NotReady => problem(Public {
                retry_after: Some(1),
                ..public(
                    StatusCode::SERVICE_UNAVAILABLE,
                    code,
                    "Latchkey cannot be sure of its keys right now. Refuse the call, and ask again.",
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::CONTENT_TYPE;

    #[test]
    fn a_call_that_passes_is_answered_as_serde_would() {
        let named = |names: &[&str]| -> BTreeSet<ScopeName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let left = |counted, period, calls: u32| Left {
            counted,
            period,
            limit: 1_000_000_000.try_into().unwrap(),
            calls,
            full_after: Duration::from_micros(1_000_001),
        };
        let every_limit: Vec<Left> = Counted::ALL
            .iter()
            .flat_map(|counted| Period::ALL.iter().map(move |period| (*counted, *period)))
            .zip((0..u32::MAX).step_by(400_000_000))
            .map(|((counted, period), calls)| left(counted, period, calls))
            .collect();
        // Every character that the name of a scope may have.
        let scopes = [
            named(&[]),
            named(&["a"]),
            named(&["abcdefghijklmnopqrstuvwxyz", "z0123456789._-:", "read"]),
        ];
        for scopes in &scopes {
            for limits in [0, 1, every_limit.len()] {
                for expires in [
                    i64::MIN,
                    -1,
                    0,
                    1_803_055_200_000_000,
                    1_803_055_200_123_456,
                    i64::MAX,
                ] {
                    let allowed = Allowed {
                        allowed: true,
                        code: OK,
                        key_id: KeyId::new(Uuid::from_u128(0xfeed << 90)),
                        kid: "0aPq77Lm".parse().unwrap(),
                        partner_id: PartnerId::new(Uuid::max()),
                        scopes,
                        rate_per_second: u32::MAX,
                        limits: Limits(&every_limit[..limits]),
                        expires_at: Timestamp::from_micros(expires),
                    };
                    let mut written = String::new();
                    allowed.write(&mut written);
                    assert_eq!(written, serde_json::to_string(&allowed).unwrap());
                }
            }
        }
    }

    #[test]
    fn a_refusal_names_its_code() {
        let refused = crate::verify::Refused::from(Reason::SourceNetwork);
        let json = serde_json::to_value(Denied::of(&refused)).unwrap();
        assert_eq!(json["code"], "source_network");
        assert_eq!(json["allowed"], false);
        assert_eq!(json.get("retry_after"), None);
    }

    #[test]
    fn without_a_decision_the_status_says_why() {
        for (refused, status) in [
            (Refused::Gateway, 401),
            (Refused::Body("No."), 400),
            (Refused::NotReady, 503),
        ] {
            let response = refused.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        }
    }
}
