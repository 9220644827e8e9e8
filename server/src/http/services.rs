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
    read_about, read_endpoint, read_environment, read_removed_endpoint, read_removed_scope,
    read_scope,
};
use view::{detail, list_of};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::people::ask;
use crate::http::typed::{Typed, filled};
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
    let refused = match add(&view, &actor, &form).await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    match filled(&form, &refused, "name") {
        Some(filled) => view.page_again(Area::Services, |shell| {
            new_service_page(
                shell,
                NewService {
                    filled: filled.of_form("about"),
                },
            )
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

#[cfg(test)]
mod tests;
