//! Gateways: who may ask whether a key may make a call.

use std::time::Duration;

use domain::audit::{ActorKind, Outcome};
use domain::id::{GatewayId, PersonId};
use domain::network::Networks;
use domain::state::{GatewayKind, GatewayState};
use domain::text::Line;
use domain::time::Timestamp;
use domain::verification::{Place, RawCall, Reason};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Added, Code, Entry, Evidence, Gateway, Read, Stamped, Work};
use zeroize::Zeroizing;

use crate::auth::actor::Operator;
use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::reveal::{self, Showing};
use crate::verify::{
    Decision, GatewayCredential, NotTried, Question, Subject, parse_reach, reach_json,
};

/// How long the credential before a rotation still counts: time to put the new one in place.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// What is said about a gateway when it is registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub id: GatewayId,
    pub name: Line<60>,
    pub kind: GatewayKind,
    /// `service/environment` by their short names.
    pub reach: Vec<String>,
    pub proxies: Networks,
    /// Whether its answers carry a signed assertion of who calls.
    pub signs: bool,
}

/// A place in a gateway's reach, with its names.
#[derive(Clone, Debug)]
pub struct NamedPlace {
    pub place: Place,
    /// `shipments/production`: how forms and the console name it.
    pub code: String,
    pub service: String,
    pub environment: String,
}

/// What the console of a gateway's page answers.
#[derive(Clone, Debug)]
pub struct Tried {
    /// `None` when the call would be let through.
    pub reason: Option<Reason>,
    /// The key's short id and whose it is, where it is known.
    pub key: Option<(String, String)>,
}

/// # Errors
/// [`Refusal::NotFound`].
pub async fn load(read: &mut Read, id: GatewayId) -> Result<Stamped<Gateway>, Refusal> {
    read.gateway(id).await?.ok_or(Refusal::NotFound)
}

/// Every place that there is.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn places(read: &mut Read) -> Result<Vec<NamedPlace>, Refusal> {
    let services = read.services().await?;
    let mut places = Vec::new();
    for environment in read.all_environments().await? {
        if let Some(service) = services.iter().find(|row| row.id == environment.service_id) {
            places.push(NamedPlace {
                place: Place {
                    service: service.id,
                    environment: environment.id,
                },
                code: format!("{}/{}", service.slug, environment.name),
                service: service.name.clone(),
                environment: environment.name,
            });
        }
    }
    places.sort_by(|one, other| one.code.cmp(&other.code));
    Ok(places)
}

/// `Shipments API: production, sandbox; Reports API: sandbox`.
///
/// # Errors
/// [`Refusal::Internal`] for a row that this program did not write.
pub fn serves(gateway: &Gateway, places: &[NamedPlace]) -> Result<String, Refusal> {
    let reach = parse_reach(&gateway.reach).map_err(Refusal::internal)?;
    let mut words: Vec<(String, Vec<String>)> = Vec::new();
    for named in places.iter().filter(|named| reach.contains(&named.place)) {
        match words
            .iter_mut()
            .find(|(service, _)| *service == named.service)
        {
            Some((_, environments)) => environments.push(named.environment.clone()),
            None => words.push((named.service.clone(), vec![named.environment.clone()])),
        }
    }
    let words: Vec<String> = words
        .into_iter()
        .map(|(service, environments)| format!("{service}: {}", environments.join(", ")))
        .collect();
    Ok(words.join("; "))
}

/// The same as a form names it: `shipments/production`.
///
/// # Errors
/// As [`serves`].
pub fn codes(gateway: &Gateway, places: &[NamedPlace]) -> Result<Vec<String>, Refusal> {
    let reach = parse_reach(&gateway.reach).map_err(Refusal::internal)?;
    Ok(places
        .iter()
        .filter(|named| reach.contains(&named.place))
        .map(|named| named.code.clone())
        .collect())
}

/// The places that a registration names.
///
/// # Errors
/// [`Refusal::Invalid`] on `pair` or `name`.
pub async fn check(
    read: &mut Read,
    registration: &Registration,
) -> Result<Vec<NamedPlace>, Refusal> {
    let taken = read
        .gateways()
        .await?
        .iter()
        .any(|row| row.name.to_lowercase() == registration.name.to_string().to_lowercase());
    if taken {
        return Err(Refusal::field(
            "name",
            "Another gateway has this name, or had it: take another one.",
        ));
    }
    can_sign(registration.kind, registration.signs)?;
    chosen(places(read).await?, &registration.reach)
}

