//! `/grants/{id}/temporary` and `/temporary/{id}`: temporary access is asked for by a contact, decided
//! by reviewers, and ended by itself or by staff.

mod view;

use std::collections::BTreeSet;

use app::components::Filled;
use app::pages::temporary::{ask_temporary_page, temporary_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::decision::DecisionVerdict;
use domain::id::{GrantId, OverlayId};
use domain::overlay::Wish;
use domain::policy::OverlayMinutes;
use domain::service::{Method, PathPattern};
use domain::text::Paragraph;
use serde::Deserialize;

use crate::auth::actor::Actor;
use crate::http::begin::{ask, or_again};
use crate::http::form::Form;
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::acts::{DecideOverlay, EndOverlay};
use crate::service::decisions::hex;
use crate::service::overlays::{self, OverlayCase, OverlayFile};

pub use view::lines_of_grant;

/// Whether calls that change things are listed, too. Any other word lists less.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shown {
    #[serde(default)]
    writes: String,
}

/// `GET /grants/{id}/temporary`
pub async fn ask_form(
    view: View,
    actor: Actor,
    Path(grant): Path<GrantId>,
    Query(shown): Query<Shown>,
) -> Response {
    let writes = shown.writes == "yes";
    match view::asking(&view.portal, &actor, grant, writes, Filled::default()).await {
        Ok(vm) => view.page(Area::Keys, |shell| ask_temporary_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /grants/{id}/temporary`
pub async fn ask_for(
    view: View,
    actor: Actor,
    client: Client,
    Path(grant): Path<GrantId>,
    form: Form,
) -> Response {
    let (view, actor) = (&view, &actor);
    let done = async {
        let (wish, why) = wish(&form)?;
        let id = overlays::ask(&view.portal, actor, grant, wish, &why, &client.origin).await?;
        Ok(see_told(&format!("/temporary/{id}"), Told::Submitted))
    };
    let writes = form.text("writes") == "yes";
    let done = done.await;
    or_again(view, &form, ("", "endpoint"), done, |filled| async move {
        let vm = view::asking(&view.portal, actor, grant, writes, filled).await?;
        Ok(view.page_again(Area::Keys, |shell| ask_temporary_page(shell, vm)))
    })
    .await
}

/// `GET /temporary/{id}`
pub async fn one(view: View, actor: Actor, Path(id): Path<OverlayId>) -> Response {
    match view::one(&view.portal, &actor, id, Filled::default()).await {
        Ok(vm) => view.page(Area::Requests, |shell| temporary_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /temporary/{id}/decide`
pub async fn decide(view: View, actor: Actor, Path(id): Path<OverlayId>, form: Form) -> Response {
    let done = async {
        form.only(&["decision", "reason", "stamp"])?;
        let (verdict, reason) = match form.text("decision") {
            "approve" => (DecisionVerdict::Approve, None),
            "reject" => {
                let mut typed = Typed::of(&form);
                let reason: Option<Paragraph<2000>> = typed.field("reason");
                (DecisionVerdict::Reject, Some(typed.done(reason)?))
            }
            _ => return Err(Refusal::BadRequest("There is no such decision.")),
        };
        is_as_shown(&view, &actor, id, form.text("stamp")).await?;
        let act = DecideOverlay {
            overlay: id,
            verdict,
            reason,
        };
        ask(&view, &actor, act).await
    };
    let done = done.await;
    again(&view, &actor, id, &form, "decide", done).await
}

/// `POST /temporary/{id}/end`
pub async fn end(view: View, actor: Actor, Path(overlay): Path<OverlayId>, form: Form) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, EndOverlay { overlay, reason }).await
    };
    let done = done.await;
    again(&view, &actor, overlay, &form, "end", done).await
}

/// `POST /temporary/{id}/withdraw`
pub async fn withdraw(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<OverlayId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        overlays::withdraw(&view.portal, &actor, id, &client.origin).await?;
        Ok(see_told(&format!("/temporary/{id}"), Told::Saved))
    };
    done.await.unwrap_or_else(|refusal| view.refuse(refusal))
}

/// What was typed of a wish.
fn wish(form: &Form) -> Result<(Wish, overlays::Why), Refusal> {
    form.only(&["endpoint", "lasts", "unit", "why", "writes"])?;
    let writes = match form.text("writes") {
        "" => false,
        "yes" => true,
        _ => return Err(Refusal::BadRequest("There is no such choice.")),
    };
    let mut typed = Typed::of(form);
    let minutes = lasts(form, &mut typed);
    let why = typed.field("why");
    let endpoints = endpoints(form)?;
    let wish = minutes.map(|minutes| Wish {
        endpoints,
        writes,
        minutes,
    });
    typed.done(wish.zip(why))
}

