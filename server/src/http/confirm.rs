//! `/confirm/{id}`: a privileged act, shown in full, then signed and done.

use app::components::Line;
use app::pages::confirm::{Confirm, confirm_page};
use app::shell::Area;
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Response};
use domain::act::ActStatement;
use domain::id::CeremonyId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::actor::Actor;
use crate::auth::ceremony::Begun;
use crate::http::answer::{Problem, see};
use crate::http::door::{Location, Nothing};
use crate::http::form::Json;
use crate::http::guard::Client;
use crate::http::page::{View, told_cookie};
use crate::portal::Portal;
use crate::service::acts::{self, AnyAct};

/// Keeps a filled-in privileged form and goes to its confirm page. What a form's handler returns.
pub async fn begin_act(view: &View, actor: &Actor, act: impl Into<AnyAct>) -> Response {
    match acts::keep(&view.portal, actor, act.into()).await {
        Ok(id) => see(&format!("/confirm/{id}")),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /confirm/{id}`
pub async fn show(view: View, actor: Actor, Path(id): Path<CeremonyId>) -> Response {
    let (asking, statement) = match acts::show(&view.portal, &actor, id).await {
        Ok(shown) => shown,
        Err(refusal) => return view.refuse(refusal),
    };
    let lines = asking
        .asked
        .lines
        .into_iter()
        .map(|(label, value)| Line::new(label, value))
        .collect();
    view.page(Area::Home, |shell| {
        confirm_page(
            shell,
            Confirm {
                title: asking.title,
                does: asking.does,
                breaks: asking.breaks,
                lines,
                act_json: statement.to_string(),
                button: asking.button,
                finish_url: format!("/confirm/{id}"),
                back: asking.back,
            },
        )
    })
}

#[derive(Serialize)]
pub struct Statement {
    #[serde(flatten)]
    begun: Begun,
    statement: ActStatement,
}

/// `POST /confirm/{id}/begin`
pub async fn begin(
    State(portal): State<Portal>,
    actor: Actor,
    Path(id): Path<CeremonyId>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Answer<Statement>, Problem> {
    let (statement, begun) = acts::begin(&portal, &actor, id).await?;
    Ok(Answer(Statement { begun, statement }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    ceremony: CeremonyId,
    credential: Value,
}

/// `POST /confirm/{id}/finish`
pub async fn finish(
    State(portal): State<Portal>,
    actor: Actor,
    client: Client,
    Path(id): Path<CeremonyId>,
    Json(body): Json<Finish>,
) -> Result<Response, Problem> {
    let (location, told) = acts::finish(
        &portal,
        &actor,
        id,
        body.ceremony,
        body.credential,
        client.origin,
    )
    .await?;
    let mut response = Answer(Location { location }).into_response();
    if let Some(cookie) = told.and_then(|told| HeaderValue::from_str(&told_cookie(told)).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
