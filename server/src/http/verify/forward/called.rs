//! A call as a gateway forwards it.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use domain::id::{EnvironmentId, ServiceId};
use domain::network::{Networks, client_address};
use domain::state::GatewayKind;
use domain::verification::RawCall;

use crate::verify::Question;

/// Envoy asks under this prefix, with the call's own path behind it.
const PREFIX: &str = "/v1/forward-auth";

/// By which a backend behind the gateway may take another method or path than the one asked about.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-override-url",
];

pub(super) struct Called<'a> {
    key: &'a str,
    method: &'a str,
    path: &'a str,
    scheme: &'a str,
    source: String,
    service: Option<ServiceId>,
    environment: Option<EnvironmentId>,
    scope: Option<&'a str>,
}

/// Why there is nothing to decide on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    NoKey,
    /// The client's doing: two keys, a method override, bytes that are no text.
    Call,
    /// The gateway's configuration: what its kind must send is missing, or there twice.
    Gateway(&'static str),
}

impl<'a> Called<'a> {
    pub(super) fn read(
        kind: GatewayKind,
        proxies: &Networks,
        request: &'a Request,
    ) -> Result<Self, Unclear> {
        let headers = request.headers();
        if headers.keys().any(|name| is_override(name.as_str())) {
            return Err(Unclear::Call);
        }
        let (method, path) = target(kind, request)?;
        let scheme = required(headers, "x-forwarded-proto")?;
        let source = source(headers, proxies)?;
        Ok(Self {
            method,
            path,
            scheme,
            source: source.to_string(),
            service: id(headers, "latchkey-service")?,
            environment: id(headers, "latchkey-environment")?,
            scope: optional(headers, "latchkey-scope")?,
            key: key(headers)?,
        })
    }

    pub(super) const fn key(&self) -> &'a str {
        self.key
    }

    pub(super) const fn scope(&self) -> Option<&'a str> {
        self.scope
    }

    pub(super) fn question(&self) -> Question<'_> {
        Question {
            call: RawCall {
                method: self.method,
                path: self.path,
                source_ip: &self.source,
                scheme: self.scheme,
                scope: self.scope,
            },
            service: self.service,
            environment: self.environment,
        }
    }
}

/// Many backends (CGI, WSGI, Rack) read an underscore in a header's name as a hyphen.
fn is_override(name: &str) -> bool {
    let reads_as = |known: &str| {
        name.len() == known.len()
            && name
                .bytes()
                .zip(known.bytes())
                .all(|(ours, theirs)| ours == theirs || (ours == b'_' && theirs == b'-'))
    };
    OVERRIDES.iter().any(|known| reads_as(known))
}

fn target(kind: GatewayKind, request: &Request) -> Result<(&str, &str), Unclear> {
    let headers = request.headers();
    let (method, uri) = match kind {
        GatewayKind::Nginx => ("x-original-method", "x-original-uri"),
        GatewayKind::Caddy | GatewayKind::Traefik | GatewayKind::Apisix => {
            ("x-forwarded-method", "x-forwarded-uri")
        }
        GatewayKind::Envoy => {
            let asked = request
                .uri()
                .path_and_query()
                .map_or("", |uri| uri.as_str());
            let path = asked.strip_prefix(PREFIX).ok_or(Unclear::Call)?;
            return Ok((request.method().as_str(), path));
        }
        GatewayKind::Api => {
            return Err(Unclear::Gateway(
                "a gateway of kind api posts to /v1/verify",
            ));
        }
    };
    // A query is the call's own, which Caddy leaves there; it is no option of ours.
    if request.uri().path() != PREFIX {
        return Err(Unclear::Gateway(
            "this kind of gateway asks at /v1/forward-auth, with nothing behind it",
        ));
    }
    Ok((required(headers, method)?, required(headers, uri)?))
}

/// The gateway's last entry is who connected to it; what stands before counts only as far as its
/// registered proxies wrote it.
fn source(headers: &HeaderMap, proxies: &Networks) -> Result<IpAddr, Unclear> {
    const MISSING: Unclear = Unclear::Gateway("X-Forwarded-For is missing, or is no address");
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| value.to_str().map_err(|_| Unclear::Call))
        .collect::<Result<_, _>>()?;
    let forwarded = lines.join(",");
    let (before, peer) = forwarded.rsplit_once(',').unwrap_or(("", &forwarded));
    let peer: IpAddr = peer.trim().parse().map_err(|_| MISSING)?;
    Ok(client_address(before, peer, proxies))
}

