//! The description as its page shows it: read from the very document that programs get.

use app::pages::api::{Answered, Field, Operation, Reference, Shape};
use serde_json::{Map, Value};

use super::operations::{ANY, TAGS};

pub(super) fn reference(description: &Value) -> Reference {
    Reference {
        about: text(&description["info"], "description"),
        version: text(&description["info"], "version"),
        operations: operations(description),
        shapes: members(at(description, "/components/schemas"))
            .map(|(name, schema)| shape(name, schema))
            .collect(),
    }
}

/// Routes that ask the same thing are shown once, with the one that takes the most.
fn operations(description: &Value) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    let mut paths: Vec<(&String, &Value)> = members(&description["paths"]).collect();
    paths.sort_by_key(|(_, item)| place(item));
    for (path, item) in paths {
        let methods: Vec<&str> = members(item).map(|(method, _)| method.as_str()).collect();
        let method = match methods.as_slice() {
            [method] => method.to_uppercase(),
            methods if methods.len() == ANY.len() => "Any method".to_owned(),
            methods => methods.join(", ").to_uppercase(),
        };
        let Some((_, first)) = members(item).next() else {
            continue;
        };
        let mut next = operation(description, format!("{method} {path}"), first);
        match operations
            .iter_mut()
            .find(|before| before.title == next.title)
        {
            Some(before) => {
                before.places.append(&mut next.places);
                if next.parameters.len() > before.parameters.len() {
                    before.parameters = next.parameters;
                }
            }
            None => operations.push(next),
        }
    }
    operations
}

/// What gateways ask stands first.
fn place(item: &Value) -> usize {
    let tag = members(item)
        .next()
        .and_then(|(_, operation)| items(&operation["tags"]).first())
        .and_then(Value::as_str);
    TAGS.iter()
        .position(|known| Some(*known) == tag)
        .unwrap_or(TAGS.len())
}

fn operation(description: &Value, place: String, operation: &Value) -> Operation {
    let mut answers: Vec<Answered> = members(&operation["responses"])
        .map(|(status, response)| answered(status, response))
        .collect();
    Operation {
        headers: take_shared(&mut answers),
        answers,
        title: text(operation, "summary"),
        places: vec![place],
        about: text(operation, "description"),
        proofs: proofs(description, operation),
        parameters: items(&operation["parameters"])
            .iter()
            .map(parameter)
            .collect(),
        takes: members(at(operation, "/requestBody/content"))
            .find_map(|(_, content)| named(&content["schema"])),
    }
}

/// Takes out the headers that every answer carries, where there are several.
fn take_shared(answers: &mut [Answered]) -> Vec<Field> {
    let [first, others @ ..] = answers else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let headers = std::mem::take(&mut first.headers);
    let is_shared = |header: &Field| {
        others
            .iter()
            .all(|answer| answer.headers.iter().any(|one| one.name == header.name))
    };
    let (shared, own): (Vec<Field>, Vec<Field>) = headers.into_iter().partition(is_shared);
    first.headers = own;
    for answer in others {
        let is_own = |header: &Field| shared.iter().all(|one| one.name != header.name);
        answer.headers.retain(is_own);
    }
    shared
}

fn proofs(description: &Value, operation: &Value) -> Vec<Field> {
    let alternatives = items(&operation["security"]);
    let mut names: Vec<&String> = alternatives
        .iter()
        .flat_map(members)
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    let is_in_all = |name: &str| alternatives.iter().all(|all| all.get(name).is_some());
    let mut proofs: Vec<Field> = Vec::new();
    for name in names {
        let scheme = at(description, "/components/securitySchemes").get(name);
        let scheme = scheme.unwrap_or(&Value::Null);
        let header = match scheme["name"].as_str() {
            Some(header) => header.to_owned(),
            None => "Authorization: Bearer".to_owned(),
        };
        if proofs.iter().any(|before| before.name == header) {
            continue;
        }
        proofs.push(Field {
            name: header,
            kind: "header".to_owned(),
            required: is_in_all(name),
            about: text(scheme, "description"),
        });
    }
    proofs
}

