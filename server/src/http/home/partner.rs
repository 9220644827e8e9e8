//! What waits for a contact of a partner.

use app::components::Moment;
use app::pages::home::{PartnerHome, Waiting};
use domain::key::KeyState;
use domain::request::RequestState;
use store::{KeyFilter, KeyLine, QueueFilter};

use super::{steps, waits};
use crate::auth::actor::Actor;
use crate::http::keys::state_of;
use crate::http::requests::shown;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::keys;
use crate::service::queue::{self, Listed};

/// Of each kind that is named; the pages behind have them all.
const MOST: i64 = 5;

pub(super) async fn home(portal: &Portal, actor: &Actor) -> Result<PartnerHome, Refusal> {
    let contact = actor.contact()?;
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let first = QueueFilter {
        limit: MOST,
        ..QueueFilter::default()
    };
    let requests = queue::for_contact(&mut read, contact, &first).await?;
    let newest = KeyFilter {
        partner: Some(contact.partner()),
        limit: MOST,
        ..KeyFilter::default()
    };
    let keys = read.list_keys(&newest).await?;
    let passkeys = read.credentials(contact.person()).await?;
    drop(read);
    let receives = passkeys.iter().any(|passkey| passkey.can_receive());
    let asked = requests
        .iter()
        .any(|line| line.request.submitted_at.is_some());
    let approved = !keys.is_empty();
    let stored = keys.iter().any(|line| line.key.activated_at.is_some());
    let used = keys.iter().any(|line| line.names.used_at.is_some());
    let theirs = requests.iter().filter(|line| is_theirs(line)).count();
    Ok(PartnerHome {
        host: portal.config.host_name.clone(),
        summary: waits(theirs),
        next: steps([
            (
                receives,
                "Have a passkey that can receive a key",
                "Your profile says whether yours can, and which authenticators do.",
                "/profile",
            ),
            (
                asked,
                "Ask for access",
                "Pick a service and say why, how and how safely.",
                "/requests/new",
            ),
            (
                approved,
                "Wait for the decision",
                "The request shows where it stands, and whom to ask.",
                "/requests",
            ),
            (
                stored,
                "Open the link and store the key",
                "The link comes by mail and opens once, with your passkey.",
                "",
            ),
            (
                used,
                "Make the first call",
                "Its key shows when it was used last, and what was refused.",
                "/keys",
            ),
        ]),
        requests: requests.into_iter().map(request).collect(),
        keys: keys
            .into_iter()
            .map(|line| {
                key(line, |at| {
                    Moment::new(domain::time::Timestamp::from_micros(at), now).relative
                })
            })
            .collect(),
    })
}

/// It waits for the partner, not for the host.
fn is_theirs(line: &Listed) -> bool {
    matches!(
        line.request.state.0,
        RequestState::Draft | RequestState::ChangesAsked | RequestState::WaitingForPasskey
    )
}

fn request(line: Listed) -> Waiting {
    let button = if is_theirs(&line) { "Continue" } else { "Look" };
    Waiting {
        title: line.service,
        detail: line.asks,
        state: Some(shown(line.request.state.0).pill()),
        href: format!("/requests/{}", line.request.id),
        button: button.to_owned(),
    }
}

fn key(line: KeyLine, relative: impl Fn(i64) -> String) -> Waiting {
    let KeyLine { key, names } = line;
    let used = match (names.used_at, key.state.0) {
        (Some(at), _) => format!("last used {}", relative(at)),
        (None, KeyState::PreActivation) => "waits for you to open its link".to_owned(),
        (None, _) => "never used".to_owned(),
    };
    Waiting {
        title: keys::shown(&key),
        detail: format!(
            "{}, {} · {used}",
            names.service_name, names.environment_name
        ),
        state: Some(state_of(key.state.0, names.is_claimed > 0).pill()),
        href: format!("/keys/{}", key.id),
        button: "Look".to_owned(),
    }
}
