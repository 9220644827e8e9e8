//! What mails and pages say of a grant: whose, for what.

use domain::audit::{ActorKind, Outcome};
use domain::id::{CredentialId, PersonId};
use domain::time::Timestamp;
use serde_json::Value;
use store::{Entry, Environment, Evidence, GrantRow, Partner, Read, Service, Stamped};
use uuid::Uuid;

use crate::auth::session::Origin;
use crate::mail::To;
use crate::refusal::Refusal;

/// A grant with the names around it.
pub struct Context {
    pub grant: Stamped<GrantRow>,
    pub partner: Stamped<Partner>,
    pub service: Service,
    pub environment: Environment,
}

impl Context {
    /// # Errors
    /// [`Refusal::NotFound`] when the grant is gone.
    pub async fn load(read: &mut Read, grant: domain::id::GrantId) -> Result<Self, Refusal> {
        let grant = read.grant(grant).await?.ok_or(Refusal::NotFound)?;
        Self::around(read, grant).await
    }

    /// # Errors
    /// As [`Context::load`].
    pub async fn around(read: &mut Read, grant: Stamped<GrantRow>) -> Result<Self, Refusal> {
        Ok(Self {
            partner: read
                .partner(grant.partner_id)
                .await?
                .ok_or(Refusal::NotFound)?,
            service: read
                .service(grant.service_id)
                .await?
                .ok_or(Refusal::NotFound)?,
            environment: read
                .environment(grant.environment_id)
                .await?
                .ok_or(Refusal::NotFound)?,
            grant,
        })
    }

    /// What its keys are held to now: what was granted, or what it was narrowed to since.
    ///
    /// # Errors
    /// As [`crate::service::live::in_force`].
    pub async fn in_force(&self, read: &mut Read) -> Result<domain::grant::Grant, Refusal> {
        crate::service::live::in_force(read, &self.grant).await
    }

    /// What was granted, as it was digested.
    ///
    /// # Errors
    /// [`Refusal::Internal`] when the document is not a grant.
    pub fn granted(&self) -> Result<domain::grant::Grant, Refusal> {
        serde_json::from_str(&self.grant.document).map_err(Refusal::internal)
    }
}

/// Staff with one of these roles: who is told when something is wrong.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn staff_with(
    read: &mut Read,
    roles: &[domain::state::Role],
) -> Result<Vec<To>, Refusal> {
    let mut people: Vec<PersonId> = read
        .staff_roles()
        .await?
        .iter()
        .filter(|held| roles.contains(&held.role.0))
        .map(|held| held.person_id)
        .collect();
    people.sort_unstable();
    people.dedup();
    let mut to = Vec::with_capacity(people.len());
    for person in people {
        let active = read
            .person(person)
            .await?
            .is_some_and(|person| person.state.0 == domain::state::PersonState::Active);
        if active {
            to.push(To::person(read, person).await?);
        }
    }
    Ok(to)
}

/// An entry of something that Latchkey did by itself.
pub fn by_system(
    at: Timestamp,
    act: &str,
    (subject_kind, subject): (&'static str, Uuid),
    evidence: &Value,
) -> Entry {
    Entry {
        at,
        actor_kind: ActorKind::System,
        actor: None,
        credential: None,
        act: act.to_owned(),
        subject_kind,
        subject,
        outcome: Outcome::Done,
        evidence: evidence.to_string(),
        address: None,
        user_agent: None,
    }
}

/// An entry of a contact's act that rests on something else than an assertion, or was refused.
pub(super) fn by_contact(
    at: Timestamp,
    act: &str,
    (subject_kind, subject): (&'static str, Uuid),
    (person, credential): (Option<PersonId>, Option<CredentialId>),
    outcome: Outcome,
    evidence: &Value,
    from: &Origin,
) -> Entry {
    Entry {
        at,
        actor_kind: match person {
            Some(_) => ActorKind::Contact,
            None => ActorKind::Anonymous,
        },
        actor: person,
        credential,
        act: act.to_owned(),
        subject_kind,
        subject,
        outcome,
        evidence: evidence.to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    }
}

/// Evidence of at least one entry.
///
/// # Errors
/// [`Refusal::Internal`] when there is none: then nothing was done.
pub fn evidence(entries: Vec<Entry>) -> Result<Evidence, Refusal> {
    let mut entries = entries.into_iter();
    let first = entries
        .next()
        .ok_or_else(|| Refusal::internal("nothing was done, and nothing recorded"))?;
    Ok(entries.fold(Evidence::of(first), Evidence::and))
}
