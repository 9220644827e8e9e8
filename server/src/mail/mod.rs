//! Mail. It is queued in the unit of work that causes it, as values; a job renders and sends it
//! once that has committed. A link's secret is sealed to the mail and its address until then, and
//! wiped afterwards.
//!
//! A crash between sending and noting it sends a mail twice, under the same `Message-ID`: a link in
//! it works once all the same.

mod compose;
mod letter;
pub mod mailbox;
pub mod operate;
pub mod outbox;
mod send;
mod wording;
mod words;

use domain::id::{MailId, PersonId};
use domain::keyring::OutboxKey;
use domain::link::LinkSecret;
use domain::person::Email;
use domain::time::Timestamp;
use rand_core::CryptoRng;
use store::{Mail, Read, Work};

use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

pub use letter::{Lapse, Letter, Opened, title_of};
pub use send::{Courier, Unmailable};

/// Whom a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    address: String,
    person: Option<PersonId>,
}

impl To {
    /// An address that is not (or no longer) the person's own row: the old one after a change.
    pub fn address(email: &Email, person: Option<PersonId>) -> Self {
        Self {
            address: email.as_str().to_owned(),
            person,
        }
    }

    /// A person's address as it is now; its row's MAC is checked.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a person without an address, [`Refusal::Store`].
    pub async fn person(read: &mut Read, person: PersonId) -> Result<Self, Refusal> {
        let address = read.address(person).await?.ok_or(Refusal::NotFound)?;
        Ok(Self {
            address: address.email.clone(),
            person: Some(person),
        })
    }
}

/// Queues a letter without a link, in the unit of work that causes it.
///
/// # Errors
/// [`Refusal::Internal`] for a letter that needs a link's secret, [`Refusal::Store`].
pub async fn queue(
    portal: &Portal,
    work: &mut Work,
    letter: Letter,
    to: &To,
) -> Result<MailId, Refusal> {
    add(portal, work, &letter, to, None).await
}

/// Queues a letter with a one-time link. `secret` is what stands in the link's fragment: unpadded
/// base64url, as `LinkSecret::expose_text` and `PersonLinkSecret::expose_text` give it.
///
/// # Errors
/// [`Refusal::Internal`] for a letter without a link or a secret of another form,
/// [`Refusal::Store`].
pub async fn queue_link(
    portal: &Portal,
    work: &mut Work,
    letter: Letter,
    to: &To,
    secret: &str,
) -> Result<MailId, Refusal> {
    add(portal, work, &letter, to, Some(secret)).await
}

async fn add(
    portal: &Portal,
    work: &mut Work,
    letter: &Letter,
    to: &To,
    secret: Option<&str>,
) -> Result<MailId, Refusal> {
    let key = &portal.keyring.outbox_key;
    let mail = row(key, letter, to, secret, portal.now(), &mut system_rng())?;
    work.queue_mail(&mail).await?;
    Ok(mail.id)
}

/// The values in the clear, the secret sealed to this mail and address.
fn row(
    key: &OutboxKey,
    letter: &Letter,
    to: &To,
    secret: Option<&str>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Mail, Refusal> {
    let fits = match secret {
        Some(secret) => letter.door().is_some() && secret.parse::<LinkSecret>().is_ok(),
        None => letter.door().is_none(),
    };
    if !fits {
        return Err(Refusal::internal(
            "a mail was queued whose secret is missing or fits no link",
        ));
    }
    let id = MailId::random(rng);
    let sealed = secret
        .map(|secret| key.seal_value(id, &to.address, secret.as_bytes(), rng))
        .transpose()
        .map_err(Refusal::internal)?;
    Ok(Mail {
        id,
        template: letter.kind().to_owned(),
        address: to.address.clone(),
        person_id: to.person,
        content: serde_json::to_string(letter).map_err(Refusal::internal)?,
        sealed,
        created_at: now,
        next_at: Some(now),
        attempts: 0,
        sent_at: None,
        dead_at: None,
        last_error: None,
    })
}

#[cfg(test)]
mod tests;