fn lasts(form: &Form, typed: &mut Typed<'_>) -> Option<OverlayMinutes> {
    const BOUNDS: &str = "At least 5 minutes and at most 72 hours.";
    let unit = match form.text("unit") {
        "minutes" => 1,
        "hours" => 60,
        _ => {
            typed.refuse("unit", "Choose one.");
            return None;
        }
    };
    let number = form.text("lasts").trim();
    let minutes = Some(number)
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|number| number.parse::<u32>().ok())
        .and_then(|number| number.checked_mul(unit))
        .and_then(|minutes| OverlayMinutes::try_from(minutes).ok());
    if minutes.is_none() {
        typed.refuse("lasts", BOUNDS);
    }
    minutes
}

/// `GET /labels/{rest...}`, as the choices are named.
fn endpoints(form: &Form) -> Result<BTreeSet<(Method, PathPattern)>, Refusal> {
    form.all("endpoint")
        .map(|text| {
            let (method, pattern) = text.split_once(' ')?;
            Some((method.parse().ok()?, pattern.parse().ok()?))
        })
        .collect::<Option<_>>()
        .ok_or(Refusal::BadRequest("There is no such endpoint."))
}

/// What is decided on is what was shown.
async fn is_as_shown(
    view: &View,
    actor: &Actor,
    id: OverlayId,
    stamp: &str,
) -> Result<(), Refusal> {
    let mut read = view.portal.store.read().await?;
    let file = OverlayFile::load(&mut read, actor, id).await?;
    let case = OverlayCase::load(&mut read, &file).await?;
    if stamp == hex(&case.subject.digest()) {
        Ok(())
    } else {
        Err(Refusal::conflict(
            "changed",
            "What is decided on has changed since it was shown. Nothing was done: look again.",
        ))
    }
}

async fn again(
    view: &View,
    actor: &Actor,
    id: OverlayId,
    form: &Form,
    name: &str,
    done: Result<Response, Refusal>,
) -> Response {
    or_again(view, form, (name, "reason"), done, |filled| async move {
        let vm = view::one(&view.portal, actor, id, filled).await?;
        Ok(view.page_again(Area::Requests, |shell| temporary_page(shell, vm)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn minutes(lasts: &str, unit: &str) -> Option<u32> {
        let form = form(&[
            ("endpoint", "GET /labels/{rest...}"),
            ("lasts", lasts),
            ("unit", unit),
            ("why", "We look for a lost parcel."),
        ]);
        wish(&form).ok().map(|(wish, _)| wish.minutes.into())
    }

    #[test]
    fn how_long_is_read_in_minutes_or_hours_and_bounded() {
        assert_eq!(minutes("90", "minutes"), Some(90));
        assert_eq!(minutes("2", "hours"), Some(120));
        assert_eq!(minutes("72", "hours"), Some(4320));
        for (lasts, unit) in [
            ("4", "minutes"),
            ("73", "hours"),
            ("", "hours"),
            ("-1", "hours"),
            ("1.5", "hours"),
            ("4294967295", "hours"),
            ("2", "days"),
            ("2", ""),
        ] {
            assert_eq!(minutes(lasts, unit), None, "{lasts} {unit}");
        }
    }

    #[test]
    fn a_reason_of_a_full_stop_is_no_reason() {
        let form = form(&[
            ("endpoint", "GET /labels/{rest...}"),
            ("lasts", "2"),
            ("unit", "hours"),
            ("why", "."),
        ]);
        let Err(Refusal::Invalid(faults)) = wish(&form) else {
            panic!("it was taken");
        };
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].field, "why");
    }

    #[test]
    fn what_is_no_endpoint_or_choice_is_refused() {
        let with = |name, value| {
            wish(&form(&[
                (name, value),
                ("lasts", "2"),
                ("unit", "hours"),
                ("why", "We look for a lost parcel."),
            ]))
        };
        for (name, value) in [
            ("endpoint", "GET"),
            ("endpoint", "get /labels"),
            ("endpoint", "GET labels"),
            ("writes", "no"),
            ("source", "0.0.0.0/0"),
        ] {
            let refused = with(name, value);
            assert!(
                matches!(refused, Err(Refusal::BadRequest(_))),
                "{name}={value}"
            );
        }
    }
}