fn parameter(parameter: &Value) -> Field {
    Field {
        name: text(parameter, "name"),
        kind: format!("{}, {}", text(parameter, "in"), kind(&parameter["schema"])),
        required: parameter["required"] == true,
        about: text(parameter, "description"),
    }
}

fn answered(status: &str, response: &Value) -> Answered {
    Answered {
        status: status.to_owned(),
        about: text(response, "description"),
        kind: members(&response["content"])
            .next()
            .map(|(media, content)| (media.clone(), named(&content["schema"]))),
        headers: members(&response["headers"])
            .map(|(name, header)| Field {
                name: name.clone(),
                kind: kind(&header["schema"]),
                required: false,
                about: text(header, "description"),
            })
            .collect(),
    }
}

fn shape(name: &str, schema: &Value) -> Shape {
    let required = items(&schema["required"]);
    Shape {
        name: name.to_owned(),
        about: text(schema, "description"),
        either: items(&schema["oneOf"]).iter().filter_map(named).collect(),
        fields: members(&schema["properties"])
            .map(|(name, field)| Field {
                name: name.clone(),
                kind: kind(field),
                required: required.iter().any(|field| field == name),
                about: text(field, "description"),
            })
            .collect(),
    }
}

/// `string (uuid)`, `one of grant, key`, `list of Limit`
fn kind(schema: &Value) -> String {
    if let Some(name) = named(schema) {
        return name;
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(bare).collect();
        return match values.as_slice() {
            [only] => format!("always {only}"),
            values => format!("one of {}", values.join(", ")),
        };
    }
    if schema["items"].is_object() {
        return format!("list of {}", kind(&schema["items"]));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().map(bare).collect::<Vec<_>>().join(" or "),
        one => bare(one),
    };
    match schema["format"].as_str() {
        Some(format) => format!("{types} ({format})"),
        None => types,
    }
}

/// The schema's name, where it stands among the bodies, or that of the one that it narrows.
fn named(schema: &Value) -> Option<String> {
    let narrowed = items(&schema["allOf"]).first().unwrap_or(schema);
    let reference = narrowed["$ref"].as_str()?;
    reference.rsplit('/').next().map(str::to_owned)
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// What stands behind a pointer (RFC 6901), or nothing.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::description::DESCRIPTION;

    #[test]
    fn every_path_and_every_body_is_shown() {
        let shown = reference(&DESCRIPTION);
        let places: Vec<&String> = shown
            .operations
            .iter()
            .flat_map(|one| &one.places)
            .collect();
        for path in DESCRIPTION["paths"].as_object().unwrap().keys() {
            assert!(places.iter().any(|place| place.ends_with(path)), "{path}");
        }
        for operation in &shown.operations {
            assert!(!operation.title.is_empty() && !operation.answers.is_empty());
        }
        let schemas = DESCRIPTION["components"]["schemas"].as_object().unwrap();
        assert_eq!(shown.shapes.len(), schemas.len());
        for shape in shown.shapes {
            assert!(
                shape.fields.is_empty() != shape.either.is_empty(),
                "{}",
                shape.name
            );
        }
    }

    #[test]
    fn who_forwards_a_call_proves_it_and_either_header_holds_the_key() {
        let shown = reference(&DESCRIPTION);
        let forward = shown
            .operations
            .iter()
            .find(|one| {
                one.places
                    .iter()
                    .any(|place| place.ends_with("/v1/forward-auth"))
            })
            .unwrap();
        let proofs: Vec<(&str, bool)> = forward
            .proofs
            .iter()
            .map(|proof| (proof.name.as_str(), proof.required))
            .collect();
        let expected = [
            ("Latchkey-Gateway", true),
            ("Authorization: Bearer", false),
            ("X-Api-Key", false),
        ];
        assert_eq!(proofs.len(), expected.len());
        for proof in expected {
            assert!(proofs.contains(&proof), "{proof:?} in {proofs:?}");
        }
        assert_eq!(forward.places.len(), 3);
        let shared: Vec<&str> = forward
            .headers
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let identity = crate::http::verify::IDENTITY;
        assert_eq!(shared.len(), identity.len(), "{shared:?}");
        for name in &identity {
            assert!(shared.contains(&name.as_str()), "{name}");
        }
    }
}
