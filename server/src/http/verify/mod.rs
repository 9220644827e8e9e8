//! `POST /v1/verify`: a gateway asks whether a key may make a call (`docs/gateways.md`). A decision
//! is always 200; other statuses mean that there is none, and the gateway must refuse the call.

mod answer;
mod assertion;
mod forward;
mod question;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use domain::id::GatewayId;
use serde::Serialize;
use zeroize::Zeroize as _;

use crate::portal::Portal;
use crate::verify::{Decision, Gateway, NotReady, Question};
use answer::{Answer, Refused};
use question::{Asked, read, read_batch};

pub(super) use answer::Answers;
pub(super) use forward::{IDENTITY, NO_KEY, status};
pub(super) use question::Batch;

pub use assertion::{Jwk, Jwks, jwks};
pub use forward::forward_auth;

/// The header by which a gateway identifies itself; `Authorization` holds the client's key.
const GATEWAY: &str = "latchkey-gateway";

pub async fn verify(State(portal): State<Portal>, request: Request) -> Response {
    answered(&portal, request, answer).await
}

/// `POST /v1/verify/batch`: several calls in one question, at most 100. Each is decided and
/// counted by itself, in their order, as if it were asked alone.
pub async fn verify_batch(State(portal): State<Portal>, request: Request) -> Response {
    answered(&portal, request, answer_batch).await
}

type Answering = fn(&Portal, &Gateway, &[u8]) -> Result<Response, Refused>;

async fn answered(portal: &Portal, request: Request, answer: Answering) -> Response {
    let gateway = match admitted(portal, &request) {
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

/// The gateway that a way in is bound to: who comes by it is that one.
#[derive(Clone, Copy, Debug)]
pub struct Bound(pub GatewayId);

fn admitted(portal: &Portal, request: &Request) -> Result<Gateway, Refused> {
    let headers = request.headers();
    if let Some(Bound(gateway)) = request.extensions().get() {
        // There is one way to say who asks. A credential beside it is somebody else's word.
        if headers.contains_key(GATEWAY) {
            return Err(Refused::Gateway);
        }
        let gateway = portal.engine.admit_bound(*gateway, portal.now())?;
        return gateway.ok_or(Refused::Gateway);
    }
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
    match Answer::of(&decision) {
        Answer::Allowed(allowed) => {
            let mut body = String::with_capacity(USUAL);
            allowed.write(&mut body);
            Ok(as_json(body))
        }
        denied => json(&denied),
    }
}

fn answer_batch(portal: &Portal, gateway: &Gateway, body: &[u8]) -> Result<Response, Refused> {
    let asked = read_batch(body)?;
    let mut decisions = Vec::with_capacity(asked.len());
    for asked in &asked {
        decisions.push(decision(portal, gateway, asked));
    }
    // Where nothing was decided nothing was counted, and the gateway may ask again.
    if decisions.iter().all(Result::is_err) {
        return Err(Refused::NotReady);
    }
    let answers = decisions
        .iter()
        .map(|decision| decision.as_ref().map_or(Answer::UNSURE, Answer::of));
    let answers = Answers {
        answers: answers.collect(),
    };
    json(&answers)
}

/// Most answers fit into so many bytes.
const USUAL: usize = 1024;

/// As axum's `Json` answers, in a buffer that most answers fit into at once.
fn json(answer: &impl Serialize) -> Result<Response, Refused> {
    let mut body = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut body, answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Refused::NotReady
    })?;
    Ok(as_json(body))
}

fn as_json(body: impl IntoResponse) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], body).into_response()
}

fn decision(portal: &Portal, gateway: &Gateway, asked: &Asked<'_>) -> Result<Decision, NotReady> {
    let question = Question {
        call: asked.call(),
        service: asked.service,
        environment: asked.environment,
    };
    portal
        .engine
        .verify(gateway, asked.key(), &question, portal.now())
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
    use axum::body::to_bytes;
    use axum::response::Json;

    use super::*;

    async fn parts(response: Response) -> (HeaderMap, Bytes) {
        let (parts, body) = response.into_parts();
        (parts.headers, to_bytes(body, usize::MAX).await.unwrap())
    }

    /// Answers that do not fit into the buffer among them.
    #[tokio::test]
    async fn an_answer_is_written_as_json_is() {
        for times in [0, 1, 100] {
            let answers = Answers {
                answers: (0..times).map(|_| Answer::UNSURE).collect(),
            };
            let expected = parts(Json(&answers).into_response()).await;
            assert_eq!(parts(json(&answers).unwrap()).await, expected);
        }
    }
}
