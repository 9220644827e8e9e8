//! `/services`, `/services/new`, `/services/{id}`.
//!
//! Forms: `POST /services/new` and `POST /services/{id}` (`name`, `description`, `base_url`; act),
//! `POST /services/{id}/environments` (`environment`, `tag`; act), `POST /services/{id}/scopes`
//! (`scope`, `allows`, `sensitivity`; act), `POST /services/{id}/endpoints` (`method`, `pattern`,
//! `scope` repeated; act), and `…/scopes/remove` (`scope`), `…/endpoints/remove` (`method`,
//! `pattern`); each an act. A refused form is named with `Filled::of_form`: `environment`, `scope`,
//! `endpoint`.

use leptos::prelude::*;

use super::state::Standing;
use crate::components::{
    Choice, Column, Field, Filled, Pill, Table, card, crumbs, empty, error_summary, head, pill,
    plain_card, table,
};
use crate::render::Page;
use crate::shell::{Shell, page, slim};

#[derive(Clone, Debug)]
pub struct ServiceList {
    pub rows: Vec<ServiceRow>,
    /// The viewer is an operator.
    pub may_edit: bool,
}

#[derive(Clone, Debug)]
pub struct ServiceRow {
    pub id: String,
    pub name: String,
    pub description: String,
    pub environments: String,
    pub scopes: u64,
    pub standing: Standing,
}

pub fn services_page(shell: Shell, vm: ServiceList) -> Page {
    let new = vm
        .may_edit
        .then(|| view! { <a class="btn primary" href="/services/new">"Add a service"</a> });
    let list = if vm.rows.is_empty() {
        empty(
            "No services yet",
            "A service is an API of the host: its environments, the scopes that can be granted, and the endpoints that each scope opens.",
            None,
        )
    } else {
        let columns = ["Service", "Environments", "Scopes", "State"]
            .map(Column::new)
            .to_vec();
        let rows = vm.rows.into_iter().map(row).collect();
        table(Table {
            caption: "Services".to_owned(),
            id: String::new(),
            columns,
            rows,
        })
    };
    let body = view! {
        <div class="row apart">{head(None, "Services", None, "What can be asked for, and what each scope opens.")}{new}</div>
        <div class="card">{list}</div>
    };
    page(shell, "Services", body)
}

fn row(row: ServiceRow) -> Vec<AnyView> {
    let ServiceRow {
        id,
        name,
        description,
        environments,
        scopes,
        standing,
    } = row;
    vec![
        view! { <strong><a href=format!("/services/{id}")>{name}</a></strong><small>{description}</small> }.into_any(),
        environments.into_any(),
        scopes.to_string().into_any(),
        pill(standing.pill()),
    ]
}

#[derive(Clone, Debug, Default)]
pub struct NewService {
    pub filled: Filled,
}

pub fn new_service_page(shell: Shell, vm: NewService) -> Page {
    let body = view! {
        {head(Some(crumbs(vec![("/services".to_owned(), "Services".to_owned())], "New")), "Add a service", None,
            "Environments, scopes and endpoints come next.")}
        {error_summary(&vm.filled)}
        {plain_card(about_form("/services/new", "Add the service…", &vm.filled))}
    };
    slim(shell, "Add a service", body)
}

