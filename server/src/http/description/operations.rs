//! Each route for programs: what it takes, and every answer that it gives.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{
    OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AllOfBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, Ref, Required, ResponseBuilder, SecurityRequirement,
};

use super::forward::forward_auth;

/// The schemes by which a gateway says who it is, and a client's key comes.
pub(super) const GATEWAY: &str = "gateway";
pub(super) const BEARER: &str = "bearer";
pub(super) const BARE: &str = "api-key";

/// What operations are about, in the order in which they are shown.
pub(super) const TAGS: [&str; 3] = [VERIFICATION, OPERATION, PUBLICATION];
pub(super) const VERIFICATION: &str = "Verification";
const OPERATION: &str = "Operation";
const PUBLICATION: &str = "Publication";

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";

/// The methods of HTTP that the description can name, for a route that takes any.
pub(super) const ANY: [(HttpMethod, &str); 8] = [
    (HttpMethod::Get, "get"),
    (HttpMethod::Head, "head"),
    (HttpMethod::Post, "post"),
    (HttpMethod::Put, "put"),
    (HttpMethod::Patch, "patch"),
    (HttpMethod::Delete, "delete"),
    (HttpMethod::Options, "options"),
    (HttpMethod::Trace, "trace"),
];

pub(super) fn paths() -> Paths {
    let post = |operation| PathItem::new(HttpMethod::Post, operation);
    let get = |operation| PathItem::new(HttpMethod::Get, operation);
    let any = |operation| PathItem::from_http_methods(ANY.map(|(method, _)| method), operation);
    PathsBuilder::new()
        .path("/v1/verify", post(verify()))
        .path("/v1/verify/batch", post(verify_batch()))
        .path("/v1/forward-auth", any(forward_auth(&[])))
        .path("/v1/forward-auth/", any(forward_auth(&[])))
        .path(
            "/v1/forward-auth/{path}",
            any(forward_auth(&[(
                "path",
                "The call's own path, which Envoy puts here.",
            )])),
        )
        .path("/healthz", get(healthz()))
        .path("/readyz", get(readyz()))
        .path("/.well-known/latchkey.json", get(well_known()))
        .path("/.well-known/latchkey-jwks.json", get(jwks()))
        .path("/v1/openapi.json", get(openapi()))
        .build()
}

fn verify() -> OperationBuilder {
    question("verify", "May this key make this call?")
        .description(Some(
            "For a gateway that describes the call itself. A decision, either way, is always 200, \
             and counts as a use of the key.",
        ))
        .request_body(Some(body("Call")))
        .response("200", json("The decision.", "Decision"))
}

fn verify_batch() -> OperationBuilder {
    question("verifyBatch", "May these calls be made?")
        .description(Some(
            "Several calls at once. One that cannot be read refuses them all, and none is counted.",
        ))
        .request_body(Some(body("Calls")))
        .response(
            "200",
            json("The decisions, in the order of the calls.", "Decisions"),
        )
}

/// What both forms of the question answer when there is no decision.
fn question(id: &str, summary: &str) -> OperationBuilder {
    operation(VERIFICATION, summary)
        .operation_id(Some(id))
        .security(SecurityRequirement::new(GATEWAY, NONE))
        .response(
            "400",
            problem(
                "`bad-request`: the body cannot be read, so nothing was decided.",
                &["bad-request"],
            ),
        )
        .response(
            "401",
            problem(
                "`unknown-gateway`: the header holds no registered gateway's credential.",
                &["unknown-gateway"],
            )
            .header(
                "WWW-Authenticate",
                header("`Latchkey-Gateway`, the header to use."),
            ),
        )
        .response(
            "503",
            unanswered(
                "`not-ready`: Latchkey cannot be sure of its keys right now. Refuse the call.",
                &["not-ready"],
            ),
        )
}

fn healthz() -> OperationBuilder {
    operation(OPERATION, "Does the process live?")
        .operation_id(Some("healthz"))
        .response("200", text("It does.", "ok"))
}

fn readyz() -> OperationBuilder {
    operation(OPERATION, "Can it answer?")
        .operation_id(Some("readyz"))
        .response(
            "200",
            text(
                "Keys are loaded and fresh, and the database answers.",
                "ready",
            ),
        )
        .response(
            "503",
            text("Not now. No call passes meanwhile.", "not ready"),
        )
}

fn well_known() -> OperationBuilder {
    operation(PUBLICATION, "What does the host publish of itself?")
        .operation_id(Some("wellKnown"))
        .response("200", json("The portal's identity.", "WellKnown"))
}

fn jwks() -> OperationBuilder {
    operation(PUBLICATION, "Which key are assertions signed with?")
        .operation_id(Some("jwks"))
        .response(
            "200",
            json("A set of JSON Web Keys, as libraries fetch it.", "Jwks"),
        )
}

fn openapi() -> OperationBuilder {
    let object = ObjectBuilder::new()
        .description(Some("OpenAPI 3.1."))
        .build();
    let content = ContentBuilder::new().schema(Some(object)).build();
    let answer = ResponseBuilder::new()
        .description("It is this.")
        .content(JSON, content);
    operation(PUBLICATION, "This description")
        .operation_id(Some("openapi"))
        .response("200", answer)
}

pub(super) const NONE: [&str; 0] = [];

pub(super) fn operation(tag: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new().tag(tag).summary(Some(summary))
}

pub(super) fn parameter(name: &str, words: &str) -> ParameterBuilder {
    ParameterBuilder::from(Parameter::new(name))
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(words))
        .schema(Some(string()))
}

fn body(schema: &str) -> RequestBody {
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content(
            JSON,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(schema)))
                .build(),
        )
        .build()
}

fn json(words: &str, schema: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
    ResponseBuilder::new()
        .description(words)
        .content(JSON, content.build())
}

/// A problem with one of these codes.
pub(super) fn problem(words: &str, codes: &[&str]) -> ResponseBuilder {
    let code = ObjectBuilder::new().property("code", one_of(codes));
    let problem = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(code);
    let content = ContentBuilder::new().schema(Some(problem));
    ResponseBuilder::new()
        .description(words)
        .content(PROBLEM, content.build())
}

fn one_of(values: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().copied()))
        .build()
}

fn text(words: &str, always: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(one_of(&[always])));
    ResponseBuilder::new()
        .description(words)
        .content("text/plain", content.build())
}

/// There is no decision.
pub(super) fn unanswered(words: &str, codes: &[&str]) -> ResponseBuilder {
    problem(words, codes).header("Retry-After", seconds("When to ask again."))
}

pub(super) fn header(words: &str) -> Header {
    described(words, string())
}

pub(super) fn seconds(words: &str) -> Header {
    let whole = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0));
    described(&format!("Whole seconds. {words}"), whole.build())
}

fn described(words: &str, schema: Object) -> Header {
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(words))
        .build()
}

fn string() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}
