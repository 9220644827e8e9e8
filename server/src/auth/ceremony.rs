//! WebAuthn ceremonies: a challenge of our choosing, user verification required, state kept on the
//! server and taken out once (FACTS: webauthn-rs has no way to choose a challenge, so it is set in
//! the options and in the serialised state; a test pins the shape).

use std::time::Duration;

use domain::enc::Digest;
use domain::id::{CeremonyId, PersonId};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Ceremony, Credential, Read, Stamped, Unaudited, Work};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential,
};

use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// How old a challenge may be (never 4).
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// What the browser gets: hands `options` to `navigator.credentials`.
#[derive(Clone, Debug, Serialize)]
pub struct Begun {
    pub ceremony: CeremonyId,
    pub options: Value,
}

/// The library's state beside what the ceremony is for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<T> {
    webauthn: Value,
    purpose: T,
}

/// An assertion that holds: by whom, and the raw response for the audit log.
#[derive(Debug)]
pub struct Assertion {
    pub credential: Stamped<Credential>,
    pub raw: Value,
    result: AuthenticationResult,
}

/// Starts a registration for a person. Passkeys that they have already are not made twice.
///
/// # Errors
/// [`Refusal::Internal`] when the library refuses.
pub async fn begin_registration<T: Serialize>(
    portal: &Portal,
    kind: &str,
    person: PersonId,
    (email, name): (&str, &str),
    existing: &[Stamped<Credential>],
    purpose: &T,
) -> Result<Begun, Refusal> {
    let exclude = existing.iter().map(|row| row.raw_id.clone()).collect();
    let (options, state) = portal
        .webauthn
        .start_passkey_registration(person.uuid(), email, name, Some(exclude))
        .map_err(Refusal::internal)?;
    let mut options = to_value(&options)?;
    if let Some(public_key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
        // A passkey that the browser can find without being told its id.
        public_key.insert(
            "authenticatorSelection".to_owned(),
            json!({
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required"
            }),
        );
    }
    save(
        portal,
        kind,
        Some(person),
        to_value(&state)?,
        options,
        purpose,
    )
    .await
}

/// # Errors
/// [`Refusal::Unproven`] when the response is not one to this challenge.
pub fn finish_registration(
    portal: &Portal,
    state: Value,
    response: Value,
) -> Result<Passkey, Refusal> {
    let state: PasskeyRegistration = from_value(state)?;
    let response: RegisterPublicKeyCredential = parse_response(response)?;
    portal
        .webauthn
        .finish_passkey_registration(&response, &state)
        .map_err(not_accepted)
}

/// Starts an assertion over a challenge of ours, by any passkey (`only` empty) or by some.
///
/// # Errors
/// [`Refusal::Internal`] when the library's state has another shape than we know.
pub async fn begin_assertion<T: Serialize>(
    portal: &Portal,
    kind: &str,
    person: Option<PersonId>,
    challenge: &Digest,
    only: &[&[u8]],
    purpose: &T,
) -> Result<Begun, Refusal> {
    let (mut options, state) = portal
        .webauthn
        .start_discoverable_authentication()
        .map_err(Refusal::internal)?;
    options.mediation = None;
    options.public_key.challenge = challenge.to_vec();
    let mut state = to_value(&state)?;
    let slot = state
        .get_mut("ast")
        .and_then(|ast| ast.get_mut("challenge"))
        .ok_or_else(|| Refusal::internal("webauthn-rs keeps its challenge elsewhere"))?;
    *slot = Value::String(domain::base64url::encode(challenge));
    let mut options = to_value(&options)?;
    if let Some(public_key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
        public_key.remove("extensions");
        let allowed: Vec<Value> = only
            .iter()
            .map(|id| json!({ "type": "public-key", "id": domain::base64url::encode(id) }))
            .collect();
        public_key.insert("allowCredentials".to_owned(), Value::Array(allowed));
    }
    save(portal, kind, person, state, options, purpose).await
}

/// Takes a ceremony out, in a committed transaction of its own: whatever comes after, it is spent.
///
/// # Errors
/// [`Refusal::Unproven`] when it is spent, too old, or of another kind.
pub async fn take<T: DeserializeOwned>(
    portal: &Portal,
    id: CeremonyId,
    kind: &str,
) -> Result<(Value, T), Refusal> {
    let mut work = portal.store.passing_work().await?;
    let taken = work.take_ceremony(id, kind, portal.now()).await?;
    work.commit_unaudited(Unaudited::Ceremony).await?;
    let ceremony = taken.ok_or_else(|| {
        Refusal::unproven(
            "ceremony-over",
            "This took longer than five minutes, or was sent twice. Nothing was done: try again.",
        )
    })?;
    let saved: Saved<T> = serde_json::from_str(&ceremony.state).map_err(Refusal::internal)?;
    Ok((saved.webauthn, saved.purpose))
}

