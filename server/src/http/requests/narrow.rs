//! `/requests/{id}/narrow/{environment}`: propose less than was asked for.

use std::collections::BTreeSet;

use app::components::{Choice, Filled};
use app::pages::request::{NarrowForm, narrow_page};
use axum::extract::Path;
use axum::response::Response;
use domain::grant::{Grant, Narrowing};
use domain::limit::Limits;
use domain::network::{Networks, Sources};
use domain::service::ScopeName;

use super::{or_refuse, page, parse_id, refused};
use crate::auth::actor::Actor;
use crate::http::answer::see;
use crate::http::form::Form;
use crate::http::page::View;
use crate::refusal::{FieldError, Refusal};
use crate::service::acts::{self, ProposeGrant};
use crate::service::requests::{Proposed, RequestFile};

/// `GET /requests/{id}/narrow/{environment}`
pub async fn narrow_form(
    view: View,
    actor: Actor,
    Path(place): Path<(String, String)>,
) -> Response {
    or_refuse(&view, again(&view, &actor, &place, None).await)
}

/// `POST /requests/{id}/narrow/{environment}`
pub async fn narrow(
    view: View,
    actor: Actor,
    Path(place): Path<(String, String)>,
    form: Form,
) -> Response {
    let done = async {
        match begin(&view, &actor, &place, &form).await {
            Err(Refusal::Invalid(faults)) => {
                again(&view, &actor, &place, Some(refused(&form, faults))).await
            }
            done => done,
        }
    };
    or_refuse(&view, done.await)
}

async fn begin(
    view: &View,
    actor: &Actor,
    place: &(String, String),
    form: &Form,
) -> Result<Response, Refusal> {
    form.only(&[
        "scope",
        "networks",
        "rate",
        "limits_grant",
        "limits_key",
        "hours",
        "days",
        "why",
    ])?;
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, parse_id(&place.0)?).await?;
    drop(read);
    let proposed = open(&file, &place.1)?;
    let mut faults = Vec::new();
    let narrowing = narrowing(form, &proposed.grant, &mut faults)?;
    let why = keep(&mut faults, "why", form.text("why").parse());
    let (Some(why), true) = (why, faults.is_empty()) else {
        return Err(Refusal::Invalid(faults));
    };
    let act = ProposeGrant {
        request: file.request.id,
        environment: proposed.row.environment_id,
        grant: proposed.row.id,
        narrowing,
        why,
    };
    let id = acts::keep(&view.portal, actor, act.into()).await?;
    Ok(see(&format!("/confirm/{id}")))
}

/// What was typed of a narrowing, its rules aside.
///
/// # Errors
/// [`Refusal::BadRequest`] for what is no scope; what else is wrong is added to `faults`.
pub fn narrowing(
    form: &Form,
    from: &Grant,
    faults: &mut Vec<FieldError>,
) -> Result<Narrowing, Refusal> {
    let scopes: BTreeSet<ScopeName> = form
        .all("scope")
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::BadRequest("There is no such scope."))?;
    let typed = form.text("networks");
    // Nothing typed keeps a grant from anywhere; it never widens one to anywhere.
    let sources = match (typed.trim().is_empty(), from.sources()) {
        (true, Sources::Anywhere) => None,
        _ => keep(faults, "networks", typed.parse::<Networks>()).map(Sources::Only),
    };
    Ok(Narrowing {
        scopes: Some(scopes),
        rules: None,
        sources,
        rate: keep(faults, "rate", form.text("rate").parse()),
        limits: keep(faults, "limits_grant", form.text("limits_grant").parse())
            .zip(keep(faults, "limits_key", form.text("limits_key").parse()))
            .map(|(grant, key)| Limits { grant, key }),
        hours: keep(faults, "hours", form.text("hours").parse()),
        life: keep(faults, "days", form.text("days").parse()),
    })
}

fn keep<T, E: std::fmt::Display>(
    faults: &mut Vec<FieldError>,
    field: &str,
    parsed: Result<T, E>,
) -> Option<T> {
    parsed
        .map_err(|refused| {
            faults.push(FieldError {
                field: field.to_owned(),
                sentence: refused.to_string(),
            });
        })
        .ok()
}

fn open<'a>(file: &'a RequestFile, environment: &str) -> Result<&'a Proposed, Refusal> {
    file.proposal(file.environment(environment)?.id)
        .filter(|proposed| proposed.is_open())
        .ok_or(Refusal::NotFound)
}

async fn again(
    view: &View,
    actor: &Actor,
    place: &(String, String),
    typed: Option<Filled>,
) -> Result<Response, Refusal> {
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, parse_id(&place.0)?).await?;
    let proposed = open(&file, &place.1)?;
    let (grant, refused) = (&proposed.grant, typed.is_some());
    let vm = NarrowForm {
        request: file.request.id.to_string(),
        environment: place.1.clone(),
        title: format!("{} for {}", file.service.name, file.partner.name),
        scopes: grant
            .scopes()
            .iter()
            .map(|scope| Choice::new(scope.to_string(), scope.to_string()))
            .collect(),
        rate_limit: format!("At most {}.", grant.rate()),
        life_limit: format!("At most {}.", grant.life()),
        voids: u64::try_from(proposed.standing().count()).unwrap_or_default(),
        filled: typed.unwrap_or_else(|| {
            let fields = present(grant).into_iter();
            let pairs = fields.flat_map(|(name, all)| all.into_iter().map(move |one| (name, one)));
            Filled::from_pairs(pairs)
        }),
    };
    Ok(page(view, refused, |shell| narrow_page(shell, vm)))
}

/// A grant as the form's fields and their values, its rules aside.
pub fn present(grant: &Grant) -> Vec<(&'static str, Vec<String>)> {
    let networks = match grant.sources() {
        Sources::Anywhere => String::new(),
        Sources::Only(networks) => networks.to_string().replace(' ', "\n"),
    };
    let scopes = grant.scopes().iter().map(ToString::to_string).collect();
    vec![
        ("scope", scopes),
        ("networks", vec![networks]),
        ("rate", vec![grant.rate().to_string()]),
        ("limits_grant", vec![grant.limits().grant.to_string()]),
        ("limits_key", vec![grant.limits().key.to_string()]),
        ("hours", vec![grant.hours().to_string()]),
        ("days", vec![grant.life().to_string()]),
    ]
}
