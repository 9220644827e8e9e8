//! The forms of a service's page, read into changes.

use std::collections::BTreeSet;

use domain::service::{Endpoint, EnvironmentKind, KeyTag, Scope, Sensitivity};

use crate::http::form::Form;
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::catalogue::{Change, EnvironmentChange, NewEnvironment};

pub(super) fn read_about(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "name", "description"])?;
    let mut typed = Typed::of(form);
    let (name, description) = (typed.field("name"), typed.field("description"));
    let (name, description) = typed.done(name.zip(description))?;
    Ok(Change::About { name, description })
}

pub(super) fn read_environment(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "environment", "kind", "tag", "base_url"])?;
    let mut typed = Typed::of(form);
    let name = typed.field("environment");
    let kind: Option<EnvironmentKind> = typed.field("kind");
    let base_url = typed.field("base_url");
    let tag: Option<KeyTag> = match kind {
        Some(kind) if form.text("tag").trim().is_empty() => kind.key_tag(),
        _ => typed.field("tag"),
    };
    if tag.is_none() && form.text("tag").trim().is_empty() {
        typed.refuse(
            "tag",
            "Give it a tag of its own: keys of this kind of environment have no usual one.",
        );
    }
    let ((name, kind), (tag, base_url)) = typed.done(name.zip(kind).zip(tag.zip(base_url)))?;
    Ok(Change::AddEnvironment(NewEnvironment {
        name,
        kind,
        tag,
        base_url,
    }))
}

pub(super) fn read_environment_change(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "environment", "tag", "base_url"])?;
    let mut typed = Typed::of(form);
    let (name, tag) = (typed.field("environment"), typed.field("tag"));
    let base_url = typed.field("base_url");
    let ((name, tag), base_url) = typed.done(name.zip(tag).zip(base_url))?;
    Ok(Change::ChangeEnvironment(EnvironmentChange {
        name,
        tag,
        base_url,
    }))
}

/// A form without fields of its own.
pub(super) fn read_plain(form: &Form, change: Change) -> Result<Change, Refusal> {
    form.only(&["version"])?;
    Ok(change)
}

pub(super) fn read_scope(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "scope", "allows", "sensitivity"])?;
    let mut typed = Typed::of(form);
    let (name, allows) = (typed.field("scope"), typed.field("allows"));
    let sensitivity: Option<Sensitivity> = typed.field("sensitivity");
    let ((name, allows), sensitivity) = typed.done(name.zip(allows).zip(sensitivity))?;
    Ok(Change::AddScope(Scope {
        name,
        allows,
        sensitivity,
    }))
}

pub(super) fn read_endpoint(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "method", "pattern", "scope"])?;
    let mut typed = Typed::of(form);
    let (method, pattern) = (typed.field("method"), typed.field("pattern"));
    let mut scopes = BTreeSet::new();
    for name in form.all("scope") {
        match name.parse() {
            Ok(name) => drop(scopes.insert(name)),
            Err(error) => typed.refuse("scope", error),
        }
    }
    if scopes.is_empty() {
        typed.refuse(
            "scope",
            "Pick at least one scope: without one no key could ever call it.",
        );
    }
    let (method, pattern) = typed.done(method.zip(pattern))?;
    Ok(Change::AddEndpoint(Endpoint {
        method,
        pattern,
        scopes,
    }))
}

pub(super) fn read_removed_scope(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "scope"])?;
    let mut typed = Typed::of(form);
    let name = typed.field("scope");
    typed.done(name).map(Change::RemoveScope)
}

pub(super) fn read_removed_endpoint(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "method", "pattern"])?;
    let mut typed = Typed::of(form);
    let (method, pattern) = (typed.field("method"), typed.field("pattern"));
    let (method, pattern) = typed.done(method.zip(pattern))?;
    Ok(Change::RemoveEndpoint { method, pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn fields(refused: Result<Change, Refusal>) -> Vec<String> {
        match refused {
            Err(Refusal::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn environment(kind: &str, tag: &str) -> Result<Change, Refusal> {
        read_environment(&form(&[
            ("version", "1"),
            ("environment", "staging"),
            ("kind", kind),
            ("tag", tag),
            ("base_url", "https://api.example.com"),
        ]))
    }

    #[test]
    fn an_environment_of_a_usual_kind_has_the_usual_tag() {
        let Ok(Change::AddEnvironment(new)) = environment("production", "") else {
            panic!()
        };
        assert_eq!(new.tag.as_str(), "live");
        let Ok(Change::AddEnvironment(new)) = environment("production", "eu") else {
            panic!()
        };
        assert_eq!(new.tag.as_str(), "eu");
    }

    #[test]
    fn another_kind_of_environment_has_to_name_its_tag() {
        assert_eq!(fields(environment("other", "")), ["tag"]);
        assert_eq!(fields(environment("other", "Stage")), ["tag"]);
    }

    #[test]
    fn an_endpoint_without_a_scope_is_refused_beside_the_scopes() {
        let typed = form(&[("version", "1"), ("method", "GET"), ("pattern", "/x")]);
        assert_eq!(fields(read_endpoint(&typed)), ["scope"]);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let typed = form(&[
            ("version", "1"),
            ("scope", "A b"),
            ("allows", ""),
            ("sensitivity", "x"),
        ]);
        assert_eq!(
            fields(read_scope(&typed)),
            ["scope", "allows", "sensitivity"]
        );
    }

    #[test]
    fn a_field_that_the_form_does_not_have_is_refused() {
        let typed = form(&[
            ("version", "1"),
            ("name", "A"),
            ("description", "B"),
            ("slug", "c"),
        ]);
        assert!(matches!(read_about(&typed), Err(Refusal::BadRequest(_))));
    }
}
