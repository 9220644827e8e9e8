//! `POST /v1/verify`: a gateway asks whether a key may make a call (`docs/gateways.md`). A decision
//! is always 200; other statuses mean that there is none, and the gateway must refuse the call.

mod forward;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Json, Response};
use domain::id::{EnvironmentId, KeyId, PartnerId, ServiceId};
use domain::limit::{Counted, Left, Period};
use domain::service::ScopeName;
use domain::token::Kid;
use domain::verification::RawCall;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroize as _;

use crate::http::answer::{Public, problem};
use crate::portal::Portal;
use crate::verify::{Decision, Gateway, Held, NotReady, Question};

pub use forward::forward_auth;

/// The header by which a gateway identifies itself; `Authorization` holds the client's key.
const GATEWAY: &str = "latchkey-gateway";

/// Calls in one question at most.
const BATCH: usize = 100;

pub async fn verify(State(portal): State<Portal>, request: Request) -> Response {
    answered(&portal, request, answer).await
}

/// `POST /v1/verify/batch`: several calls in one question, at most [`BATCH`]. Each is decided and
/// counted by itself, in their order, as if it were asked alone.
pub async fn verify_batch(State(portal): State<Portal>, request: Request) -> Response {
    answered(&portal, request, answer_batch).await
}

type Answering = fn(&Portal, &Gateway, &[u8]) -> Result<Response, Refused>;

async fn answered(portal: &Portal, request: Request, answer: Answering) -> Response {
    let gateway = match admitted(portal, request.headers()) {
        Ok(gateway) => gateway,
        Err(refusal) => return refusal.into_response(),
    };
    let is_json = is_json(request.headers());
    let Ok(body) = Bytes::from_request(request, portal).await else {
        return Refused::Body("The body is too large or did not arrive whole.").into_response();
    };
    let answer = if is_json {
        answer(portal, &gateway, &body)
    } else {
        Err(Refused::Body("Send JSON, as application/json."))
    };
    wipe(body);
    answer.unwrap_or_else(Refused::into_response)
}

/// What verification is held against: the same way in and out, the same reading of the body and an
/// answer of the same length, and nothing in between.
#[cfg(feature = "bench")]
pub async fn constant(State(portal): State<Portal>, request: Request) -> Response {
    const ANSWER: &str = r#"{"allowed":true,"code":"ok","key_id":"00000000-0000-0000-0000-000000000000","kid":"00000000","partner_id":"00000000-0000-0000-0000-000000000000","scopes":["shipments:read"],"rate_per_second":100000,"limits":[{"of":"grant","period":"second","limit":100000,"remaining":99999,"resets_in":1},{"of":"grant","period":"month","limit":1000000000,"remaining":999999999,"resets_in":777600}],"expires_at":"2027-01-01T00:00:00.000000Z"}"#;
    let body = Bytes::from_request(request, &portal).await;
    std::hint::black_box(&body);
    ([(CONTENT_TYPE, "application/json")], ANSWER).into_response()
}

fn admitted(portal: &Portal, headers: &HeaderMap) -> Result<Gateway, Refused> {
    let mut credentials = headers.get_all(GATEWAY).iter();
    let credential = credentials.next().and_then(|value| value.to_str().ok());
    // Two credentials are no credential: somebody else may have added one.
    let credential = credential.filter(|_| credentials.next().is_none());
    portal
        .engine
        .admit(credential.unwrap_or_default(), portal.now())?
        .ok_or(Refused::Gateway)
}

fn answer(portal: &Portal, gateway: &Gateway, body: &[u8]) -> Result<Response, Refused> {
    let decision = decision(portal, gateway, &read(body)?)?;
    Ok(Json(Answer::of(&decision)).into_response())
}

fn answer_batch(portal: &Portal, gateway: &Gateway, body: &[u8]) -> Result<Response, Refused> {
    let asked = read_batch(body)?;
    let mut decisions = Vec::with_capacity(asked.len());
    for asked in &asked {
        decisions.push(decision(portal, gateway, asked));
    }
    // Where nothing was decided nothing was counted, and the gateway may ask again.
    if let Some(Err(_)) = decisions.first() {
        return Err(Refused::NotReady);
    }
    let answers = decisions
        .iter()
        .map(|decision| decision.as_ref().map_or(Answer::UNSURE, Answer::of));
    let answers = Answers {
        answers: answers.collect(),
    };
    Ok(Json(answers).into_response())
}

fn decision(portal: &Portal, gateway: &Gateway, asked: &Asked<'_>) -> Result<Decision, NotReady> {
    let question = asked.question();
    portal
        .engine
        .verify(gateway, &asked.key.0, &question, portal.now())
}

const UNREADABLE: &str =
    "The JSON cannot be read: a field is missing, unknown or of the wrong type.";

/// All of them, before any is decided.
fn read_batch(body: &[u8]) -> Result<Vec<Asked<'_>>, Refused> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refused::Body(UNREADABLE));
    }
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(|_| Refused::Body(UNREADABLE))?;
    if !(1..=BATCH).contains(&batch.calls.len()) {
        return Err(Refused::Body("Ask about 1 to 100 calls at a time."));
    }
    batch
        .calls
        .into_iter()
        .map(|call| read(call.get().as_bytes()))
        .collect()
}

fn read(body: &[u8]) -> Result<Asked<'_>, Refused> {
    // serde would take a list as well, by position: then no name says what a value is.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refused::Body(UNREADABLE));
    }
    serde_json::from_slice(body).map_err(|_| Refused::Body(UNREADABLE))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    calls: Vec<&'a RawValue>,
}

