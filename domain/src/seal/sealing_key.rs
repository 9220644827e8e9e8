//! The public key that a secret is sealed to.

use crate::base64url::{NotBase64url, base64url_text};

/// A device's X25519 public key (RFC 7748), known to be canonical and of large order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealingKey([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSealingKey {
    #[error("a sealing key is base64url")]
    Text(#[from] NotBase64url),
    #[error("a sealing key has 32 bytes")]
    Length,
    #[error("a sealing key is below the field's prime")]
    NonCanonical,
    #[error("nothing can be sealed to this key: a trial agreement is all zero")]
    LowOrder,
}

impl SealingKey {
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// For a key that was computed from a private key, which is sound by construction.
    pub(super) const fn computed(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for SealingKey {
    type Error = UnusableSealingKey;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| UnusableSealingKey::Length)?;
        if !is_canonical(&bytes) {
            return Err(UnusableSealingKey::NonCanonical);
        }
        if !agreement_contributes(bytes) {
            return Err(UnusableSealingKey::LowOrder);
        }
        Ok(Self(bytes))
    }
}

base64url_text!(SealingKey, UnusableSealingKey);

/// RFC 7748 section 5 lets a receiver reduce values from 2^255 − 19 up, and drop the top bit. Two
/// spellings of one key would be two fingerprints, so neither is accepted here.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let at_least_p = *high == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *low >= 0xed;
    *high <= 0x7f && !at_least_p
}

/// RFC 9180 section 7.1.4: the shared secret must not be all zero. Clamped scalars are multiples
/// of the cofactor, so whether it is depends on the point alone: one trial with any scalar tells
/// for all, and no generator is needed.
fn agreement_contributes(bytes: [u8; 32]) -> bool {
    x25519_dalek::StaticSecret::from([0x4b; 32])
        .diffie_hellman(&x25519_dalek::PublicKey::from(bytes))
        .was_contributory()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn le(hex: &str) -> [u8; 32] {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        core::array::from_fn(|i| digit(2 * i))
    }

    /// All points whose order divides eight, on the curve and on its twist, in canonical form.
    const LOW_ORDER: [&str; 5] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    /// The same points again, as other spellings: p, p + 1, and with the top bit set.
    const LOW_ORDER_NON_CANONICAL: [&str; 7] = [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn every_low_order_point_is_refused() {
        for hex in LOW_ORDER {
            let refused = SealingKey::try_from(&le(hex)[..]);
            assert_eq!(refused, Err(UnusableSealingKey::LowOrder), "{hex}");
        }
    }

    #[test]
    fn every_other_spelling_of_a_low_order_point_is_refused() {
        for hex in LOW_ORDER_NON_CANONICAL {
            let refused = SealingKey::try_from(&le(hex)[..]);
            assert_eq!(refused, Err(UnusableSealingKey::NonCanonical), "{hex}");
        }
    }

    #[test]
    fn values_from_the_prime_up_are_refused() {
        for low in 0xed..=0xff {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            bytes[31] = 0x7f;
            let refused = SealingKey::try_from(&bytes[..]);
            assert_eq!(refused, Err(UnusableSealingKey::NonCanonical));
        }
    }

    #[test]
    fn a_sound_key_with_its_top_bit_set_is_refused() {
        let mut bytes = [0; 32];
        bytes[0] = 9;
        assert!(SealingKey::try_from(&bytes[..]).is_ok());
        bytes[31] = 0x80;
        let refused = SealingKey::try_from(&bytes[..]);
        assert_eq!(refused, Err(UnusableSealingKey::NonCanonical));
    }

    #[test]
    fn another_length_is_refused() {
        for length in [0, 31, 33, 64] {
            let refused = SealingKey::try_from(&vec![9; length][..]);
            assert_eq!(refused, Err(UnusableSealingKey::Length));
        }
    }

    #[test]
    fn its_text_form_comes_back() {
        let mut bytes = [0; 32];
        bytes[0] = 9;
        let key = SealingKey::try_from(&bytes[..]).unwrap();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!(matches!(
            "CQ==".parse::<SealingKey>(),
            Err(UnusableSealingKey::Text(_))
        ));
    }
}
