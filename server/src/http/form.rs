//! Bodies, read strictly: unknown fields are refused, never ignored (never 9).

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::request::{Answers, QuestionId};
use serde::de::DeserializeOwned;

use crate::http::BODY_LIMIT;
use crate::http::answer::Problem;
use crate::http::page;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Fields of which a form may hold several: check boxes of one name.
const SEVERAL: [&str; 6] = ["endpoint", "environment", "pair", "role", "rule", "scope"];

/// A JSON body of an island or a program.
pub struct Json<T>(pub T);

/// The fields of a page's form, in their order. What they mean is the handler's.
pub struct Form(pub Vec<(String, String)>);

/// The form of a request's answers, which may be as long as every question allows in any script.
pub struct AnswersForm(pub Form);

impl AnswersForm {
    /// Four bytes of UTF-8, each as `%XX`. A line's end is two characters, and six bytes.
    const LARGEST_CHARACTER: usize = 12;
    const LIMIT: usize =
        BODY_LIMIT + QuestionId::ALL.len() * Answers::MAX_CHARS * Self::LARGEST_CHARACTER;
}

impl<T: DeserializeOwned> FromRequest<Portal> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Self::Rejection> {
        let is_json = is_of_type(&request, "application/json");
        let body = Bytes::from_request(request, portal).await.map_err(|_| {
            Problem(Refusal::BadRequest(
                "The body is too large or did not arrive whole.",
            ))
        })?;
        if !is_json {
            return Err(Problem(Refusal::BadRequest(
                "Send JSON, as application/json.",
            )));
        }
        // A list would be read as the fields in their order, which nothing of ours sends.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let read = is_object.then(|| serde_json::from_slice(&body));
        read.and_then(Result::ok)
            .map(Self)
            .ok_or(Problem(Refusal::BadRequest(
                "The JSON cannot be read: a field is missing, unknown or of the wrong type.",
            )))
    }
}

impl FromRequest<Portal> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Self::Rejection> {
        let is_form = is_of_type(&request, "application/x-www-form-urlencoded");
        let body = Bytes::from_request(request, portal).await.ok();
        let fields = body.filter(|_| is_form).and_then(|body| {
            // The parser below replaces what is not UTF-8; we refuse it instead.
            let fields: Vec<(String, String)> =
                url::form_urlencoded::parse(&body).into_owned().collect();
            let broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
            (!fields
                .iter()
                .any(|(name, value)| broken(name) || broken(value)))
            .then_some(fields)
        });
        fields
            .map(Self)
            .ok_or_else(|| page::refusal(portal, None, Refusal::Invalid(Vec::new())))
    }
}

impl FromRequest<Portal> for AnswersForm {
    type Rejection = Response;

    async fn from_request(mut request: Request, portal: &Portal) -> Result<Self, Self::Rejection> {
        DefaultBodyLimit::max(Self::LIMIT).apply(&mut request);
        Form::from_request(request, portal).await.map(Self)
    }
}

impl Form {
    /// The value of a field, or nothing typed.
    pub fn text(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field: check boxes of one name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// # Errors
    /// [`Refusal::BadRequest`] when a field is not one of these, or stands there twice that is one
    /// field on our pages. A name that ends in `*` stands for
    /// every name that begins with what is before it.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let is_known = |field: &str| {
            known.iter().any(|known| match known.strip_suffix('*') {
                Some(start) => field.starts_with(start),
                None => field == *known,
            })
        };
        if !self.0.iter().all(|(field, _)| is_known(field)) {
            return Err(Refusal::BadRequest(
                "The form holds a field that we do not know. Nothing was done.",
            ));
        }
        let twice = |field: &str| !SEVERAL.contains(&field) && self.all(field).nth(1).is_some();
        if self.0.iter().any(|(field, _)| twice(field)) {
            return Err(Refusal::BadRequest(
                "The form holds one field twice. Nothing was done.",
            ));
        }
        Ok(())
    }
}

/// Whether the body is said to be of this type, whatever its parameters (RFC 9110, section 8.3.1).
fn is_of_type(request: &Request, wanted: &str) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(wanted)
}
