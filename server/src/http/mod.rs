//! HTTP: one file an area. A handler extracts, asks for a capability, calls a verb and renders.

pub mod answer;
pub mod assets;
pub mod audit;
pub mod begin;
#[cfg(feature = "bench")]
pub mod bench;
pub mod confirm;
pub mod deliveries;
pub mod description;
pub mod door;
pub mod form;
pub mod gateways;
pub mod guard;
pub mod health;
pub mod home;
pub mod keys;
pub mod mail;
pub mod narrow;
pub mod page;
pub mod partners;
mod partners_view;
pub mod people;
#[cfg(test)]
mod people_tests;
mod people_view;
pub mod policies;
pub mod profile;
pub mod queue;
pub mod requests;
pub mod reveal;
pub mod routes;
pub mod services;
pub mod temporary;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod typed;
pub mod usage;
pub mod verify;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use domain::id::GatewayId;
use tower_http::timeout::TimeoutLayer;

use crate::portal::Portal;

/// No form or answer of ours is larger, but for a request's answers.
const BODY_LIMIT: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// The whole service.
pub fn app(portal: Portal) -> Router {
    within(routes::router(&portal), portal, TIMEOUT)
}

/// What a gateway asks, for whoever comes by a way that only this gateway has.
pub fn gateway_app(portal: Portal, gateway: GatewayId) -> Router {
    let routes = routes::gateway_router(&portal).layer(Extension(verify::Bound(gateway)));
    within(routes, portal, TIMEOUT)
}

fn within(routes: Router<Portal>, portal: Portal, timeout: Duration) -> Router {
    routes
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            timeout,
        ))
        .layer(from_fn_with_state(portal.clone(), guard::around))
        .with_state(portal)
}
