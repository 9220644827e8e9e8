//! `/requests/…`: one address, two sides. Contacts draft, hand in, follow and take back; staff
//! review and decide.

mod decide;
mod edit;
mod grants;
mod history;
mod narrow;
mod review;
mod sections;
mod status;

pub use decide::{decide, decide_form};
pub use edit::{draft, edit, edit_form, start, start_form};
pub use narrow::{narrow, narrow_form, narrowing, present};

use app::components::Filled;
use app::pages::request::{review_page, status_page};
use app::pages::state::RequestState as Shown;
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::id::RequestId;
use domain::request::RequestState;
use domain::review::{Section, Verdict};
use serde::Deserialize;

use crate::auth::actor::{Actor, Side};
use crate::http::answer::see;
use crate::http::form::Form;
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::refusal::{FieldError, Refusal};
use crate::service::requests::RequestFile;
use crate::service::{requests, reviews};

/// Which revision is looked at; the newest when it says none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Which {
    revision: Option<u32>,
}

/// `GET /requests/{id}`
pub async fn show(
    view: View,
    actor: Actor,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let page = async { show_again(&view, &actor, parse_id(&id)?, which, Filled::default()).await };
    or_refuse(&view, page.await)
}

/// `POST /requests/{id}/verdict`
pub async fn verdict(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["section", "verdict", "comment"])?;
        let (id, section) = (parse_id(&id)?, section_of(&form)?);
        let verdict = match form.text("verdict") {
            "accepted" => Some(Verdict::Accepted),
            "changes" => Some(Verdict::ChangesAsked),
            "" => None,
            _ => return Err(Refusal::BadRequest("There is no such verdict.")),
        };
        let comment = form.text("comment");
        let said = reviews::judge(
            &view.portal,
            &actor,
            id,
            section,
            verdict,
            comment,
            &client.origin,
        )
        .await;
        said_or_again(&view, &actor, id, section.code(), &form, said).await
    };
    or_refuse(&view, done.await)
}

/// `POST /requests/{id}/comments`
pub async fn comment(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["section", "comment"])?;
        let (id, section) = (parse_id(&id)?, section_of(&form)?);
        let comment = form.text("comment");
        let said = reviews::reply(&view.portal, &actor, id, section, comment, &client.origin).await;
        said_or_again(&view, &actor, id, section.code(), &form, said).await
    };
    or_refuse(&view, done.await)
}

/// `POST /requests/{id}/recuse`
pub async fn recuse(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["reason"])?;
        let id = parse_id(&id)?;
        let said = reviews::recuse(
            &view.portal,
            &actor,
            id,
            form.text("reason"),
            &client.origin,
        )
        .await;
        said_or_again(&view, &actor, id, "recuse", &form, said).await
    };
    or_refuse(&view, done.await)
}

/// `POST /requests/{id}/withdraw`
pub async fn withdraw(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        let id = parse_id(&id)?;
        let to = match requests::withdraw(&view.portal, &actor, id, &client.origin).await? {
            true => format!("/requests/{id}"),
            false => "/requests".to_owned(),
        };
        Ok(see_told(&to, Told::Withdrawn))
    };
    or_refuse(&view, done.await)
}

/// Back to the request; or the request again, with what was typed and what is wrong with it.
async fn said_or_again(
    view: &View,
    actor: &Actor,
    id: RequestId,
    of: &str,
    form: &Form,
    said: Result<(), Refusal>,
) -> Result<Response, Refusal> {
    match said {
        Ok(()) if of == "recuse" => Ok(see_told(&format!("/requests/{id}"), Told::Saved)),
        Ok(()) => Ok(see_told(&format!("/requests/{id}#{of}"), Told::Saved)),
        Err(Refusal::Invalid(faults)) => {
            let filled = refused(form, faults).of_form(of);
            show_again(view, actor, id, Which::default(), filled).await
        }
        Err(other) => Err(other),
    }
}

async fn show_again(
    view: &View,
    actor: &Actor,
    id: RequestId,
    which: Which,
    filled: Filled,
) -> Result<Response, Refusal> {
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, id).await?;
    if file.revisions.is_empty() {
        let editable = file.request.state.0.is_editable();
        return Ok(match editable {
            true => see(&format!("/requests/{id}/edit")),
            // A draft that was withdrawn was never anything to look at.
            false => see("/requests"),
        });
    }
    let again = filled.is_refused();
    match actor.side() {
        Side::Staff(_) => {
            let vm = review::review(view, &mut read, actor, file, which, filled).await?;
            Ok(page(view, again, |shell| review_page(shell, vm)))
        }
        Side::Contact { .. } => {
            let vm = status::status(view, &mut read, actor, file, filled).await?;
            Ok(page(view, again, |shell| status_page(shell, vm)))
        }
    }
}

/// A page of this area; `again` when it answers a refused form.
fn page(
    view: &View,
    again: bool,
    body: impl FnOnce(app::shell::Shell) -> app::render::Page,
) -> Response {
    if again {
        view.page_again(Area::Requests, body)
    } else {
        view.page(Area::Requests, body)
    }
}

fn or_refuse(view: &View, done: Result<Response, Refusal>) -> Response {
    done.unwrap_or_else(|refusal| view.refuse(refusal))
}

/// What is no id is the id of nothing.
fn parse_id(text: &str) -> Result<RequestId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound)
}

fn section_of(form: &Form) -> Result<Section, Refusal> {
    form.text("section")
        .parse()
        .map_err(|_| Refusal::BadRequest("There is no such section."))
}

/// All that was typed, with each sentence beside its field.
fn refused(form: &Form, faults: Vec<FieldError>) -> Filled {
    let mut filled = Filled::from_pairs(form.0.iter().cloned());
    for fault in faults {
        filled.refuse(&fault.field, fault.sentence);
    }
    filled
}

/// A state's word.
pub const fn shown(state: RequestState) -> Shown {
    match state {
        RequestState::Draft => Shown::Draft,
        RequestState::InReview => Shown::InReview,
        RequestState::ChangesAsked => Shown::ChangesAsked,
        RequestState::Approved => Shown::Approved,
        RequestState::WaitingForPasskey => Shown::WaitingForPasskey,
        RequestState::Rejected => Shown::Rejected,
        RequestState::Withdrawn => Shown::Withdrawn,
        RequestState::Closed => Shown::Closed,
    }
}
