//! Every request has an id: on each line of the log that it causes, in the answer's `X-Request-Id`,
//! and on the page that says that something broke, so that who is told the one finds the other.
//! A client cannot choose it.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use rand_core::Rng as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Level, Span};

use crate::chance::system_rng;
use crate::portal::Portal;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 64 random bits: enough to tell the requests of a log apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    fn mint() -> Self {
        Self(system_rng().next_u64())
    }

    /// Of the request that is being answered; none for a gateway's.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Gives a request its id and its span. A gateway's questions are too many for a line each, and have
/// an id only where somebody reads at `debug`.
pub async fn traced(
    portal: &Portal,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let path = request.uri().path();
    if is_api(path) && !tracing::enabled!(Level::DEBUG) {
        return answer(request).await;
    }
    let is_small_talk = is_small_talk(path);
    let id = RequestId::mint();
    let span = tracing::info_span!("request", %id, method = %request.method(), route = Empty);
    let start = portal.now();
    let answered = async {
        let response = answer(request).await;
        let micros = portal.now().micros().saturating_sub(start.micros());
        let status = response.status().as_u16();
        if is_small_talk {
            tracing::debug!(status, micros, "answered");
        } else {
            tracing::info!(status, micros, "answered");
        }
        response
    };
    let mut response = CURRENT.scope(id, answered.instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The route as the table has it, never the path or the query: they hold what people search for.
pub fn name_route(route: &'static str) {
    Span::current().record("route", route);
}

/// What is asked every few seconds, or with every page.
fn is_small_talk(path: &str) -> bool {
    path == "/healthz" || path == "/readyz" || path.starts_with("/assets/") || is_machine(path)
}

/// Whether programs ask there, which read a problem rather than a page.
pub fn is_machine(path: &str) -> bool {
    is_api(path) || path.starts_with("/.well-known/")
}

/// Whether gateways ask there.
fn is_api(path: &str) -> bool {
    path.starts_with("/v1/")
}
