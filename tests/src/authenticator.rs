//! A WebAuthn authenticator and its browser in one, without either: for tests of races and
//! crashes, where a browser would be too slow. ES256, no attestation, discoverable, PRF.

use anyhow::{Context as _, Result, bail};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rand_core::CryptoRng;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// WebAuthn Level 3, section 6.1: flags of the authenticator data.
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED_CREDENTIAL: u8 = 0x40;

/// At creation: header, AAGUID, length of the id, the id, and the COSE key.
const AUTHENTICATOR_DATA_LENGTH: u8 = 37 + 16 + 2 + 32 + 77;

/// Holds any number of credentials for any number of relying parties.
#[derive(Clone, Default)]
pub struct SoftwareAuthenticator {
    credentials: Vec<Credential>,
    /// Whether new credentials say that they are synced between devices.
    pub synced: bool,
}

#[derive(Clone)]
pub struct Credential {
    pub id: [u8; 32],
    pub relying_party: String,
    pub user_handle: Vec<u8>,
    synced: bool,
    key: SigningKey,
    prf_secret: Hmac<Sha256>,
}

impl SoftwareAuthenticator {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// Makes its credentials say that they are another user's, as one would that somebody built.
    pub fn pose_as(&mut self, user_handle: &[u8]) {
        for credential in &mut self.credentials {
            credential.user_handle = user_handle.to_vec();
        }
    }

    /// `navigator.credentials.create(options)` on a page of `origin`, and `toJSON` of the result.
    /// `options` is what a server sends: `{"publicKey": {…}}`, binary fields in base64url.
    ///
    /// # Errors
    /// When the options lack what the specification requires.
    pub fn create(
        &mut self,
        options: &Value,
        origin: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Value> {
        let relying_party = text(options, "/publicKey/rp/id")?;
        let credential = Credential {
            id: random(rng),
            relying_party: relying_party.to_owned(),
            user_handle: bytes(options, "/publicKey/user/id")?,
            synced: self.synced,
            key: SigningKey::from_slice(&random(rng)).context("not a scalar: draw again")?,
            prf_secret: Hmac::new_from_slice(&random(rng))?,
        };
        let challenge = text(options, "/publicKey/challenge")?;
        let client_data = client_data("webauthn.create", challenge, origin);
        let response = json!({
            "clientDataJSON": base64url(&client_data),
            "attestationObject": base64url(&credential.attestation_object()),
            "transports": ["internal"],
        });
        let result = credential.result(&response);
        self.credentials.push(credential);
        Ok(result)
    }

    /// `navigator.credentials.get(options)`, with the user verified. An empty or absent allow
    /// list means the newest credential for the relying party.
    ///
    /// # Errors
    /// When it holds no credential that the options allow.
    pub fn get(&self, options: &Value, origin: &str) -> Result<Value> {
        let relying_party = text(options, "/publicKey/rpId")?;
        let allowed: Vec<&str> = options
            .pointer("/publicKey/allowCredentials")
            .and_then(Value::as_array)
            .map(|list| {
                list.iter()
                    .filter_map(|one| one.get("id")?.as_str())
                    .collect()
            })
            .unwrap_or_default();
        let found = self.credentials.iter().rev().find(|credential| {
            credential.relying_party == relying_party
                && (allowed.is_empty() || allowed.contains(&base64url(&credential.id).as_str()))
        });
        let Some(credential) = found else {
            bail!("no credential for {relying_party} is allowed");
        };
        Ok(credential.get(text(options, "/publicKey/challenge")?, origin))
    }
}

impl Credential {
    /// An assertion by this very credential over a challenge in base64url.
    pub fn get(&self, challenge: &str, origin: &str) -> Value {
        self.assertion(challenge, origin, self.authenticator_data(0))
    }

    /// The same by whoever holds the device: it asked for no finger, face or PIN.
    pub fn get_unverified(&self, challenge: &str, origin: &str) -> Value {
        let mut data = self.authenticator_data(0);
        if let Some(flags) = data.get_mut(32) {
            *flags &= !USER_VERIFIED;
        }
        self.assertion(challenge, origin, data)
    }

    fn assertion(&self, challenge: &str, origin: &str, authenticator_data: Vec<u8>) -> Value {
        let client_data = client_data("webauthn.get", challenge, origin);
        let mut signed = authenticator_data.clone();
        signed.extend(Sha256::digest(&client_data));
        let signature: Signature = self.key.sign(&signed);
        self.result(&json!({
            "clientDataJSON": base64url(&client_data),
            "authenticatorData": base64url(&authenticator_data),
            "signature": base64url(signature.to_der().as_bytes()),
            "userHandle": base64url(&self.user_handle),
        }))
    }

    /// What the PRF extension gives for `eval.first = input`: WebAuthn Level 3, section 10.1.4.
    pub fn prf(&self, input: &[u8]) -> [u8; 32] {
        let mut salt = Sha256::new_with_prefix(b"WebAuthn PRF\0");
        salt.update(input);
        let mut mac = self.prf_secret.clone();
        mac.update(&salt.finalize());
        mac.finalize().into_bytes().into()
    }

    fn result(&self, response: &Value) -> Value {
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
    }

    /// The signature counter stays zero, as synced passkeys keep it.
    fn authenticator_data(&self, more_flags: u8) -> Vec<u8> {
        let backup = if self.synced {
            BACKUP_ELIGIBLE | BACKED_UP
        } else {
            0
        };
        let mut data = Sha256::digest(self.relying_party.as_bytes()).to_vec();
        data.push(USER_PRESENT | USER_VERIFIED | backup | more_flags);
        data.extend([0; 4]);
        data
    }

    /// CBOR `{"fmt": "none", "attStmt": {}, "authData": bytes}`.
    fn attestation_object(&self) -> Vec<u8> {
        let mut data = self.authenticator_data(ATTESTED_CREDENTIAL);
        data.extend([0; 16]); // AAGUID
        data.extend([0, 32]); // length of the credential id
        data.extend(self.id);
        data.extend(self.cose_key());

        let mut cbor = vec![0xa3];
        cbor.extend(b"\x63fmt\x64none");
        cbor.extend(b"\x67attStmt\xa0");
        cbor.extend(b"\x68authData\x58");
        cbor.push(AUTHENTICATOR_DATA_LENGTH);
        cbor.extend(data);
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

fn client_data(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

fn random(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn text<'a>(options: &'a Value, pointer: &str) -> Result<&'a str> {
    options
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the options have no {pointer}"))
}

fn bytes(options: &Value, pointer: &str) -> Result<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text(options, pointer)?)
        .map_err(|_| anyhow::anyhow!("{pointer} is not base64url"))
}
