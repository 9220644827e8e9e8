//! `/services`, `/services/new`, `/services/{id}`.
//!
//! Forms: `POST /services/new` (`slug`, `name`, `description`; act), `POST /services/{id}` (`name`,
//! `description`; act), `POST /services/{id}/environments` (`environment`, `kind`, `tag`, `base_url`;
//! act), `POST /services/{id}/environments/change` (`environment`, `tag`, `base_url`; act),
//! `POST /services/{id}/retire` and `/offer` (act), `POST /services/{id}/scopes` (`scope`, `allows`, `sensitivity`; act),
//! `POST /services/{id}/endpoints` (`method`, `pattern`, `scope` repeated; act), and
//! `…/scopes/remove` (`scope`), `…/endpoints/remove` (`method`, `pattern`); each an act. Every form
//! of `/services/{id}` carries `version`. A refused form is named with `Filled::of_form`: `about`,
//! `environment`, `environment-NAME`, `scope`, `endpoint`; a refused removal is a fault of `scopes` or
//! `endpoints`, a refused retirement one of `state`.

mod environments;

use leptos::prelude::*;

pub use environments::EnvironmentRow;

use super::state::Standing;
use crate::components::{
    Choice, Column, ConfirmPanel, Field, Filled, Pill, Table, Tone, card, confirm_panel, crumbs,
    empty, error_summary, head, notice, pill, plain_card, table,
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
        {plain_card(view! {
            <form class="form" method="post" action="/services/new" data-act="">
                {about_fields(&vm.filled)}
                {Field::mono(&vm.filled, "slug", "Short name").help("For addresses and for gateways: shipments. It stays as it is.").within("about").view()}
                <div class="actions"><button class="btn primary">"Add the service…"</button><a class="btn quiet" href="/services">"Cancel"</a></div>
            </form>
        })}
    };
    slim(shell, "Add a service", body)
}

fn about_fields(filled: &Filled) -> AnyView {
    view! {
        {Field::text(filled, "name", "Name").help("As partners should read it: “Shipments API”.").within("about").view()}
        {Field::area(filled, "description", "Description", 2).help("What it is for, in a sentence.").within("about").view()}
    }
    .into_any()
}

fn about_card(id: &str, version: u64, filled: &Filled) -> AnyView {
    let form = view! {
        <form class="form" method="post" action=format!("/services/{id}") data-act="">
            {read_at(version)}{about_fields(filled)}
            <div class="actions"><button class="btn">"Change the words…"</button></div>
        </form>
    };
    card("About", None, form)
}

/// The version that the page was made from: who changes an older one is told.
fn read_at(version: u64) -> AnyView {
    view! { <input type="hidden" name="version" value=version.to_string()/> }.into_any()
}

#[derive(Clone, Debug)]
pub struct ServiceDetail {
    pub id: String,
    pub name: String,
    pub slug: String,
    pub description: String,
    /// Counts the changes.
    pub version: u64,
    pub standing: Standing,
    pub environments: Vec<EnvironmentRow>,
    pub scopes: Vec<ScopeRow>,
    pub endpoints: Vec<EndpointRow>,
    /// The viewer is an operator; else the page is read only.
    pub may_edit: bool,
    /// The viewer is of the staff.
    pub sees_policies: bool,
    pub filled: Filled,
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
    let choices: Vec<Choice> = vm
        .scopes
        .iter()
        .map(|scope| Choice::new(scope.name.clone(), scope.name.clone()))
        .collect();
    let place = Place {
        id: vm.id,
        version: vm.version,
        may_edit: vm.may_edit,
    };
    let filled = vm.filled;
    let about = vm.may_edit.then(|| {
        let about = if filled.form() == "about" {
            filled.clone()
        } else {
            Filled::default()
                .with("name", vm.name.clone())
                .with("description", vm.description.clone())
        };
        about_card(&place.id, place.version, &about)
    });
    let retired = (vm.standing == Standing::Retired).then(|| {
        notice(Tone::Plain, view! { <p>"Retired: nobody can ask for it any more. Keys keep working until they expire or are revoked, and are replaced while their grants live."</p> })
    });
    let state = vm
        .may_edit
        .then(|| state_card(&place, &vm.name, vm.standing, &filled));
    let below = view! { {vm.description}" "<code>{vm.slug}</code> };
    let body = view! {
        {head(Some(crumbs(vec![("/services".to_owned(), "Services".to_owned())], vm.name.clone())), vm.name.clone(), Some(vm.standing.pill()), below)}
        {error_summary(&filled)}{retired}
        {environments::environments_card(&place, vm.environments, vm.sees_policies, &filled)}
        {scopes_card(&place, vm.scopes, &filled)}
        {endpoints_card(&place, vm.endpoints, choices, &filled)}
        {about}{state}
        {vm.may_edit.then(|| view! { <small>"A grant keeps what was approved: later edits here never widen it."</small> })}
    };
    slim(shell, vm.name, body)
}

