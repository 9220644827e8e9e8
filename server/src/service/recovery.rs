//! Recovery: what waits for a second member of staff, who is told, and what follows when its link
//! is used.

use domain::act::Act;
use domain::id::PersonId;
use domain::state::Role;
use domain::time::Timestamp;
use store::{Credential, Entry, Person, Proposal, Read, Stamped, Work};

use crate::auth::actor::Actor;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{delivery, people};

/// The recovery of this person that waits to be confirmed.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn waiting(
    read: &mut Read,
    person: PersonId,
) -> Result<Option<Stamped<Proposal>>, Refusal> {
    let open = read.open_proposals().await?;
    Ok(open.into_iter().find(|proposal| {
        proposal.act == Act::RecoverStart.as_str() && proposal.subject_id == person.uuid()
    }))
}

/// The partner's name, or that they are staff.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn belongs_to(read: &mut Read, person: &Person) -> Result<String, Refusal> {
    Ok(match person.partner_id {
        Some(id) => read
            .partner(id)
            .await?
            .ok_or(Refusal::NotFound)?
            .name
            .clone(),
        None => "the staff".to_owned(),
    })
}

/// Tells every admin of the partner, or every owner when it is about staff.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn tell(
    portal: &Portal,
    work: &mut Work,
    person: &Person,
    started_by: &Actor,
    when: Timestamp,
) -> Result<(), Refusal> {
    let told = match person.partner_id {
        Some(partner) => people::admins(work, partner).await?,
        None => people::holders(work, Role::Owner).await?,
    };
    let letter = Letter::RecoveryStarted {
        name: person.name.clone(),
        partner: belongs_to(work, person).await?,
        started_by: started_by.name().to_owned(),
        when,
    };
    for person in told {
        let to = To::person(work, person).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

/// Ends every passkey that a person had before, with the sessions that they started: they are
/// lost, and whoever finds one must not come in.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn end_lost(work: &mut Work, person: PersonId, now: Timestamp) -> Result<(), Refusal> {
    for row in work.credentials(person).await? {
        let stamp = row.stamp();
        let removed = Credential {
            removed_at: Some(now),
            ..row.into_row()
        };
        work.update_credential(removed, stamp).await?;
    }
    work.end_sessions_of(person).await?;
    Ok(())
}

/// Once the new passkey is stored: open deliveries are cancelled, and made again for it.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn remake_deliveries(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
) -> Result<Vec<Entry>, Refusal> {
    delivery::remake_for(portal, work, person).await
}
