//! A form that begins a privileged act: on to its confirm page, or back to its own with what was
//! typed.

use app::components::Filled;
use axum::response::Response;

use crate::auth::actor::Actor;
use crate::http::answer::see;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::filled;
use crate::refusal::Refusal;
use crate::service::acts::{self, AnyAct};

/// A form of a page that has several: its name, and the field that a conflict is said beside.
pub type Which<'a> = (&'a str, &'a str);

/// Keeps the act and goes to its confirm page; a refusal comes back, so that the form can say it.
///
/// # Errors
/// What the act's `prepare` refuses.
pub async fn ask(view: &View, actor: &Actor, act: impl Into<AnyAct>) -> Result<Response, Refusal> {
    let id = acts::keep(&view.portal, actor, act.into()).await?;
    Ok(see(&format!("/confirm/{id}")))
}

/// The answer to a form: where it led, or its page `again` with what was typed and what is wrong
/// with it. A refusal that is no matter of the form is a page of its own.
pub async fn or_again<F>(
    view: &View,
    form: &Form,
    (name, field): Which<'_>,
    begun: Result<Response, Refusal>,
    again: impl FnOnce(Filled) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Refusal>>,
{
    let refused = match begun {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let Some(typed) = filled(form, &refused, field) else {
        return view.refuse(refused);
    };
    again(typed.of_form(name))
        .await
        .unwrap_or_else(|refusal| view.refuse(refusal))
}
