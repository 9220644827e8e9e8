//! A call as a gateway forwards it.

use axum::extract::Request;
use domain::network::Networks;
use domain::state::GatewayKind;
use domain::verification::{Forwarded, Forwarding};

use crate::verify::Question;

pub(super) use domain::verification::Unclear;

pub(super) struct Called<'a> {
    forwarded: Forwarded<'a>,
    source: String,
}

impl<'a> Called<'a> {
    pub(super) fn read(
        kind: GatewayKind,
        proxies: &Networks,
        request: &'a Request,
    ) -> Result<Self, Unclear> {
        let target = request.uri().path_and_query();
        let headers = request.headers().iter();
        let forwarded = Forwarded::read(
            kind,
            proxies,
            Forwarding {
                method: request.method().as_str(),
                target: target.map_or("", |target| target.as_str()),
                headers: headers.map(|(name, value)| (name.as_str(), value.as_bytes())),
            },
        )?;
        Ok(Self {
            source: forwarded.source.to_string(),
            forwarded,
        })
    }

    pub(super) const fn key(&self) -> &'a str {
        self.forwarded.key
    }

    pub(super) const fn scope(&self) -> Option<&'a str> {
        self.forwarded.scope
    }

    pub(super) fn question(&self) -> Question<'_> {
        Question {
            call: self.forwarded.call(&self.source),
            service: self.forwarded.service,
            environment: self.forwarded.environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use domain::verification::{FORWARD_AUTH as PREFIX, OVERRIDES};

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
        assert_eq!(
            (called.key(), called.forwarded.method),
            ("lk_live_x", "GET")
        );
        assert_eq!(called.forwarded.path, "/v2/shipments/1?page=2");
        assert_eq!(
            (called.source.as_str(), called.forwarded.scheme),
            ("203.0.113.4", "https")
        );
    }

    #[test]
    fn envoy_asks_under_the_path_of_the_call() {
        let headers = &NGINX[2..];
        let request = asked("/v1/forward-auth/v2/shipments/1?page=2", headers);
        let called = read(GatewayKind::Envoy, &request).unwrap();
        assert_eq!(called.forwarded.path, "/v2/shipments/1?page=2");
        assert_eq!(called.forwarded.method, "GET");
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
            (called.forwarded.method, called.forwarded.path),
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
