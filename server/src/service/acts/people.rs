//! Staff are invited; anybody's invitation is sent again; people's addresses are corrected, and
//! people are removed.

use domain::act::Act;
use domain::id::PersonId;
use domain::link::PersonLinkKind;
use domain::person::{Email, PersonName};
use domain::state::{PersonKind, PersonState, Role};
use domain::text::Paragraph;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Address, Code, Credential, Entry, Evidence, Person, Read, Work};

use super::roles::propose_roles;
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people::{self, NewPerson, role_words};
use crate::service::{delivery, links, proposals};

/// A reason, for the record.
pub type Reason = Paragraph<500>;

/// Invites somebody to the host's staff. Their roles take a second owner once two can confirm.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteStaff {
    pub person: PersonId,
    pub name: PersonName,
    pub email: Email,
    pub roles: Vec<Role>,
}

/// Sends an invitation again: a new link and a new code, and the older ones are void.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteAgain {
    pub person: PersonId,
}

/// Corrects an address: an identity change. Both addresses are told, sessions stay, links are void.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddress {
    pub person: PersonId,
    pub email: Email,
    pub reason: Reason,
}

/// Ends a person's access at once; what they decided stays. Takes an open invitation back, too.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovePerson {
    pub person: PersonId,
    pub reason: Reason,
}

impl Privileged for InviteStaff {
    const ACT: Act = Act::InviteStaff;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.owner()?;
        people::address_is_free(read, &self.email, None).await?;
        let second = people::role_change(read, actor, self.person, &self.roles)
            .await?
            .second_person;
        let does = if second {
            "They get a link by mail, and you a code to pass on by another way. Their roles wait until another owner confirms them."
        } else {
            "They get a link by mail, and you a code to pass on by another way. With both they make a passkey and hold these roles."
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.person.uuid(),
                stamp: 0,
                lines: vec![
                    ("Name", self.name.to_string()),
                    ("Address", self.email.to_string()),
                    ("Roles", role_words(&self.roles)),
                    (
                        "Second person",
                        if second { "needed" } else { "not needed" }.to_owned(),
                    ),
                ],
            },
            title: "Invite somebody to the staff".to_owned(),
            does: does.to_owned(),
            breaks: String::new(),
            button: "Send the invitation".to_owned(),
            back: "/people/invite".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let second = people::role_change(work, actor, self.person, &self.roles)
            .await?
            .second_person;
        let new = NewPerson {
            id: self.person,
            partner: None,
            name: &self.name,
            email: &self.email,
        };
        let person = people::add(work, new, proof.at).await?;
        if second {
            propose_roles(portal, work, actor, &person, &[], &self.roles).await?;
        } else {
            people::set_roles(work, person.id, &self.roles, actor.person(), proof.at).await?;
        }
        let location = send_invitation(portal, work, actor, &person, &self.roles).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry(
                "person",
                self.person.uuid(),
                json!({ "roles_wait": second }),
            )),
            location,
            told: None,
        })
    }
}

impl Privileged for InviteAgain {
    const ACT: Act = Act::InviteStaff;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let person = people::managed(read, actor, self.person).await?;
        if person.state.0 != PersonState::Invited {
            return Err(Refusal::conflict(
                "not-invited",
                "They have accepted the invitation already.",
            ));
        }
        let address = read.address(person.id).await?.ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: match person.kind.0 {
                    PersonKind::Staff => Act::InviteStaff,
                    PersonKind::Contact => Act::InviteMember,
                },
                subject: person.id.uuid(),
                stamp: person.stamp(),
                lines: vec![
                    ("Name", person.name.clone()),
                    ("Address", address.email.clone()),
                    ("Invitation", "again".to_owned()),
                ],
            },
            title: "Send the invitation again".to_owned(),
            does: "They get a new link by mail, and you a new code to pass on by another way."
                .to_owned(),
            breaks: "The link and the code that were sent before do not work any more.".to_owned(),
            button: "Send it again".to_owned(),
            back: format!("/people/{}", person.id),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let person = people::managed(work, actor, self.person).await?;
        let roles = people::roles(work, person.id).await?;
        let location = send_invitation(portal, work, actor, &person, &roles).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry(
                "person",
                person.id.uuid(),
                json!({ "again": true }),
            )),
            location,
            told: None,
        })
    }
}

