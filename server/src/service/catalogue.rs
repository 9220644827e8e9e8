//! The catalogue: services, what is changed about them, and what a change comes to.

use domain::id::{EnvironmentId, PersonId, ServiceId};
use domain::policy::Policy;
use domain::service::{
    BaseUrl, Catalogue, CatalogueFault, Endpoint, EnvironmentKind, KeyTag, Method, PathPattern,
    Scope, ScopeName, ServiceName, Slug,
};
use domain::text::Paragraph;
use domain::token::KeyPrefix;
use serde::{Deserialize, Serialize};
use store::{Environment, Read, Service, Work};

use crate::chance::system_rng;
use crate::config::Config;
use crate::portal::Portal;
use crate::refusal::{FieldError, Refusal};
use crate::service::policies;

/// What a service is for, in its owner's words.
pub type Description = Paragraph<400>;

/// One change of one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Change {
    About {
        name: ServiceName,
        description: Description,
    },
    AddEnvironment(NewEnvironment),
    ChangeEnvironment(EnvironmentChange),
    AddScope(Scope),
    RemoveScope(ScopeName),
    AddEndpoint(Endpoint),
    RemoveEndpoint {
        method: Method,
        pattern: PathPattern,
    },
    /// Nobody can ask for it any more. What was granted goes on.
    Retire,
    /// Takes the retirement back.
    Offer,
}

/// What can be said anew about an environment. Its name is part of addresses; its kind decided its
/// first policy, and the policy is changed by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentChange {
    pub name: Slug,
    pub tag: KeyTag,
    pub base_url: BaseUrl,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEnvironment {
    pub name: Slug,
    pub kind: EnvironmentKind,
    pub tag: KeyTag,
    pub base_url: BaseUrl,
}

/// A service with its parsed document and its environments.
#[derive(Clone, Debug)]
pub struct Described {
    pub service: Service,
    pub catalogue: Catalogue,
    pub environments: Vec<Environment>,
    /// Environments in which a key was ever made: it bears the tag, so the tag stays.
    pub keyed: Vec<EnvironmentId>,
}

