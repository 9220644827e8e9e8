//! The first owner, and the way back for the last one: from the console only, and in the audit log.

use std::time::Duration;

use domain::audit::{ActorKind, Outcome};
use domain::id::{PersonId, PersonLinkId, RoleId};
use domain::link::{PersonLinkKind, PersonLinkSecret, person_link};
use domain::person::{Email, PersonName};
use domain::state::{PersonKind, PersonState, Role};
use serde_json::json;
use store::{Address, Appointment, Code, Entry, Evidence, Person, PersonLink, Stamped, Work};
use zeroize::Zeroizing;

use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// An owner's link is used by whoever has the console, at once.
const OPEN_FOR: Duration = Duration::from_secs(24 * 3600);

const FIRST_ROLES: [Role; 4] = [Role::Owner, Role::Operator, Role::Reviewer, Role::Auditor];

/// Whether somebody can sign in as an owner.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn has_owner(portal: &Portal) -> Result<bool, Refusal> {
    let mut read = portal.store.read().await?;
    let owners = read.staff_roles().await?;
    for held in owners.iter().filter(|held| held.role.0 == Role::Owner) {
        let person = read.person(held.person_id).await?;
        if person.is_some_and(|person| person.state.0 == PersonState::Active) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a fresh one-time link for the owner with this address, who is made where there is none.
/// Older open links of theirs are void. With an active owner of another address, `recover` must say
/// that this is meant: it is how a lost last owner comes back.
///
/// # Errors
/// [`Refusal::Conflict`] with what to do.
pub async fn link(
    portal: &Portal,
    name: &PersonName,
    email: &Email,
    recover: bool,
) -> Result<Zeroizing<String>, Refusal> {
    let taken = has_owner(portal).await?;
    if taken && !recover {
        return Err(Refusal::conflict(
            "owner-exists",
            "There is an owner already. Add --recover if nobody of them can sign in any more: \
             whoever opens the link becomes an owner, and the audit log says so.",
        ));
    }
    let mut work = portal.store.work().await?;
    let person = match work.address_of(email).await? {
        Some(address) => work.person(address.id).await?.ok_or(Refusal::NotFound)?,
        None => invited_owner(portal, &mut work, name, email).await?,
    };
    if person.kind.0 != PersonKind::Staff {
        return Err(Refusal::conflict(
            "not-staff",
            "This address belongs to a partner's contact.",
        ));
    }
    ensure_owner(portal, &mut work, person.id).await?;
    let now = portal.now();
    for open in work.open_links(person.id).await? {
        let stamp = open.stamp();
        let voided = PersonLink {
            voided_at: Some(now),
            ..open.into_row()
        };
        work.update_person_link(voided, stamp).await?;
    }
    let secret = PersonLinkSecret::random(&mut system_rng());
    let id = PersonLinkId::random(&mut system_rng());
    work.add_person_link(PersonLink {
        id,
        kind: Code(PersonLinkKind::Owner),
        person_id: person.id,
        secret_digest: secret.digest(),
        code_mac: None,
        wrong_codes: 0,
        created_by: None,
        confirmed_by: None,
        lost_credential_id: None,
        created_at: now,
        expires_at: now.plus(OPEN_FOR),
        consumed_at: None,
        voided_at: None,
    })
    .await?;
    let entry = Entry {
        at: now,
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "owner-link".to_owned(),
        subject_kind: "person",
        subject: person.id.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "recover": recover, "link": id }).to_string(),
        address: None,
        user_agent: None,
    };
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(person_link(&portal.config.origin_text(), id, &secret))
}

async fn invited_owner(
    portal: &Portal,
    work: &mut Work,
    name: &PersonName,
    email: &Email,
) -> Result<Stamped<Person>, Refusal> {
    let (id, now) = (PersonId::random(&mut system_rng()), portal.now());
    let person = Person {
        id,
        kind: Code(PersonKind::Staff),
        partner_id: None,
        name: name.to_string(),
        state: Code(PersonState::Invited),
        created_at: now,
    };
    let address = Address {
        id,
        email: email.to_string(),
        mailbox: Some(store::mailbox(email)),
        changed_at: now,
    };
    let person = work.add_person(person, address).await?;
    for role in FIRST_ROLES {
        appoint(work, id, role, now).await?;
    }
    Ok(person)
}

async fn ensure_owner(portal: &Portal, work: &mut Work, person: PersonId) -> Result<(), Refusal> {
    let is_owner = work
        .roles(person)
        .await?
        .iter()
        .any(|held| held.role.0 == Role::Owner);
    if !is_owner {
        appoint(work, person, Role::Owner, portal.now()).await?;
    }
    Ok(())
}

async fn appoint(
    work: &mut Work,
    person: PersonId,
    role: Role,
    now: domain::time::Timestamp,
) -> Result<(), Refusal> {
    work.appoint(Appointment {
        id: RoleId::random(&mut system_rng()),
        person_id: person,
        role: Code(role),
        appointed_at: now,
        appointed_by: None,
    })
    .await?;
    Ok(())
}
