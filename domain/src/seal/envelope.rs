//! The envelope: one secret sealed to one passkey's device keys, and signed by the host.

use core::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, Kem, OpModeR, OpModeS, PskBundle, Serializable as _, setup_receiver,
    setup_sender_with_rng,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::base64url::{NotBase64url, base64url_text};
use crate::dec::{Fields, Malformed};
use crate::enc::{Digest, Enc, sha256};
use crate::link::LinkSecret;
use crate::seal::device::DeviceKeys;
use crate::seal::header::{Header, Suite};
use crate::seal::sealing_key::SealingKey;
use crate::seal::signing::{BadSignature, HostPublicKey, HostSigningKey, Signature};
use crate::secret::Secret;

const INFO: &[u8] = b"latchkey/delivery/v1";
const OPENED: &[u8] = b"latchkey/opened/v1";
const BLOCK: usize = 256;

/// One passkey that a secret is sealed to.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// WebAuthn's raw credential id.
    pub credential_id: &'a [u8],
    pub sealing_key: &'a SealingKey,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub suite: Suite,
    pub credential_id: Vec<u8>,
    /// The KEM's encapsulated key.
    pub enc: [u8; 32],
    pub ciphertext: Vec<u8>,
    /// The host's.
    pub signature: Signature,
}

#[derive(Debug)]
pub struct Sealed {
    pub envelope: Envelope,
    /// SHA-256 of what only who opened the envelope knows; the server keeps it for the receipt.
    pub opened_digest: Digest,
}

pub struct OpenedSecret {
    pub secret: Zeroizing<Vec<u8>>,
    /// Proof of opening, for the receipt.
    pub opened: Secret<32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    #[error("the secret is longer than the envelope's length field can say")]
    TooLong,
    #[error("the encryption failed")]
    Encryption,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// Another host's envelope, another delivery's, another passkey's, or one that was altered.
    #[error("the envelope is not this host's for this delivery and this passkey")]
    NotGenuine,
    /// The host's own envelope, but the link is not this delivery's.
    #[error("the link does not open this delivery")]
    WrongLink,
    #[error("the opened contents are ill-formed")]
    Contents,
}

/// Seals once and forgets the context, so no nonce is ever used twice.
pub fn seal(
    secret: &[u8],
    to: Addressee<'_>,
    link: &LinkSecret,
    header: &Header,
    host: &HostSigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, CannotSeal> {
    let plaintext = pad(secret)?;
    let aad = header.encode();
    let delivery = header.delivery.uuid();
    let psk =
        PskBundle::new(link.expose(), delivery.as_bytes()).map_err(|_| CannotSeal::Encryption)?;
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(to.sealing_key.as_bytes())
        .map_err(|_| CannotSeal::Encryption)?;
    let (enc, mut context) = setup_sender_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Psk(psk),
        &key,
        INFO,
        rng,
    )
    .map_err(|_| CannotSeal::Encryption)?;
    let ciphertext = context
        .seal(&plaintext, &aad)
        .map_err(|_| CannotSeal::Encryption)?;
    let mut opened = Zeroizing::new([0; 32]);
    context
        .export(OPENED, opened.as_mut())
        .map_err(|_| CannotSeal::Encryption)?;

    let enc: [u8; 32] = enc.to_bytes().into();
    let signed = statement(sha256(&aad), to, &enc, &ciphertext);
    let envelope = Envelope {
        suite: header.suite,
        credential_id: to.credential_id.to_vec(),
        enc,
        ciphertext,
        signature: host.sign(&signed),
    };
    Ok(Sealed {
        envelope,
        opened_digest: sha256(opened.as_ref()),
    })
}

/// Checks the host's signature before anything is opened.
pub fn open(
    device: &DeviceKeys,
    link: &LinkSecret,
    header: &Header,
    envelope: &Envelope,
    host: &HostPublicKey,
) -> Result<OpenedSecret, CannotOpen> {
    let to = Addressee {
        credential_id: &envelope.credential_id,
        sealing_key: &device.sealing_key(),
    };
    envelope
        .verify(header, to.sealing_key, host)
        .map_err(|BadSignature| CannotOpen::NotGenuine)?;
    decrypt(device, link, header, envelope)
}

