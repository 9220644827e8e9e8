//! What a delivery is about. The header is authenticated with the ciphertext and read by the page,
//! so what the person is shown before opening is what was sealed.

use core::fmt;
use core::str::FromStr;

use crate::dec::{Fields, Malformed};
use crate::enc::{Digest, Enc, sha256};
use crate::id::{DeliveryId, PersonId};
use crate::time::Timestamp;
use crate::token::Kid;

const TAG: &str = "latchkey/delivery/v1";

/// The algorithms of an envelope, named by RFC 9180's numbers (section 7), so that a hybrid
/// post-quantum suite can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
    X25519HkdfSha256Aes256Gcm,
}

impl Suite {
    /// KEM, KDF and AEAD, each as a big-endian `u16`.
    pub const fn id(self) -> [u8; 6] {
        match self {
            Self::X25519HkdfSha256Aes256Gcm => [0x00, 0x20, 0x00, 0x01, 0x00, 0x02],
        }
    }
}

impl TryFrom<&[u8]> for Suite {
    type Error = Malformed;

    fn try_from(id: &[u8]) -> Result<Self, Self::Error> {
        let suite = Self::X25519HkdfSha256Aes256Gcm;
        match id == suite.id() {
            true => Ok(suite),
            false => Err(Malformed),
        }
    }
}

/// What kind of secret is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A key that Latchkey minted and verifies.
    ApiKey,
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey => "api-key",
        })
    }
}

impl FromStr for SecretKind {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "api-key" => Ok(Self::ApiKey),
            _ => Err(Malformed),
        }
    }
}

/// The associated data of a delivery; the same for each of its envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub suite: Suite,
    /// The configured public origin. The page refuses another than its own.
    pub origin: String,
    pub delivery: DeliveryId,
    pub recipient: PersonId,
    pub kind: SecretKind,
    /// The names as the person knows them.
    pub service: String,
    pub environment: String,
    pub kid: Kid,
    pub grant_digest: Digest,
    /// A claim starts before this.
    pub delivery_expiry: Timestamp,
    pub key_expiry: Timestamp,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        Enc::new(TAG)
            .bytes(self.suite.id())
            .text(&self.origin)
            .uuid(self.delivery.uuid())
            .uuid(self.recipient.uuid())
            .text(&self.kind.to_string())
            .text(&self.service)
            .text(&self.environment)
            .text(self.kid.as_str())
            .bytes(self.grant_digest)
            .time(self.delivery_expiry)
            .time(self.key_expiry)
            .finish()
    }

    pub fn digest(&self) -> Digest {
        sha256(&self.encode())
    }

    /// Whether this is about the delivery whose page is open, on the host that served it. The page
    /// asks before it opens an envelope, or else another host's genuine one would do.
    pub fn is_at(&self, origin: &str, delivery: DeliveryId) -> bool {
        self.origin == origin && self.delivery == delivery
    }

    pub fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::tagged(encoded, TAG)?;
        let header = Self {
            suite: fields.bytes()?.try_into()?,
            origin: fields.text()?.to_owned(),
            delivery: DeliveryId::new(fields.uuid()?),
            recipient: PersonId::new(fields.uuid()?),
            kind: fields.text()?.parse()?,
            service: fields.text()?.to_owned(),
            environment: fields.text()?.to_owned(),
            kid: fields.text()?.parse().map_err(|_| Malformed)?,
            grant_digest: fields.array()?,
            delivery_expiry: fields.time()?,
            key_expiry: fields.time()?,
        };
        fields.end()?;
        Ok(header)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) fn header() -> Header {
        Header {
            suite: Suite::X25519HkdfSha256Aes256Gcm,
            origin: "https://keys.example.com".to_owned(),
            delivery: DeliveryId::new(Uuid::from_u128(1)),
            recipient: PersonId::new(Uuid::from_u128(2)),
            kind: SecretKind::ApiKey,
            service: "Payments".to_owned(),
            environment: "production".to_owned(),
            kid: "0aZ9bY8c".parse().unwrap(),
            grant_digest: [5; 32],
            delivery_expiry: Timestamp::from_micros(1_803_055_200_000_000),
            key_expiry: Timestamp::from_micros(1_811_000_000_000_000),
        }
    }

    #[test]
    fn a_header_comes_back() {
        assert_eq!(Header::parse(&header().encode()), Ok(header()));
    }

    #[test]
    fn a_header_of_another_origin_or_delivery_is_told_apart() {
        let (origin, delivery) = (header().origin, header().delivery);
        assert!(header().is_at(&origin, delivery));
        assert!(!header().is_at("https://keys.example.org", delivery));
        assert!(!header().is_at(&origin, DeliveryId::new(Uuid::from_u128(9))));
    }

    #[test]
    fn every_truncation_is_refused() {
        let encoded = header().encode();
        for length in 0..encoded.len() {
            assert_eq!(
                Header::parse(&encoded[..length]),
                Err(Malformed),
                "{length}"
            );
        }
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut encoded = header().encode();
        encoded.extend([0; 4]);
        assert_eq!(Header::parse(&encoded), Err(Malformed));
    }

    #[test]
    fn what_parses_is_what_would_be_written() {
        let encoded = header().encode();
        for at in 0..encoded.len() {
            let mut flipped = encoded.clone();
            flipped[at] ^= 1;
            if let Ok(parsed) = Header::parse(&flipped) {
                assert_eq!(parsed.encode(), flipped, "byte {at}");
                assert_ne!(parsed.digest(), header().digest(), "byte {at}");
            }
        }
    }

    fn replaced(from: &[u8], to: &[u8]) -> Vec<u8> {
        let encoded = header().encode();
        let at = encoded.windows(from.len()).position(|w| w == from).unwrap();
        [&encoded[..at], to, &encoded[at + from.len()..]].concat()
    }

    #[test]
    fn an_unknown_suite_is_refused() {
        let other = replaced(&[0, 0x20, 0, 1, 0, 2], &[0, 0x20, 0, 1, 0, 3]);
        assert_eq!(Header::parse(&other), Err(Malformed));
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        assert_eq!(
            Header::parse(&replaced(b"api-key", b"api-kez")),
            Err(Malformed)
        );
    }

    #[test]
    fn an_ill_formed_key_id_is_refused() {
        assert_eq!(
            Header::parse(&replaced(b"0aZ9bY8c", b"0aZ9bY8-")),
            Err(Malformed)
        );
    }

    #[test]
    fn another_version_is_refused() {
        let other = replaced(b"delivery/v1", b"delivery/v2");
        assert_eq!(Header::parse(&other), Err(Malformed));
    }
}