impl Privileged for ChangeAddress {
    const ACT: Act = Act::ChangeAddress;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let person = people::managed(read, actor, self.person).await?;
        let address = read.address(person.id).await?.ok_or(Refusal::NotFound)?;
        if address.email == self.email.as_str() {
            return Err(Refusal::field("email", "This is the address already."));
        }
        people::address_is_free(read, &self.email, Some(person.id)).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: person.id.uuid(),
                stamp: address.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Address now", address.email.clone()),
                    ("New address", self.email.to_string()),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Correct an address".to_owned(),
            does: "Mail for this person goes to the new address from now on. Both addresses are told.".to_owned(),
            breaks: "Links that were mailed to set up a passkey are void: invite again. Sessions and passkeys stay.".to_owned(),
            button: "Correct the address".to_owned(),
            back: format!("/people/{}", person.id),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let person = people::managed(work, actor, self.person).await?;
        let old = To::person(work, person.id).await?;
        let address = work.address(person.id).await?.ok_or(Refusal::NotFound)?;
        let stamp = address.stamp();
        let changed = Address {
            email: self.email.to_string(),
            mailbox: Some(store::mailbox(&self.email)),
            changed_at: proof.at,
            ..address.into_row()
        };
        work.update_address(changed, stamp).await?;
        links::void_all(work, person.id, proof.at).await?;
        let letter = Letter::AddressChanged {
            name: person.name.clone(),
            changed_by: actor.name().to_owned(),
            when: proof.at,
        };
        let new = To::person(work, person.id).await?;
        for to in [old, new] {
            mail::queue(portal, work, letter.clone(), &to).await?;
        }
        Ok(Done {
            evidence: Evidence::of(proof.entry("person", person.id.uuid(), json!(null))),
            location: format!("/people/{}", person.id),
            told: Some(Told::Sent),
        })
    }
}

impl Privileged for RemovePerson {
    const ACT: Act = Act::RemovePerson;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let person = people::managed(read, actor, self.person).await?;
        people::is_not_last_owner(read, person.id).await?;
        let roles = people::roles(read, person.id).await?;
        let address = read.address(person.id).await?.ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: person.id.uuid(),
                stamp: person.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("Address", address.email.clone()),
                    ("Roles", role_words(&roles)),
                    ("Reason", self.reason.to_string()),
                ],
            },
            title: "Remove a person".to_owned(),
            does: "They are signed out at once and cannot sign in again. What they decided stays.".to_owned(),
            breaks: "Keys on their way to them are cancelled, and links that were mailed to them are void.".to_owned(),
            button: "Remove this person".to_owned(),
            back: format!("/people/{}", person.id),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let person = people::managed(work, actor, self.person).await?;
        let (id, partner) = (person.id, person.partner_id);
        let stamp = person.stamp();
        let removed = Person {
            state: Code(PersonState::Removed),
            ..person.into_row()
        };
        work.update_person(removed, stamp).await?;
        let mut evidence = Evidence::of(proof.entry("person", id.uuid(), json!(null)));
        for entry in end_access(portal, work, id, actor, proof).await? {
            evidence = evidence.and(entry);
        }
        let location = match (partner, actor.staff()) {
            (Some(partner), Ok(_)) => format!("/partners/{partner}"),
            _ => "/people".to_owned(),
        };
        Ok(Done {
            evidence,
            location,
            told: Some(Told::Done),
        })
    }
}

/// Sessions, passkeys, roles, links, proposals and open deliveries of somebody who goes; the
/// address is free again.
async fn end_access(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
    actor: &Actor,
    proof: &Proof,
) -> Result<Vec<Entry>, Refusal> {
    work.end_sessions_of(person).await?;
    people::set_roles(work, person, &[], actor.person(), proof.at).await?;
    links::void_all(work, person, proof.at).await?;
    proposals::drop_about(portal, work, person.uuid(), actor.person()).await?;
    for row in work.credentials(person).await? {
        let stamp = row.stamp();
        let removed = Credential {
            removed_at: Some(proof.at),
            ..row.into_row()
        };
        work.update_credential(removed, stamp).await?;
    }
    if let Some(address) = work.address(person).await? {
        let stamp = address.stamp();
        let freed = Address {
            mailbox: None,
            ..address.into_row()
        };
        work.update_address(freed, stamp).await?;
    }
    let mut entries = Vec::new();
    for open in work.open_deliveries(person).await? {
        let why = "its recipient was removed";
        entries.extend(delivery::end_open(work, open.grant_id, proof.at, why).await?);
    }
    Ok(entries)
}

/// Mails the right letter for a person's side, and answers with the page that shows the code.
pub(super) async fn send_invitation(
    portal: &Portal,
    work: &mut Work,
    actor: &Actor,
    person: &Person,
    roles: &[Role],
) -> Result<String, Refusal> {
    let partner = match person.partner_id {
        Some(id) => Some(
            work.partner(id)
                .await?
                .ok_or(Refusal::NotFound)?
                .name
                .clone(),
        ),
        None => None,
    };
    let back = match person.partner_id {
        Some(id) if actor.staff().is_ok() => format!("/partners/{id}"),
        _ => "/people".to_owned(),
    };
    let sending = links::Sending {
        kind: PersonLinkKind::Invitation,
        person,
        created_by: actor.person(),
        confirmed_by: None,
        lost: None,
        shown_to: actor.person(),
        back,
    };
    let (name, inviter) = (person.name.clone(), actor.name().to_owned());
    links::send(portal, work, sending, |link, expires| match partner {
        None => Letter::StaffInvitation {
            link,
            name,
            inviter,
            roles: roles.to_vec(),
            expires,
        },
        Some(partner) => Letter::MemberInvitation {
            link,
            name,
            partner,
            inviter,
            expires,
        },
    })
    .await
}
