//! The one canonical encoding of all that is signed, MACed or authenticated (`docs/protocol.md`,
//! "Encoding"): for each field a big-endian `u32` byte length and the bytes. The first field is the
//! type's tag, so that no two types share an encoding.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

/// A whole SHA-256; fingerprints are never cut short.
pub type Digest = [u8; 32];

pub fn sha256(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Builds `enc(tag, f1 … fn)`.
#[derive(Clone)]
pub struct Enc(Vec<u8>);

impl Enc {
    pub fn new(tag: &str) -> Self {
        Self(Vec::with_capacity(256)).text(tag)
    }

    /// A nested list without a tag of its own.
    pub const fn list() -> Self {
        Self(Vec::new())
    }

    /// # Panics
    /// Never in practice: a field of 4 GiB cannot get past the body limits; such a field is encoded
    /// with a saturated length, which no parser accepts.
    #[must_use]
    pub fn bytes(mut self, field: impl AsRef<[u8]>) -> Self {
        let field = field.as_ref();
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    #[must_use]
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// 16 bytes.
    #[must_use]
    pub fn uuid(self, field: Uuid) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Big-endian.
    #[must_use]
    pub fn u64(self, field: u64) -> Self {
        self.bytes(field.to_be_bytes())
    }

    /// Microseconds, as the two's complement of the signed value.
    #[must_use]
    pub fn time(self, field: Timestamp) -> Self {
        self.bytes(field.micros().to_be_bytes())
    }

    #[must_use]
    pub fn bool(self, field: bool) -> Self {
        self.u64(field.into())
    }

    /// Absent is an empty list; present is a list of one.
    #[must_use]
    pub fn option(self, field: Option<impl AsRef<[u8]>>) -> Self {
        let inner = match field {
            Some(field) => Self::list().bytes(field),
            None => Self::list(),
        };
        self.bytes(inner.finish())
    }

    /// Sorted bytewise, without duplicates, as one nested list.
    #[must_use]
    pub fn set<T: AsRef<[u8]>>(self, fields: impl IntoIterator<Item = T>) -> Self {
        let mut sorted: Vec<Vec<u8>> = fields
            .into_iter()
            .map(|field| field.as_ref().to_vec())
            .collect();
        sorted.sort_unstable();
        sorted.dedup();
        let inner = sorted.iter().fold(Self::list(), Self::bytes);
        self.bytes(inner.finish())
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    pub fn sha256(self) -> Digest {
        sha256(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_carry_their_length() {
        assert_eq!(
            Enc::new("t").u64(1).bytes([9]).finish(),
            [
                &[0, 0, 0, 1, b't'][..],
                &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1],
                &[0, 0, 0, 1, 9]
            ]
            .concat()
        );
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_encoding() {
        assert_ne!(
            Enc::new("t").text("ab").text("c").finish(),
            Enc::new("t").text("a").text("bc").finish()
        );
    }

    #[test]
    fn absent_differs_from_empty() {
        assert_ne!(
            Enc::new("t").option(None::<&str>).finish(),
            Enc::new("t").option(Some("")).finish()
        );
    }

    #[test]
    fn a_set_does_not_depend_on_order() {
        assert_eq!(
            Enc::new("t").set(["b", "a", "b"]).finish(),
            Enc::new("t").set(["a", "b"]).finish()
        );
    }
}
