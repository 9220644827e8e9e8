//! The question of a gateway that forwards a call, and every answer to it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::state::GatewayKind;
use domain::verification::Reason;
use utoipa::openapi::path::{OperationBuilder, ParameterIn};
use utoipa::openapi::{Required, ResponseBuilder, SecurityRequirement};

use super::operations::{
    BARE, BEARER, GATEWAY, NONE, VERIFICATION, header, operation, parameter, problem, seconds,
    unanswered,
};
use crate::http::verify::{IDENTITY, NO_KEY, status};

/// Statuses come from the function that chooses them, for each reason and kind of gateway.
pub(super) fn forward_auth(in_path: &[(&str, &str)]) -> OperationBuilder {
    let both = |key| SecurityRequirement::new(GATEWAY, NONE).add(key, NONE);
    let mut operation = operation(VERIFICATION, "May this forwarded call pass?")
        .description(Some(
            "For gateways that forward a call's headers and go by the status. Any method. Which of \
             these headers are read is fixed by the gateway's registered kind; its own must be \
             there, once.",
        ))
        .securities(Some([both(BEARER), both(BARE)]))
        .response(
            "200",
            limits(identity(
                ResponseBuilder::new().description("`ok`: the call may pass. There is no body."),
            )),
        );
    for (name, words) in in_path {
        let parameter = parameter(name, words)
            .parameter_in(ParameterIn::Path)
            .required(Required::True);
        operation = operation.parameter(parameter);
    }
    for (name, words) in FORWARDED {
        operation = operation.parameter(parameter(name, words));
    }
    for (name, words) in NARROWING {
        operation = operation.parameter(parameter(name, words));
    }
    for (status, codes) in refusals() {
        operation = operation.response(status.as_str(), refusal(&codes));
    }
    operation.response(
        "503",
        identity(unanswered(
            "`not-ready`, `unknown-gateway` or `bad-request`: there is no decision. The second \
             and the third are the gateway's configuration: it is not registered, or lacks a \
             header of its kind.",
            &["not-ready", "unknown-gateway", "bad-request"],
        )),
    )
}

const FORWARDED: [(&str, &str); 6] = [
    ("X-Original-Method", "The call's method. Kind `nginx`."),
    (
        "X-Original-URI",
        "The call's target, with its query. Kind `nginx`.",
    ),
    (
        "X-Forwarded-Method",
        "The call's method. Kinds `caddy`, `traefik` and `apisix`.",
    ),
    (
        "X-Forwarded-Uri",
        "The call's target, with its query. Kinds `caddy`, `traefik` and `apisix`.",
    ),
    (
        "X-Forwarded-Proto",
        "`https` or `http`: how the client came. All kinds.",
    ),
    (
        "X-Forwarded-For",
        "Addresses, separated by commas. The right-most outside of the gateway's registered \
         proxies is the client's. All kinds.",
    ),
];

const NARROWING: [(&str, &str); 3] = [
    (
        "Latchkey-Service",
        "The id of the service that was called, for a gateway that serves several.",
    ),
    (
        "Latchkey-Environment",
        "The id of the environment that was called, for a gateway that serves several.",
    ),
    (
        "Latchkey-Scope",
        "A scope that this call needs, beyond its endpoint.",
    ),
];

/// Each status that refuses, and the codes that it can stand for.
fn refusals() -> BTreeMap<StatusCode, Vec<&'static str>> {
    let mut refusals = BTreeMap::from([(StatusCode::UNAUTHORIZED, vec![NO_KEY])]);
    let kinds = GatewayKind::ALL
        .iter()
        .filter(|kind| **kind != GatewayKind::Api);
    for kind in kinds {
        for reason in Reason::ALL {
            let codes = refusals.entry(status(*kind, *reason)).or_default();
            if !codes.contains(&reason.code()) {
                codes.push(reason.code());
            }
        }
    }
    refusals
}

fn refusal(codes: &[&str]) -> ResponseBuilder {
    let quoted: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let words = format!("The call must not pass: {}.", quoted.join(", "));
    identity(problem(&words, codes))
        .header(
            "WWW-Authenticate",
            header(
                "The challenge of RFC 6750, section 3, where one of its errors fits; without an \
                 error where no key came.",
            ),
        )
        .header("Retry-After", seconds("Where time alone refuses the call."))
}

/// The headers that every answer to a forwarded call carries.
fn identity(mut response: ResponseBuilder) -> ResponseBuilder {
    for (name, words) in IDENTITY.iter().zip(IDENTITY_WORDS) {
        response = response.header(name.as_str(), header(words));
    }
    response
}

/// In the order of [`IDENTITY`].
const IDENTITY_WORDS: [&str; 6] = [
    "The key's id. Like the others of these headers it is always there, and empty where there is \
     nothing to say: hand them on, so that they overwrite what a client sent.",
    "The eight characters by which the key is known.",
    "The id of the organisation whose key it is.",
    "The key's scopes, separated by spaces.",
    "`ok`, or the code of the reason.",
    "Where the gateway is registered to sign and the call may pass: the same, and the call, as a \
     JSON Web Token for the next minute. A backend checks it with the key of \
     `/.well-known/latchkey-jwks.json`.",
];

fn limits(response: ResponseBuilder) -> ResponseBuilder {
    const DRAFT: &str = "draft-ietf-httpapi-ratelimit-headers-11";
    response
        .header(
            "RateLimit-Policy",
            header(&format!("The limits that count this call ({DRAFT}).")),
        )
        .header(
            "RateLimit",
            header(&format!("What is left of each of them ({DRAFT}).")),
        )
}
