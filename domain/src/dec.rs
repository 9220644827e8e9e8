//! Reads back what [`crate::enc`] writes, and nothing else: every length must fit, every field must
//! have its exact size, text must be UTF-8, and nothing may follow the last field. As each value
//! has one encoding, what parses is byte for byte what would be written again.

use uuid::Uuid;

use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical encoding")]
pub struct Malformed;

/// The fields of one list, read in order.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// A list without a tag.
    pub const fn list(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }

    /// A type's encoding, whose first field is its tag.
    pub fn tagged(encoded: &'a [u8], tag: &str) -> Result<Self, Malformed> {
        let mut fields = Self(encoded);
        match fields.bytes()? == tag.as_bytes() {
            true => Ok(fields),
            false => Err(Malformed),
        }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        core::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        self.array().map(Uuid::from_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn time(&mut self) -> Result<Timestamp, Malformed> {
        let micros = self.array().map(i64::from_be_bytes)?;
        Ok(Timestamp::from_micros(micros))
    }

    /// Nothing may be left.
    pub const fn end(self) -> Result<(), Malformed> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enc::Enc;

    #[test]
    fn fields_come_back_in_order() {
        let at = Timestamp::from_micros(-5);
        let encoded = Enc::new("t").text("a").u64(7).time(at).finish();
        let mut fields = Fields::tagged(&encoded, "t").unwrap();
        assert_eq!(fields.text(), Ok("a"));
        assert_eq!(fields.u64(), Ok(7));
        assert_eq!(fields.time(), Ok(at));
        assert_eq!(fields.end(), Ok(()));
    }

    #[test]
    fn another_types_tag_is_refused() {
        let encoded = Enc::new("t/v1").finish();
        assert_eq!(Fields::tagged(&encoded, "t/v2").unwrap_err(), Malformed);
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert_eq!(Fields::list(&[0, 0, 0, 2, 9]).bytes(), Err(Malformed));
        assert_eq!(Fields::list(&[255, 255, 255, 255]).bytes(), Err(Malformed));
        assert_eq!(Fields::list(&[0, 0, 0]).bytes(), Err(Malformed));
    }

    #[test]
    fn an_integer_of_another_width_is_refused() {
        let encoded = Enc::list().bytes([1]).finish();
        assert_eq!(Fields::list(&encoded).u64(), Err(Malformed));
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused() {
        let encoded = Enc::list().bytes([0xff]).finish();
        assert_eq!(Fields::list(&encoded).text(), Err(Malformed));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert_eq!(Fields::list(&[0]).end(), Err(Malformed));
    }
}
