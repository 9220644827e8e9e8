//! The key's format: `{prefix}_{env}_{kid:8}{secret:32}{crc:6}` (`docs/protocol.md`, "Keys").

use core::fmt;
use core::str::FromStr;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::alphabet::{self, BASE62};
use crate::enc::Digest;
use crate::mac::MacKey;
use crate::secret::Secret;

const KID: usize = 8;
const SECRET: usize = 32;
const CHECKSUM: usize = 6;
const TAGS_MAX: usize = 7;
/// With its two underscores; 55 bytes are one SHA-256 block.
const KEY_MAX: usize = TAGS_MAX + 2 + KID + SECRET + CHECKSUM;

/// Not a key: its length, its characters or its checksum are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed key")]
pub struct Malformed;

/// The configured prefix and an environment's tag, such as `lk_live_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix {
    prefix: String,
    tag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusablePrefix {
    #[error("a prefix and a tag are of small letters and digits, at least one each")]
    Characters,
    #[error("a prefix and its environment's tag have at most seven characters together")]
    TooLong,
}

/// The part of a key that may be shown: it finds the key, and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid([u8; KID]);

/// A whole key in the clear. It has no `Display`; [`ApiKey::expose`] is the one way out.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ApiKey {
    text: [u8; KEY_MAX],
    #[zeroize(skip)]
    length: usize,
}

impl KeyPrefix {
    pub fn new(prefix: &str, tag: &str) -> Result<Self, UnusablePrefix> {
        if !is_tag(prefix.as_bytes()) || !is_tag(tag.as_bytes()) {
            return Err(UnusablePrefix::Characters);
        }
        if prefix.len() + tag.len() > TAGS_MAX {
            return Err(UnusablePrefix::TooLong);
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

/// `lk_live_`.
impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_", self.prefix, self.tag)
    }
}

impl Kid {
    pub fn as_str(&self) -> &str {
        // Base62 only, by construction.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub const fn as_bytes(&self) -> &[u8; KID] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Kid {
    type Error = Malformed;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        match bytes.try_into() {
            Ok(kid) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(kid)),
            _ => Err(Malformed),
        }
    }
}

impl FromStr for Kid {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.as_bytes())
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

impl Serialize for Kid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl ApiKey {
    /// A new key: 48 bits of id, 190 bits of secret.
    pub fn mint(prefix: &KeyPrefix, rng: &mut impl CryptoRng) -> Self {
        let mut random = Zeroizing::new([0; KID + SECRET]);
        alphabet::fill(random.as_mut(), BASE62, rng);
        let mut key = Self {
            text: [0; KEY_MAX],
            length: 0,
        };
        key.push(prefix.prefix.as_bytes());
        key.push(b"_");
        key.push(prefix.tag.as_bytes());
        key.push(b"_");
        key.push(random.as_ref());
        let sum = checksum(key.bytes());
        key.push(&sum);
        key
    }

