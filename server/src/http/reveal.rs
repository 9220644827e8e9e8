//! `/reveal/{id}`: what an act made, shown once to who did it.

use app::pages::people::{Invited, invited_page};
use app::pages::reveal::{Reveal, reveal_page};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::CeremonyId;

use crate::auth::actor::Actor;
use crate::http::form::Form;
use crate::http::gateways;
use crate::http::page::View;
use crate::service::reveal::{self, Showing};

/// `GET /reveal/{id}`: the same page for every id, and it takes nothing.
pub async fn ask(view: View, Path(id): Path<CeremonyId>) -> Response {
    page(&view, id, false)
}

/// `POST /reveal/{id}`
pub async fn show(view: View, actor: Actor, Path(id): Path<CeremonyId>, form: Form) -> Response {
    if let Err(refusal) = form.only(&[]) {
        return view.refuse(refusal);
    }
    match reveal::take(&view.portal, id, actor.person()).await {
        Err(refusal) => view.refuse(refusal),
        Ok(None) => {
            let mut response = page(&view, id, true);
            *response.status_mut() = StatusCode::GONE;
            response
        }
        Ok(Some((Showing::Credential { gateway }, text))) => {
            gateways::with_credential(&view, &actor, gateway, &text).await
        }
        Ok(Some((
            Showing::Code {
                name,
                address,
                back,
            },
            text,
        ))) => view.bare(|| {
            invited_page(Invited {
                host: view.portal.config.host_name.clone(),
                name,
                address,
                code: text.as_str().to_owned(),
                back,
            })
        }),
    }
}

fn page(view: &View, id: CeremonyId, gone: bool) -> Response {
    view.bare(|| {
        reveal_page(Reveal {
            host: view.portal.config.host_name.clone(),
            id: id.to_string(),
            gone,
        })
    })
}