/// `Authorization: Bearer` or `X-Api-Key`; never both, which two readers could take differently.
fn key(headers: &HeaderMap) -> Result<&str, Unclear> {
    let bearer = one(headers, AUTHORIZATION.as_str())
        .map_err(|_| Unclear::Call)?
        .map(|value| match value.split_once(' ') {
            // The scheme's case does not matter (RFC 9110, section 11.1).
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
            _ => Err(Unclear::NoKey),
        })
        .transpose()?;
    let bare = one(headers, "x-api-key").map_err(|_| Unclear::Call)?;
    match (bearer, bare) {
        (Some(key), None) | (None, Some(key)) => Ok(key),
        (None, None) => Err(Unclear::NoKey),
        (Some(_), Some(_)) => Err(Unclear::Call),
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Unclear> {
    optional(headers, name)?.ok_or(Unclear::Gateway(
        "a header that its kind must send is missing",
    ))
}

fn optional<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Unclear> {
    one(headers, name).map_err(|Repeated| {
        Unclear::Gateway("a header that describes the call came twice, or is no text")
    })
}

fn id<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Result<Option<T>, Unclear> {
    optional(headers, name)?
        .map(|value| {
            value
                .parse()
                .map_err(|_| Unclear::Gateway("a service or environment is no id"))
        })
        .transpose()
}

struct Repeated;

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Repeated);
    }
    value
        .map(|value| value.to_str().map_err(|_| Repeated))
        .transpose()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const NGINX: [(&str, &str); 5] = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/v2/shipments/1?page=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.4"),
        ("authorization", "Bearer lk_live_x"),
    ];

    fn asked(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = axum::http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    fn read(kind: GatewayKind, request: &Request) -> Result<Called<'_>, Unclear> {
        Called::read(kind, &"10.0.0.0/8".parse().unwrap(), request)
    }

    fn nginx(change: impl FnOnce(&mut Vec<(&'static str, &'static str)>)) -> Result<(), Unclear> {
        let mut headers = NGINX.to_vec();
        change(&mut headers);
        read(GatewayKind::Nginx, &asked(PREFIX, &headers)).map(|_| ())
    }

    #[test]
    fn nginx_describes_the_call_in_its_own_headers() {
        let request = asked(PREFIX, &NGINX);
        let called = read(GatewayKind::Nginx, &request).unwrap();
        assert_eq!((called.key(), called.method), ("lk_live_x", "GET"));
        assert_eq!(called.path, "/v2/shipments/1?page=2");
        assert_eq!(
            (called.source.as_str(), called.scheme),
            ("203.0.113.4", "https")
        );
    }

    #[test]
    fn envoy_asks_under_the_path_of_the_call() {
        let headers = &NGINX[2..];
        let request = asked("/v1/forward-auth/v2/shipments/1?page=2", headers);
        let called = read(GatewayKind::Envoy, &request).unwrap();
        assert_eq!(called.path, "/v2/shipments/1?page=2");
        assert_eq!(called.method, "GET");
    }

    #[test]
    fn a_question_under_another_path_is_envoy_s_alone() {
        let request = asked("/v1/forward-auth/v2/shipments/1", &NGINX);
        let refused = read(GatewayKind::Nginx, &request).err();
        assert!(matches!(refused, Some(Unclear::Gateway(_))));
    }

    #[test]
    fn headers_of_another_kind_are_a_client_s_own_words() {
        let mut headers = NGINX.to_vec();
        headers.push(("x-forwarded-uri", "/v2/harmless"));
        headers.push(("x-forwarded-method", "HEAD"));
        let request = asked(PREFIX, &headers);
        let called = read(GatewayKind::Nginx, &request).unwrap();
        assert_eq!(
            (called.method, called.path),
            ("GET", "/v2/shipments/1?page=2")
        );
    }

    #[test]
    fn a_forwarded_address_counts_only_as_far_as_registered_proxies_wrote_it() {
        for (forwarded, source) in [
            ("192.0.2.66, 203.0.113.4", "203.0.113.4"),
            ("192.0.2.66, 203.0.113.4, 10.0.0.7", "203.0.113.4"),
            ("192.0.2.66, 203.0.113.4, ::ffff:10.0.0.7", "203.0.113.4"),
        ] {
            let mut headers = NGINX.to_vec();
            headers[3].1 = forwarded;
            let request = asked(PREFIX, &headers);
            assert_eq!(read(GatewayKind::Nginx, &request).unwrap().source, source);
        }
    }

    #[test]
    fn a_call_without_a_key_is_challenged() {
        assert_eq!(
            nginx(|h| {
                h.pop();
            })
            .unwrap_err(),
            Unclear::NoKey
        );
        let basic = nginx(|h| h[4].1 = "Basic eDp5").unwrap_err();
        assert_eq!(basic, Unclear::NoKey);
    }

    #[test]
    fn two_keys_are_no_key() {
        let both = nginx(|h| h.push(("x-api-key", "lk_live_y")));
        let twice = nginx(|h| h.push(("authorization", "Bearer lk_live_y")));
        assert_eq!((both, twice), (Err(Unclear::Call), Err(Unclear::Call)));
    }

    #[test]
    fn a_method_or_path_override_is_refused() {
        for name in OVERRIDES {
            assert_eq!(
                nginx(|h| h.push((name, "DELETE"))),
                Err(Unclear::Call),
                "{name}"
            );
        }
        let underscored = nginx(|h| h.push(("x_http_method-override", "DELETE")));
        assert_eq!(underscored, Err(Unclear::Call));
        assert!(nginx(|h| h.push(("x-http-method-overrider", "DELETE"))).is_ok());
    }

    #[test]
    fn what_the_kind_must_send_and_does_not_is_the_gateway_s_fault() {
        for (name, _) in &NGINX[..4] {
            let refused = nginx(|h| h.retain(|(other, _)| other != name));
            assert!(matches!(refused, Err(Unclear::Gateway(_))), "{name}");
        }
        for header in &NGINX[..3] {
            let refused = nginx(|h| h.push(*header));
            assert!(matches!(refused, Err(Unclear::Gateway(_))), "{}", header.0);
        }
    }

    #[test]
    fn a_gateway_of_kind_api_has_its_own_door() {
        let refused = read(GatewayKind::Api, &asked(PREFIX, &NGINX)).err();
        assert!(matches!(refused, Some(Unclear::Gateway(_))));
    }

    #[test]
    fn a_place_that_is_no_id_is_refused() {
        let refused = nginx(|h| h.push(("latchkey-environment", "production")));
        assert!(matches!(refused, Err(Unclear::Gateway(_))));
    }
}
