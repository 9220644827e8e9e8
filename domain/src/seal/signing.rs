//! Ed25519 (RFC 8032), strictly: keys of small order and other spellings of a key are refused when
//! parsed, and signatures are checked with `verify_strict`, which has one signature for a message.
//! What is signed is always an [`Enc`].

use core::fmt;

use ed25519_dalek::Signer as _;

use crate::base64url::{NotBase64url, base64url_text};
use crate::enc::Enc;
use crate::secret::Secret;

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSignature {
    #[error("a signature is base64url")]
    Text(#[from] NotBase64url),
    #[error("a signature has 64 bytes")]
    Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableVerifyingKey {
    #[error("a verifying key is base64url")]
    Text(#[from] NotBase64url),
    #[error("a verifying key has 32 bytes")]
    Length,
    #[error("a verifying key is a point in its one canonical form")]
    NonCanonical,
    #[error("a key of small order verifies anything")]
    SmallOrder,
}

/// The signature is not by this key over this statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct BadSignature;

impl Signature {
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Signature {
    type Error = MalformedSignature;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        match bytes.try_into() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(MalformedSignature::Length),
        }
    }
}

base64url_text!(Signature, MalformedSignature);

macro_rules! verifying_keys {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(ed25519_dalek::VerifyingKey);

        impl $name {
            pub fn as_bytes(&self) -> &[u8; 32] {
                self.0.as_bytes()
            }

            pub fn verify(
                &self,
                statement: &Enc,
                signature: &Signature,
            ) -> Result<(), BadSignature> {
                let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
                self.0
                    .verify_strict(&statement.clone().finish(), &signature)
                    .map_err(|_| BadSignature)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = UnusableVerifyingKey;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                strict_verifying_key(bytes).map(Self)
            }
        }

        base64url_text!($name, UnusableVerifyingKey);
    )+};
}

verifying_keys! {
    /// Checks what a device signed: its enrolment and its receipts.
    DeviceVerifyingKey
    /// Checks what the host signed; published at `/.well-known/latchkey.json`.
    HostPublicKey
}

fn strict_verifying_key(bytes: &[u8]) -> Result<ed25519_dalek::VerifyingKey, UnusableVerifyingKey> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| UnusableVerifyingKey::Length)?;
    // The library follows ZIP-215 here; RFC 8032 section 5.1.3 asks for y below the prime.
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
        .ok()
        .filter(|key| key.to_edwards().compress().as_bytes() == bytes)
        .ok_or(UnusableVerifyingKey::NonCanonical)?;
    match key.is_weak() {
        true => Err(UnusableVerifyingKey::SmallOrder),
        false => Ok(key),
    }
}

/// A device's private signing key; lives in the browser only.
pub(super) struct DeviceSigningKey(ed25519_dalek::SigningKey);

impl DeviceSigningKey {
    pub(super) fn from_seed(seed: &Secret<32>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    pub(super) fn public(&self) -> DeviceVerifyingKey {
        DeviceVerifyingKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, statement: &Enc) -> Signature {
        Signature(self.0.sign(&statement.clone().finish()).to_bytes())
    }
}

/// The host's private key, which signs each envelope.
#[derive(Clone)]
pub struct HostSigningKey(ed25519_dalek::SigningKey);

impl HostSigningKey {
    /// Any 32 random bytes are a key (RFC 8032 section 5.1.5).
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    pub fn seed(&self) -> Secret<32> {
        Secret::new(self.0.to_bytes())
    }

    pub fn public(&self) -> HostPublicKey {
        HostPublicKey(self.0.verifying_key())
    }

    pub fn sign(&self, statement: &Enc) -> Signature {
        Signature(self.0.sign(&statement.clone().finish()).to_bytes())
    }
}

impl fmt::Debug for HostSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostSigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostSigningKey {
        HostSigningKey::from_seed(&Secret::new([3; 32]))
    }

    fn statement() -> Enc {
        Enc::new("test/v1").u64(1)
    }

