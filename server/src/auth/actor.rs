//! Who is signed in, and what that lets them do. A capability can only be had from an [`Actor`],
//! and an actor only from a session whose person, roles and credential carry valid MACs.

use domain::audit::ActorKind;
use domain::id::{CredentialId, PartnerId, PersonId, SessionId};
use domain::state::{PartnerState, PersonKind, PersonState, Role};
use store::Read;

use crate::refusal::Refusal;

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Actor {
    person: PersonId,
    name: String,
    side: Side,
    session: SessionId,
    credential: CredentialId,
    /// Their organisation is suspended: they can look at nothing of its own, and do nothing.
    suspended: bool,
}

#[derive(Clone, Debug)]
pub enum Side {
    Staff(Vec<Role>),
    Contact {
        partner: PartnerId,
        partner_name: String,
        admin: bool,
    },
}

macro_rules! staff_capabilities {
    ($($(#[$doc:meta])* $name:ident by $method:ident needs $role:ident, $sentence:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(PersonId);

        impl $name {
            pub const fn person(self) -> PersonId {
                self.0
            }
        }

        impl Actor {
            /// # Errors
            /// [`Refusal::NotFound`] for contacts, [`Refusal::Forbidden`] without the role.
            pub fn $method(&self) -> Result<$name, Refusal> {
                self.staff()?;
                if self.has(Role::$role) {
                    Ok($name(self.person))
                } else {
                    Err(Refusal::Forbidden($sentence))
                }
            }
        }
    )+};
}

staff_capabilities! {
    /// People and settings.
    Owner by owner needs Owner, "This takes the role of an owner.";
    /// Catalogue, partners, gateways, recovery, mail, revoke.
    Operator by operator needs Operator, "This takes the role of an operator.";
    /// Verdicts, decisions, revoke.
    Reviewer by reviewer needs Reviewer, "This takes the role of a reviewer.";
    /// Read and export.
    Auditor by auditor needs Auditor, "This takes the role of an auditor.";
}

/// Any member of staff: may look at requests, partners, keys and services.
#[derive(Clone, Copy, Debug)]
pub struct Staff(PersonId);

/// Staff who may revoke: operators and reviewers.
#[derive(Clone, Copy, Debug)]
pub struct Revoker(PersonId);

/// A contact of a partner that is not ended.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    person: PersonId,
    partner: PartnerId,
}

/// A contact who invites and removes the partner's members.
#[derive(Clone, Copy, Debug)]
pub struct PartnerAdmin(Contact);

impl Staff {
    pub const fn person(self) -> PersonId {
        self.0
    }
}

impl Revoker {
    pub const fn person(self) -> PersonId {
        self.0
    }
}

impl Contact {
    pub const fn person(self) -> PersonId {
        self.person
    }

    pub const fn partner(self) -> PartnerId {
        self.partner
    }
}

impl PartnerAdmin {
    pub const fn contact(self) -> Contact {
        self.0
    }
}

impl Actor {
    /// Loads the person behind a session; `None` if they may not be signed in (any more).
    ///
    /// # Errors
    /// [`Refusal::Store`], also when a row's MAC is wrong.
    pub async fn load(
        read: &mut Read,
        person: PersonId,
        session: SessionId,
        credential: CredentialId,
    ) -> Result<Option<Self>, Refusal> {
        let Some(row) = read.person(person).await? else {
            return Ok(None);
        };
        let lives = read
            .credential(credential)
            .await?
            .is_some_and(|row| row.removed_at.is_none() && row.person_id == person);
        if row.state.0 != PersonState::Active || !lives {
            return Ok(None);
        }
        let roles: Vec<Role> = read
            .roles(person)
            .await?
            .iter()
            .map(|held| held.role.0)
            .collect();
        let mut suspended = false;
        let side = match (row.kind.0, row.partner_id) {
            (PersonKind::Staff, _) => Side::Staff(roles),
            (PersonKind::Contact, Some(partner)) => {
                let Some(partner_row) = read.partner(partner).await? else {
                    return Ok(None);
                };
                if partner_row.state.0 == PartnerState::Ended {
                    return Ok(None);
                }
                suspended = partner_row.state.0 == PartnerState::Suspended;
                Side::Contact {
                    partner,
                    partner_name: partner_row.name.clone(),
                    admin: roles.contains(&Role::Admin),
                }
            }
            (PersonKind::Contact, None) => return Ok(None),
        };
        Ok(Some(Self {
            person,
            name: row.name.clone(),
            side,
            session,
            credential,
            suspended,
        }))
    }

    pub const fn person(&self) -> PersonId {
        self.person
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn side(&self) -> &Side {
        &self.side
    }

    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The credential of the session; an act names the one that signed it instead.
    pub const fn credential(&self) -> CredentialId {
        self.credential
    }

    pub const fn kind(&self) -> ActorKind {
        match self.side {
            Side::Staff(_) => ActorKind::Staff,
            Side::Contact { .. } => ActorKind::Contact,
        }
    }

    pub fn has(&self, role: Role) -> bool {
        match &self.side {
            Side::Staff(roles) => roles.contains(&role),
            Side::Contact { admin, .. } => match role {
                Role::Admin => *admin,
                Role::Member => !admin,
                _ => false,
            },
        }
    }

    /// # Errors
    /// [`Refusal::NotFound`] for contacts: what they may not see is not there.
    pub fn staff(&self) -> Result<Staff, Refusal> {
        match self.side {
            Side::Staff(_) => Ok(Staff(self.person)),
            Side::Contact { .. } => Err(Refusal::NotFound),
        }
    }

    /// # Errors
    /// As [`Actor::operator`].
    pub fn revoker(&self) -> Result<Revoker, Refusal> {
        self.staff()?;
        if self.has(Role::Operator) || self.has(Role::Reviewer) {
            Ok(Revoker(self.person))
        } else {
            Err(Refusal::Forbidden(
                "This takes the role of an operator or a reviewer.",
            ))
        }
    }

    /// # Errors
    /// [`Refusal::NotFound`] for staff, [`Refusal::Forbidden`] while the organisation is suspended.
    pub fn contact(&self) -> Result<Contact, Refusal> {
        match self.side {
            Side::Contact { .. } if self.suspended => Err(Refusal::Forbidden(
                "Your organisation is suspended. Ask the host's staff.",
            )),
            Side::Contact { partner, .. } => Ok(Contact {
                person: self.person,
                partner,
            }),
            Side::Staff(_) => Err(Refusal::NotFound),
        }
    }

    /// # Errors
    /// [`Refusal::NotFound`] for staff, [`Refusal::Forbidden`] for members.
    pub fn partner_admin(&self) -> Result<PartnerAdmin, Refusal> {
        let contact = self.contact()?;
        if self.has(Role::Admin) {
            Ok(PartnerAdmin(contact))
        } else {
            Err(Refusal::Forbidden(
                "This takes an admin of your organisation.",
            ))
        }
    }
}
