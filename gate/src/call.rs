//! A call as it came, and the question about it.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, HeaderName};
use serde::Serialize;

use crate::{Place, Settings};

/// By which the service may take another method or path than the one asked about.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-override-url",
];

const API_KEY: &str = "x-api-key";

/// The body of `POST /v1/verify`.
#[derive(Serialize)]
pub(crate) struct Question<'a> {
    key: &'a str,
    method: &'a str,
    path: &'a str,
    source_ip: IpAddr,
    scheme: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// Why there is nothing to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    NoKey,
    /// Two keys, a method or path override, bytes that are no text.
    Call,
    /// The server notes no peer's address.
    NoPeer,
}

impl<'a> Question<'a> {
    pub(crate) fn about(call: &'a Parts, settings: &'a Settings) -> Result<Self, Unclear> {
        if call.headers.keys().any(is_override) {
            return Err(Unclear::Call);
        }
        let key = key(&call.headers)?;
        let peer = (settings.peer)(&call.extensions).ok_or(Unclear::NoPeer)?;
        let forwarded = all(&call.headers, "x-forwarded-for")?;
        let Place {
            service,
            environment,
            scope,
        } = &settings.place;
        Ok(Self {
            key,
            method: call.method.as_str(),
            path: call.uri.path_and_query().map_or("", |path| path.as_str()),
            source_ip: settings.proxies.client(&forwarded, peer),
            scheme: if settings.is_https { "https" } else { "http" },
            service: service.as_deref(),
            environment: environment.as_deref(),
            scope: scope.as_deref(),
        })
    }
}

/// Takes away what the service must not believe, and the key, which it need not know.
pub(crate) fn clean(headers: &mut HeaderMap, keeps_key: bool) {
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| hyphenated(name).starts_with("latchkey-"))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
    if !keeps_key {
        headers.remove(http::header::AUTHORIZATION);
        headers.remove(API_KEY);
    }
}

/// Many readers (CGI, WSGI, Rack) take an underscore in a header's name for a hyphen.
fn hyphenated(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

fn is_override(name: &HeaderName) -> bool {
    OVERRIDES.contains(&name.as_str())
        || name.as_str().contains('_') && OVERRIDES.contains(&hyphenated(name).as_str())
}

/// `Authorization: Bearer` or `X-Api-Key`; never both, which two readers could take differently.
fn key(headers: &HeaderMap) -> Result<&str, Unclear> {
    let bearer = match one(headers, "authorization")? {
        None => None,
        // The scheme's case does not matter (RFC 9110, section 11.1).
        Some(value) => match value.split_once(' ') {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Some(key.trim()),
            _ => return Err(Unclear::NoKey),
        },
    };
    match (bearer, one(headers, API_KEY)?) {
        (Some(key), None) | (None, Some(key)) => Ok(key),
        (None, None) => Err(Unclear::NoKey),
        (Some(_), Some(_)) => Err(Unclear::Call),
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Unclear::Call);
    }
    value
        .map(|value| value.to_str().map_err(|_| Unclear::Call))
        .transpose()
}

fn all(headers: &HeaderMap, name: &str) -> Result<String, Unclear> {
    let lines = headers.get_all(name).iter();
    let lines: Result<Vec<&str>, _> = lines.map(|value| value.to_str()).collect();
    lines
        .map(|lines| lines.join(","))
        .map_err(|_| Unclear::Call)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn key_of(headers: &[(&str, &str)]) -> Result<String, Unclear> {
        let mut call = Request::get("/");
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        key(call.body(()).unwrap().headers()).map(str::to_owned)
    }

    #[test]
    fn a_key_comes_as_bearer_or_by_itself() {
        for header in [
            ("authorization", "Bearer lk_live_x"),
            ("authorization", "bEARER  lk_live_x"),
            ("x-api-key", "lk_live_x"),
        ] {
            assert_eq!(key_of(&[header]).as_deref(), Ok("lk_live_x"), "{header:?}");
        }
    }

    #[test]
    fn a_call_without_a_key_has_none() {
        assert_eq!(key_of(&[]), Err(Unclear::NoKey));
        assert_eq!(
            key_of(&[("authorization", "Basic eDp5")]),
            Err(Unclear::NoKey)
        );
    }

    #[test]
    fn two_keys_are_no_key() {
        let bearer = ("authorization", "Bearer lk_live_x");
        let bare = ("x-api-key", "lk_live_x");
        for both in [[bearer, bare], [bearer, bearer], [bare, bare]] {
            assert_eq!(key_of(&both), Err(Unclear::Call), "{both:?}");
        }
    }

    #[test]
    fn a_method_or_path_override_is_known_by_any_of_its_names() {
        for name in OVERRIDES {
            for name in [name.to_owned(), name.replacen('-', "_", 1)] {
                assert!(is_override(&name.parse().unwrap()), "{name}");
            }
        }
        assert!(!is_override(&HeaderName::from_static("x-http-methods")));
    }

    #[test]
    fn forged_headers_and_the_key_are_taken_away() {
        let names = [
            "latchkey-key-id",
            "latchkey_partner_id",
            "authorization",
            "x-api-key",
            "accept",
        ];
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HeaderName::from_static(name), "1".parse().unwrap());
            headers.append(HeaderName::from_static(name), "2".parse().unwrap());
        }
        let mut kept = headers.clone();
        clean(&mut headers, false);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
        clean(&mut kept, true);
        assert!(kept.contains_key("authorization") && !kept.contains_key("latchkey-key-id"));
    }
}
