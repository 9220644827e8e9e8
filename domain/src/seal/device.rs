//! The keys that a passkey's PRF output yields in the browser: one pair to open what is sealed to
//! the person, one to sign receipts.

use core::fmt;

use hkdf::Hkdf;
use hpke::kem::X25519HkdfSha256;
use hpke::{Kem, Serializable as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::enc::Enc;
use crate::id::PersonId;
use crate::seal::sealing_key::SealingKey;
use crate::seal::signing::{BadSignature, DeviceSigningKey, DeviceVerifyingKey, Signature};
use crate::secret::Secret;

/// The input of the passkey's PRF evaluation (WebAuthn level 3, section 10.1.4), as `eval.first`.
pub const PRF_INPUT: &[u8] = b"latchkey/device/v1";

/// Both private keys of one passkey. They exist in the browser's memory only.
pub struct DeviceKeys {
    opening: <X25519HkdfSha256 as Kem>::PrivateKey,
    sealing: SealingKey,
    signing: DeviceSigningKey,
}

impl DeviceKeys {
    pub fn derive(prf: &Secret<32>) -> Self {
        let seal_seed = expand(prf, b"latchkey/v1/seal");
        let (opening, public) = X25519HkdfSha256::derive_keypair(seal_seed.expose());
        let sign_seed = expand(prf, b"latchkey/v1/sign");
        Self {
            opening,
            sealing: SealingKey::computed(public.to_bytes().into()),
            signing: DeviceSigningKey::from_seed(&sign_seed),
        }
    }

    pub const fn sealing_key(&self) -> SealingKey {
        self.sealing
    }

    pub fn verifying_key(&self) -> DeviceVerifyingKey {
        self.signing.public()
    }

    /// The statement that ties both public keys to a person and a passkey. `credential_id` is
    /// WebAuthn's raw credential id.
    pub fn enrol(&self, person: PersonId, credential_id: &[u8]) -> Signature {
        self.sign(&enrolment(
            person,
            credential_id,
            &self.sealing,
            &self.verifying_key(),
        ))
    }

    pub(super) fn sign(&self, statement: &Enc) -> Signature {
        self.signing.sign(statement)
    }

    pub(super) const fn opening_key(&self) -> &<X25519HkdfSha256 as Kem>::PrivateKey {
        &self.opening
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKeys(…)")
    }
}

pub fn verify_enrolment(
    person: PersonId,
    credential_id: &[u8],
    sealing: &SealingKey,
    verifying: &DeviceVerifyingKey,
    signature: &Signature,
) -> Result<(), BadSignature> {
    let statement = enrolment(person, credential_id, sealing, verifying);
    verifying.verify(&statement, signature)
}

fn enrolment(
    person: PersonId,
    credential_id: &[u8],
    sealing: &SealingKey,
    verifying: &DeviceVerifyingKey,
) -> Enc {
    Enc::new("latchkey/enrol/v1")
        .uuid(person.uuid())
        .bytes(credential_id)
        .bytes(sealing.as_bytes())
        .bytes(verifying.as_bytes())
}

/// HKDF-SHA256 (RFC 5869) with an empty salt.
pub(crate) fn expand(key: &Secret<32>, info: &[u8]) -> Secret<32> {
    let mut output = Zeroizing::new([0; 32]);
    #[expect(
        clippy::expect_used,
        reason = "32 bytes are below HKDF's limit of 255 × 32"
    )]
    Hkdf::<Sha256>::new(None, key.expose())
        .expand(info, output.as_mut())
        .expect("32 bytes are within HKDF's limit");
    Secret::new(*output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn device(byte: u8) -> DeviceKeys {
        DeviceKeys::derive(&Secret::new([byte; 32]))
    }

    fn person(id: u128) -> PersonId {
        PersonId::new(Uuid::from_u128(id))
    }

    fn verify(keys: &DeviceKeys, person: PersonId, id: &[u8], signature: &Signature) -> bool {
        verify_enrolment(
            person,
            id,
            &keys.sealing_key(),
            &keys.verifying_key(),
            signature,
        )
        .is_ok()
    }

    #[test]
    fn the_same_output_gives_the_same_keys() {
        assert_eq!(device(1).sealing_key(), device(1).sealing_key());
        assert_eq!(device(1).verifying_key(), device(1).verifying_key());
        assert_ne!(device(1).sealing_key(), device(2).sealing_key());
        assert_ne!(device(1).verifying_key(), device(2).verifying_key());
    }

    #[test]
    fn a_derived_sealing_key_passes_its_own_checks() {
        let key = device(1).sealing_key();
        assert_eq!(SealingKey::try_from(&key.as_bytes()[..]), Ok(key));
    }

    #[test]
    fn an_enrolment_verifies() {
        let signature = device(1).enrol(person(1), b"credential");
        assert!(verify(&device(1), person(1), b"credential", &signature));
    }

    #[test]
    fn an_enrolment_of_another_person_is_refused() {
        let signature = device(1).enrol(person(1), b"credential");
        assert!(!verify(&device(1), person(2), b"credential", &signature));
    }

    #[test]
    fn an_enrolment_of_another_credential_is_refused() {
        let signature = device(1).enrol(person(1), b"credential");
        assert!(!verify(&device(1), person(1), b"other", &signature));
    }

    #[test]
    fn an_enrolment_of_another_sealing_key_is_refused() {
        let signature = device(1).enrol(person(1), b"credential");
        let refused = verify_enrolment(
            person(1),
            b"credential",
            &device(2).sealing_key(),
            &device(1).verifying_key(),
            &signature,
        );
        assert_eq!(refused, Err(BadSignature));
    }

    #[test]
    fn device_keys_show_nothing() {
        assert_eq!(format!("{:?}", device(1)), "DeviceKeys(…)");
    }
}
