//! `/services/{id}/policy/{environment}`. All staff read a policy; owners change it.

use app::components::{Filled, Line};
use app::pages::policy::{PolicyForm, policy_page};
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::ServiceId;
use domain::limit::Limits;
use domain::policy::Policy;
use store::Read;

use crate::auth::actor::Actor;
use crate::http::begin::ask;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::{Typed, filled};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::ChangePolicy;
use crate::service::policies::{self, InForce};
use crate::service::{people, proposals};

/// `GET /services/{id}/policy/{environment}`
pub async fn show(
    view: View,
    actor: Actor,
    Path((id, name)): Path<(ServiceId, String)>,
) -> Response {
    match page(&view.portal, &actor, id, &name, None).await {
        Ok(vm) => view.page(Area::Services, |shell| policy_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /services/{id}/policy/{environment}`
pub async fn change(
    view: View,
    actor: Actor,
    Path((id, name)): Path<(ServiceId, String)>,
    form: Form,
) -> Response {
    let policy = read_policy(&form);
    let typed = policy.as_ref().ok().copied();
    let begun = async {
        let policy = policy?;
        let mut read = view.portal.store.read().await?;
        let environment = policies::named(&mut read, id, &name).await?.environment.id;
        drop(read);
        ask(
            &view,
            &actor,
            ChangePolicy {
                environment,
                policy,
            },
        )
        .await
    };
    let refused = match begun.await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let Some(filled) = filled(&form, &refused, "approvals") else {
        return view.refuse(refused);
    };
    match page(&view.portal, &actor, id, &name, Some((filled, typed))).await {
        Ok(vm) => view.page_again(Area::Services, |shell| policy_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// What was typed, as the version after the one that the form was made from.
fn read_policy(form: &Form) -> Result<Policy, Refusal> {
    form.only(&[
        "version",
        "approvals",
        "max_days",
        "rate",
        "limits_grant",
        "limits_key",
        "link_hours",
        "networks_required",
        "device_bound",
    ])?;
    let version: u32 = form
        .text("version")
        .parse()
        .map_err(|_| Refusal::BadRequest("The form does not say what it was made from."))?;
    let mut typed = Typed::of(form);
    let (approvals, days) = (typed.field("approvals"), typed.field("max_days"));
    let (rate, hours) = (typed.field("rate"), typed.field("link_hours"));
    let limits = typed.field("limits_grant").zip(typed.field("limits_key"));
    let (networks_required, device_bound) = (
        ticked(form, "networks_required")?,
        ticked(form, "device_bound")?,
    );
    let (((approvals, longest_life), (rate_limit, link_open_for)), (grant, key)) =
        typed.done(approvals.zip(days).zip(rate.zip(hours)).zip(limits))?;
    Ok(Policy {
        version: version.saturating_add(1),
        approvals,
        longest_life,
        rate_limit,
        limits: Limits { grant, key },
        networks_required,
        device_bound,
        link_open_for,
    })
}

fn ticked(form: &Form, name: &str) -> Result<bool, Refusal> {
    if form.all(name).any(|value| value != "yes") {
        return Err(Refusal::BadRequest(
            "A box of the form holds something else than a tick.",
        ));
    }
    Ok(form.is_set(name))
}

/// The page, with what was typed where a form comes back.
async fn page(
    portal: &Portal,
    actor: &Actor,
    id: ServiceId,
    name: &str,
    typed: Option<(Filled, Option<Policy>)>,
) -> Result<PolicyForm, Refusal> {
    actor.staff()?;
    let mut read = portal.store.read().await?;
    let now = policies::named(&mut read, id, name).await?;
    let (filled, new) = typed.unwrap_or_else(|| (filled_with(&now.policy), None));
    let weakens = match new {
        Some(new) => policies::weakening(&mut read, &now.policy, &new).await?.0,
        None => Vec::new(),
    };
    Ok(PolicyForm {
        service: now.service.name.clone(),
        service_id: id.to_string(),
        environment: now.environment.name.clone(),
        version: now.policy.version.into(),
        weakens: weakens.iter().map(ToString::to_string).collect(),
        second_person: people::owners(&mut read).await?.len() >= 2,
        pending: pending(portal, &mut read, &now).await?,
        history: history(&mut read, &now).await?,
        may_change: actor.owner().is_ok(),
        filled,
    })
}

fn filled_with(policy: &Policy) -> Filled {
    let mut filled = Filled::default()
        .with("approvals", policy.approvals.to_string())
        .with("max_days", policy.longest_life.to_string())
        .with("rate", policy.rate_limit.to_string())
        .with("limits_grant", policy.limits.grant.to_string())
        .with("limits_key", policy.limits.key.to_string())
        .with("link_hours", policy.link_open_for.to_string());
    if policy.networks_required {
        filled = filled.with("networks_required", "yes");
    }
    if policy.device_bound {
        filled = filled.with("device_bound", "yes");
    }
    filled
}

async fn pending(portal: &Portal, read: &mut Read, now: &InForce) -> Result<String, Refusal> {
    match policies::proposed(read, now.environment.id, portal.now()).await? {
        Some(proposal) => Ok(format!(
            "{} A second person has to confirm it.",
            proposals::worded(&proposal)?.0
        )),
        None => Ok(String::new()),
    }
}

async fn history(read: &mut Read, now: &InForce) -> Result<Vec<Line>, Refusal> {
    let mut lines = Vec::new();
    for row in read.policy_versions(now.environment.id).await? {
        let by = match row.created_by {
            Some(person) => read.person(person).await?.map(|row| row.name.clone()),
            None => None,
        };
        let since = row.created_at.minute();
        let remark = match by {
            Some(by) => format!("since {since}, by {by}"),
            None => format!("since {since}"),
        };
        let words = policies::words(&policies::parse(&row)?);
        lines.push(Line::new(format!("Version {}", row.version), words).remark(remark));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use domain::service::EnvironmentKind;

    use super::*;

    fn form(changes: &[(&str, &str)]) -> Form {
        let mut pairs = vec![
            ("version", "4"),
            ("approvals", "2"),
            ("max_days", "365"),
            ("rate", "100"),
            ("limits_grant", ""),
            ("limits_key", ""),
            ("link_hours", "72"),
            ("networks_required", "yes"),
        ];
        pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        pairs.extend(changes);
        Form(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_form_makes_the_version_after_the_one_that_it_shows() {
        let production = Policy::default_for(EnvironmentKind::Production);
        let read = read_policy(&form(&[])).unwrap();
        assert_eq!(
            read,
            Policy {
                version: 5,
                ..production
            }
        );
    }

    #[test]
    fn limits_are_read_for_grants_and_for_keys() {
        let typed = [
            ("limits_grant", "600/minute\n20000 a day"),
            ("limits_key", "5 per second"),
        ];
        let limits = read_policy(&form(&typed)).unwrap().limits;
        assert_eq!(limits.grant.to_string(), "600 a minute, 20000 a day");
        assert_eq!(limits.key.to_string(), "5 a second");
    }

    #[test]
    fn zero_approvals_are_refused_beside_the_field() {
        let Err(Refusal::Invalid(faults)) = read_policy(&form(&[("approvals", "0")])) else {
            panic!()
        };
        assert_eq!(faults[0].field, "approvals");
    }

    #[test]
    fn every_number_out_of_bounds_is_refused_beside_its_field() {
        for (field, value) in [
            ("max_days", "1096"),
            ("rate", ""),
            ("limits_grant", "5 a week"),
            ("limits_key", "0 a day"),
            ("link_hours", "-1"),
        ] {
            let Err(Refusal::Invalid(faults)) = read_policy(&form(&[(field, value)])) else {
                panic!()
            };
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn what_the_page_does_not_send_is_refused() {
        for change in [("device_bound", "no"), ("version", ""), ("bypass", "yes")] {
            let refused = read_policy(&form(&[change]));
            assert!(matches!(refused, Err(Refusal::BadRequest(_))), "{change:?}");
        }
    }
}