/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Internal`] for a document that this program did not write.
pub async fn describe(read: &mut Read, id: ServiceId) -> Result<Described, Refusal> {
    let service = read.service(id).await?.ok_or(Refusal::NotFound)?;
    Ok(Described {
        catalogue: catalogue_of(&service)?,
        environments: read.environments(id).await?,
        keyed: read
            .environments_with_keys(id)
            .await?
            .iter()
            .map(|row| row.id)
            .collect(),
        service,
    })
}

/// # Errors
/// [`Refusal::Internal`] for a document that this program did not write.
pub fn catalogue_of(service: &Service) -> Result<Catalogue, Refusal> {
    serde_json::from_str(&service.catalogue).map_err(Refusal::internal)
}

/// Whether a new service can have this short name.
///
/// # Errors
/// [`Refusal::Invalid`] on `slug`.
pub async fn slug_is_free(read: &mut Read, slug: &Slug) -> Result<(), Refusal> {
    let taken = read
        .services()
        .await?
        .iter()
        .any(|service| service.slug == slug.as_str());
    if taken {
        return Err(Refusal::field(
            "slug",
            "Another service has this short name already.",
        ));
    }
    Ok(())
}

/// Adds a service without environments, scopes and endpoints.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn add(
    portal: &Portal,
    work: &mut Work,
    id: ServiceId,
    slug: &Slug,
    name: &ServiceName,
    description: &Description,
) -> Result<(), Refusal> {
    work.add_service(&Service {
        id,
        slug: slug.to_string(),
        name: name.to_string(),
        description: description.to_string(),
        catalogue: document(&Catalogue::default())?,
        version: 1,
        created_at: portal.now(),
        retired_at: None,
    })
    .await?;
    Ok(())
}

/// Whether a change fits what is there, and the document after it.
///
/// # Errors
/// [`Refusal::Invalid`] beside the field at fault.
pub fn check(
    config: &Config,
    described: &Described,
    change: &Change,
) -> Result<Catalogue, Refusal> {
    match change {
        Change::AddEnvironment(new) => {
            environment_fits(&config.key_prefix, &described.environments, new)?;
        }
        Change::ChangeEnvironment(new) => {
            change_fits(&config.key_prefix, described, new)?;
        }
        Change::Retire | Change::Offer => retirement_fits(&described.service, change)?,
        _ => {}
    }
    changed(&described.catalogue, change).map_err(|fault| Refusal::Invalid(vec![fault]))
}

/// Does a change that [`check`] accepts. An environment begins with the first policy of its kind.
///
/// # Errors
/// As [`check`]; [`Refusal::Conflict`] when the service changed meanwhile.
pub async fn apply(
    portal: &Portal,
    work: &mut Work,
    described: Described,
    change: Change,
    by: PersonId,
) -> Result<(), Refusal> {
    let catalogue = check(&portal.config, &described, &change)?;
    let Described {
        mut service,
        environments,
        ..
    } = described;
    service.version = service.version.saturating_add(1);
    service.catalogue = document(&catalogue)?;
    match &change {
        Change::About { name, description } => {
            service.name = name.to_string();
            service.description = description.to_string();
        }
        Change::Retire => service.retired_at = Some(portal.now()),
        Change::Offer => service.retired_at = None,
        _ => {}
    }
    work.update_service(&service).await?;
    match change {
        Change::AddEnvironment(new) => add_environment(portal, work, service.id, &new, by).await,
        Change::ChangeEnvironment(new) => {
            let changed = Environment {
                tag: new.tag.to_string(),
                base_url: new.base_url.to_string(),
                ..environment(&environments, &new.name)?.clone()
            };
            Ok(work.update_environment(&changed).await?)
        }
        _ => Ok(()),
    }
}

async fn add_environment(
    portal: &Portal,
    work: &mut Work,
    service: ServiceId,
    new: &NewEnvironment,
    by: PersonId,
) -> Result<(), Refusal> {
    let (id, now) = (EnvironmentId::random(&mut system_rng()), portal.now());
    work.add_environment(&Environment {
        id,
        service_id: service,
        name: new.name.to_string(),
        kind: new.kind.to_string(),
        tag: new.tag.to_string(),
        base_url: new.base_url.to_string(),
        created_at: now,
    })
    .await?;
    policies::add(work, id, &Policy::default_for(new.kind), Some(by), now).await
}

/// # Errors
/// [`Refusal::NotFound`].
fn environment<'a>(all: &'a [Environment], name: &Slug) -> Result<&'a Environment, Refusal> {
    all.iter()
        .find(|row| row.name == name.as_str())
        .ok_or(Refusal::NotFound)
}

impl Change {
    /// The lines that are signed.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::About { name, description } => vec![
                ("New name", name.to_string()),
                ("New description", description.to_string()),
            ],
            Self::AddEnvironment(new) => vec![
                ("New environment", new.name.to_string()),
                ("Kind", new.kind.to_string()),
                ("Tag in its keys", new.tag.to_string()),
                ("Base URL", new.base_url.to_string()),
                (
                    "First policy",
                    policies::words(&Policy::default_for(new.kind)),
                ),
            ],
            Self::ChangeEnvironment(new) => vec![
                ("Environment", new.name.to_string()),
                ("Tag in its keys", new.tag.to_string()),
                ("Base URL", new.base_url.to_string()),
            ],
            Self::Retire => vec![(
                "Change",
                "retired: nobody can ask for it any more".to_owned(),
            )],
            Self::Offer => vec![("Change", "offered again".to_owned())],
            Self::AddScope(scope) => vec![
                ("New scope", scope.name.to_string()),
                ("Allows", scope.allows.to_string()),
                ("Sensitivity", scope.sensitivity.to_string()),
            ],
            Self::RemoveScope(name) => vec![("Scope to remove", name.to_string())],
            Self::AddEndpoint(endpoint) => vec![
                (
                    "New endpoint",
                    format!("{} {}", endpoint.method, endpoint.pattern),
                ),
                ("Needs", scope_words(endpoint)),
            ],
            Self::RemoveEndpoint { method, pattern } => {
                vec![("Endpoint to remove", format!("{method} {pattern}"))]
            }
        }
    }

    /// The change as a short sentence.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::About { .. } => "Change a service",
            Self::AddEnvironment(_) => "Add an environment",
            Self::ChangeEnvironment(_) => "Change an environment",
            Self::Retire => "Retire a service",
            Self::Offer => "Offer a service again",
            Self::AddScope(_) => "Add a scope",
            Self::RemoveScope(_) => "Remove a scope",
            Self::AddEndpoint(_) => "Add an endpoint",
            Self::RemoveEndpoint { .. } => "Remove an endpoint",
        }
    }
}

impl Change {
    /// What follows from the change, in a sentence.
    pub const fn does(&self) -> &'static str {
        match self {
            Self::ChangeEnvironment(_) => {
                "Partners read it here at once, and keys that are delivered from now on come with the new base URL."
            }
            Self::Retire => {
                "No request can be begun or handed in for it any more. What is under review can still be decided. It can be offered again."
            }
            Self::Offer => "Partners can ask for it again.",
            _ => "It counts for requests from now on. What was granted stays as it was approved.",
        }
    }

    /// What somebody has to do about it, or what it does not touch; empty where that is nothing.
    pub const fn breaks(&self) -> &'static str {
        match self {
            Self::ChangeEnvironment(_) => {
                "Whoever has a key already keeps calling the base URL that came with it: tell them, and keep the old one open until they have moved."
            }
            Self::Retire => {
                "Keys keep working, and can be replaced, until they expire or are revoked: no call stops today."
            }
            _ => "",
        }
    }
}

/// `shipments:read and shipments:write`.
pub fn scope_words(endpoint: &Endpoint) -> String {
    let names: Vec<&str> = endpoint.scopes.iter().map(ScopeName::as_str).collect();
    names.join(" and ")
}

fn document(catalogue: &Catalogue) -> Result<String, Refusal> {
    serde_json::to_string(catalogue).map_err(Refusal::internal)
}

fn environment_fits(
    prefix: &str,
    existing: &[Environment],
    new: &NewEnvironment,
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, sentence: String| {
        faults.push(FieldError {
            field: field.to_owned(),
            sentence,
        });
    };
    if existing.iter().any(|row| row.name == new.name.as_str()) {
        fault(
            "environment",
            "This service has an environment of this name already.".to_owned(),
        );
    }
    if let Err(sentence) = tag_fits(prefix, existing, &new.tag) {
        fault("tag", sentence);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Invalid(faults))
    }
}

fn tag_fits(prefix: &str, others: &[Environment], tag: &KeyTag) -> Result<(), String> {
    if KeyPrefix::new(prefix, tag.as_str()).is_err() {
        return Err(format!(
            "With {prefix} before it the key would be too long: use at most {} letters.",
            7_usize.saturating_sub(prefix.len())
        ));
    }
    // A key must say by its tag which environment it is for, or it is pasted into the wrong one.
    if others.iter().any(|row| row.tag == tag.as_str()) {
        return Err("Another environment of this service has this tag already.".to_owned());
    }
    Ok(())
}

/// The tag of keys that are out stays theirs: who reads one must find its environment by it.
fn change_fits(
    prefix: &str,
    described: &Described,
    new: &EnvironmentChange,
) -> Result<(), Refusal> {
    let old = environment(&described.environments, &new.name)?;
    if old.tag == new.tag.as_str() {
        return match old.base_url == new.base_url.to_string() {
            true => Err(Refusal::field("base_url", "This is what it is already.")),
            false => Ok(()),
        };
    }
    if described.keyed.contains(&old.id) {
        return Err(Refusal::field(
            "tag",
            format!(
                "Keys with {} are out already: the tag stays as it is.",
                old.tag
            ),
        ));
    }
    let others: Vec<Environment> = described
        .environments
        .iter()
        .filter(|row| row.id != old.id)
        .cloned()
        .collect();
    tag_fits(prefix, &others, &new.tag).map_err(|sentence| Refusal::field("tag", sentence))
}

fn retirement_fits(service: &Service, change: &Change) -> Result<(), Refusal> {
    let sentence = match (change, service.retired_at) {
        (Change::Retire, Some(_)) => "This service is retired already.",
        (Change::Offer, None) => "This service is on offer already.",
        _ => return Ok(()),
    };
    Err(Refusal::field("state", sentence))
}

/// The document after a change, or what is wrong with it and beside which field.
fn changed(old: &Catalogue, change: &Change) -> Result<Catalogue, FieldError> {
    let mut new = old.clone();
    match change {
        Change::About { .. }
        | Change::AddEnvironment(_)
        | Change::ChangeEnvironment(_)
        | Change::Retire
        | Change::Offer => return Ok(new),
        Change::AddScope(scope) => new.scopes.push(scope.clone()),
        Change::AddEndpoint(endpoint) => {
            let is_same = |other: &Endpoint| {
                other.method == endpoint.method && other.pattern == endpoint.pattern
            };
            if new.endpoints.iter().any(is_same) {
                return Err(fault_of("pattern", "This endpoint is there already."));
            }
            new.endpoints.push(endpoint.clone());
        }
        Change::RemoveScope(name) => {
            let before = new.scopes.len();
            new.scopes.retain(|scope| scope.name != *name);
            if new.scopes.len() == before {
                return Err(fault_of("scopes", "This scope is gone already."));
            }
        }
        Change::RemoveEndpoint { method, pattern } => {
            let before = new.endpoints.len();
            new.endpoints
                .retain(|endpoint| endpoint.method != *method || endpoint.pattern != *pattern);
            if new.endpoints.len() == before {
                return Err(fault_of("endpoints", "This endpoint is gone already."));
            }
        }
    }
    match new.faults().first() {
        None => Ok(new),
        Some(fault) => Err(fault_of(field_of(change, fault), &fault.to_string())),
    }
}

const fn field_of(change: &Change, fault: &CatalogueFault) -> &'static str {
    match (change, fault) {
        (Change::RemoveScope(_), _) => "scopes",
        (Change::RemoveEndpoint { .. }, _) => "endpoints",
        (_, CatalogueFault::Overlap { .. }) => "pattern",
        _ => "scope",
    }
}

fn fault_of(field: &str, sentence: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        sentence: sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests;
