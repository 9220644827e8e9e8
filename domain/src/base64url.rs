//! Base64url without padding (RFC 4648 section 5), the one text form of bytes in links, JSON and
//! pages. Decoding is strict: no padding, no white space, no stray bits in the last character, so
//! that one value has one spelling.

use base64ct::{Base64UrlUnpadded, Encoding as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not unpadded base64url of the right length")]
pub struct NotBase64url;

pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64url> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| NotBase64url)
}

/// Exactly `N` bytes, without an allocation to wipe.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], NotBase64url> {
    let mut bytes = [0; N];
    match Base64UrlUnpadded::decode(text, &mut bytes) {
        Ok(decoded) if decoded.len() == N => Ok(bytes),
        _ => Err(NotBase64url),
    }
}

/// Gives a public byte type its text form: `Display`, `FromStr` and serde. The type brings
/// `as_bytes` and `TryFrom<&[u8]>`, whose error takes a [`NotBase64url`].
macro_rules! base64url_text {
    ($name:ident, $error:ty) => {
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&$crate::base64url::encode(self.as_bytes().as_ref()))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from($crate::base64url::decode(text)?.as_slice())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use base64url_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode("-_8"), Ok(vec![0xfb, 0xff]));
        assert_eq!(decode_array("-_8"), Ok([0xfb, 0xff]));
    }

    #[test]
    fn padding_is_refused() {
        assert_eq!(decode("-_8="), Err(NotBase64url));
    }

    #[test]
    fn the_other_alphabet_is_refused() {
        assert_eq!(decode("+/8"), Err(NotBase64url));
    }

    #[test]
    fn white_space_is_refused() {
        assert_eq!(decode("-_8\n"), Err(NotBase64url));
        assert_eq!(decode(" -_8"), Err(NotBase64url));
    }

    #[test]
    fn stray_bits_in_the_last_character_are_refused() {
        assert_eq!(decode("-_9"), Err(NotBase64url));
        assert_eq!(decode_array::<2>("-_9"), Err(NotBase64url));
    }

    #[test]
    fn another_length_is_refused() {
        assert_eq!(decode_array::<3>("-_8"), Err(NotBase64url));
        assert_eq!(decode_array::<1>("-_8"), Err(NotBase64url));
    }
}