/// The service that the cards are of.
struct Place {
    id: String,
    version: u64,
    may_edit: bool,
}

/// Takes the service off the offer, or puts it back.
fn state_card(place: &Place, name: &str, standing: Standing, filled: &Filled) -> AnyView {
    let id = &place.id;
    if standing == Standing::Retired {
        return view! {
            <form id="f-state" method="post" action=format!("/services/{id}/offer") data-act="">
                {fault(filled, "state")}{read_at(place.version)}<button class="btn">"Offer it again…"</button>
            </form>
        }
        .into_any();
    }
    let panel = confirm_panel(ConfirmPanel {
        title: "Retire…".to_owned(),
        breaks: format!(
            "No request for {name} can be begun or handed in any more; what is under review can still be decided. Keys keep working, and can be replaced, until they expire or are revoked."
        ),
        action: format!("/services/{id}/retire"),
        fields: vec![Field::hidden("version", place.version.to_string())],
        button: "Retire this service".to_owned(),
    });
    view! { <div id="f-state">{fault(filled, "state")}{panel}</div> }.into_any()
}

/// What is wrong with a list after something would be taken from it.
fn fault(filled: &Filled, list: &'static str) -> Option<AnyView> {
    filled.error(list).map(|sentence| {
        view! { <div class="error"><span class="sr">"Error: "</span>{sentence}</div> }.into_any()
    })
}

fn scopes_card(place: &Place, rows: Vec<ScopeRow>, filled: &Filled) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|ScopeRow { name, allows, sensitivity }| {
            let remove = place.may_edit.then(|| removing(place, "scopes", vec![("scope", name.clone())], &name));
            view! { <li><div><code>{name}</code><small>{allows}</small></div>{sensitivity.map(pill)}{remove}</li> }
        })
        .collect_view();
    let sensitivities = vec![
        Choice::new("low", "Ordinary data"),
        Choice::new("personal", "Personal data"),
        Choice::new("confidential", "Confidential, or moves money or goods"),
    ];
    let add = place.may_edit.then(|| {
        adding(
            place,
            "scopes",
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
    card(
        "Scopes",
        None,
        view! { {fault(filled, "scopes")}<ul class="todo" id="f-scopes">{rows}</ul>{add} },
    )
}

fn endpoints_card(
    place: &Place,
    rows: Vec<EndpointRow>,
    scopes: Vec<Choice>,
    filled: &Filled,
) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|EndpointRow { method, pattern, scopes }| {
            let what = format!("{method} {pattern}");
            let remove = place.may_edit.then(|| {
                removing(place, "endpoints", vec![("method", method.clone()), ("pattern", pattern.clone())], &what)
            });
            view! { <li><div><code>{what.clone()}</code><small>"needs "{scopes}</small></div>{remove}</li> }
        })
        .collect_view();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .map(|m| Choice::new(m, m))
        .to_vec();
    let add = place.may_edit.then(|| {
        adding(place, "endpoints", "Add an endpoint", vec![
            Field::select(filled, "method", "Method", methods).within("endpoint"),
            Field::mono(filled, "pattern", "Path pattern").help("Such as /v2/shipments/{id}; a name in braces stands for one part of the path.").within("endpoint"),
            Field::checks(filled, "scope", "Scopes that open it", scopes).within("endpoint"),
        ])
    });
    let usage = format!("/services/{}/usage", place.id);
    let usage = view! { <small><a href=usage>"Their use"</a></small> };
    card(
        "Endpoints",
        Some(usage.into_any()),
        view! { {fault(filled, "endpoints")}<ul class="todo" id="f-endpoints">{rows}</ul>{add} },
    )
}

fn adding(place: &Place, list: &str, label: &'static str, fields: Vec<Field>) -> AnyView {
    let open = fields.iter().any(Field::is_refused);
    let fields = fields.into_iter().map(Field::view).collect_view();
    let action = format!("/services/{}/{list}", place.id);
    view! {
        <details class="verdicts" open=open>
            <summary>{label}</summary>
            <form class="form" method="post" action=action data-act="">{read_at(place.version)}{fields}<div class="actions"><button class="btn">{label}"…"</button></div></form>
        </details>
    }
    .into_any()
}

fn removing(place: &Place, list: &str, hidden: Vec<(&'static str, String)>, what: &str) -> AnyView {
    let hidden = hidden
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    let action = format!("/services/{}/{list}/remove", place.id);
    let label = format!("Remove {what}");
    view! { <form method="post" action=action data-act="">{read_at(place.version)}{hidden}<button class="btn small quiet stop" aria-label=label>"Remove…"</button></form> }
        .into_any()
}
