//! What stands before the handlers: who may come in and where an unsafe request came from, but for
//! what gateways ask; what headers every answer carries.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::Entry;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, ORIGIN,
    REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::state::Role;

use crate::auth::actor::{Actor, Side};
use crate::auth::session::{self, Origin};
use crate::http::answer::{Problem, see};
use crate::http::page;
use crate::http::trace::{self, is_machine};
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Who may use a route. Every route names one; the table of them is a test's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: what they may do is decided by what they prove in it.
    Anyone,
    /// Whoever is signed in.
    Person,
    Staff,
    Owner,
    Operator,
    Reviewer,
    Auditor,
    /// Operators and reviewers.
    Revoker,
    Contact,
    PartnerAdmin,
    /// A registered gateway's credential.
    Gateway,
}

impl Access {
    fn check(self, actor: Option<&Actor>) -> Result<(), Refusal> {
        let signed_in = || actor.ok_or(Refusal::SignedOut);
        match self {
            Self::Anyone | Self::Gateway => Ok(()),
            Self::Person => signed_in().map(drop),
            Self::Staff => signed_in()?.staff().map(drop),
            Self::Owner => signed_in()?.owner().map(drop),
            Self::Operator => signed_in()?.operator().map(drop),
            Self::Reviewer => signed_in()?.reviewer().map(drop),
            Self::Auditor => signed_in()?.auditor().map(drop),
            Self::Revoker => signed_in()?.revoker().map(drop),
            Self::Contact => signed_in()?.contact().map(drop),
            Self::PartnerAdmin => signed_in()?.partner_admin().map(drop),
        }
    }

    /// Whether an actor of this kind would be let in: for the table's test.
    pub fn lets_in(self, side: Option<&Side>) -> bool {
        let staff = |wanted: &[Role]| matches!(side, Some(Side::Staff(roles)) if wanted.is_empty() || roles.iter().any(|role| wanted.contains(role)));
        match self {
            Self::Anyone | Self::Gateway => true,
            Self::Person => side.is_some(),
            Self::Staff => staff(&[]),
            Self::Owner => staff(&[Role::Owner]),
            Self::Operator => staff(&[Role::Operator]),
            Self::Reviewer => staff(&[Role::Reviewer]),
            Self::Auditor => staff(&[Role::Auditor]),
            Self::Revoker => staff(&[Role::Operator, Role::Reviewer]),
            Self::Contact => matches!(side, Some(Side::Contact { .. })),
            Self::PartnerAdmin => matches!(side, Some(Side::Contact { admin: true, .. })),
        }
    }
}

/// Loads who is signed in, checks the route's access, and leaves the actor for the handler.
pub async fn authorise(
    State((portal, access, route)): State<(Portal, Access, &'static str)>,
    mut request: Request,
    next: Next,
) -> Response {
    trace::name_route(route);
    let actor = match session::actor(&portal, request.headers()).await {
        Ok(actor) => actor,
        Err(refusal) => return refuse(&portal, None, &request, refusal),
    };
    if let Err(refusal) = access.check(actor.as_ref()) {
        return refuse(&portal, actor.as_ref(), &request, refusal);
    }
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    next.run(request).await
}

/// A page for who asked for a page, a problem for who asked for JSON; a visitor who asks for a page
/// is sent to sign in, and back.
fn refuse(portal: &Portal, actor: Option<&Actor>, request: &Request, refusal: Refusal) -> Response {
    if wants_json(request.headers()) {
        return Problem(refusal).into_response();
    }
    if matches!(refusal, Refusal::SignedOut) {
        let to = match *request.method() {
            Method::GET => request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str()),
            _ => "/",
        };
        return see(&sign_in_path(to));
    }
    page::refusal(portal, actor, refusal)
}

fn wants_json(headers: &HeaderMap) -> bool {
    let is = |name: HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/json"))
    };
    is(CONTENT_TYPE) || is(axum::http::header::ACCEPT)
}

/// Whether who asks reads a problem rather than a page.
pub fn wants_problem(request: &Request) -> bool {
    is_machine(request.uri().path()) || wants_json(request.headers())
}

