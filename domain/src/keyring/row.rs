//! MACs over the rows that authority rests on, so that who can only write to the database cannot
//! make a row that counts.

use uuid::Uuid;

use crate::enc::{Digest, Enc};
use crate::mac::{hmac_sha256, same_digest};
use crate::secret::Secret;

#[derive(Clone, Debug)]
pub struct RowKey(Secret<32>);

/// A row does not carry the MAC that it should: someone edited the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row's MAC does not fit")]
pub struct RowForged;

impl RowKey {
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The start of a row's encoding; all of its fields follow, in the table's order.
    pub fn row(table: &str, id: Uuid, stamp: u64) -> Enc {
        Enc::new("latchkey/row/v1").text(table).uuid(id).u64(stamp)
    }

    pub fn mac(&self, encoded: &[u8]) -> Digest {
        hmac_sha256(&self.0, encoded)
    }

    /// In constant time.
    pub fn verify(&self, encoded: &[u8], mac: &[u8]) -> Result<(), RowForged> {
        let mac: &Digest = mac.try_into().map_err(|_| RowForged)?;
        match same_digest(&self.mac(encoded), mac) {
            true => Ok(()),
            false => Err(RowForged),
        }
    }

    pub(super) const fn secret(&self) -> &Secret<32> {
        &self.0
    }
}