impl Envelope {
    /// Whether the host made this very envelope, for this delivery and this sealing key.
    pub fn verify(
        &self,
        header: &Header,
        sealing_key: &SealingKey,
        host: &HostPublicKey,
    ) -> Result<(), BadSignature> {
        let to = Addressee {
            credential_id: &self.credential_id,
            sealing_key,
        };
        let signed = statement(header.digest(), to, &self.enc, &self.ciphertext);
        host.verify(&signed, &self.signature)
    }

    pub fn ciphertext_digest(&self) -> Digest {
        sha256(&self.ciphertext)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        Enc::list()
            .bytes(self.suite.id())
            .bytes(&self.credential_id)
            .bytes(self.enc)
            .bytes(&self.ciphertext)
            .bytes(self.signature.as_bytes())
            .finish()
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::list(bytes);
        let envelope = Self {
            suite: fields.bytes()?.try_into()?,
            credential_id: fields.bytes()?.to_vec(),
            enc: fields.array()?,
            ciphertext: fields.bytes()?.to_vec(),
            signature: fields.bytes()?.try_into().map_err(|_| Malformed)?,
        };
        fields.end()?;
        Ok(envelope)
    }

    fn as_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }
}

impl TryFrom<&[u8]> for Envelope {
    type Error = Malformed;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        Self::parse(bytes)
    }
}

impl From<NotBase64url> for Malformed {
    fn from(NotBase64url: NotBase64url) -> Self {
        Self
    }
}

base64url_text!(Envelope, Malformed);

impl fmt::Debug for OpenedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedSecret(…)")
    }
}

/// What the host signs.
fn statement(header: Digest, to: Addressee<'_>, enc: &[u8; 32], ciphertext: &[u8]) -> Enc {
    Enc::new("latchkey/envelope/v1")
        .bytes(header)
        .bytes(to.credential_id)
        .bytes(to.sealing_key.as_bytes())
        .bytes(enc)
        .bytes(sha256(ciphertext))
}

fn decrypt(
    device: &DeviceKeys,
    link: &LinkSecret,
    header: &Header,
    envelope: &Envelope,
) -> Result<OpenedSecret, CannotOpen> {
    let delivery = header.delivery.uuid();
    let psk =
        PskBundle::new(link.expose(), delivery.as_bytes()).map_err(|_| CannotOpen::WrongLink)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&envelope.enc)
        .map_err(|_| CannotOpen::NotGenuine)?;
    let mut context = setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Psk(psk),
        device.opening_key(),
        &enc,
        INFO,
    )
    // RFC 9180 section 7.1.4: an all-zero shared secret ends here.
    .map_err(|_| CannotOpen::NotGenuine)?;
    let plaintext = context
        .open(&envelope.ciphertext, &header.encode())
        .map(Zeroizing::new)
        .map_err(|_| CannotOpen::WrongLink)?;
    let mut opened = Zeroizing::new([0; 32]);
    context
        .export(OPENED, opened.as_mut())
        .map_err(|_| CannotOpen::Contents)?;
    Ok(OpenedSecret {
        secret: unpad(&plaintext).ok_or(CannotOpen::Contents)?,
        opened: Secret::new(*opened),
    })
}

/// u32 length ‖ secret ‖ zeros to a multiple of 256, so that a length tells little.
fn pad(secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotSeal> {
    let length = u32::try_from(secret.len()).map_err(|_| CannotSeal::TooLong)?;
    let total = secret
        .len()
        .checked_add(4)
        .and_then(|length| length.checked_next_multiple_of(BLOCK))
        .ok_or(CannotSeal::TooLong)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(total));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(secret);
    padded.resize(total, 0);
    Ok(padded)
}

/// Strict: the least number of blocks, and nothing but zeros after the secret.
fn unpad(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (secret, zeros) = rest.split_at_checked(length)?;
    let total = length.checked_add(4)?.checked_next_multiple_of(BLOCK)?;
    let clean = padded.len() == total && zeros.iter().all(|byte| *byte == 0);
    clean.then(|| Zeroizing::new(secret.to_vec()))
}

#[cfg(test)]
mod tests;
