//! `/services`: the catalogue. Everybody who is signed in reads it; operators change it.

mod forms;
mod view;

use app::components::Filled;
use app::pages::service::{NewService, new_service_page, service_page, services_page};
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::ServiceId;

use forms::{
    read_about, read_endpoint, read_environment, read_environment_change, read_plain,
    read_removed_endpoint, read_removed_scope, read_scope,
};
use view::{detail, list_of};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::begin::{Which, ask, or_again};
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::acts::{AddService, ChangeService};
use crate::service::catalogue::Change;

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
    let begun = add(&view, &actor, &form).await;
    or_again(&view, &form, ("about", "name"), begun, |filled| async {
        let vm = NewService { filled };
        Ok(view.page_again(Area::Services, |shell| new_service_page(shell, vm)))
    })
    .await
}

async fn add(view: &View, actor: &Actor, form: &Form) -> Result<Response, Refusal> {
    form.only(&["slug", "name", "description"])?;
    let mut typed = Typed::of(form);
    let (name, description) = (typed.field("name"), typed.field("description"));
    let slug = typed.field("slug");
    let ((name, description), slug) = typed.done(name.zip(description).zip(slug))?;
    let id = ServiceId::random(&mut system_rng());
    ask(
        view,
        actor,
        AddService {
            id,
            slug,
            name,
            description,
        },
    )
    .await
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
pub async fn environment(
    view: View,
    actor: Actor,
    Path(id): Path<ServiceId>,
    form: Form,
) -> Response {
    begin(
        &view,
        &actor,
        id,
        &form,
        ENVIRONMENT,
        read_environment(&form),
    )
    .await
}

/// `POST /services/{id}/environments/change`
pub async fn change_environment(
    view: View,
    actor: Actor,
    Path(id): Path<ServiceId>,
    form: Form,
) -> Response {
    let name = format!("environment-{}", form.text("environment"));
    let which = (name.as_str(), "base_url");
    let change = read_environment_change(&form);
    begin(&view, &actor, id, &form, which, change).await
}

/// `POST /services/{id}/retire`
pub async fn retire(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    let change = read_plain(&form, Change::Retire);
    begin(&view, &actor, id, &form, STATE, change).await
}

/// `POST /services/{id}/offer`
pub async fn offer(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    let change = read_plain(&form, Change::Offer);
    begin(&view, &actor, id, &form, STATE, change).await
}

/// `POST /services/{id}/scopes`
pub async fn scope(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, SCOPE, read_scope(&form)).await
}

/// `POST /services/{id}/scopes/remove`
pub async fn remove_scope(
    view: View,
    actor: Actor,
    Path(id): Path<ServiceId>,
    form: Form,
) -> Response {
    begin(&view, &actor, id, &form, SCOPES, read_removed_scope(&form)).await
}

/// `POST /services/{id}/endpoints`
pub async fn endpoint(view: View, actor: Actor, Path(id): Path<ServiceId>, form: Form) -> Response {
    begin(&view, &actor, id, &form, ENDPOINT, read_endpoint(&form)).await
}

/// `POST /services/{id}/endpoints/remove`
pub async fn remove_endpoint(
    view: View,
    actor: Actor,
    Path(id): Path<ServiceId>,
    form: Form,
) -> Response {
    begin(
        &view,
        &actor,
        id,
        &form,
        ENDPOINTS,
        read_removed_endpoint(&form),
    )
    .await
}

// The forms of the page. The name is empty where nothing is typed.
const ABOUT: Which<'static> = ("about", "name");
const ENVIRONMENT: Which<'static> = ("environment", "environment");
const SCOPE: Which<'static> = ("scope", "scope");
const ENDPOINT: Which<'static> = ("endpoint", "pattern");
const SCOPES: Which<'static> = ("", "scopes");
const ENDPOINTS: Which<'static> = ("", "endpoints");
const STATE: Which<'static> = ("", "state");

/// Goes to the confirm page, or shows the page as it is now, with what was typed.
async fn begin(
    view: &View,
    actor: &Actor,
    id: ServiceId,
    form: &Form,
    (name, field): Which<'_>,
    change: Result<Change, Refusal>,
) -> Response {
    let begun = async {
        let change = change?;
        let version = form
            .text("version")
            .parse()
            .map_err(|_| Refusal::BadRequest("The form does not say what it was made from."))?;
        ask(
            view,
            actor,
            ChangeService {
                service: id,
                version,
                change,
            },
        )
        .await
    };
    or_again(view, form, (name, field), begun.await, |typed| async move {
        let vm = detail(&view.portal, actor, id, again(typed, name)).await?;
        Ok(view.page_again(Area::Services, |shell| service_page(shell, vm)))
    })
    .await
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

#[cfg(test)]
mod tests;