/// The sign-in page, with the way back.
pub fn sign_in_path(return_to: &str) -> String {
    if return_to == "/" {
        return "/sign-in".to_owned();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", return_to);
    format!("/sign-in?{}", query.finish())
}

/// Only a path on this origin: `//host` and `/\host` lead elsewhere.
pub fn local_path(text: &str) -> &str {
    let local = text.starts_with('/')
        && !text.starts_with("//")
        && !text.chars().any(|c| c == '\\' || c.is_control());
    if local { text } else { "/" }
}

/// Refuses unsafe requests that did not come from a page of ours: `Sec-Fetch-Site` must say
/// same-origin or, where a browser does not send it, `Origin` must be ours.
pub async fn same_origin(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_from_here(&portal, request.headers()) {
        return next.run(request).await;
    }
    let refusal =
        Refusal::BadRequest("This was not sent by a page of this portal. Nothing was done.");
    if wants_json(request.headers()) {
        Problem(refusal).into_response()
    } else {
        page::refusal(&portal, None, refusal)
    }
}

fn is_from_here(portal: &Portal, headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => headers
            .get(ORIGIN)
            .is_some_and(|origin| origin.as_bytes() == portal.config.origin_text().as_bytes()),
    }
}

/// Around every answer: its id in the log, the words of a refusal, its headers. One layer, for each
/// costs every call of a gateway.
pub async fn around(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let as_problem = wants_problem(&request);
    trace::traced(&portal, request, async |request| {
        let answered = next.run(request).await;
        with_headers(&portal, worded(&portal, as_problem, answered))
    })
    .await
}

/// What the framework refuses by itself, in plain text or without a word, is worded as all else is:
/// an id that is none is the id of nothing, and what takes too long is given up.
fn worded(portal: &Portal, as_problem: bool, mut response: Response) -> Response {
    let kind = response.headers().get(CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let refusal = match response.status() {
        StatusCode::BAD_REQUEST if kind.is_some() && is_bare => Refusal::NotFound,
        StatusCode::METHOD_NOT_ALLOWED if is_bare => Refusal::NotAllowed,
        StatusCode::SERVICE_UNAVAILABLE if is_bare => Refusal::Unavailable,
        _ => return response,
    };
    let allow = response.headers_mut().remove(ALLOW);
    let mut worded = if as_problem {
        Problem(refusal).into_response()
    } else {
        page::refusal(portal, None, refusal)
    };
    // RFC 9110, section 15.5.6.
    if let Some(allow) = allow {
        worded.headers_mut().insert(ALLOW, allow);
    }
    worded
}

/// Headers of every answer. A page's own policy, with its nonce, is set where it is rendered.
fn with_headers(portal: &Portal, mut response: Response) -> Response {
    let headers = response.headers_mut();
    // Those below, and the request's id.
    headers.reserve(10);
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "publickey-credentials-get=(self), publickey-credentials-create=(self), \
             clipboard-write=(self), camera=(), microphone=(), geolocation=()",
        ),
    );
    if portal.config.is_https() {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
        secure_cookies(headers);
    }
    response
}

/// Every cookie that an https origin gives goes back over https alone.
fn secure_cookies(headers: &mut HeaderMap) {
    let Entry::Occupied(mut cookies) = headers.entry(SET_COOKIE) else {
        return;
    };
    for cookie in cookies.iter_mut() {
        let mut secure = cookie.as_bytes().to_vec();
        secure.extend(b"; Secure");
        if let Ok(secure) = HeaderValue::try_from(secure) {
            *cookie = secure;
        }
    }
}

/// Where a request came from: the right-most forwarded address outside of our proxies.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: IpAddr,
    pub origin: Origin,
}

impl FromRequestParts<Portal> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        portal: &Portal,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
        let forwarded = joined(&parts.headers, "x-forwarded-for");
        let address = domain::network::client_address(&forwarded, peer, &portal.config.proxies);
        let agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            address,
            origin: Origin {
                address: Some(domain::audit::TruncatedAddress::of(address)),
                agent,
            },
        })
    }
}

/// The actor that [`authorise`] left.
impl FromRequestParts<Portal> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(Problem(Refusal::SignedOut))
    }
}

/// Several headers of one name read as one list (RFC 9110, section 5.3).
fn joined(headers: &HeaderMap, name: &str) -> String {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_origin() {
        assert_eq!(
            local_path("/requests?state=in-review"),
            "/requests?state=in-review"
        );
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "requests",
            "/\tx",
        ] {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
