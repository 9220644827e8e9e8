//! Assertions: what a backend may believe of a caller, signed, so that it can check that Latchkey
//! said it (`docs/protocol.md`, "Assertions"). A compact JWS (RFC 7515) by Ed25519 (RFC 8037), which
//! any library for JSON Web Tokens reads.

use core::fmt;

use ed25519_dalek::Signer as _;

use crate::base64url;
use crate::enc::sha256;
use crate::seal::HostSigningKey;
use crate::seal::device::expand;

/// An assertion is for the one call that it is sent with.
pub const LIFETIME_SECONDS: i64 = 60;

/// Signs assertions, and nothing else: derived from the host's key, so that what one of the two
/// signed never passes for the other's.
#[derive(Clone)]
pub struct AssertionKey {
    key: ed25519_dalek::SigningKey,
    id: String,
    /// The protected header, encoded.
    header: String,
}

impl AssertionKey {
    pub fn derive(host: &HostSigningKey) -> Self {
        let seed = expand(&host.seed(), b"latchkey/v1/assertion");
        let key = ed25519_dalek::SigningKey::from_bytes(seed.expose());
        let id = thumbprint(&encoded(&key));
        let header = format!(r#"{{"alg":"EdDSA","kid":"{id}","typ":"latchkey-assertion+jwt"}}"#);
        Self {
            header: base64url::encode(header.as_bytes()),
            key,
            id,
        }
    }

    /// The public key: 32 bytes in base64url (RFC 8037, section 2, `x`).
    pub fn public(&self) -> String {
        encoded(&self.key)
    }

    /// The public key's thumbprint (RFC 7638), by which an assertion names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `claims` is a JSON object.
    pub fn sign(&self, claims: &[u8]) -> String {
        let mut jws = format!("{}.{}", self.header, base64url::encode(claims));
        let signature = self.key.sign(jws.as_bytes()).to_bytes();
        jws.push('.');
        jws.push_str(&base64url::encode(&signature));
        jws
    }
}

fn encoded(key: &ed25519_dalek::SigningKey) -> String {
    base64url::encode(key.verifying_key().as_bytes())
}

/// Over the required members in the order of their names (RFC 8037, appendix A.3).
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    base64url::encode(&sha256(members.as_bytes()))
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn host() -> HostSigningKey {
        HostSigningKey::from_seed(&Secret::new([7; 32]))
    }

    /// RFC 8037, appendices A.2 and A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(thumbprint(x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn it_is_not_the_key_that_envelopes_are_signed_with() {
        let key = AssertionKey::derive(&host());
        let envelopes = base64url::encode(host().public().as_bytes());
        assert_ne!(key.public(), envelopes);
        assert_eq!(key.public(), AssertionKey::derive(&host()).public());
    }

    #[test]
    fn an_assertion_names_its_type_its_algorithm_and_its_key() {
        let key = AssertionKey::derive(&host());
        let jws = key.sign(br#"{"sub":"x"}"#);
        let parts: Vec<&str> = jws.split('.').collect();
        assert_eq!(parts.len(), 3);
        let header = base64url::decode(parts[0]).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header["alg"], "EdDSA");
        assert_eq!(header["typ"], "latchkey-assertion+jwt");
        assert_eq!(header["kid"], key.id());
        assert_eq!(base64url::decode(parts[1]).unwrap(), br#"{"sub":"x"}"#);
        let signature: [u8; 64] = base64url::decode(parts[2]).unwrap().try_into().unwrap();
        let signed = [parts[0], parts[1]].join(".");
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        let public = key.key.verifying_key();
        assert!(public.verify_strict(signed.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn the_key_is_absent_from_debug() {
        let shown = format!("{:?}", AssertionKey::derive(&host()));
        assert_eq!(shown, "AssertionKey(…)");
    }
}