/// The body. Unknown fields are refused, never ignored (never 9).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow)]
    key: PresentedKey<'a>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    source_ip: Cow<'a, str>,
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    service: Option<ServiceId>,
    environment: Option<EnvironmentId>,
    scope: Option<String>,
}

/// A client's key as it stands in the body: borrowed from it, and wiped where it was copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct PresentedKey<'a>(#[serde(borrow)] Cow<'a, str>);

impl Drop for PresentedKey<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(copy) = &mut self.0 {
            copy.zeroize();
        }
    }
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedKey(…)")
    }
}

impl Asked<'_> {
    fn question(&self) -> Question<'_> {
        Question {
            call: RawCall {
                method: &self.method,
                path: &self.path,
                source_ip: &self.source_ip,
                scheme: &self.scheme,
                scope: self.scope.as_deref(),
            },
            service: self.service,
            environment: self.environment,
        }
    }
}

#[derive(Serialize)]
struct Answers<'a> {
    answers: Vec<Answer<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Allowed(Allowed<'a>),
    Denied(Denied),
}

impl<'a> Answer<'a> {
    /// For one call among others that were decided.
    const UNSURE: Self = Self::Denied(Denied {
        allowed: false,
        code: "not-ready",
        sentence: "Latchkey cannot decide this call right now. Refuse it, and ask again.",
        retry_after: Some(1),
    });

    fn of(decision: &'a Decision) -> Self {
        match decision {
            Decision::Allowed(known, left) => Self::Allowed(Allowed::of(&known.held, left)),
            Decision::Refused(refused) => Self::Denied(Denied::of(refused)),
        }
    }
}

#[derive(Serialize)]
struct Allowed<'a> {
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
fn whole_seconds(span: Duration) -> u64 {
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
struct Denied {
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
enum Refused {
    Gateway,
    Body(&'static str),
    NotReady,
}

impl From<NotReady> for Refused {
    fn from(_: NotReady) -> Self {
        Self::NotReady
    }
}

fn public(status: StatusCode, code: &'static str, sentence: &str) -> Public {
    Public {
        status,
        code,
        sentence: sentence.to_owned(),
        fields: Vec::new(),
        retry_after: None,
    }
}

impl Refused {
    const fn code(&self) -> &'static str {
        match self {
            Self::Gateway => "unknown-gateway",
            Self::Body(_) => "bad-request",
            Self::NotReady => "not-ready",
        }
    }

    fn into_response(self) -> Response {
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

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Wipes the body that held the key, where nobody else holds its buffer any more.
fn wipe(body: Bytes) {
    if let Ok(mut buffer) = body.try_into_mut() {
        buffer.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use domain::verification::Reason;

    use super::*;

    const BODY: &str = r#"{"key":"lk_live_x","method":"GET","path":"\/v2\/x","source_ip":"192.0.2.7","scheme":"https"}"#;

    #[test]
    fn escapes_are_read_and_the_rest_is_borrowed() {
        let asked = read(BODY.as_bytes()).unwrap();
        assert_eq!(asked.path, "/v2/x");
        assert!(matches!(asked.method, Cow::Borrowed("GET")));
        assert!(matches!(asked.key.0, Cow::Borrowed("lk_live_x")));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let more = BODY.replace("\"method\"", "\"trusted\":true,\"method\"");
        assert!(read(more.as_bytes()).is_err());
    }

    #[test]
    fn a_field_twice_is_refused() {
        let twice = BODY.replace("\"method\"", "\"key\":\"y\",\"method\"");
        assert!(read(twice.as_bytes()).is_err());
    }

    #[test]
    fn a_missing_field_is_refused() {
        for field in ["key", "method", "path", "source_ip", "scheme"] {
            let mut body: serde_json::Value = serde_json::from_str(BODY).unwrap();
            body.as_object_mut().unwrap().remove(field);
            assert!(read(body.to_string().as_bytes()).is_err(), "{field}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        for (from, to) in [
            ("\"lk_live_x\"", "7"),
            ("\"https\"", "null"),
            ("\"GET\"", "[\"GET\"]"),
            ("{", "{\"service\":\"billing\","),
            ("{", "{\"scope\":[],"),
        ] {
            assert!(read(BODY.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(read(b"").is_err() && read(b"[]").is_err() && read(&BODY.as_bytes()[1..]).is_err());
    }

    #[test]
    fn a_list_of_values_without_names_is_refused() {
        let list = r#"["lk_live_x","GET","/v2/x","192.0.2.7","https",null,null,null]"#;
        assert!(
            serde_json::from_str::<Asked<'_>>(list).is_ok(),
            "serde would"
        );
        assert!(read(list.as_bytes()).is_err());
    }

    #[test]
    fn a_batch_is_read_whole_or_not_at_all() {
        let batch = |calls: &[&str]| format!(r#"{{"calls":[{}]}}"#, calls.join(","));
        let read = |text: &str| read_batch(text.as_bytes()).map(|calls| calls.len()).ok();
        assert_eq!(read(&batch(&[BODY, BODY])), Some(2));
        assert_eq!(read(&batch(&[BODY; 100])), Some(100));
        let list = r#"["lk_live_x","GET","/v2/x","192.0.2.7","https",null,null,null]"#;
        for refused in [
            batch(&[]),
            batch(&[BODY; 101]),
            batch(&[BODY, "{}"]),
            batch(&[BODY, list]),
            batch(&[BODY]).replace("\"calls\"", "\"trusted\":true,\"calls\""),
            format!("[[{BODY}]]"),
            BODY.to_owned(),
        ] {
            assert_eq!(read(&refused), None, "{refused}");
        }
    }

    #[test]
    fn the_key_is_absent_from_debug() {
        let asked = read(BODY.as_bytes()).unwrap();
        assert!(!format!("{asked:?}").contains("lk_live_x"));
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
