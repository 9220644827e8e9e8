//! Passkey ceremonies: options from JSON to what the browser takes, and an allow-listed credential
//! back. Never `credential.toJSON()`: it holds the PRF output.

use domain::base64url;
use domain::seal::device::PRF_INPUT;
use domain::secret::Secret;
use js_sys::{Array, ArrayBuffer, JSON, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AuthenticatorAssertionResponse, AuthenticatorAttestationResponse, CredentialsContainer,
    PublicKeyCredential,
};
use zeroize::Zeroizing;

use super::browser::window;
use super::failure::CeremonyFailure;

/// Whether the device secret is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prf {
    Wanted,
    Unneeded,
}

/// A new passkey.
pub(super) struct Registered {
    pub(super) credential: Credential<Attestation>,
    pub(super) raw_id: Vec<u8>,
    pub(super) prf: NewPrf,
}

/// What a registration says about the PRF extension. Some authenticators evaluate it only later.
pub(super) enum NewPrf {
    Evaluated(Secret<32>),
    AtGetOnly,
    Absent,
}

/// A passkey's signature over a challenge.
pub(super) struct Asserted {
    pub(super) credential: Credential<Assertion>,
    pub(super) raw_id: Vec<u8>,
    pub(super) prf: Option<Secret<32>>,
}

/// What is posted: these fields and no others.
#[derive(Serialize)]
pub(super) struct Credential<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    response: R,
    /// Always empty: what extensions answer stays here.
    extensions: Nothing,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
