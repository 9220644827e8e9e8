//! `/services`: the catalogue. Everybody who is signed in reads it; operators change it.

use std::collections::BTreeSet;

use app::components::{Filled, Pill, Tone};
use app::pages::service::{
    EndpointRow, EnvironmentRow, NewService, ScopeRow, ServiceDetail, ServiceList, ServiceRow,
    new_service_page, service_page, services_page,
};
use app::pages::state::Standing;
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::ServiceId;
use domain::service::{Endpoint, EnvironmentKind, KeyTag, Scope, Sensitivity};
use store::{Environment, Read, Service};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::people::ask;
use crate::http::typed::{Typed, filled};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::{AddService, ChangeService};
use crate::service::catalogue::{self, Change, Described, NewEnvironment};
use crate::service::policies;

/// `GET /services`
pub async fn list(view: View, actor: Actor) -> Response {
    match list_of(&view.portal, &actor).await {
        Ok(vm) => view.page(Area::Services, |shell| services_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /services/new`
pub async fn new(view: View) -> Response {
    view.page(Area::Services, |shell| {
        let filled = Filled::default().of_form("about");
        new_service_page(shell, NewService { filled })
    })
}

/// `POST /services/new`
pub async fn begin_new(view: View, actor: Actor, form: Form) -> Response {
    let refused = match add(&view, &actor, &form).await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    match filled(&form, &refused, "name") {
        Some(filled) => view.page_again(Area::Services, |shell| {
            new_service_page(shell, NewService { filled: filled.of_form("about") })
        }),
        None => view.refuse(refused),
    }
}

async fn add(view: &View, actor: &Actor, form: &Form) -> Result<Response, Refusal> {
    form.only(&["slug", "name", "description"])?;
    let mut typed = Typed::of(form);
    let (name, description) = (typed.field("name"), typed.field("description"));
    let slug = typed.field("slug");
    let ((name, description), slug) = typed.done(name.zip(description).zip(slug))?;
    let id = ServiceId::random(&mut system_rng());
    ask(view, actor, AddService { id, slug, name, description }).await
}

/// `GET /services/{id}`
pub async fn one(view: View, actor: Actor, Path(id): Path<ServiceId>) -> Response {
    match detail(&view.portal, &actor, id, Filled::default()).await {
        Ok(vm) => view.page(Area::Services, |shell| service_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /services/{id}`
pub async fn about(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, ABOUT, read_about(&form)).await
}

/// `POST /services/{id}/environments`
pub async fn environment(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, ENVIRONMENT, read_environment(&form)).await
}

/// `POST /services/{id}/scopes`
pub async fn scope(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, SCOPE, read_scope(&form)).await
}

/// `POST /services/{id}/scopes/remove`
pub async fn remove_scope(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, SCOPES, read_removed_scope(&form)).await
}

/// `POST /services/{id}/endpoints`
pub async fn endpoint(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, ENDPOINT, read_endpoint(&form)).await
}

/// `POST /services/{id}/endpoints/remove`
pub async fn remove_endpoint(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, ENDPOINTS, read_removed_endpoint(&form)).await
}

/// A form of the page: its name, empty where nothing is typed, and the field that a conflict is
/// said beside.
type Which = (&'static str, &'static str);

const ABOUT: Which = ("about", "name");
const ENVIRONMENT: Which = ("environment", "environment");
const SCOPE: Which = ("scope", "scope");
const ENDPOINT: Which = ("endpoint", "pattern");
const SCOPES: Which = ("", "scopes");
const ENDPOINTS: Which = ("", "endpoints");

/// Goes to the confirm page, or shows the page as it is now, with what was typed.
async fn begin(
    view: &View,
    actor: &Actor,
    id: ServiceId,
    form: &Form,
    (name, field): Which,
    change: Result<Change, Refusal>,
) -> Response {
    let begun = async {
        let change = change?;
        let version = form
            .text("version")
            .parse()
            .map_err(|_| Refusal::BadRequest("The form does not say what it was made from."))?;
        ask(view, actor, ChangeService { service: id, version, change }).await
    };
    let refused = match begun.await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let Some(typed) = filled(form, &refused, field) else {
        return view.refuse(refused);
    };
    match detail(&view.portal, actor, id, again(typed, name)).await {
        Ok(vm) => view.page_again(Area::Services, |shell| service_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// Where nothing was typed, hidden fields are not put into another form's.
fn again(typed: Filled, form: &str) -> Filled {
    if !form.is_empty() {
        return typed.of_form(form);
    }
    let mut faults = Filled::default();
    for (field, sentence) in typed.errors() {
        faults.refuse(field, sentence);
    }
    faults
}

fn read_about(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "name", "description"])?;
    let mut typed = Typed::of(form);
    let (name, description) = (typed.field("name"), typed.field("description"));
    let (name, description) = typed.done(name.zip(description))?;
    Ok(Change::About { name, description })
}

fn read_environment(form: &Form) -> Result<Change, Refusal> {
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
        typed.refuse("tag", "Give it a tag of its own: keys of this kind of environment have no usual one.");
    }
    let ((name, kind), (tag, base_url)) = typed.done(name.zip(kind).zip(tag.zip(base_url)))?;
    Ok(Change::AddEnvironment(NewEnvironment { name, kind, tag, base_url }))
}

