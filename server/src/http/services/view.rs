//! The catalogue as its pages show it.

use app::components::{Filled, Pill, Tone};
use app::pages::service::{
    EndpointRow, EnvironmentRow, ScopeRow, ServiceDetail, ServiceList, ServiceRow,
};
use app::pages::state::Standing;
use domain::id::{EnvironmentId, ServiceId};
use domain::service::{Scope, Sensitivity};
use store::{Environment, Read, Service};

use crate::auth::actor::Actor;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::catalogue::{self, Described};
use crate::service::policies;

pub(super) async fn list_of(portal: &Portal, actor: &Actor) -> Result<ServiceList, Refusal> {
    let mut read = portal.store.read().await?;
    let environments = read.all_environments().await?;
    let rows = read
        .services()
        .await?
        .into_iter()
        .map(|service| {
            let names: Vec<&str> = environments
                .iter()
                .filter(|row| row.service_id == service.id)
                .map(|row| row.name.as_str())
                .collect();
            let scopes = catalogue::catalogue_of(&service)?.scopes.len();
            Ok(ServiceRow {
                id: service.id.to_string(),
                environments: names.join(", "),
                scopes: u64::try_from(scopes).unwrap_or(u64::MAX),
                standing: standing(&service),
                name: service.name,
                description: service.description,
            })
        })
        .collect::<Result<_, Refusal>>()?;
    Ok(ServiceList {
        rows,
        may_edit: actor.operator().is_ok(),
    })
}

const fn standing(service: &Service) -> Standing {
    if service.retired_at.is_some() {
        Standing::Retired
    } else {
        Standing::Active
    }
}

pub(super) async fn detail(
    portal: &Portal,
    actor: &Actor,
    id: ServiceId,
    filled: Filled,
) -> Result<ServiceDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let Described {
        service,
        catalogue,
        environments,
        keyed,
    } = catalogue::describe(&mut read, id).await?;
    let prefix = &portal.config.key_prefix;
    let environments = environment_rows(&mut read, prefix, environments, &keyed).await?;
    Ok(ServiceDetail {
        id: id.to_string(),
        slug: service.slug.clone(),
        version: service.version.unsigned_abs(),
        standing: standing(&service),
        name: service.name,
        description: service.description,
        environments,
        scopes: catalogue.scopes.into_iter().map(scope_row).collect(),
        endpoints: catalogue
            .endpoints
            .iter()
            .map(|endpoint| EndpointRow {
                method: endpoint.method.to_string(),
                pattern: endpoint.pattern.to_string(),
                scopes: catalogue::scope_words(endpoint),
            })
            .collect(),
        may_edit: actor.operator().is_ok(),
        sees_policies: actor.staff().is_ok(),
        filled,
    })
}

async fn environment_rows(
    read: &mut Read,
    prefix: &str,
    environments: Vec<Environment>,
    keyed: &[EnvironmentId],
) -> Result<Vec<EnvironmentRow>, Refusal> {
    let mut rows = Vec::with_capacity(environments.len());
    for environment in environments {
        let row = read
            .policy(environment.id)
            .await?
            .ok_or(Refusal::NotFound)?;
        let policy = policies::parse(&row)?;
        rows.push(EnvironmentRow {
            name: environment.name,
            base_url: environment.base_url,
            prefix: format!("{prefix}_{}_", environment.tag),
            has_keys: keyed.contains(&environment.id),
            tag: environment.tag,
            policy: policies::words(&policy),
            version: policy.version.into(),
        });
    }
    Ok(rows)
}

fn scope_row(scope: Scope) -> ScopeRow {
    ScopeRow {
        name: scope.name.to_string(),
        allows: scope.allows.to_string(),
        sensitivity: match scope.sensitivity {
            Sensitivity::Low => None,
            Sensitivity::Personal => Some(Pill::new("Personal data", Tone::Warn)),
            Sensitivity::Confidential => Some(Pill::new("Confidential", Tone::Stop)),
        },
    }
}
