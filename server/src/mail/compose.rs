//! From a row of the outbox to a mail that can be sent. Only here, in memory, is a link put
//! together.

use domain::keyring::OutboxKey;
use domain::link::{delivery_link, person_link};
use domain::time::Timestamp;
use store::Mail;
use zeroize::Zeroizing;

use crate::mail::letter::{Door, Letter};
use crate::mail::wording::{House, words};
use crate::mail::words::Words;

/// A mail whose row makes no mail, now or ever. The texts are for operators and hold no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("Its values are not those of any mail of this version.")]
    Values,
    #[error("The secret of its link is not in it.")]
    NoSecret,
    #[error("The secret of its link was sealed for another mail or address: the row was edited.")]
    Edited,
    #[error("The link in it has run out.")]
    RanOut,
}

/// # Errors
/// [`Unwritable`], for good.
pub(super) fn compose(
    mail: &Mail,
    house: &House,
    key: &OutboxKey,
    now: Timestamp,
) -> Result<Words, Unwritable> {
    let letter: Letter = serde_json::from_str(&mail.content).map_err(|_| Unwritable::Values)?;
    if letter.kind() != mail.template {
        return Err(Unwritable::Values);
    }
    let link = match letter.door() {
        Some((_, expires)) if expires <= now => return Err(Unwritable::RanOut),
        Some((door, _)) => link(mail, door, house, key)?,
        None => Zeroizing::default(),
    };
    Ok(words(&letter, house, link))
}

fn link(
    mail: &Mail,
    door: Door,
    house: &House,
    key: &OutboxKey,
) -> Result<Zeroizing<String>, Unwritable> {
    let sealed = mail.sealed.as_deref().ok_or(Unwritable::NoSecret)?;
    let secret = key
        .open_value(mail.id, &mail.address, sealed)
        .map_err(|_| Unwritable::Edited)?;
    let secret = std::str::from_utf8(&secret).map_err(|_| Unwritable::Edited)?;
    match door {
        Door::Person(id) => secret
            .parse()
            .map(|secret| person_link(&house.origin, id, &secret)),
        Door::Delivery(id) => secret
            .parse()
            .map(|secret| delivery_link(&house.origin, id, &secret)),
    }
    .map_err(|_| Unwritable::Edited)
}
