//! What is shown once: an invitation's code, a gateway's credential. It is made while an act is
//! done, and the browser learns of it only after the act's answer; in between it waits sealed, for
//! one person, for minutes, and is taken out by one POST. It is in no address, log or audit entry.

use std::time::Duration;

use domain::base64url;
use domain::id::{CeremonyId, GatewayId, MailId, PersonId};
use domain::keyring::OutboxKey;
use serde::{Deserialize, Serialize};
use store::{Ceremony, Unaudited, Work};
use zeroize::Zeroizing;

use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

const KIND: &str = "reveal";

/// Long enough to press a button after the act was confirmed.
const OPEN_FOR: Duration = Duration::from_secs(10 * 60);

/// On which page the text is shown, and what stands beside it. No secret is in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Showing {
    /// The code of an invitation or a recovery, to be passed on to this person.
    Code {
        name: String,
        address: String,
        back: String,
    },
    /// The credential of a gateway.
    Credential { gateway: GatewayId },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    showing: Showing,
    /// Unpadded base64url.
    sealed: String,
}

/// Keeps a text for one person, in the unit of work that made it. Its page is [`location`].
///
/// # Errors
/// [`Refusal::Internal`], [`Refusal::Store`].
pub async fn keep(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
    showing: Showing,
    text: &str,
) -> Result<CeremonyId, Refusal> {
    let id = CeremonyId::random(&mut system_rng());
    let aad = bound_to(person, &showing)?;
    let sealed = portal
        .keyring
        .outbox_key
        .seal_value(
            MailId::new(id.uuid()),
            &aad,
            text.as_bytes(),
            &mut system_rng(),
        )
        .map_err(Refusal::internal)?;
    let saved = Saved {
        showing,
        sealed: base64url::encode(&sealed),
    };
    work.add_ceremony(&Ceremony {
        id,
        kind: KIND.to_owned(),
        person_id: Some(person),
        state: serde_json::to_string(&saved).map_err(Refusal::internal)?,
        expires_at: portal.now().plus(OPEN_FOR),
    })
    .await?;
    Ok(id)
}

/// The page that shows it, once.
pub fn location(id: CeremonyId) -> String {
    format!("/reveal/{id}")
}

/// Takes the text out; whoever asks again gets nothing. Somebody else's asking takes nothing out.
///
/// # Errors
/// [`Refusal::Internal`] when the row was edited, [`Refusal::Store`].
pub async fn take(
    portal: &Portal,
    id: CeremonyId,
    person: PersonId,
) -> Result<Option<(Showing, Zeroizing<String>)>, Refusal> {
    let now = portal.now();
    let mut work = portal.store.minor_work().await?;
    if !work.has_ceremony(id, KIND, person, now).await? {
        return Ok(None);
    }
    let Some(taken) = work.take_ceremony(id, KIND, now).await? else {
        return Ok(None);
    };
    work.commit_unaudited(Unaudited::Ceremony).await?;
    open(&portal.keyring.outbox_key, id, person, &taken.state).map(Some)
}

fn open(
    key: &OutboxKey,
    id: CeremonyId,
    person: PersonId,
    state: &str,
) -> Result<(Showing, Zeroizing<String>), Refusal> {
    let saved: Saved = serde_json::from_str(state).map_err(Refusal::internal)?;
    let sealed = base64url::decode(&saved.sealed).map_err(Refusal::internal)?;
    let aad = bound_to(person, &saved.showing)?;
    let bytes = key
        .open_value(MailId::new(id.uuid()), &aad, &sealed)
        .map_err(Refusal::internal)?;
    let text = std::str::from_utf8(&bytes).map_err(Refusal::internal)?;
    Ok((saved.showing, Zeroizing::new(text.to_owned())))
}

/// Stands where a mail has its address; no address begins like this.
fn bound_to(person: PersonId, showing: &Showing) -> Result<String, Refusal> {
    let showing = serde_json::to_string(showing).map_err(Refusal::internal)?;
    Ok(format!("reveal:{person}:{showing}"))
}

#[cfg(test)]
mod tests {
    use domain::keyring::Keyring;
    use uuid::Uuid;

    use super::*;

    const ID: CeremonyId = CeremonyId::new(Uuid::from_u128(1));
    const PERSON: PersonId = PersonId::new(Uuid::from_u128(2));

    fn showing(gateway: u128) -> Showing {
        Showing::Credential {
            gateway: GatewayId::new(Uuid::from_u128(gateway)),
        }
    }

    fn kept(key: &OutboxKey) -> String {
        let aad = bound_to(PERSON, &showing(3)).unwrap();
        let sealed = key
            .seal_value(MailId::new(ID.uuid()), &aad, b"the text", &mut system_rng())
            .unwrap();
        let sealed = base64url::encode(&sealed);
        serde_json::to_string(&Saved {
            showing: showing(3),
            sealed,
        })
        .unwrap()
    }

    #[test]
    fn what_is_kept_comes_back_and_is_not_in_the_row() {
        let key = Keyring::generate(&mut system_rng()).outbox_key;
        let state = kept(&key);
        assert!(!state.contains("the text"));
        let (page, text) = open(&key, ID, PERSON, &state).unwrap();
        assert_eq!((page, text.as_str()), (showing(3), "the text"));
    }

    #[test]
    fn a_row_that_was_moved_or_edited_does_not_open() {
        let key = Keyring::generate(&mut system_rng()).outbox_key;
        let state = kept(&key);
        let other = Uuid::from_u128(9);
        let edited = state.replace(&Uuid::from_u128(3).to_string(), &other.to_string());
        assert_ne!(edited, state);
        assert!(open(&key, CeremonyId::new(other), PERSON, &state).is_err());
        assert!(open(&key, ID, PersonId::new(other), &state).is_err());
        assert!(open(&key, ID, PERSON, &edited).is_err());
    }
}
