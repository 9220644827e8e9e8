//! The environments of a service: their addresses, the tags in their keys, their policies.

use leptos::prelude::*;

use super::{Place, adding, read_at};
use crate::components::{Choice, Field, Filled, card};

#[derive(Clone, Debug)]
pub struct EnvironmentRow {
    pub name: String,
    pub base_url: String,
    /// How its keys begin: `lk_live_`.
    pub prefix: String,
    /// `live`.
    pub tag: String,
    /// A key with the tag was made: the tag stays.
    pub has_keys: bool,
    /// `2 approvals, at most 180 days, networks needed`.
    pub policy: String,
    pub version: u64,
}

pub(super) fn environments_card(
    place: &Place,
    rows: Vec<EnvironmentRow>,
    sees_policies: bool,
    filled: &Filled,
) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|row| environment(place, row, sees_policies, filled))
        .collect_view();
    let add = place.may_edit.then(|| {
        let kinds = vec![
            Choice::new("sandbox", "Sandbox: one approval"),
            Choice::new("production", "Production: two approvals, networks named"),
            Choice::new("other", "Another one: as strict as production"),
        ];
        adding(
            place,
            "environments",
            "Add an environment",
            vec![
                Field::short(filled, "environment", "Name")
                    .help("Such as sandbox or production.")
                    .within("environment"),
                Field::select(filled, "kind", "Kind", kinds)
                    .help("Decides its first policy, which owners can change.")
                    .within("environment"),
                Field::short(filled, "tag", "Tag in the key")
                    .optional()
                    .help("At most four letters or digits, as in lk_live_…. Without one: live for production, test for a sandbox.")
                    .within("environment"),
                Field::mono(filled, "base_url", "Base URL")
                    .help("Where partners call it; written into their .env file.")
                    .within("environment"),
            ],
        )
    });
    card(
        "Environments",
        None,
        view! { <ul class="todo">{rows}</ul>{add} },
    )
}

fn environment(
    place: &Place,
    row: EnvironmentRow,
    sees_policies: bool,
    filled: &Filled,
) -> AnyView {
    let id = &place.id;
    let change = place.may_edit.then(|| changing(place, &row, filled));
    let EnvironmentRow {
        name,
        base_url,
        prefix,
        policy,
        version,
        ..
    } = row;
    let link = sees_policies.then(|| {
        view! { <a class="btn small" href=format!("/services/{id}/policy/{name}") aria-label=format!("Policy of {name}")>"Policy"</a> }
    });
    view! {
        <li><div>
            <strong>{name}</strong>
            <small><code>{base_url}</code>" · keys begin with "<code>{prefix}</code></small>
            <small>{policy}{format!(" · version {version}")}</small>
            {change}
        </div>{link}</li>
    }
    .into_any()
}

/// The environment's own form. Its kind is not in it: that only chose the first policy.
fn changing(place: &Place, row: &EnvironmentRow, filled: &Filled) -> AnyView {
    let form = format!("environment-{}", row.name);
    let typed = if filled.form() == form {
        filled.clone()
    } else {
        Filled::default()
            .with("base_url", row.base_url.clone())
            .with("tag", row.tag.clone())
    };
    let tag = if row.has_keys {
        Field::hidden("tag", row.tag.clone())
    } else {
        Field::short(&typed, "tag", "Tag in the key")
            .help("It stays as it is once there is a key with it.")
            .within(&form)
    };
    let base_url = Field::mono(&typed, "base_url", "Base URL")
        .help("Keys that are out already came with the present one: tell their holders.")
        .within(&form);
    let open = filled.form() == form && filled.is_refused();
    let action = format!("/services/{}/environments/change", place.id);
    let (summary, button) = (
        format!("Change {}", row.name),
        format!("Change {}…", row.name),
    );
    view! {
        <details class="verdicts" open=open>
            <summary>{summary}</summary>
            <form class="form" method="post" action=action data-act="">
                {read_at(place.version)}{Field::hidden("environment", row.name.clone()).view()}
                {base_url.view()}{tag.view()}
                <div class="actions"><button class="btn">{button}</button></div>
            </form>
        </details>
    }
    .into_any()
}