fn about_form(action: &str, button: &'static str, filled: &Filled) -> AnyView {
    view! {
        <form class="form" method="post" action=action.to_owned() data-act="">
            {Field::text(filled, "name", "Name").help("As partners should read it: “Shipments API”.").view()}
            {Field::area(filled, "description", "Description", 2).help("What it is for, in a sentence.").view()}
            {Field::mono(filled, "base_url", "Base URL").help("Where partners call it; written into their .env file.").view()}
            <div class="actions"><button class="btn primary">{button}</button></div>
        </form>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct ServiceDetail {
    pub id: String,
    pub name: String,
    pub description: String,
    pub base_url: String,
    pub standing: Standing,
    pub environments: Vec<EnvironmentRow>,
    pub scopes: Vec<ScopeRow>,
    pub endpoints: Vec<EndpointRow>,
    /// The viewer is an operator; else the page is read only.
    pub may_edit: bool,
    pub filled: Filled,
}

#[derive(Clone, Debug)]
pub struct EnvironmentRow {
    pub name: String,
    /// `2 approvals, at most 180 days, networks needed`.
    pub policy: String,
    pub version: u64,
}

#[derive(Clone, Debug)]
pub struct ScopeRow {
    pub name: String,
    pub allows: String,
    pub sensitivity: Option<Pill>,
}

#[derive(Clone, Debug)]
pub struct EndpointRow {
    pub method: String,
    pub pattern: String,
    /// `shipments:read`.
    pub scopes: String,
}

pub fn service_page(shell: Shell, vm: ServiceDetail) -> Page {
    let ServiceDetail {
        id,
        name,
        description,
        base_url,
        standing,
        environments,
        scopes,
        endpoints,
        may_edit,
        filled,
    } = vm;
    let about = may_edit.then(|| {
        let about = if filled.value("base_url").is_empty() {
            filled
                .clone()
                .with("name", name.clone())
                .with("description", description.clone())
                .with("base_url", base_url.clone())
        } else {
            filled.clone()
        };
        card(
            "About",
            None,
            about_form(&format!("/services/{id}"), "Change the service…", &about),
        )
    });
    let choices: Vec<Choice> = scopes
        .iter()
        .map(|scope| Choice::new(scope.name.clone(), scope.name.clone()))
        .collect();
    let below = view! { {description}" "<code>{base_url}</code> };
    let body = view! {
        {head(Some(crumbs(vec![("/services".to_owned(), "Services".to_owned())], name.clone())), name.clone(), Some(standing.pill()), below)}
        {error_summary(&filled)}
        {environments_card(&id, environments, may_edit, &filled)}
        {scopes_card(&id, scopes, may_edit, &filled)}
        {endpoints_card(&id, endpoints, choices, may_edit, &filled)}
        {about}
        {may_edit.then(|| view! { <small>"A grant keeps what was approved: later edits here never widen it."</small> })}
    };
    slim(shell, name, body)
}

fn environments_card(
    id: &str,
    rows: Vec<EnvironmentRow>,
    may_edit: bool,
    filled: &Filled,
) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|EnvironmentRow { name, policy, version }| {
            let link = may_edit.then(|| {
                view! { <a class="btn small" href=format!("/services/{id}/policy/{name}") aria-label=format!("Policy of {name}")>"Policy"</a> }
            });
            view! { <li><div><strong>{name}</strong><small>{policy}{format!(" · version {version}")}</small></div>{link}</li> }
        })
        .collect_view();
    let add = may_edit.then(|| {
        adding(
            format!("/services/{id}/environments"),
            "Add an environment",
            vec![
                Field::short(filled, "environment", "Name")
                    .help("Such as sandbox or production.")
                    .within("environment"),
                Field::short(filled, "tag", "Tag in the key")
                    .help("Two to four letters, as in lk_live_….")
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

fn scopes_card(id: &str, rows: Vec<ScopeRow>, may_edit: bool, filled: &Filled) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|ScopeRow { name, allows, sensitivity }| {
            let remove = may_edit.then(|| removing(format!("/services/{id}/scopes/remove"), vec![("scope", name.clone())], &name));
            view! { <li><div><code>{name}</code><small>{allows}</small></div>{sensitivity.map(pill)}{remove}</li> }
        })
        .collect_view();
    let sensitivities = vec![
        Choice::new("public", "Public data"),
        Choice::new("internal", "Internal data"),
        Choice::new("personal", "Personal data"),
        Choice::new("critical", "Moves money or goods"),
    ];
    let add = may_edit.then(|| {
        adding(
            format!("/services/{id}/scopes"),
            "Add a scope",
            vec![
                Field::mono(filled, "scope", "Name")
                    .help("Such as shipments:read.")
                    .within("scope"),
                Field::text(filled, "allows", "What it allows")
                    .help("In words that a partner and a reviewer understand.")
                    .within("scope"),
                Field::select(filled, "sensitivity", "Sensitivity", sensitivities).within("scope"),
            ],
        )
    });
    card("Scopes", None, view! { <ul class="todo">{rows}</ul>{add} })
}

fn endpoints_card(
    id: &str,
    rows: Vec<EndpointRow>,
    scopes: Vec<Choice>,
    may_edit: bool,
    filled: &Filled,
) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|EndpointRow { method, pattern, scopes }| {
            let what = format!("{method} {pattern}");
            let remove = may_edit.then(|| {
                removing(format!("/services/{id}/endpoints/remove"), vec![("method", method.clone()), ("pattern", pattern.clone())], &what)
            });
            view! { <li><div><code>{what.clone()}</code><small>"needs "{scopes}</small></div>{remove}</li> }
        })
        .collect_view();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        .map(|m| Choice::new(m, m))
        .to_vec();
    let add = may_edit.then(|| {
        adding(format!("/services/{id}/endpoints"), "Add an endpoint", vec![
            Field::select(filled, "method", "Method", methods).within("endpoint"),
            Field::mono(filled, "pattern", "Path pattern").help("Such as /v2/shipments/{id}; a name in braces stands for one part of the path.").within("endpoint"),
            Field::checks(filled, "scope", "Scopes that open it", scopes).within("endpoint"),
        ])
    });
    card(
        "Endpoints",
        None,
        view! { <ul class="todo">{rows}</ul>{add} },
    )
}

fn adding(action: String, label: &'static str, fields: Vec<Field>) -> AnyView {
    let open = fields.iter().any(Field::is_refused);
    let fields = fields.into_iter().map(Field::view).collect_view();
    view! {
        <details class="verdicts" open=open>
            <summary>{label}</summary>
            <form class="form" method="post" action=action data-act="">{fields}<div class="actions"><button class="btn">{label}"…"</button></div></form>
        </details>
    }
    .into_any()
}

fn removing(action: String, hidden: Vec<(&'static str, String)>, what: &str) -> AnyView {
    let hidden = hidden
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    let label = format!("Remove {what}");
    view! { <form method="post" action=action data-act="">{hidden}<button class="btn small quiet stop" aria-label=label>"Remove…"</button></form> }
        .into_any()
}
