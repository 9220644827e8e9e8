//! The one place where a refusal becomes a status: as a page for people, as
//! `application/problem+json` (RFC 9457) for programs and islands.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::trace::RequestId;
use crate::refusal::{FieldError, Refusal};

/// What the public may read of a refusal.
#[derive(Debug)]
pub struct Public {
    pub status: StatusCode,
    pub code: &'static str,
    pub sentence: String,
    pub fields: Vec<FieldError>,
    pub retry_after: Option<u64>,
}

impl From<Refusal> for Public {
    fn from(refusal: Refusal) -> Self {
        let plain = |status, code, sentence: &str| Self {
            status,
            code,
            sentence: sentence.to_owned(),
            fields: Vec::new(),
            retry_after: None,
        };
        match refusal {
            Refusal::NotFound => plain(
                StatusCode::NOT_FOUND,
                "not-found",
                "There is nothing here, or nothing that you may see.",
            ),
            Refusal::NotAllowed => plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This address does not take this method. Nothing was done.",
            ),
            Refusal::Unavailable => Self {
                retry_after: Some(5),
                ..plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "This took too long, and was given up. Look whether it was done before you \
                     try again.",
                )
            },
            Refusal::SignedOut => plain(
                StatusCode::UNAUTHORIZED,
                "signed-out",
                "Sign in, and try again.",
            ),
            Refusal::Forbidden(sentence) => plain(StatusCode::FORBIDDEN, "forbidden", sentence),
            Refusal::Invalid(fields) => Self {
                fields,
                ..plain(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid",
                    "Some of what was sent cannot be used.",
                )
            },
            Refusal::Conflict { code, sentence } => plain(StatusCode::CONFLICT, code, &sentence),
            Refusal::BadRequest(sentence) => {
                plain(StatusCode::BAD_REQUEST, "bad-request", sentence)
            }
            Refusal::Unproven { code, sentence } => plain(StatusCode::FORBIDDEN, code, &sentence),
            Refusal::Limited { retry_after } => Self {
                retry_after: Some(retry_after.as_secs().max(1)),
                ..plain(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too-many-tries",
                    "Too many tries. Nothing is lost: wait a little, then try again.",
                )
            },
            Refusal::Store(error) => {
                tracing::error!(%error, "the store refused");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "internal", &internal())
            }
            Refusal::Internal(error) => {
                tracing::error!(error, "internal fault");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "internal", &internal())
            }
        }
    }
}

fn internal() -> String {
    let reference =
        RequestId::current().map_or_else(String::new, |id| format!(" Reference: {id}."));
    format!(
        "Something failed on our side. Nothing was changed. Try again; if it fails again, tell the \
         host.{reference}"
    )
}

/// A refusal answered to a program or an island.
pub struct Problem(pub Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self(error.into())
    }
}

/// Why there is no answer of the usual form: RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body {
    /// `/problems#` and the code.
    r#type: String,
    /// The status in words.
    title: &'static str,
    /// The status of this answer.
    status: u16,
    /// Stable, for programs.
    code: &'static str,
    /// For people: what happened, and what to do.
    detail: String,
    /// What is wrong with which field; of forms alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<BodyField>,
}

/// What is wrong with a field.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemField)]
pub struct BodyField {
    /// The field's name.
    field: String,
    /// For people: what to write instead.
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        problem(self.0.into())
    }
}

pub fn problem(public: Public) -> Response {
    let body = Body {
        r#type: format!("/problems#{}", public.code),
        title: public.status.canonical_reason().unwrap_or("Refused"),
        status: public.status.as_u16(),
        code: public.code,
        detail: public.sentence,
        errors: public
            .fields
            .into_iter()
            .map(|error| BodyField {
                field: error.field,
                detail: error.sentence,
            })
            .collect(),
    };
    let mut response = (public.status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = public.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// After a form was done: see the result by a GET.
pub fn see(location: &str) -> Response {
    Redirect::to(location).into_response()
}