    #[test]
    fn a_signature_fits_its_statement() {
        let signature = host().sign(&statement());
        assert_eq!(host().public().verify(&statement(), &signature), Ok(()));
    }

    #[test]
    fn another_statement_is_refused() {
        let signature = host().sign(&statement());
        let other = Enc::new("test/v1").u64(2);
        assert_eq!(
            host().public().verify(&other, &signature),
            Err(BadSignature)
        );
    }

    #[test]
    fn another_hosts_signature_is_refused() {
        let signature = HostSigningKey::from_seed(&Secret::new([4; 32])).sign(&statement());
        let refused = host().public().verify(&statement(), &signature);
        assert_eq!(refused, Err(BadSignature));
    }

    /// The order of the base point, little-endian (RFC 8032 section 5.1).
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn a_malleable_signature_is_refused() {
        let mut bytes = *host().sign(&statement()).as_bytes();
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        let malleable = Signature::try_from(&bytes[..]).unwrap();
        let refused = host().public().verify(&statement(), &malleable);
        assert_eq!(refused, Err(BadSignature));
    }

    /// Whoever has the key can sign with the commitment R = the identity and S = k·a, which the
    /// plain check of RFC 8032 accepts. S was computed by a separate program.
    #[test]
    fn a_signature_with_a_small_order_commitment_is_refused() {
        let s: [u8; 32] = [
            0xde, 0x1c, 0x3a, 0xa9, 0x17, 0x83, 0xfc, 0xff, 0x00, 0x38, 0x9d, 0x38, 0x0f, 0x0b,
            0x06, 0xd7, 0xa5, 0x60, 0x9c, 0x72, 0x7e, 0x08, 0xff, 0x97, 0x62, 0xf0, 0x77, 0xc0,
            0x90, 0x91, 0xc8, 0x0e,
        ];
        let bytes = [IDENTITY, s].concat();
        let plain = ed25519_dalek::Signature::from_slice(&bytes).unwrap();
        let message = statement().finish();
        assert!(ed25519_dalek::Verifier::verify(&host().public().0, &message, &plain).is_ok());
        let strict = Signature::try_from(&bytes[..]).unwrap();
        let refused = host().public().verify(&statement(), &strict);
        assert_eq!(refused, Err(BadSignature));
    }

    const IDENTITY: [u8; 32] = {
        let mut y = [0; 32];
        y[0] = 1;
        y
    };

    #[test]
    fn every_small_order_key_is_refused() {
        let hex = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ];
        for hex in hex {
            let bytes: Vec<u8> = (0..32)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
                .collect();
            let refused = DeviceVerifyingKey::try_from(&bytes[..]);
            assert_eq!(refused, Err(UnusableVerifyingKey::SmallOrder), "{hex}");
        }
    }

    #[test]
    fn a_non_canonical_key_is_refused() {
        // y = p + 3, which is the point with y = 3 in another spelling.
        let mut bytes = [0xff; 32];
        bytes[0] = 0xf0;
        bytes[31] = 0x7f;
        let mut canonical = [0; 32];
        canonical[0] = 3;
        assert!(HostPublicKey::try_from(&canonical[..]).is_ok());
        let refused = HostPublicKey::try_from(&bytes[..]);
        assert_eq!(refused, Err(UnusableVerifyingKey::NonCanonical));
    }

    #[test]
    fn bytes_that_are_no_point_are_refused() {
        let mut bytes = [0; 32];
        bytes[0] = 2;
        let refused = HostPublicKey::try_from(&bytes[..]);
        assert_eq!(refused, Err(UnusableVerifyingKey::NonCanonical));
    }

    #[test]
    fn another_length_is_refused() {
        assert_eq!(
            HostPublicKey::try_from(&[1; 31][..]),
            Err(UnusableVerifyingKey::Length)
        );
        assert_eq!(
            Signature::try_from(&[1; 63][..]),
            Err(MalformedSignature::Length)
        );
    }

    #[test]
    fn the_host_key_shows_nothing() {
        assert_eq!(format!("{:?}", host()), "HostSigningKey(…)");
    }
}