pub(super) struct Attestation {
    #[serde(rename = "attestationObject")]
    object: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(super) struct Assertion {
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

/// Makes a passkey, asking for PRF; once more without it when that seems to be what fails.
pub(super) async fn create(options: &Value) -> Result<Registered, CeremonyFailure> {
    match try_create(options, Prf::Wanted).await {
        Err(failure) if failure.is_worth_a_try_without_prf() => {
            try_create(options, Prf::Unneeded).await
        }
        outcome => outcome,
    }
}

/// Signs the options' challenge.
pub(super) async fn get(options: &Value, prf: Prf) -> Result<Asserted, CeremonyFailure> {
    let options = parse(options)?;
    let public_key = field(&options, "publicKey");
    to_bytes(&public_key, "challenge")?;
    ids_to_bytes(&public_key, "allowCredentials")?;
    if prf == Prf::Wanted {
        ask_for_prf(&public_key);
    }
    asserted(&request(&options).await?)
}

/// Evaluates the PRF of a passkey that was just made, by a get that nobody else sees.
pub(super) async fn evaluate(raw_id: &[u8]) -> Result<Option<Secret<32>>, CeremonyFailure> {
    let mut challenge = [0; 32];
    rand_core::TryRng::try_fill_bytes(&mut getrandom::SysRng, &mut challenge)
        .map_err(|_| CeremonyFailure::Other)?;
    let allowed = object(&[
        ("type", &"public-key".into()),
        ("id", &Uint8Array::from(raw_id)),
    ]);
    let public_key = object(&[
        ("challenge", &Uint8Array::from(&challenge[..])),
        ("allowCredentials", &Array::of1(&allowed)),
        ("userVerification", &"required".into()),
    ]);
    ask_for_prf(&public_key);
    let credential = request(&object(&[("publicKey", &public_key)])).await?;
    Ok(prf_output(&credential))
}

async fn try_create(options: &Value, prf: Prf) -> Result<Registered, CeremonyFailure> {
    let options = parse(options)?;
    let public_key = field(&options, "publicKey");
    to_bytes(&public_key, "challenge")?;
    to_bytes(&field(&public_key, "user"), "id")?;
    ids_to_bytes(&public_key, "excludeCredentials")?;
    if prf == Prf::Wanted {
        ask_for_prf(&public_key);
    }
    let made = credentials()?.create_with_options(options.unchecked_ref());
    let made = settled(made).await?;
    let response: AuthenticatorAttestationResponse = made.response().unchecked_into();
    let transports = response.get_transports();
    let raw_id = bytes(&made.raw_id());
    Ok(Registered {
        credential: credential(
            &raw_id,
            Attestation {
                object: text(&response.attestation_object()),
                client_data: text(&response.client_data_json()),
                transports: Some(
                    transports
                        .iter()
                        .filter_map(|name| name.as_string())
                        .collect(),
                ),
            },
        ),
        raw_id,
        prf: new_prf(&made),
    })
}

async fn request(options: &JsValue) -> Result<PublicKeyCredential, CeremonyFailure> {
    settled(credentials()?.get_with_options(options.unchecked_ref())).await
}

fn asserted(made: &PublicKeyCredential) -> Result<Asserted, CeremonyFailure> {
    let response: AuthenticatorAssertionResponse = made.response().unchecked_into();
    let raw_id = bytes(&made.raw_id());
    Ok(Asserted {
        credential: credential(
            &raw_id,
            Assertion {
                authenticator_data: text(&response.authenticator_data()),
                client_data: text(&response.client_data_json()),
                signature: text(&response.signature()),
                user_handle: response.user_handle().as_ref().map(text),
            },
        ),
        raw_id,
        prf: prf_output(made),
    })
}

fn credential<R>(raw_id: &[u8], response: R) -> Credential<R> {
    let id = base64url::encode(raw_id);
    Credential {
        id: id.clone(),
        raw_id: id,
        kind: "public-key",
        response,
        extensions: Nothing {},
    }
}

fn credentials() -> Result<CredentialsContainer, CeremonyFailure> {
    let container = window().navigator().credentials();
    let known = Reflect::has(&window(), &"PublicKeyCredential".into()).unwrap_or(false);
    match known && !container.is_undefined() {
        true => Ok(container),
        false => Err(CeremonyFailure::NoPasskeys),
    }
}

async fn settled(
    promise: Result<js_sys::Promise, JsValue>,
) -> Result<PublicKeyCredential, CeremonyFailure> {
    let named = |error: JsValue| {
        CeremonyFailure::named(&field(&error, "name").as_string().unwrap_or_default())
    };
    let credential = JsFuture::from(promise.map_err(named)?)
        .await
        .map_err(named)?;
    credential.dyn_into().map_err(|_| CeremonyFailure::Other)
}

/// WebAuthn level 3, section 10.1.4.
fn ask_for_prf(public_key: &JsValue) {
    let eval = object(&[("first", &Uint8Array::from(PRF_INPUT))]);
    let prf = object(&[("eval", &eval)]);
    match field(public_key, "extensions").dyn_ref::<Object>() {
        Some(extensions) => set(extensions, "prf", &prf),
        None => set(public_key, "extensions", &object(&[("prf", &prf)])),
    }
}

fn new_prf(made: &PublicKeyCredential) -> NewPrf {
    let enabled = field(
        &field(&made.get_client_extension_results(), "prf"),
        "enabled",
    );
    match prf_output(made) {
        Some(output) => NewPrf::Evaluated(output),
        None if enabled.as_bool() == Some(true) => NewPrf::AtGetOnly,
        None => NewPrf::Absent,
    }
}

/// Takes the output and wipes the buffer that the browser gave.
fn prf_output(made: &PublicKeyCredential) -> Option<Secret<32>> {
    let prf = field(&made.get_client_extension_results(), "prf");
    let first = field(&field(&prf, "results"), "first");
    if !first.is_object() {
        return None;
    }
    let view = Uint8Array::new(&first);
    let mut output = Zeroizing::new([0; 32]);
    if view.length() != 32 {
        return None;
    }
    view.copy_to(output.as_mut());
    view.fill(0, 0, 32);
    Some(Secret::new(*output))
}

fn parse(options: &Value) -> Result<JsValue, CeremonyFailure> {
    JSON::parse(&options.to_string()).map_err(|_| CeremonyFailure::Other)
}

/// Undefined where there is none.
fn field(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// On a plain object, which takes every field.
fn set(of: &JsValue, name: &str, value: &JsValue) {
    let _ = Reflect::set(of, &name.into(), value);
}

fn object(fields: &[(&str, &JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

fn to_bytes(of: &JsValue, name: &str) -> Result<(), CeremonyFailure> {
    let bytes = field(of, name)
        .as_string()
        .and_then(|text| base64url::decode(&text).ok())
        .ok_or(CeremonyFailure::Other)?;
    set(of, name, &Uint8Array::from(&bytes[..]));
    Ok(())
}

fn ids_to_bytes(public_key: &JsValue, name: &str) -> Result<(), CeremonyFailure> {
    match field(public_key, name).dyn_ref::<Array>() {
        Some(list) => list.iter().try_for_each(|entry| to_bytes(&entry, "id")),
        None => Ok(()),
    }
}

fn bytes(buffer: &ArrayBuffer) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}

fn text(buffer: &ArrayBuffer) -> String {
    base64url::encode(&bytes(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_registration_has_the_listed_fields_only() {
        let posted = credential(
            &[1, 2, 3],
            Attestation {
                object: "o".to_owned(),
                client_data: "c".to_owned(),
                transports: Some(vec!["internal".to_owned()]),
            },
        );
        assert_eq!(
            serde_json::to_value(posted).unwrap(),
            serde_json::json!({
                "id": "AQID", "rawId": "AQID", "type": "public-key",
                "response": {"attestationObject": "o", "clientDataJSON": "c", "transports": ["internal"]},
                "extensions": {},
            })
        );
    }

    #[test]
    fn a_posted_assertion_has_the_listed_fields_only() {
        let posted = credential(
            &[1, 2, 3],
            Assertion {
                authenticator_data: "a".to_owned(),
                client_data: "c".to_owned(),
                signature: "s".to_owned(),
                user_handle: None,
            },
        );
        assert_eq!(
            serde_json::to_value(posted).unwrap(),
            serde_json::json!({
                "id": "AQID", "rawId": "AQID", "type": "public-key",
                "response": {"authenticatorData": "a", "clientDataJSON": "c", "signature": "s", "userHandle": null},
                "extensions": {},
            })
        );
    }
}
