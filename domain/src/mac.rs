//! HMAC-SHA256 (RFC 2104), and comparing without telling where two values differ.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::enc::Digest;
use crate::secret::Secret;

pub fn hmac_sha256(key: &Secret<32>, message: &[u8]) -> Digest {
    MacKey::new(key).mac(message)
}

/// A key whose two padded blocks are hashed already: half of the work of a short message.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub fn new(key: &Secret<32>) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mac =
            Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
        Self(mac)
    }

    /// HMAC-SHA256(key, message).
    pub fn mac(&self, message: &[u8]) -> Digest {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl core::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MacKey(…)")
    }
}

/// Compares in constant time.
#[must_use]
pub fn same_digest(one: &Digest, other: &Digest) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's `hmac`, key 32 bytes of 0x0b, message "Hi There".
    #[test]
    fn it_agrees_with_another_implementation() {
        let mac = hmac_sha256(&Secret::new([0x0b; 32]), b"Hi There");
        assert_eq!(mac, EXPECTED);
    }

    const EXPECTED: Digest = [
        0x19, 0x8a, 0x60, 0x7e, 0xb4, 0x4b, 0xfb, 0xc6, 0x99, 0x03, 0xa0, 0xf1, 0xcf, 0x2b, 0xbd,
        0xc5, 0xba, 0x0a, 0xa3, 0xf3, 0xd9, 0xae, 0x3c, 0x1c, 0x7a, 0x3b, 0x16, 0x96, 0xa0, 0xb6,
        0x8c, 0xf7,
    ];

    #[test]
    fn digests_that_differ_in_one_bit_differ() {
        assert!(same_digest(&[1; 32], &[1; 32]));
        let mut other = [1; 32];
        other[31] ^= 0x80;
        assert!(!same_digest(&[1; 32], &other));
    }
}