    /// The checksum is looked at before anything costs more than reading the text once. Nothing is
    /// allocated.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let bytes = text.as_bytes();
        if bytes.len() > KEY_MAX {
            return Err(Malformed);
        }
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(Malformed)?;
        if checksum(body) != *sum {
            return Err(Malformed);
        }
        let (head, random) = body
            .split_last_chunk::<{ KID + SECRET }>()
            .ok_or(Malformed)?;
        if !is_head(head) || !random.iter().all(u8::is_ascii_alphanumeric) {
            return Err(Malformed);
        }
        let mut key = Self {
            text: [0; KEY_MAX],
            length: 0,
        };
        key.push(bytes);
        Ok(key)
    }

    pub fn kid(&self) -> Kid {
        let at = self.length.saturating_sub(KID + SECRET + CHECKSUM);
        let kid = self.bytes().get(at..).and_then(<[u8]>::first_chunk);
        // Both ways to a key leave 46 characters after its prefix.
        Kid(kid.copied().unwrap_or([b'0'; KID]))
    }

    /// The key itself, for sealing. Every caller is a place to look at in a review.
    pub fn expose(&self) -> &[u8] {
        self.bytes()
    }

    /// HMAC-SHA256(pepper, key): what is stored, and compared with
    /// [`crate::mac::same_digest`].
    pub fn mac(&self, pepper: &Secret<32>) -> Digest {
        self.mac_by(&MacKey::new(pepper))
    }

    /// The same, with a pepper that is prepared for many keys.
    pub fn mac_by(&self, pepper: &MacKey) -> Digest {
        pepper.mac(self.bytes())
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.length.saturating_add(part.len());
        if let Some(room) = self.text.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

fn is_tag(text: &[u8]) -> bool {
    let small = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !text.is_empty() && text.iter().all(small)
}

/// `{prefix}_{tag}_`.
fn is_head(head: &[u8]) -> bool {
    let Some(tags) = head.strip_suffix(b"_") else {
        return false;
    };
    let mut parts = tags.splitn(2, |byte| *byte == b'_');
    parts.next().is_some_and(is_tag)
        && parts.next().is_some_and(is_tag)
        && tags.len() <= TAGS_MAX + 1
}

/// CRC-32 (IEEE 802.3) in base62, with its leading zeros: 62^6 exceeds 2^32.
fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body);
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(rest % 62).unwrap_or_default();
        *digit = BASE62.get(value).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_rng::TestRng;

    fn prefix() -> KeyPrefix {
        KeyPrefix::new("lk", "live").unwrap()
    }

    fn mint(seed: u64) -> ApiKey {
        ApiKey::mint(&prefix(), &mut TestRng::new(seed))
    }

    fn text(key: &ApiKey) -> &str {
        core::str::from_utf8(key.expose()).unwrap()
    }

    /// `body` with the checksum that it should have.
    fn with_checksum(body: &str) -> String {
        let sum = checksum(body.as_bytes());
        format!("{body}{}", core::str::from_utf8(&sum).unwrap())
    }

    #[test]
    fn a_minted_key_parses() {
        let key = mint(1);
        assert_eq!(text(&key).len(), 54);
        assert!(text(&key).starts_with("lk_live_"));
        let parsed = ApiKey::parse(text(&key)).unwrap();
        assert_eq!(parsed.expose(), key.expose());
        assert_eq!(parsed.kid(), key.kid());
        assert_eq!(key.kid().as_str(), &text(&key)[8..16]);
    }

    #[test]
    fn two_keys_differ() {
        assert_ne!(mint(1).kid(), mint(2).kid());
        assert_ne!(text(&mint(1))[16..48], text(&mint(2))[16..48]);
    }

    #[test]
    fn the_longest_key_is_one_block() {
        let longest = KeyPrefix::new("lk", "sandb").unwrap();
        let key = ApiKey::mint(&longest, &mut TestRng::new(1));
        assert_eq!(key.expose().len(), 55);
        assert!(ApiKey::parse(text(&key)).is_ok());
    }

    /// Made with Python's `zlib.crc32`.
    #[test]
    fn a_checksums_leading_zeros_stay() {
        for key in [
            "lk_live_00000006SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS01f2Pj",
            "lk_live_00000068SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS00mrb2",
        ] {
            assert!(ApiKey::parse(key).is_ok(), "{key}");
            let (body, sum) = key.split_at(48);
            assert_eq!(with_checksum(body), key);
            let without = format!("{body}{}", sum.trim_start_matches('0'));
            assert!(without.len() < key.len());
            assert_eq!(ApiKey::parse(&without).unwrap_err(), Malformed);
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let key = mint(1);
        for at in 0..key.expose().len() {
            let mut changed = key.expose().to_vec();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ApiKey::parse(&changed).unwrap_err(), Malformed, "{at}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let key = mint(1);
        for length in 0..key.expose().len() {
            assert!(ApiKey::parse(&text(&key)[..length]).is_err());
        }
    }

    #[test]
    fn surrounding_space_is_refused() {
        let key = mint(1);
        assert!(ApiKey::parse(&format!("{} ", text(&key))).is_err());
        assert!(ApiKey::parse(&format!(" {}", text(&key))).is_err());
    }

    #[test]
    fn a_right_checksum_over_a_wrong_shape_is_refused() {
        let random = "a".repeat(40);
        for body in [
            format!("lk_live{random}"),
            format!("lklive_{random}"),
            format!("_live_{random}"),
            format!("lk__{random}"),
            format!("lk_live__{random}"),
            format!("LK_live_{random}"),
            format!("lk_livelong_{random}"),
            format!("lk_live_{}-", "a".repeat(39)),
            format!("lk_live_{}", "a".repeat(39)),
            format!("lk_live_{}é", "a".repeat(38)),
            random,
        ] {
            let refused = ApiKey::parse(&with_checksum(&body));
            assert_eq!(refused.unwrap_err(), Malformed, "{body}");
        }
    }

    #[test]
    fn the_mac_depends_on_the_pepper_and_on_the_whole_key() {
        let pepper = Secret::new([1; 32]);
        assert_eq!(mint(1).mac(&pepper), mint(1).mac(&pepper));
        assert_ne!(mint(1).mac(&pepper), mint(1).mac(&Secret::new([2; 32])));
        assert_ne!(mint(1).mac(&pepper), mint(2).mac(&pepper));
    }

    #[test]
    fn a_key_shows_nothing() {
        assert_eq!(format!("{:?}", mint(1)), "ApiKey(…)");
    }

    #[test]
    fn a_prefix_and_a_tag_that_are_too_long_are_refused() {
        assert_eq!(KeyPrefix::new("lkk", "livee"), Err(UnusablePrefix::TooLong));
        assert!(KeyPrefix::new("lkk", "live").is_ok());
    }

    #[test]
    fn a_prefix_of_other_characters_is_refused() {
        for (prefix, tag) in [
            ("", "live"),
            ("lk", ""),
            ("l_", "live"),
            ("LK", "a"),
            ("lk", "é"),
        ] {
            let refused = KeyPrefix::new(prefix, tag);
            assert_eq!(refused, Err(UnusablePrefix::Characters), "{prefix} {tag}");
        }
    }

    #[test]
    fn a_key_id_of_another_form_is_refused() {
        for kid in ["", "1234567", "123456789", "1234567-", "1234567é"] {
            assert_eq!(kid.parse::<Kid>(), Err(Malformed), "{kid}");
        }
        assert!(serde_json::from_str::<Kid>("\"1234567-\"").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            let _ = ApiKey::parse(&text);
        }

        #[test]
        fn what_is_minted_parses(seed: u64) {
            prop_assert!(ApiKey::parse(text(&mint(seed))).is_ok());
        }
    }
}
