//! The JSON by which gateways ask about a call, and about several at once.

// The file alone: the rest of the server would take minutes to build.
#[path = "../../../server/src/http/verify/question.rs"]
mod reader;

use std::collections::BTreeMap;
use std::fmt;

use reader::{Asked, read, read_batch};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use uuid::Uuid;

const REQUIRED: [&str; 5] = ["key", "method", "path", "source_ip", "scheme"];
const OPTIONAL: [&str; 3] = ["service", "environment", "scope"];

const OTHER: &str =
    r#"{"key":"lk_live_x","method":"GET","path":"/","source_ip":"::1","scheme":"https"}"#;

/// The input is a body: a call, several of them, or neither.
pub fn question(data: &[u8]) {
    let one = one(data);
    assert_eq!(one, Call::expected(data), "{}", data.escape_ascii());
    let several = several(data);
    assert_eq!(several, Call::all_expected(data), "{}", data.escape_ascii());
    among_others(data, one.as_ref());
    for call in one.iter().chain(several.iter().flatten()) {
        for text in [call.written(quoted), call.written(escaped)] {
            assert_eq!(self::one(text.as_bytes()).as_ref(), Some(call), "{text}");
        }
    }
}

/// All of a batch is read or nothing, and a call in it as it is read alone.
fn among_others(data: &[u8], alone: Option<&Call>) {
    let other = OTHER.as_bytes();
    let calls = [other, data, other].join(&b',');
    let batch = several(&[br#"{"calls":["#, calls.as_slice(), b"]}"].concat());
    if alone.is_some() {
        let expected = [one(other), alone.cloned(), one(other)];
        assert_eq!(
            batch,
            expected.into_iter().collect(),
            "{}",
            data.escape_ascii()
        );
    } else {
        // An input can be two calls and the comma between them.
        let is_nothing = batch.is_none_or(|calls| calls.len() > 3);
        assert!(is_nothing, "{}", data.escape_ascii());
    }
}

fn one(data: &[u8]) -> Option<Call> {
    read(data).ok().as_ref().map(Call::said)
}

fn several(data: &[u8]) -> Option<Vec<Call>> {
    let calls = read_batch(data).ok()?;
    Some(calls.iter().map(Call::said).collect())
}

/// Each field by its name; those that a call need not have are none where they are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call(BTreeMap<String, Option<String>>);

impl Call {
    fn said(asked: &Asked<'_>) -> Self {
        let call = asked.call();
        let fields = [
            ("key", Some(asked.key().to_owned())),
            ("method", Some(call.method.to_owned())),
            ("path", Some(call.path.to_owned())),
            ("source_ip", Some(call.source_ip.to_owned())),
            ("scheme", Some(call.scheme.to_owned())),
            ("service", asked.service.map(|id| id.to_string())),
            ("environment", asked.environment.map(|id| id.to_string())),
            ("scope", call.scope.map(str::to_owned)),
        ];
        Self(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn expected(data: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(data).ok()?)
    }

    fn all_expected(data: &[u8]) -> Option<Vec<Self>> {
        let Object(fields) = serde_json::from_slice::<Object<Vec<Object<_>>>>(data).ok()?;
        let [(name, calls)] = <[_; 1]>::try_from(fields).ok()?;
        let is_batch = name == "calls" && (1..=100).contains(&calls.len());
        is_batch
            .then_some(calls)?
            .into_iter()
            .map(Self::of)
            .collect()
    }

    fn of(Object(fields): Object<Option<String>>) -> Option<Self> {
        let count = fields.len();
        let mut call: BTreeMap<_, _> = fields.into_iter().collect();
        let has_repeated = call.len() < count;
        for name in OPTIONAL {
            call.entry(name.to_owned()).or_default();
        }
        for name in ["service", "environment"] {
            if let Some(Some(id)) = call.get_mut(name) {
                *id = id.parse::<Uuid>().ok()?.to_string();
            }
        }
        let is_whole = REQUIRED
            .iter()
            .all(|name| call.get(*name).is_some_and(Option::is_some));
        let has_unknown = call.len() > REQUIRED.len() + OPTIONAL.len();
        (is_whole && !has_unknown && !has_repeated).then_some(Self(call))
    }

    fn written(&self, text: fn(&str) -> String) -> String {
        let field = |(name, value): (&String, &Option<String>)| {
            let value = value.as_deref().map_or("null".to_owned(), text);
            format!("{}:{value}", text(name))
        };
        let fields: Vec<String> = self.0.iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// With every character as its code units in UTF-16 (RFC 8259, section 7).
fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

/// All fields as they come, those that are unknown or there twice among them.
struct Object<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(field) = map.next_entry()? {
            self.0.push(field);
        }
        Ok(self)
    }
}
