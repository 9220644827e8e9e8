//! What programs may ask of the portal, as OpenAPI 3.1: `GET /v1/openapi.json`, and the same as a
//! page, `GET /docs/api`. Bodies are described by the types that serde reads and writes, statuses
//! and reasons by the code that gives them; a test compares the paths with the table of routes.

mod forward;
mod operations;
mod shown;

use std::sync::LazyLock;

use app::pages::api::api_page;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder};

use crate::http::answer::Body;
use crate::http::health::WellKnown;
use crate::http::page::View;
use crate::http::verify::{Answers, Batch, Jwks};
use operations::{BARE, BEARER, GATEWAY};

const ABOUT: &str = "What programs ask Latchkey: gateways, whether a key may make a call; monitors, \
    whether the portal works. A decision on a call is made from memory, deny by default, with one \
    stable code for each reason. Without an answer there is no call: every status that is not \
    described here, a timeout and a closed connection mean that the call must not pass.";

/// It says nothing of this portal that is not in the program, so it is made once.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(describe);

/// `GET /v1/openapi.json`
pub async fn openapi() -> Response {
    Json(&*DESCRIPTION).into_response()
}

/// `GET /docs/api`
pub async fn page(view: View) -> Response {
    let host = view.portal.config.host_name.clone();
    view.bare(|| api_page(&host, shown::reference(&DESCRIPTION)))
}

fn describe() -> Value {
    let gateway = ApiKeyValue::with_description(
        "Latchkey-Gateway",
        "The credential (`lkg_…`) of a registered gateway, once. Never in `Authorization`, which \
         holds the client's key.",
    );
    let bare = ApiKeyValue::with_description(
        "X-Api-Key",
        "The client's key, where it is not in `Authorization`. Two keys are refused.",
    );
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The client's key, as it came."));
    let mut components = ComponentsBuilder::new();
    components = with::<Batch<'_>>(components);
    components = with::<Answers<'_>>(components);
    components = with::<Body>(components);
    components = with::<WellKnown>(components);
    components = with::<Jwks>(components);
    let components = components
        .security_scheme(GATEWAY, SecurityScheme::ApiKey(ApiKey::Header(gateway)))
        .security_scheme(BARE, SecurityScheme::ApiKey(ApiKey::Header(bare)))
        .security_scheme(BEARER, SecurityScheme::Http(bearer.build()))
        .build();
    let info = InfoBuilder::new()
        .title("Latchkey")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    let description = OpenApiBuilder::new()
        .info(info)
        .paths(operations::paths())
        .components(Some(components))
        .build();
    // A description is always JSON; a test reads it.
    serde_json::to_value(description).unwrap_or_default()
}

/// A body, and what stands in it.
fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut within = Vec::new();
    T::schemas(&mut within);
    components.schemas_from_iter(within).schema_from::<T>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::verification::Reason;

    use super::*;
    use crate::http::guard::Access;
    use crate::http::routes::TABLE;

    /// Public routes that are for programs; all others of theirs are known by their access.
    const PUBLIC: [&str; 5] = [
        "/healthz",
        "/readyz",
        "/.well-known/latchkey.json",
        "/.well-known/latchkey-jwks.json",
        "/v1/openapi.json",
    ];

    fn described() -> BTreeSet<(String, String)> {
        let mut operations = BTreeSet::new();
        for (path, item) in DESCRIPTION["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                operations.insert((method.clone(), path.clone()));
            }
        }
        operations
    }

    #[test]
    fn every_route_for_programs_is_described_and_nothing_else_is() {
        let mut served = BTreeSet::new();
        for entry in TABLE {
            let is_bench = entry.path == "/v1/constant";
            if is_bench || (entry.access != Access::Gateway && !PUBLIC.contains(&entry.path)) {
                continue;
            }
            let path = entry.path.replace("{*", "{");
            let methods = match entry.method {
                "any" => operations::ANY.map(|(_, name)| name).to_vec(),
                method => vec![method],
            };
            served.extend(
                methods
                    .into_iter()
                    .map(|method| (method.to_owned(), path.clone())),
            );
        }
        assert_eq!(served, described());
    }

    #[test]
    fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
        assert_eq!(DESCRIPTION["openapi"], "3.1.0");
        let text = DESCRIPTION.to_string();
        let mut references = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(DESCRIPTION.pointer(pointer).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 20, "{references}");
    }

    #[test]
    fn every_field_is_described() {
        let schemas = DESCRIPTION["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas {
            assert!(schema["description"].is_string(), "{name}");
            let Some(fields) = schema["properties"].as_object() else {
                continue;
            };
            for (field, schema) in fields {
                let says_itself = schema["enum"].as_array().is_some_and(|all| all.len() == 1);
                let words = schema["description"].is_string() || says_itself;
                assert!(words, "{name}.{field}: {schema}");
            }
        }
        assert!(schemas.len() >= 9, "{:?}", schemas.keys());
    }

    #[test]
    fn what_is_asked_has_no_other_fields() {
        for name in ["Call", "Calls"] {
            let schema = &DESCRIPTION["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], false, "{name}");
        }
    }

    #[test]
    fn every_problem_says_which_codes_it_can_have() {
        let mut named = BTreeSet::new();
        let paths = DESCRIPTION["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|item| item.as_object().unwrap());
        for (_, operation) in operations {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let problem = &answer["content"]["application/problem+json"]["schema"];
                if problem.is_null() {
                    continue;
                }
                let codes = problem.pointer("/allOf/1/properties/code/enum").unwrap();
                for code in codes.as_array().unwrap() {
                    named.insert((status.clone(), code.as_str().unwrap().to_owned()));
                }
            }
        }
        for (status, code) in [
            ("400", "bad-request"),
            ("400", "malformed"),
            ("401", "no-key"),
            ("401", "revoked"),
            ("401", "unknown-gateway"),
            ("403", "malformed"),
            ("429", "quota"),
            ("503", "not-ready"),
        ] {
            let one = (status.to_owned(), code.to_owned());
            assert!(named.contains(&one), "{one:?} in {named:?}");
        }
    }

    #[test]
    fn every_reason_is_a_code_of_the_description_and_of_the_guide() {
        let guide = include_str!("../../../../docs/gateways.md");
        let schemas = &DESCRIPTION["components"]["schemas"];
        let codes = schemas["Refused"]["properties"]["code"]["enum"].to_string();
        for reason in Reason::ALL {
            let code = reason.code();
            assert!(codes.contains(&format!("\"{code}\"")), "{code}");
            let line = guide.lines().find(|line| {
                let first = line.split('|').nth(1).unwrap_or_default();
                line.starts_with("| `") && first.contains(&format!("`{code}`"))
            });
            assert!(line.is_some(), "docs/gateways.md has no line for {code}");
        }
    }
}
