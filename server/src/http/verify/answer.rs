//! What `POST /v1/verify` and `/v1/verify/batch` answer.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::id::{KeyId, PartnerId};
use domain::limit::{Counted, Left, Period};
use domain::service::ScopeName;
use domain::token::Kid;
use serde::Serialize;

use crate::http::answer::{Public, problem};
use crate::verify::{Decision, Held, NotReady};

#[derive(Serialize)]
pub(super) struct Answers<'a> {
    pub(super) answers: Vec<Answer<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer<'a> {
    Allowed(Allowed<'a>),
    Denied(Denied),
}

impl<'a> Answer<'a> {
    /// For one call among others that were decided.
    pub(super) const UNSURE: Self = Self::Denied(Denied {
        allowed: false,
        code: "not-ready",
        sentence: "Latchkey cannot decide this call right now. Refuse it, and ask again.",
        retry_after: Some(1),
    });

    pub(super) fn of(decision: &'a Decision) -> Self {
        match decision {
            Decision::Allowed(known, left) => Self::Allowed(Allowed::of(&known.held, left)),
            Decision::Refused(refused) => Self::Denied(Denied::of(refused)),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Allowed<'a> {
    allowed: bool,
    code: &'static str,
    key_id: KeyId,
    kid: Kid,
    partner_id: PartnerId,
    scopes: &'a BTreeSet<ScopeName>,
    rate_per_second: u32,
    limits: Vec<LimitLeft>,
    /// RFC 3339, in UTC.
    expires_at: String,
}

/// One limit, and what is left of it after this call.
#[derive(Serialize)]
struct LimitLeft {
    /// `grant`: of all keys of the grant together; `key`: of this one.
    of: Counted,
    period: Period,
    limit: u32,
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

/// Rounded up: who waits so long has waited long enough.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl<'a> Allowed<'a> {
    fn of(held: &'a Held, left: &[Left]) -> Self {
        let entry = &held.entry;
        Self {
            allowed: true,
            code: "ok",
            key_id: entry.key,
            kid: held.kid,
            partner_id: entry.partner,
            scopes: entry.grant.scopes(),
            rate_per_second: entry.grant.rate().into(),
            limits: left.iter().map(LimitLeft::from).collect(),
            expires_at: entry.expires.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Denied {
    allowed: bool,
    code: &'static str,
    sentence: &'static str,
    /// Whole seconds, where the same call can pass later.
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
            Self::NotReady => "not-ready",
        }
    }

    pub(super) fn into_response(self) -> Response {
        let code = self.code();
        match self {
            Self::Gateway => {
                let mut response = problem(public(
                    StatusCode::UNAUTHORIZED,
                    code,
                    "The header Latchkey-Gateway does not hold a registered gateway's credential.",
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
    use axum::http::header::CONTENT_TYPE;
    use domain::verification::Reason;

    use super::*;

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
