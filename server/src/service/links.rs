//! One-time links for people: made, mailed, voided. The link's secret goes by mail alone, the code
//! is shown once to who sent it; here are only the digest of the one and a MAC over the other.

use std::time::Duration;

use domain::id::{CredentialId, PersonId, PersonLinkId};
use domain::link::{InvitationCode, PersonLinkKind, PersonLinkSecret};
use domain::time::Timestamp;
use store::{Code, Person, PersonLink, Work};

use crate::chance::system_rng;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::reveal::{self, Showing};

/// How long an invitation waits for its person.
pub const INVITATION_OPEN: Duration = Duration::from_secs(7 * 24 * 3600);

/// A recovery is for somebody who is waiting for it.
pub const RECOVERY_OPEN: Duration = Duration::from_secs(24 * 3600);

/// A link to be made.
#[derive(Debug)]
pub struct Sending<'a> {
    pub kind: PersonLinkKind,
    pub person: &'a Person,
    pub created_by: PersonId,
    /// The second member of staff, for a recovery.
    pub confirmed_by: Option<PersonId>,
    pub lost: Option<CredentialId>,
    /// Who is shown the code.
    pub shown_to: PersonId,
    /// Where the page with the code leads on to.
    pub back: String,
}

/// Makes a link with its code, voids the person's older ones, and mails it. The returned address is
/// the page that shows the code, once.
///
/// # Errors
/// [`Refusal::NotFound`] for a person without an address, [`Refusal::Store`].
pub async fn send(
    portal: &Portal,
    work: &mut Work,
    sending: Sending<'_>,
    letter: impl FnOnce(PersonLinkId, Timestamp) -> Letter,
) -> Result<String, Refusal> {
    let Sending {
        kind,
        person,
        created_by,
        confirmed_by,
        lost,
        shown_to,
        back,
    } = sending;
    void_all(work, person.id, portal.now()).await?;
    let rng = &mut system_rng();
    let id = PersonLinkId::random(rng);
    let (secret, code) = (PersonLinkSecret::random(rng), InvitationCode::random(rng));
    let now = portal.now();
    let expires_at = now.plus(match kind {
        PersonLinkKind::Recovery => RECOVERY_OPEN,
        _ => INVITATION_OPEN,
    });
    work.add_person_link(PersonLink {
        id,
        kind: Code(kind),
        person_id: person.id,
        secret_digest: secret.digest(),
        code_mac: Some(code.mac(&portal.keyring.row_key, id)),
        wrong_codes: 0,
        created_by: Some(created_by),
        confirmed_by,
        lost_credential_id: lost,
        created_at: now,
        expires_at,
        consumed_at: None,
        voided_at: None,
    })
    .await?;
    let address = work.address(person.id).await?.ok_or(Refusal::NotFound)?;
    let to = To::person(work, person.id).await?;
    mail::queue_link(
        portal,
        work,
        letter(id, expires_at),
        &to,
        &secret.expose_text(),
    )
    .await?;
    let showing = Showing::Code {
        name: person.name.clone(),
        address: address.email.clone(),
        back,
    };
    let kept = reveal::keep(portal, work, shown_to, showing, &code.expose_text()).await?;
    Ok(reveal::location(kept))
}

/// Voids every open link of a person.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn void_all(work: &mut Work, person: PersonId, now: Timestamp) -> Result<(), Refusal> {
    for open in work.open_links(person).await? {
        let stamp = open.stamp();
        let voided = PersonLink {
            voided_at: Some(now),
            ..open.into_row()
        };
        work.update_person_link(voided, stamp).await?;
    }
    Ok(())
}
