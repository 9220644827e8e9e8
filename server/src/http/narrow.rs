//! `/grants/{id}/narrow`: less for a live grant, at once. What stands in the query of the page fills
//! its form in, and does nothing else.

use std::collections::BTreeSet;

use app::components::{Choice, Filled};
use app::pages::narrow::{NarrowLive, narrow_live_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::grant::{Grant, Rule};
use domain::id::GrantId;

use crate::auth::actor::Actor;
use crate::http::begin::{ask, or_again};
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::requests::{narrowing, present};
use crate::http::typed::Typed;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::NarrowGrant;
use crate::service::overlays::Around;
use crate::service::{live, revoke};

const FIELDS: [&str; 9] = [
    "scope",
    "rule",
    "networks",
    "rate",
    "limits_grant",
    "limits_key",
    "hours",
    "days",
    "why",
];

/// `GET /grants/{id}/narrow`
pub async fn form(
    view: View,
    actor: Actor,
    Path(grant): Path<GrantId>,
    Query(preset): Query<Vec<(String, String)>>,
) -> Response {
    match page(&view.portal, &actor, grant, Typing::Preset(preset)).await {
        Ok(vm) => view.page(Area::Keys, |shell| narrow_live_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /grants/{id}/narrow`
pub async fn narrow(view: View, actor: Actor, Path(grant): Path<GrantId>, form: Form) -> Response {
    let (view, actor) = (&view, &actor);
    let done = async {
        let act = typed(&view.portal, actor, grant, &form).await?;
        ask(view, actor, act).await
    };
    let done = done.await;
    or_again(view, &form, ("", "scope"), done, |filled| async move {
        let vm = page(&view.portal, actor, grant, Typing::Again(filled)).await?;
        Ok(view.page_again(Area::Keys, |shell| narrow_live_page(shell, vm)))
    })
    .await
}

async fn typed(
    portal: &Portal,
    actor: &Actor,
    grant: GrantId,
    form: &Form,
) -> Result<NarrowGrant, Refusal> {
    form.only(&FIELDS)?;
    let mut read = portal.store.read().await?;
    let in_force = Around::load(&mut read, actor, grant).await?.in_force;
    drop(read);
    let mut typed = Typed::of(form);
    let mut faults = Vec::new();
    let mut narrowing = narrowing(form, &in_force, &mut faults)?;
    for fault in faults {
        typed.refuse(&fault.field, fault.sentence);
    }
    narrowing.rules = Some(kept(form, &in_force)?);
    let why = typed.field("why");
    let why = typed.done(why)?;
    Ok(NarrowGrant {
        grant,
        narrowing,
        why,
    })
}

/// The rules whose boxes are ticked.
fn kept(form: &Form, in_force: &Grant) -> Result<BTreeSet<Rule>, Refusal> {
    form.all("rule")
        .map(|wanted| {
            let is_it = |rule: &&Rule| name_of(rule) == wanted;
            in_force.rules().iter().find(is_it).cloned()
        })
        .collect::<Option<_>>()
        .ok_or(Refusal::BadRequest(
            "The grant does not open this endpoint.",
        ))
}

fn name_of(rule: &Rule) -> String {
    format!("{} {}", rule.method, rule.pattern)
}

/// What stands in the form.
enum Typing {
    /// What the query says, and the grant as it is for the rest.
    Preset(Vec<(String, String)>),
    Again(Filled),
}

async fn page(
    portal: &Portal,
    actor: &Actor,
    grant: GrantId,
    typing: Typing,
) -> Result<NarrowLive, Refusal> {
    actor.revoker()?;
    let mut read = portal.store.read().await?;
    let around = Around::load(&mut read, actor, grant).await?;
    live::check_open(&around.grant, portal.now())?;
    let keys = revoke::live_keys(&mut read, grant).await?;
    let in_force = &around.in_force;
    let (proposed, filled) = match typing {
        Typing::Again(filled) => (false, filled),
        Typing::Preset(preset) => preset_of(in_force, &preset),
    };
    let choice = |name: String| Choice::new(name.clone(), name);
    Ok(NarrowLive {
        grant: grant.to_string(),
        request: around.grant.request_id.to_string(),
        title: format!(
            "{} for {}",
            around.file.service.name, around.file.partner.name
        ),
        environment: around.environment().to_owned(),
        scopes: in_force
            .scopes()
            .iter()
            .map(|scope| choice(scope.to_string()))
            .collect(),
        rules: in_force
            .rules()
            .iter()
            .map(|rule| choice(name_of(rule)))
            .collect(),
        rate_limit: format!("At most {}.", in_force.rate()),
        life_limit: format!("At most {}, counted from the approval.", in_force.life()),
        keys: u64::try_from(keys).unwrap_or(u64::MAX),
        proposed,
        filled,
    })
}

/// The grant as it is, with what the query names in its place; and whether it names anything. What
/// is no field of the form is left out: it decides nothing.
fn preset_of(in_force: &Grant, preset: &[(String, String)]) -> (bool, Filled) {
    let named = |field: &str| preset.iter().any(|(name, _)| name == field);
    let proposed = FIELDS.into_iter().any(named);
    let mut filled = Filled::default();
    let whole = present(in_force);
    for (field, values) in whole {
        if !named(field) {
            filled = values
                .into_iter()
                .fold(filled, |filled, value| filled.with(field, value));
        }
    }
    if !named("rule") {
        filled = in_force
            .rules()
            .iter()
            .fold(filled, |filled, rule| filled.with("rule", name_of(rule)));
    }
    for (name, value) in preset {
        if FIELDS.contains(&name.as_str()) {
            filled = filled.with(name, value.clone());
        }
    }
    (proposed, filled)
}