/// What has no effect is refused, never ignored.
///
/// # Errors
/// [`Refusal::Invalid`] on `signs`.
pub fn can_sign(kind: GatewayKind, signs: bool) -> Result<(), Refusal> {
    match kind {
        GatewayKind::Api if signs => Err(Refusal::field(
            "signs",
            "What posts to /v1/verify hands on no headers of ours, so nothing would be signed.",
        )),
        _ => Ok(()),
    }
}

/// An empty reach is refused, never read as everything.
///
/// # Errors
/// [`Refusal::Invalid`] on `pair`.
pub fn chosen(places: Vec<NamedPlace>, codes: &[String]) -> Result<Vec<NamedPlace>, Refusal> {
    if codes.is_empty() {
        return Err(Refusal::field(
            "pair",
            "Pick at least one environment that it serves.",
        ));
    }
    if let Some(unknown) = codes
        .iter()
        .find(|code| !places.iter().any(|named| named.code == **code))
    {
        let shown: String = unknown.chars().take(80).collect();
        return Err(Refusal::field(
            "pair",
            format!("There is no environment {shown}."),
        ));
    }
    Ok(places
        .into_iter()
        .filter(|named| codes.contains(&named.code))
        .collect())
}

/// Stores a gateway; its credential leaves this function only to be shown once.
///
/// # Errors
/// As [`check`].
async fn add(
    portal: &Portal,
    work: &mut Work,
    registration: &Registration,
) -> Result<GatewayCredential, Refusal> {
    let reach: Vec<Place> = check(work, registration)
        .await?
        .iter()
        .map(|named| named.place)
        .collect();
    let credential = GatewayCredential::mint(&mut system_rng());
    work.add_gateway(Gateway {
        id: registration.id,
        name: registration.name.to_string(),
        kind: Code(registration.kind),
        reach: reach_json(&reach).map_err(Refusal::internal)?,
        proxies: registration.proxies.to_string(),
        credential_mac: credential.mac(&portal.keyring.pepper),
        old_credential_mac: None,
        old_credential_until: None,
        state: Code(GatewayState::Active),
        created_at: portal.now(),
        signs: Added(registration.signs),
    })
    .await?;
    Ok(credential)
}

/// Registers a gateway; where its credential is shown, once, to who did it.
///
/// # Errors
/// As [`check`].
pub async fn register(
    portal: &Portal,
    work: &mut Work,
    registration: &Registration,
    by: PersonId,
) -> Result<String, Refusal> {
    let credential = add(portal, work, registration).await?;
    show_once(portal, work, registration.id, &credential, by).await
}

/// Registers a gateway from the console, and returns its credential.
///
/// # Errors
/// As [`check`].
pub async fn add_from_console(
    portal: &Portal,
    name: Line<60>,
    kind: GatewayKind,
    reach: Vec<String>,
    proxies: Networks,
    signs: bool,
) -> Result<Zeroizing<String>, Refusal> {
    let id = GatewayId::random(&mut system_rng());
    let registration = Registration {
        id,
        name,
        kind,
        reach,
        proxies,
        signs,
    };
    let mut work = portal.store.work().await?;
    let credential = add(portal, &mut work, &registration).await?;
    let entry = Entry {
        at: portal.now(),
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: domain::act::Act::ChangeGateway.to_string(),
        subject_kind: "gateway",
        subject: id.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "change": "register", "registration": registration }).to_string(),
        address: None,
        user_agent: None,
    };
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(credential.expose_text())
}

/// Gives a gateway a new credential; the present one counts for [`OVERLAP`] more, and the one
/// before it no longer.
///
/// # Errors
/// [`Refusal::Conflict`] when it is revoked or was changed meanwhile.
pub async fn rotate(
    portal: &Portal,
    work: &mut Work,
    id: GatewayId,
    by: PersonId,
) -> Result<String, Refusal> {
    let row = load(work, id).await?;
    is_active(&row)?;
    let stamp = row.stamp();
    let credential = GatewayCredential::mint(&mut system_rng());
    let mac = credential.mac(&portal.keyring.pepper);
    work.update_gateway(rotated(row.into_row(), mac, portal.now()), stamp)
        .await?;
    show_once(portal, work, id, &credential, by).await
}

