//! `/`: what waits for whom.

use app::pages::home::{PartnerHome, StaffHome, partner_home, staff_home};
use app::shell::Area;
use axum::response::Response;

use crate::auth::actor::{Actor, Side};
use crate::http::page::View;

/// `GET /`
pub async fn home(view: View, actor: Actor) -> Response {
    match actor.side() {
        Side::Staff(_) => view.page(Area::Home, |shell| {
            staff_home(
                shell,
                StaffHome {
                    summary: "Nothing waits for you.".to_owned(),
                    waiting: Vec::new(),
                    tiles: Vec::new(),
                    setup: Vec::new(),
                },
            )
        }),
        Side::Contact { .. } => view.page(Area::Home, |shell| {
            partner_home(
                shell,
                PartnerHome {
                    host: view.portal.config.host_name.clone(),
                    summary: "Nothing waits for you.".to_owned(),
                    next: Vec::new(),
                    requests: Vec::new(),
                    keys: Vec::new(),
                },
            )
        }),
    }
}
