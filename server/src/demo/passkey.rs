//! A passkey and its browser in one, without either: ES256, no attestation, discoverable.

use anyhow::{Context as _, Result};
use domain::base64url;
use domain::enc::sha256;
use domain::seal::DeviceKeys;
use domain::secret::Secret;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use crate::chance::system_rng;

/// WebAuthn Level 3, section 6.1: flags of the authenticator data.
const PRESENT_AND_VERIFIED: u8 = 0x05;
const ATTESTED_CREDENTIAL: u8 = 0x40;

/// At creation: header, AAGUID, length of the id, the id, and the COSE key.
const AUTHENTICATOR_DATA_LENGTH: u8 = 37 + 16 + 2 + 32 + 77;

pub(super) struct SoftPasskey {
    id: [u8; 32],
    relying_party: String,
    user_handle: String,
    origin: String,
    key: SigningKey,
    /// What the PRF extension gives; absent for one that cannot receive keys.
    prf: Option<Secret<32>>,
}

impl SoftPasskey {
    /// `navigator.credentials.create(options)` on a page of `origin`: the passkey, and `toJSON` of
    /// the result.
    pub(super) fn create(options: &Value, origin: &str, receives: bool) -> Result<(Self, Value)> {
        let rng = &mut system_rng();
        let scalar = Secret::<32>::random(rng);
        let passkey = Self {
            id: *Secret::random(rng).expose(),
            relying_party: text(options, "/publicKey/rp/id")?.to_owned(),
            user_handle: text(options, "/publicKey/user/id")?.to_owned(),
            origin: origin.to_owned(),
            key: SigningKey::from_slice(scalar.expose()).context("not a scalar: try again")?,
            prf: receives.then(|| Secret::random(rng)),
        };
        let challenge = text(options, "/publicKey/challenge")?;
        let response = json!({
            "clientDataJSON": base64url::encode(&passkey.client_data("webauthn.create", challenge)),
            "attestationObject": base64url::encode(&passkey.attestation_object()),
            "transports": ["internal"],
        });
        let result = passkey.result(&response);
        Ok((passkey, result))
    }

    /// An assertion over what the options ask for, with the user verified.
    pub(super) fn get(&self, options: &Value) -> Result<Value> {
        let client_data = self.client_data("webauthn.get", text(options, "/publicKey/challenge")?);
        let authenticator_data = self.authenticator_data(0);
        let mut signed = authenticator_data.clone();
        signed.extend(sha256(&client_data));
        let signature: Signature = self.key.sign(&signed);
        Ok(self.result(&json!({
            "clientDataJSON": base64url::encode(&client_data),
            "authenticatorData": base64url::encode(&authenticator_data),
            "signature": base64url::encode(signature.to_der().as_bytes()),
            "userHandle": self.user_handle,
        })))
    }

    pub(super) const fn raw_id(&self) -> &[u8; 32] {
        &self.id
    }

    pub(super) fn device_keys(&self) -> Option<DeviceKeys> {
        self.prf.as_ref().map(DeviceKeys::derive)
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn result(&self, response: &Value) -> Value {
        json!({
            "id": base64url::encode(&self.id),
            "rawId": base64url::encode(&self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
    }

    /// The signature counter stays zero, as synced passkeys keep it.
    fn authenticator_data(&self, more_flags: u8) -> Vec<u8> {
        let mut data = sha256(self.relying_party.as_bytes()).to_vec();
        data.push(PRESENT_AND_VERIFIED | more_flags);
        data.extend([0; 4]);
        data
    }

    /// CBOR `{"fmt": "none", "attStmt": {}, "authData": bytes}`.
    fn attestation_object(&self) -> Vec<u8> {
        let mut cbor = vec![0xa3];
        cbor.extend(b"\x63fmt\x64none");
        cbor.extend(b"\x67attStmt\xa0");
        cbor.extend(b"\x68authData\x58");
        cbor.push(AUTHENTICATOR_DATA_LENGTH);
        cbor.extend(self.authenticator_data(ATTESTED_CREDENTIAL));
        cbor.extend([0; 16]); // AAGUID
        cbor.extend([0, 32]); // length of the credential id
        cbor.extend(self.id);
        cbor.extend(self.cose_key());
        cbor
    }

    /// RFC 9053, section 7.1.1: `{kty: EC2, alg: ES256, crv: P-256, x, y}`.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (_, coordinates) = point.as_bytes().split_at(1);
        let (x, y) = coordinates.split_at(32);
        [
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(),
            x,
            b"\x22\x58\x20",
            y,
        ]
        .concat()
    }
}

fn text<'a>(options: &'a Value, pointer: &str) -> Result<&'a str> {
    options
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the options have no {pointer}"))
}
