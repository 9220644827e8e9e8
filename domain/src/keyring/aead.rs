//! AES-256-GCM (NIST SP 800-38D) with a random nonce in front of the ciphertext and the tag behind.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::secret::Secret;

const NONCE: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is too long to be encrypted")]
pub struct CannotEncrypt;

/// Another key, another row, or altered bytes: which one is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open")]
pub struct CannotDecrypt;

pub(super) fn encrypt(
    key: &Secret<32>,
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, CannotEncrypt> {
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let msg = Payload {
        msg: plaintext,
        aad,
    };
    let ciphertext = Aes256Gcm::new(key.expose().into())
        .encrypt(&Nonce::from(nonce), msg)
        .map_err(|_| CannotEncrypt)?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

pub(super) fn decrypt(
    key: &Secret<32>,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CannotDecrypt> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(CannotDecrypt)?;
    Aes256Gcm::new(key.expose().into())
        .decrypt(&Nonce::from(*nonce), Payload { msg, aad })
        .map(Zeroizing::new)
        .map_err(|_| CannotDecrypt)
}