fn rotated(gateway: Gateway, mac: domain::enc::Digest, now: Timestamp) -> Gateway {
    Gateway {
        old_credential_mac: Some(gateway.credential_mac),
        old_credential_until: Some(now.plus(OVERLAP)),
        credential_mac: mac,
        ..gateway
    }
}

/// Gives a gateway another reach and other proxies, or has its answers signed; its credentials stay.
///
/// # Errors
/// As [`rotate`], [`chosen`] and [`can_sign`].
pub async fn change(
    work: &mut Work,
    id: GatewayId,
    reach: &[String],
    proxies: &Networks,
    signs: bool,
) -> Result<(), Refusal> {
    let row = load(work, id).await?;
    is_active(&row)?;
    can_sign(row.kind.0, signs)?;
    let reach: Vec<Place> = chosen(places(work).await?, reach)?
        .iter()
        .map(|named| named.place)
        .collect();
    let stamp = row.stamp();
    let changed = Gateway {
        reach: reach_json(&reach).map_err(Refusal::internal)?,
        proxies: proxies.to_string(),
        signs: Added(signs),
        ..row.into_row()
    };
    work.update_gateway(changed, stamp).await?;
    Ok(())
}

/// Ends a gateway: it gets no more answers, with either credential.
///
/// # Errors
/// As [`rotate`].
pub async fn revoke(work: &mut Work, id: GatewayId) -> Result<(), Refusal> {
    let row = load(work, id).await?;
    is_active(&row)?;
    let stamp = row.stamp();
    let revoked = Gateway {
        state: Code(GatewayState::Revoked),
        old_credential_mac: None,
        old_credential_until: None,
        ..row.into_row()
    };
    work.update_gateway(revoked, stamp).await?;
    Ok(())
}

/// # Errors
/// [`Refusal::Conflict`].
pub fn is_active(gateway: &Gateway) -> Result<(), Refusal> {
    match gateway.state.0 {
        GatewayState::Active => Ok(()),
        GatewayState::Revoked => Err(Refusal::conflict(
            "gateway-revoked",
            "This gateway was revoked. Register another one.",
        )),
    }
}

/// Answers as a real call would be answered, and counts nothing.
///
/// # Errors
/// [`Refusal::Conflict`] for a gateway that is revoked, or while nothing can be verified.
pub async fn try_call(
    portal: &Portal,
    _: Operator,
    id: GatewayId,
    key: &str,
    call: RawCall<'_>,
) -> Result<Tried, Refusal> {
    let question = Question {
        call,
        service: None,
        environment: None,
    };
    let decision = portal
        .engine
        .try_call(id, Subject::Text(key), &question, portal.now())
        .map_err(|refused| match refused {
            NotTried::NotReady(_) => Refusal::conflict(
                "not-ready",
                "Nothing can be verified at this moment: the keys are being loaded. Try again in a few seconds.",
            ),
            NotTried::NoGateway => Refusal::conflict("gateway-revoked", refused.to_string()),
        })?;
    let reason = decision.reason();
    let known = match decision {
        Decision::Allowed(known, _) => Some(known),
        Decision::Refused(refused) => refused.known,
    };
    let Some(known) = known else {
        return Ok(Tried { reason, key: None });
    };
    let mut read = portal.store.read().await?;
    let partner = read.partner(known.held.entry.partner).await?;
    let name = partner.map(|row| row.name.clone()).unwrap_or_default();
    Ok(Tried {
        reason,
        key: Some((known.held.kid.to_string(), name)),
    })
}

async fn show_once(
    portal: &Portal,
    work: &mut Work,
    gateway: GatewayId,
    credential: &GatewayCredential,
    by: PersonId,
) -> Result<String, Refusal> {
    let showing = Showing::Credential { gateway };
    let kept = reveal::keep(portal, work, by, showing, &credential.expose_text()).await?;
    Ok(reveal::location(kept))
}

#[cfg(test)]
mod tests;
