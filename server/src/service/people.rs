//! People: who may see and change whom, and what a change of roles takes.

use domain::id::{PartnerId, PersonId, RoleId};
use domain::person::{
    Email, PersonName, RoleChange, RoleChangeRefused, RoleSet, StaffRole, can_change_roles,
};
use domain::state::{PersonKind, PersonState, Role};
use domain::time::Timestamp;
use store::{Address, Appointment, Code, Person, Read, Stamped, Work};

use crate::auth::actor::{Actor, Side};
use crate::chance::system_rng;
use crate::refusal::Refusal;

/// Somebody who is invited.
#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    pub id: PersonId,
    /// `None` for staff.
    pub partner: Option<PartnerId>,
    pub name: &'a PersonName,
    pub email: &'a Email,
}

/// A person whom the actor may see: staff see everybody, a contact only colleagues (never 10).
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Store`].
pub async fn seen(
    read: &mut Read,
    actor: &Actor,
    id: PersonId,
) -> Result<Stamped<Person>, Refusal> {
    let person = read.person(id).await?.ok_or(Refusal::NotFound)?;
    let visible = match actor.side() {
        Side::Staff(_) => true,
        Side::Contact { partner, .. } => {
            person.kind.0 == PersonKind::Contact && person.partner_id == Some(*partner)
        }
    };
    if visible {
        Ok(person)
    } else {
        Err(Refusal::NotFound)
    }
}

/// A person whom the actor may change: owners change staff, operators and the partner's own admins
/// its contacts.
///
/// # Errors
/// [`Refusal::NotFound`] for who may not see them or is removed, [`Refusal::Forbidden`].
pub async fn managed(
    read: &mut Read,
    actor: &Actor,
    id: PersonId,
) -> Result<Stamped<Person>, Refusal> {
    let person = seen(read, actor, id).await?;
    authorise(actor, person.kind.0)?;
    if person.state.0 == PersonState::Removed {
        return Err(Refusal::NotFound);
    }
    Ok(person)
}

/// Whether the actor manages people of this kind, among those whom they see.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn authorise(actor: &Actor, kind: PersonKind) -> Result<(), Refusal> {
    match (kind, actor.side()) {
        (PersonKind::Staff, _) => actor.owner().map(drop),
        (PersonKind::Contact, Side::Staff(_)) => actor.operator().map(drop),
        (PersonKind::Contact, Side::Contact { .. }) => actor.partner_admin().map(drop),
    }
}

/// Adds somebody who is invited, with their address.
///
/// # Errors
/// [`Refusal::Invalid`] on `email` when the address is somebody's already.
pub async fn add(
    work: &mut Work,
    person: NewPerson<'_>,
    now: Timestamp,
) -> Result<Stamped<Person>, Refusal> {
    address_is_free(work, person.email, None).await?;
    let kind = match person.partner {
        Some(_) => PersonKind::Contact,
        None => PersonKind::Staff,
    };
    let row = Person {
        id: person.id,
        kind: Code(kind),
        partner_id: person.partner,
        name: person.name.to_string(),
        state: Code(PersonState::Invited),
        created_at: now,
    };
    let address = Address {
        id: person.id,
        email: person.email.to_string(),
        mailbox: Some(store::mailbox(person.email)),
        changed_at: now,
    };
    Ok(work.add_person(row, address).await?)
}

/// # Errors
/// [`Refusal::Invalid`] on `email` when the address is another person's than `but`.
pub async fn address_is_free(
    read: &mut Read,
    email: &Email,
    but: Option<PersonId>,
) -> Result<(), Refusal> {
    match read.address_of(email).await? {
        Some(taken) if Some(taken.id) != but => Err(Refusal::field(
            "email",
            "This address is in use already: one address is one person.",
        )),
        _ => Ok(()),
    }
}

/// # Errors
/// [`Refusal::Store`].
pub async fn appoint(
    work: &mut Work,
    person: PersonId,
    role: Role,
    by: PersonId,
    now: Timestamp,
) -> Result<(), Refusal> {
    work.appoint(Appointment {
        id: RoleId::random(&mut system_rng()),
        person_id: person,
        role: Code(role),
        appointed_at: now,
        appointed_by: Some(by),
    })
    .await?;
    Ok(())
}

/// Dismisses and appoints, so that the person has exactly these roles. A role that stays keeps the
/// time since when it is held.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn set_roles(
    work: &mut Work,
    person: PersonId,
    wanted: &[Role],
    by: PersonId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let held = work.roles(person).await?;
    for gone in held.iter().filter(|held| !wanted.contains(&held.role.0)) {
        work.dismiss(gone.id).await?;
    }
    for role in wanted {
        if !held.iter().any(|held| held.role.0 == *role) {
            appoint(work, person, *role, by, now).await?;
        }
    }
    Ok(())
}

/// A person's roles, in their order.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn roles(read: &mut Read, person: PersonId) -> Result<Vec<Role>, Refusal> {
    let held = read.roles(person).await?;
    Ok(Role::ALL
        .iter()
        .copied()
        .filter(|role| held.iter().any(|held| held.role.0 == *role))
        .collect())
}

/// Owners who can sign in, and so can confirm.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn owners(read: &mut Read) -> Result<Vec<PersonId>, Refusal> {
    holders(read, Role::Owner).await
}

/// Active staff with a role.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn holders(read: &mut Read, role: Role) -> Result<Vec<PersonId>, Refusal> {
    let active: Vec<PersonId> = read
        .staff()
        .await?
        .iter()
        .filter(|person| person.state.0 == PersonState::Active)
        .map(|person| person.id)
        .collect();
    let held = read.staff_roles().await?;
    Ok(held
        .iter()
        .filter(|held| held.role.0 == role && active.contains(&held.person_id))
        .map(|held| held.person_id)
        .collect())
}

/// Admins of a partner who can sign in.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn admins(read: &mut Read, partner: PartnerId) -> Result<Vec<PersonId>, Refusal> {
    let mut admins = Vec::new();
    for contact in read.contacts(partner).await? {
        let active = contact.state.0 == PersonState::Active;
        if active && roles(read, contact.id).await?.contains(&Role::Admin) {
            admins.push(contact.id);
        }
    }
    Ok(admins)
}

/// What replacing a member of staff's roles amounts to; nobody but an active owner counts as one
/// who can confirm.
///
/// # Errors
/// The rule's sentence as [`Refusal::Invalid`] on `role`.
pub async fn role_change(
    read: &mut Read,
    actor: &Actor,
    subject: PersonId,
    wanted: &[Role],
) -> Result<RoleChange, Refusal> {
    let owners = owners(read).await?;
    let held = roles(read, subject).await?;
    change(
        &held_by(actor),
        &held,
        wanted,
        owners.contains(&subject),
        owners.len(),
    )
    .map_err(|refused| Refusal::field("role", refused))
}

/// The last owner cannot go; anybody else can be removed by an owner.
///
/// # Errors
/// [`Refusal::Conflict`].
pub async fn is_not_last_owner(read: &mut Read, subject: PersonId) -> Result<(), Refusal> {
    let owners = owners(read).await?;
    if owners.len() <= 1 && owners.contains(&subject) {
        return Err(Refusal::conflict(
            "last-owner",
            RoleChangeRefused::LastOwner.to_string(),
        ));
    }
    Ok(())
}

fn change(
    actor: &[Role],
    held: &[Role],
    wanted: &[Role],
    subject_can_confirm: bool,
    owners: usize,
) -> Result<RoleChange, RoleChangeRefused> {
    // An invited owner counts as one who can go, and not as one who can confirm.
    let pending = held.contains(&Role::Owner) && !subject_can_confirm;
    let counted = owners.saturating_add(usize::from(pending));
    let mut change = can_change_roles(
        staff_set(actor),
        staff_set(held),
        staff_set(wanted),
        counted,
    )?;
    change.second_person = !change.given.is_empty() && owners >= 2;
    Ok(change)
}

fn held_by(actor: &Actor) -> Vec<Role> {
    match actor.side() {
        Side::Staff(roles) => roles.clone(),
        Side::Contact { .. } => Vec::new(),
    }
}

fn staff_set(roles: &[Role]) -> RoleSet {
    roles
        .iter()
        .filter_map(|role| role.code().parse::<StaffRole>().ok())
        .collect()
}

/// A role, for people.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Operator => "Operator",
        Role::Reviewer => "Reviewer",
        Role::Auditor => "Auditor",
        Role::Admin => "Admin",
        Role::Member => "Member",
    }
}

/// `Owner, Reviewer`.
pub fn role_words(roles: &[Role]) -> String {
    if roles.is_empty() {
        return "No role".to_owned();
    }
    roles
        .iter()
        .map(|role| role_word(*role))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invited_owner_cannot_confirm_and_can_be_taken_back() {
        let taken = change(&[Role::Owner], &[Role::Owner], &[], false, 1).unwrap();
        assert!(!taken.second_person);
        let given = change(&[Role::Owner], &[], &[Role::Reviewer], false, 1).unwrap();
        assert!(!given.second_person);
    }

    #[test]
    fn the_last_active_owner_stays() {
        let refused = change(&[Role::Owner], &[Role::Owner], &[], true, 1);
        assert_eq!(refused, Err(RoleChangeRefused::LastOwner));
    }

    #[test]
    fn giving_a_role_takes_a_second_person_once_two_can_confirm() {
        let given = change(&[Role::Owner], &[], &[Role::Reviewer], false, 2).unwrap();
        assert!(given.second_person);
    }
}