fn read_scope(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "scope", "allows", "sensitivity"])?;
    let mut typed = Typed::of(form);
    let (name, allows) = (typed.field("scope"), typed.field("allows"));
    let sensitivity: Option<Sensitivity> = typed.field("sensitivity");
    let ((name, allows), sensitivity) = typed.done(name.zip(allows).zip(sensitivity))?;
    Ok(Change::AddScope(Scope { name, allows, sensitivity }))
}

fn read_endpoint(form: &Form) -> Result<Change, Refusal> {
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
        typed.refuse("scope", "Pick at least one scope: without one no key could ever call it.");
    }
    let (method, pattern) = typed.done(method.zip(pattern))?;
    Ok(Change::AddEndpoint(Endpoint { method, pattern, scopes }))
}

fn read_removed_scope(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "scope"])?;
    let mut typed = Typed::of(form);
    let name = typed.field("scope");
    typed.done(name).map(Change::RemoveScope)
}

fn read_removed_endpoint(form: &Form) -> Result<Change, Refusal> {
    form.only(&["version", "method", "pattern"])?;
    let mut typed = Typed::of(form);
    let (method, pattern) = (typed.field("method"), typed.field("pattern"));
    let (method, pattern) = typed.done(method.zip(pattern))?;
    Ok(Change::RemoveEndpoint { method, pattern })
}

async fn list_of(portal: &Portal, actor: &Actor) -> Result<ServiceList, Refusal> {
    let mut read = portal.store.read().await?;
    let environments = read.all_environments().await?;
    let rows = read
        .services()
        .await?
        .into_iter()
        .map(|service| {
            let names: Vec<&str> = environments
                .iter()
                .filter(|row| row.service_id == service.id)
                .map(|row| row.name.as_str())
                .collect();
            let scopes = catalogue::catalogue_of(&service)?.scopes.len();
            Ok(ServiceRow {
                id: service.id.to_string(),
                environments: names.join(", "),
                scopes: u64::try_from(scopes).unwrap_or(u64::MAX),
                standing: standing(&service),
                name: service.name,
                description: service.description,
            })
        })
        .collect::<Result<_, Refusal>>()?;
    Ok(ServiceList { rows, may_edit: actor.operator().is_ok() })
}

const fn standing(service: &Service) -> Standing {
    if service.retired_at.is_some() { Standing::Ended } else { Standing::Active }
}

async fn detail(
    portal: &Portal,
    actor: &Actor,
    id: ServiceId,
    filled: Filled,
) -> Result<ServiceDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let Described { service, catalogue, environments } = catalogue::describe(&mut read, id).await?;
    let environments =
        environment_rows(&mut read, &portal.config.key_prefix, environments).await?;
    Ok(ServiceDetail {
        id: id.to_string(),
        slug: service.slug.clone(),
        version: service.version.unsigned_abs(),
        standing: standing(&service),
        name: service.name,
        description: service.description,
        environments,
        scopes: catalogue.scopes.into_iter().map(scope_row).collect(),
        endpoints: catalogue
            .endpoints
            .iter()
            .map(|endpoint| EndpointRow {
                method: endpoint.method.to_string(),
                pattern: endpoint.pattern.to_string(),
                scopes: catalogue::scope_words(endpoint),
            })
            .collect(),
        may_edit: actor.operator().is_ok(),
        sees_policies: actor.staff().is_ok(),
        filled,
    })
}

async fn environment_rows(
    read: &mut Read,
    prefix: &str,
    environments: Vec<Environment>,
) -> Result<Vec<EnvironmentRow>, Refusal> {
    let mut rows = Vec::with_capacity(environments.len());
    for environment in environments {
        let row = read.policy(environment.id).await?.ok_or(Refusal::NotFound)?;
        let policy = policies::parse(&row)?;
        rows.push(EnvironmentRow {
            name: environment.name,
            base_url: environment.base_url,
            prefix: format!("{prefix}_{}_", environment.tag),
            policy: policies::words(&policy),
            version: policy.version.into(),
        });
    }
    Ok(rows)
}

fn scope_row(scope: Scope) -> ScopeRow {
    ScopeRow {
        name: scope.name.to_string(),
        allows: scope.allows.to_string(),
        sensitivity: match scope.sensitivity {
            Sensitivity::Low => None,
            Sensitivity::Personal => Some(Pill::new("Personal data", Tone::Warn)),
            Sensitivity::Confidential => Some(Pill::new("Confidential", Tone::Stop)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
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
        let Ok(Change::AddEnvironment(new)) = environment("production", "") else { panic!() };
        assert_eq!(new.tag.as_str(), "live");
        let Ok(Change::AddEnvironment(new)) = environment("production", "eu") else { panic!() };
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
        let typed = form(&[("version", "1"), ("scope", "A b"), ("allows", ""), ("sensitivity", "x")]);
        assert_eq!(fields(read_scope(&typed)), ["scope", "allows", "sensitivity"]);
    }

    #[test]
    fn a_field_that_the_form_does_not_have_is_refused() {
        let typed = form(&[("version", "1"), ("name", "A"), ("description", "B"), ("slug", "c")]);
        assert!(matches!(read_about(&typed), Err(Refusal::BadRequest(_))));
    }

    #[test]
    fn a_refused_removal_is_not_typed_into_the_form_that_adds() {
        let mut typed = Filled::from_pairs([("scope", "a")]);
        typed.refuse("scopes", "It is needed.");
        let shown = again(typed, "");
        assert_eq!((shown.value("scope"), shown.error("scopes").is_some()), (String::new(), true));
    }
}
