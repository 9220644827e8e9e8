//! What is changed of a live grant: temporary access, and narrowing.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::company::{linked, text};
use crate::scene::{self, Scene, value_of};
use crate::visitor::{Visitor, errors_in, location};

pub const WHY: &str = "We look for the labels of a parcel that was lost.";

/// A call that only temporary access opens.
pub fn labels() -> Value {
    json!({ "path": "/v2/labels/7" })
}

/// Adds what grants so far do not open: `GET /v2/labels/{id}`, and `POST /v2/labels`.
pub async fn offer_labels(scene: &Scene) -> Result<()> {
    for (scope, method, pattern) in [
        ("labels:read", "GET", "/v2/labels/{id}"),
        ("labels:write", "POST", "/v2/labels"),
    ] {
        let about = [
            ("scope", scope),
            ("allows", "Read or print labels."),
            ("sensitivity", "low"),
        ];
        scene::change(&scene.owner, &scene.service, "scopes", &about).await?;
        let endpoint = [("method", method), ("pattern", pattern), ("scope", scope)];
        scene::change(&scene.owner, &scene.service, "endpoints", &endpoint).await?;
    }
    Ok(())
}

/// The form in which a contact asks for temporary access, from a key's page.
pub async fn form_of(scene: &Scene, key: &str) -> Result<String> {
    let page = text(&scene.contact, key).await?;
    linked(&page, "/grants/", "Ask for temporary access").context("no way to ask")
}

/// The contact asks for the labels; the page of what was asked.
pub async fn ask(scene: &Scene, key: &str, lasts: &str, unit: &str) -> Result<String> {
    let form = form_of(scene, key).await?;
    let fields = [
        ("endpoint", "GET /v2/labels/{id}"),
        ("lasts", lasts),
        ("unit", unit),
        ("why", WHY),
    ];
    let asked = scene.contact.form(&form, &fields).await?;
    let status = asked.status();
    match location(&asked) {
        Some(at) => Ok(at),
        None => anyhow::bail!("not asked ({status}): {}", errors_in(&asked.text().await?)),
    }
}

/// Decides on it: `approve` or `reject`.
pub async fn decide(by: &Visitor, temporary: &str, decision: &str) -> Result<String> {
    let page = text(by, temporary).await?;
    let stamp = value_of(&page, "stamp").context("nothing to decide")?;
    let fields = [
        ("decision", decision),
        ("reason", "The front desk can do that."),
        ("stamp", stamp.as_str()),
    ];
    by.act(&format!("{temporary}/decide"), &fields).await
}

/// The code of an answer to a call for labels.
pub async fn code(scene: &Scene, key: &str) -> Result<String> {
    let answer = scene.ask_about(&scene.gateway, key, &labels()).await?;
    let code = answer.get("code").and_then(serde_json::Value::as_str);
    Ok(code.unwrap_or_default().to_owned())
}

/// The page on which staff narrow the grant of a key.
pub async fn narrow_form(by: &Visitor, key: &str) -> Result<String> {
    let page = text(by, key).await?;
    linked(&page, "/grants/", "Narrow the grant").context("no way to narrow")
}

/// The fields of the form as they come filled in, but for `changed`.
pub async fn narrow(by: &Visitor, form: &str, changed: &[(&str, &str)]) -> Result<String> {
    let fields = narrow_fields(by, form, changed).await?;
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let path = form.split('?').next().unwrap_or(form);
    by.act(path, &fields).await
}

/// As a browser would send the form back, but for `changed`.
pub async fn narrow_fields(
    by: &Visitor,
    form: &str,
    changed: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    let page = text(by, form).await?;
    let mut fields = Vec::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap_or_default();
        let of = |name: &str| {
            let value = tag.split(&format!("{name}=\"")).nth(1)?;
            Some(value.split('"').next()?.to_owned())
        };
        let boxed = tag.contains("type=\"checkbox\"");
        if let (Some(name), Some(value)) = (of("name"), of("value"))
            && (!boxed || tag.contains("checked"))
        {
            fields.push((name, value));
        }
    }
    for area in page.split("<textarea").skip(1) {
        let (tag, rest) = area.split_once('>').context("a text area")?;
        let name = tag
            .split("name=\"")
            .nth(1)
            .and_then(|name| name.split('"').next());
        let value = rest.split("</textarea>").next().unwrap_or_default();
        fields.push((name.context("a name")?.to_owned(), value.trim().to_owned()));
    }
    ensure!(
        fields.iter().any(|(name, _)| name == "rule"),
        "no endpoints: {page}"
    );
    fields.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let changed = changed
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    fields.extend(changed);
    Ok(fields)
}

/// All of that day of the week, in UTC, and of the next one: midnight may pass meanwhile.
pub fn three_days_from_now() -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    #[expect(
        clippy::disallowed_methods,
        reason = "the portal's clock is the machine's"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // 1 January 1970 was a Thursday.
    let day = now.unwrap_or_default().as_secs() / 86_400 + 3;
    let all_of = |day: u64| {
        let number = usize::try_from(day).unwrap_or_default();
        let name = DAYS.iter().cycle().nth(number).unwrap_or(&"Thu");
        format!("{name} 00:00-24:00")
    };
    format!("{}, {}", all_of(day), all_of(day + 1))
}
