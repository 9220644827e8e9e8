//! What a gateway asks of `POST /v1/verify` and `/v1/verify/batch`.
//!
//! Needs nothing else of the server, so that the fuzzer builds this file alone (`fuzz/properties`).

use std::borrow::Cow;
use std::fmt;

use domain::id::{EnvironmentId, ServiceId};
use domain::verification::{RawCall, Scheme};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use zeroize::Zeroize as _;

/// Calls in one question at most.
const BATCH: usize = 100;

/// Why a body is no question.
#[derive(Debug)]
pub(super) enum Unreadable {
    Json,
    /// No call, or too many.
    Count,
}

/// All of them, before any is decided.
pub(super) fn read_batch(body: &[u8]) -> Result<Vec<Asked<'_>>, Unreadable> {
    let batch: Batch<'_> = object(body)?;
    if !(1..=BATCH).contains(&batch.calls.len()) {
        return Err(Unreadable::Count);
    }
    batch
        .calls
        .into_iter()
        .map(|call| read(call.get().as_bytes()))
        .collect()
}

pub(super) fn read(body: &[u8]) -> Result<Asked<'_>, Unreadable> {
    object(body)
}

/// serde would take a list as well, by position: then no name says what a value is.
fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Unreadable::Json);
    }
    // At once for all of it; serde_json would look at each string by itself.
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::Json)?;
    serde_json::from_str(text).map_err(|_| Unreadable::Json)
}

/// Several calls to be decided, each as if it were asked about alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Calls)]
pub(crate) struct Batch<'a> {
    /// Decided and counted in this order.
    #[serde(borrow)]
    #[schema(value_type = Vec<Asked<'a>>, min_items = 1, max_items = 100)]
    calls: Vec<&'a RawValue>,
}

/// A call, as the gateway got it. Unknown and repeated fields are refused.
// Never 9.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Call)]
pub(crate) struct Asked<'a> {
    /// The key, as the client sent it.
    #[serde(borrow)]
    #[schema(value_type = String, example = "lk_live_0aPq77Lm…")]
    key: PresentedKey<'a>,
    /// The call's method.
    #[serde(borrow)]
    #[schema(value_type = String, example = "GET")]
    method: Cow<'a, str>,
    /// The request target as it came: the path, and the query if there is one.
    #[serde(borrow)]
    #[schema(value_type = String, example = "/v2/shipments/1")]
    path: Cow<'a, str>,
    /// The client's address, IPv4 or IPv6.
    #[serde(borrow)]
    #[schema(value_type = String, example = "203.0.113.4")]
    source_ip: Cow<'a, str>,
    #[serde(borrow)]
    #[schema(schema_with = scheme)]
    scheme: Cow<'a, str>,
    /// The service that was called, for a gateway that serves several.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub(super) service: Option<ServiceId>,
    /// The environment that was called, for a gateway that serves several.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub(super) environment: Option<EnvironmentId>,
    /// A scope that this call needs, beyond its endpoint.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "shipments:read")]
    scope: Option<Borrowed<'a>>,
}

/// A text that is one of these; what is described so has no other place for its words.
pub(super) fn one_of(words: &str, codes: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(words))
        .enum_values(Some(codes))
        .build()
}

fn scheme() -> Object {
    one_of(
        "How the client came.",
        Scheme::ALL.iter().map(|scheme| scheme.code()),
    )
}

/// A text as it stands in the body, where no escape is in it. Inside of an `Option` serde copies a
/// bare `Cow`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// A client's key as it stands in the body: borrowed from it, and wiped where it was copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct PresentedKey<'a>(#[serde(borrow)] Cow<'a, str>);

impl Drop for PresentedKey<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(copy) = &mut self.0 {
            copy.zeroize();
        }
    }
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedKey(…)")
    }
}

impl Asked<'_> {
    pub(super) fn key(&self) -> &str {
        &self.key.0
    }

    pub(super) fn call(&self) -> RawCall<'_> {
        RawCall {
            method: &self.method,
            path: &self.path,
            source_ip: &self.source_ip,
            scheme: &self.scheme,
            scope: self.scope.as_ref().map(|scope| &*scope.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"key":"lk_live_x","method":"GET","path":"\/v2\/x","source_ip":"192.0.2.7","scheme":"https"}"#;

    #[test]
    fn escapes_are_read_and_the_rest_is_borrowed() {
        let asked = read(BODY.as_bytes()).unwrap();
        assert_eq!(asked.path, "/v2/x");
        assert!(matches!(asked.method, Cow::Borrowed("GET")));
        assert!(matches!(asked.key.0, Cow::Borrowed("lk_live_x")));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let more = BODY.replace("\"method\"", "\"trusted\":true,\"method\"");
        assert!(read(more.as_bytes()).is_err());
    }

    #[test]
    fn a_field_twice_is_refused() {
        let twice = BODY.replace("\"method\"", "\"key\":\"y\",\"method\"");
        assert!(read(twice.as_bytes()).is_err());
    }

    #[test]
    fn a_missing_field_is_refused() {
        for field in ["key", "method", "path", "source_ip", "scheme"] {
            let mut body: serde_json::Value = serde_json::from_str(BODY).unwrap();
            body.as_object_mut().unwrap().remove(field);
            assert!(read(body.to_string().as_bytes()).is_err(), "{field}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        for (from, to) in [
            ("\"lk_live_x\"", "7"),
            ("\"https\"", "null"),
            ("\"GET\"", "[\"GET\"]"),
            ("{", "{\"service\":\"billing\","),
            ("{", "{\"scope\":[],"),
        ] {
            assert!(read(BODY.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(read(b"").is_err() && read(b"[]").is_err() && read(&BODY.as_bytes()[1..]).is_err());
    }

    #[test]
    fn a_list_of_values_without_names_is_refused() {
        let list = r#"["lk_live_x","GET","/v2/x","192.0.2.7","https",null,null,null]"#;
        assert!(
            serde_json::from_str::<Asked<'_>>(list).is_ok(),
            "serde would"
        );
        assert!(read(list.as_bytes()).is_err());
    }

    #[test]
    fn a_batch_is_read_whole_or_not_at_all() {
        let batch = |calls: &[&str]| format!(r#"{{"calls":[{}]}}"#, calls.join(","));
        let read = |text: &str| read_batch(text.as_bytes()).map(|calls| calls.len()).ok();
        assert_eq!(read(&batch(&[BODY, BODY])), Some(2));
        assert_eq!(read(&batch(&[BODY; 100])), Some(100));
        let list = r#"["lk_live_x","GET","/v2/x","192.0.2.7","https",null,null,null]"#;
        for refused in [
            batch(&[]),
            batch(&[BODY; 101]),
            batch(&[BODY, "{}"]),
            batch(&[BODY, list]),
            batch(&[BODY]).replace("\"calls\"", "\"trusted\":true,\"calls\""),
            format!("[[{BODY}]]"),
            BODY.to_owned(),
        ] {
            assert_eq!(read(&refused), None, "{refused}");
        }
    }

    #[test]
    fn the_key_is_absent_from_debug() {
        let asked = read(BODY.as_bytes()).unwrap();
        assert!(!format!("{asked:?}").contains("lk_live_x"));
    }
}
