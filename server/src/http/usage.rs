//! Pages of use: of a key, a grant, a partner, a service. The period stands in the URL.

mod view;

use app::pages::usage::{UsageDetail, usage_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::id::{GrantId, KeyId, PartnerId, ServiceId};
use serde::Deserialize;

use crate::auth::actor::Actor;
use crate::http::page::View;
use crate::refusal::Refusal;
use crate::service::usage::Period;

/// What the URL says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    period: String,
}

impl Wanted {
    fn period(&self) -> Period {
        Period::of_code(&self.period)
    }
}

/// `GET /keys/{id}/usage`
pub async fn of_key(
    view: View,
    actor: Actor,
    Path(id): Path<KeyId>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let vm = view::key(&view.portal, &actor, id, wanted.period()).await;
    shown(&view, Area::Keys, vm)
}

/// `GET /grants/{id}/usage`
pub async fn of_grant(
    view: View,
    actor: Actor,
    Path(id): Path<GrantId>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let vm = view::grant(&view.portal, &actor, id, wanted.period()).await;
    shown(&view, Area::Keys, vm)
}

/// `GET /partners/{id}/usage`: for staff, and for the partner itself.
pub async fn of_partner(
    view: View,
    actor: Actor,
    Path(id): Path<PartnerId>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let here = match actor.staff() {
        Ok(_) => Area::Partners,
        Err(_) => Area::Keys,
    };
    let vm = view::partner(&view.portal, &actor, id, wanted.period()).await;
    shown(&view, here, vm)
}

/// `GET /services/{id}/usage`: all calls for staff, their own for contacts.
pub async fn of_service(
    view: View,
    actor: Actor,
    Path(id): Path<ServiceId>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let vm = view::service(&view.portal, &actor, id, wanted.period()).await;
    shown(&view, Area::Services, vm)
}

fn shown(view: &View, here: Area, vm: Result<UsageDetail, Refusal>) -> Response {
    match vm {
        Ok(vm) => view.page(here, |shell| usage_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}