/// Checks an assertion against a ceremony's state: signature, challenge, origin, relying party and
/// user verification.
///
/// # Errors
/// [`Refusal::Unproven`], in the same words whether the passkey is unknown or its answer is wrong.
pub async fn check_assertion(
    portal: &Portal,
    read: &mut Read,
    state: Value,
    response: Value,
) -> Result<Assertion, Refusal> {
    let state: DiscoverableAuthentication = from_value(state)?;
    let raw = response.clone();
    let response: PublicKeyCredential = parse_response(response)?;
    let (user, raw_id) = portal
        .webauthn
        .identify_discoverable_authentication(&response)
        .map_err(not_accepted)?;
    let credential = read
        .credential_by_raw_id(raw_id)
        .await?
        .filter(|row| row.person_id.uuid() == user)
        .ok_or_else(unknown_passkey)?;
    let passkey: Passkey = serde_json::from_str(&credential.passkey).map_err(Refusal::internal)?;
    let result = portal
        .webauthn
        .finish_discoverable_authentication_v2(&response, state, &passkey)
        .map_err(not_accepted)?;
    if !result.user_verified() {
        return Err(unknown_passkey());
    }
    Ok(Assertion {
        credential,
        raw,
        result,
    })
}

/// Checks the very first assertion by a credential that is not stored yet.
///
/// # Errors
/// As [`check_assertion`].
pub fn check_first_assertion(
    portal: &Portal,
    state: Value,
    response: Value,
    passkey: &mut Passkey,
) -> Result<AuthenticationResult, Refusal> {
    let state: DiscoverableAuthentication = from_value(state)?;
    let response: PublicKeyCredential = parse_response(response)?;
    let result = portal
        .webauthn
        .finish_discoverable_authentication_v2(&response, state, &*passkey)
        .map_err(not_accepted)?;
    if result.cred_id() != passkey.cred_id() || !result.user_verified() {
        return Err(unknown_passkey());
    }
    passkey.update_credential(&result);
    Ok(result)
}

impl Assertion {
    /// Stores the credential's new counters and that it was used. It is read again: another
    /// assertion by it may have been recorded since, or the passkey removed.
    ///
    /// # Errors
    /// As [`check_assertion`].
    pub async fn record(&self, work: &mut Work, now: Timestamp) -> Result<(), Refusal> {
        let current = work.credential(self.credential.id).await?;
        let current = current.filter(|row| row.removed_at.is_none());
        let current = current.ok_or_else(unknown_passkey)?;
        let stamp = current.stamp();
        let mut row = current.into_row();
        let mut passkey: Passkey = serde_json::from_str(&row.passkey).map_err(Refusal::internal)?;
        passkey.update_credential(&self.result);
        row.passkey = serde_json::to_string(&passkey).map_err(Refusal::internal)?;
        row.used_at = Some(now);
        work.update_credential(row, stamp).await?;
        Ok(())
    }
}

/// Whether a passkey cannot leave its device.
pub fn is_device_bound(passkey: &Passkey) -> bool {
    let backup_eligible = serde_json::to_value(passkey).ok().and_then(|value| {
        value
            .pointer("/cred/backup_eligible")
            .and_then(Value::as_bool)
    });
    backup_eligible == Some(false)
}

async fn save<T: Serialize>(
    portal: &Portal,
    kind: &str,
    person: Option<PersonId>,
    webauthn: Value,
    options: Value,
    purpose: &T,
) -> Result<Begun, Refusal> {
    let saved = Saved {
        webauthn,
        purpose: to_value(purpose)?,
    };
    let ceremony = Ceremony {
        id: CeremonyId::random(&mut system_rng()),
        kind: kind.to_owned(),
        person_id: person,
        state: serde_json::to_string(&saved).map_err(Refusal::internal)?,
        expires_at: portal.now().plus(LIFETIME),
    };
    let mut work = portal.store.passing_work().await?;
    work.add_ceremony(&ceremony).await?;
    work.commit_unaudited(Unaudited::Ceremony).await?;
    Ok(Begun {
        ceremony: ceremony.id,
        options,
    })
}

/// The PRF output is never posted: a body that holds it is refused, so that no page of ours can
/// ever begin to send it.
fn parse_response<T: DeserializeOwned>(response: Value) -> Result<T, Refusal> {
    for place in [
        "/extensions/prf/results",
        "/clientExtensionResults/prf/results",
    ] {
        if response.pointer(place).is_some() {
            return Err(Refusal::BadRequest(
                "The passkey's secret must not leave the browser.",
            ));
        }
    }
    serde_json::from_value(response)
        .map_err(|_| Refusal::BadRequest("This is not a WebAuthn response."))
}

fn to_value(value: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(Refusal::internal)
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(Refusal::internal)
}

fn unknown_passkey() -> Refusal {
    Refusal::unproven(
        "passkey-refused",
        "This passkey was not accepted. Nothing was done: try again, or use another passkey.",
    )
}

fn not_accepted(error: webauthn_rs::prelude::WebauthnError) -> Refusal {
    tracing::info!(%error, "a WebAuthn response was refused");
    unknown_passkey()
}
