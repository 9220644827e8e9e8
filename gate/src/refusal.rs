//! What the client is told of a call that does not pass, as `docs/gateways.md` says.

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::answer::{Denied, Limit};

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: &'a str,
}

fn problem<B: From<String>>(status: StatusCode, code: &str, detail: &str) -> Response<B> {
    let body = serde_json::to_string(&Problem {
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        code,
        detail,
    });
    // Texts and a number are always JSON.
    let mut response = Response::new(B::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// No credentials came: a bare challenge, without an error code (RFC 6750, section 3.1).
pub(crate) fn no_key<B: From<String>>() -> Response<B> {
    let sentence = "Send the key as `Authorization: Bearer`, or as `X-Api-Key`.";
    let mut response = problem(StatusCode::UNAUTHORIZED, "no-key", sentence);
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// The call can be read in more than one way, which Latchkey need not be asked about.
pub(crate) fn malformed<B: From<String>>() -> Response<B> {
    denied(
        &Denied {
            code: "malformed".to_owned(),
            sentence: "The key or the call is not well formed.".to_owned(),
            retry_after: None,
        },
        None,
    )
}

/// `scope` is what the service asked for.
pub(crate) fn denied<B: From<String>>(denied: &Denied, scope: Option<&str>) -> Response<B> {
    let status = status(&denied.code);
    let mut response = problem(status, &denied.code, &denied.sentence);
    let headers = response.headers_mut();
    if let Some(value) = challenge(&denied.code, scope) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = denied.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// There is no decision, so the call does not pass; the client is not to blame.
pub(crate) fn unsure<B: From<String>>() -> Response<B> {
    let sentence = "Keys cannot be checked right now. Try again soon.";
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "not-ready", sentence);
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, soon);
    response
}

fn status(code: &str) -> StatusCode {
    match code {
        "malformed" => StatusCode::BAD_REQUEST,
        "unknown" | "not_active" | "revoked" | "expired" => StatusCode::UNAUTHORIZED,
        "rate_limit" | "quota" => StatusCode::TOO_MANY_REQUESTS,
        // Codes that come later refuse as well.
        _ => StatusCode::FORBIDDEN,
    }
}

/// RFC 6750, section 3.1, where one of its error codes fits.
fn challenge(code: &str, scope: Option<&str>) -> Option<HeaderValue> {
    let value = match (code, scope) {
        ("malformed", _) => "Bearer error=\"invalid_request\"".to_owned(),
        ("unknown" | "not_active" | "revoked" | "expired", _) => {
            "Bearer error=\"invalid_token\"".to_owned()
        }
        ("scope", Some(scope)) => {
            format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")
        }
        ("scope" | "endpoint", _) => "Bearer error=\"insufficient_scope\"".to_owned(),
        _ => return None,
    };
    HeaderValue::try_from(value).ok()
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4).
/// A month has no one length, so it has no window.
pub(crate) fn tell_limits(headers: &mut HeaderMap, limits: &[Limit]) {
    let (mut policy, mut now) = (Vec::new(), Vec::new());
    for limit in limits {
        let window = match limit.period.as_str() {
            "second" => ";w=1",
            "minute" => ";w=60",
            "hour" => ";w=3600",
            "day" => ";w=86400",
            _ => "",
        };
        let name = format!("\"{}-{}\"", limit.of, limit.period);
        policy.push(format!("{name};q={}{window}", limit.limit));
        now.push(format!(
            "{name};r={};t={}",
            limit.remaining, limit.resets_in
        ));
    }
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
        if let Ok(value) = HeaderValue::try_from(value.join(", ")) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, scope: Option<&str>) -> (u16, Option<String>) {
        let denied = Denied {
            code: code.to_owned(),
            sentence: "No.".to_owned(),
            retry_after: None,
        };
        let response: Response<String> = super::denied(&denied, scope);
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), challenge)
    }

    #[test]
    fn each_code_has_its_status_and_its_challenge() {
        let bearer = |error: &str| Some(format!("Bearer error=\"{error}\""));
        for (code, status, challenge) in [
            ("malformed", 400, bearer("invalid_request")),
            ("unknown", 401, bearer("invalid_token")),
            ("not_active", 401, bearer("invalid_token")),
            ("revoked", 401, bearer("invalid_token")),
            ("expired", 401, bearer("invalid_token")),
            ("wrong_environment", 403, None),
            ("plaintext_transport", 403, None),
            ("source_network", 403, None),
            ("time_window", 403, None),
            ("endpoint", 403, bearer("insufficient_scope")),
            ("scope", 403, bearer("insufficient_scope")),
            ("rate_limit", 429, None),
            ("quota", 429, None),
            ("one-of-the-future", 403, None),
        ] {
            assert_eq!(refused(code, None), (status, challenge), "{code}");
        }
        let named = "Bearer error=\"insufficient_scope\", scope=\"a:b\"".to_owned();
        assert_eq!(refused("scope", Some("a:b")), (403, Some(named)));
    }

    #[test]
    fn what_is_left_of_each_limit_is_told() {
        let limit = |of: &str, period: &str, limit, remaining, resets_in| Limit {
            of: of.to_owned(),
            period: period.to_owned(),
            limit,
            remaining,
            resets_in,
        };
        let mut headers = HeaderMap::new();
        let limits = [
            limit("grant", "second", 50, 49, 1),
            limit("key", "month", 9, 0, 86_400),
        ];
        tell_limits(&mut headers, &limits);
        assert_eq!(
            headers["ratelimit-policy"],
            "\"grant-second\";q=50;w=1, \"key-month\";q=9"
        );
        assert_eq!(
            headers["ratelimit"],
            "\"grant-second\";r=49;t=1, \"key-month\";r=0;t=86400"
        );
    }
}
