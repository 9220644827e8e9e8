//! Reading JSON with as little code as can be.
//!
//! serde_json's reader is compiled anew for each type that is read, each time with the wording of
//! every error. A page says only that an answer could not be read: here a text is parsed once for
//! all types, an error is a unit, and a struct is read from an object alone.

use core::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// It is no JSON, or not of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let value = serde_json::from_str(text).map_err(|_| Unreadable)?;
    of(value)
}

/// The same, of what is parsed already.
pub(super) fn of<T: DeserializeOwned>(value: Value) -> Result<T, Unreadable> {
    T::deserialize(Json(value))
}

struct Json(Value);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable")
    }
}

impl core::error::Error for Unreadable {}

impl Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl IntoDeserializer<'_, Unreadable> for Json {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// One arm for each shape: asking for any would put every shape into every type's reader.
impl<'de> Deserializer<'de> for Json {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => Err(Unreadable),
            },
            Value::String(text) => visitor.visit_string(text),
            list @ Value::Array(_) => Self(list).deserialize_seq(visitor),
            object @ Value::Object(_) => Self(object).deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.0.as_bool().ok_or(Unreadable)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.0.as_u64().ok_or(Unreadable)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(Unreadable),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Array(list) => {
                visitor.visit_seq(SeqDeserializer::new(list.into_iter().map(Json)))
            }
            _ => Err(Unreadable),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let Value::Object(fields) = self.0 else {
            return Err(Unreadable);
        };
        let fields = fields.into_iter().map(|(name, value)| (name, Json(value)));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf option unit unit_struct
        tuple tuple_struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use domain::act::ActStatement;
    use domain::id::PersonId;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        text: String,
        count: u64,
        flag: bool,
        list: Vec<String>,
        #[serde(default)]
        absent: String,
        person: PersonId,
        rest: Value,
    }

    const SAMPLE: &str = r#"{"text":"a","count":7,"flag":true,"list":["b","c"],"unknown":[1.5,null],
        "person":"6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6a02","rest":{"x":[1,-2,"y",{"z":null}]}}"#;

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let read: Sample = read(SAMPLE).unwrap();
        assert_eq!(read, serde_json::from_str(SAMPLE).unwrap());
    }

    #[test]
    fn a_statement_is_read_as_the_server_wrote_it() {
        let json = r#"{"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","act":"claim",
            "origin":"https://keys.example.com","actor":"00000000-0000-0000-0000-000000000000",
            "subject":"6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6a02","stamp":3,
            "parameters":[{"label":"a","value":"b"}]}"#;
        let statement: ActStatement = read(json).unwrap();
        assert_eq!(statement, serde_json::from_str(json).unwrap());
    }

    #[test]
    fn another_type_is_refused() {
        for (from, to) in [
            ("\"a\"", "1"),
            ("7", "\"7\""),
            ("7", "-7"),
            ("true", "1"),
            ("[\"b\",\"c\"]", "[\"b\",1]"),
            ("[\"b\",\"c\"]", "null"),
            ("6a8cd5f0", "zz8cd5f0"),
            ("\"flag\":true,", ""),
        ] {
            let changed = SAMPLE.replacen(from, to, 1);
            assert_ne!(changed, SAMPLE, "{from}");
            assert_eq!(read::<Sample>(&changed), Err(Unreadable), "{from} → {to}");
        }
    }

    #[test]
    fn what_is_no_object_is_no_struct() {
        for text in ["", "null", "[]", "{", "\"a\"", "<html>"] {
            assert_eq!(read::<Sample>(text), Err(Unreadable), "{text}");
        }
    }
}
