//! Passkeys, with the device keys of those that are fit to receive.

use domain::id::{CredentialId, PersonId};
use domain::time::Timestamp;

use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// A registered passkey. The three device fields are present together, or not at all: a
    /// credential without them signs in and decides, but cannot receive.
    sealed struct Credential in "credential" {
        id: CredentialId,
        person_id: PersonId,
        raw_id: Vec<u8>,
        label: String,
        /// The library's own record of the public key and its counters, as JSON.
        passkey: String,
        device_bound: bool,
        sealing_key: Option<[u8; 32]>,
        signing_key: Option<[u8; 32]>,
        /// The signature by the device signing key over the enrolment statement.
        enrolment: Option<[u8; 64]>,
        created_at: Timestamp,
        used_at: Option<Timestamp>,
        removed_at: Option<Timestamp>,
    }
}

impl Credential {
    pub const fn can_receive(&self) -> bool {
        self.removed_at.is_none() && self.sealing_key.is_some()
    }
}

impl Read {
    pub async fn credential(
        &mut self,
        id: CredentialId,
    ) -> Result<Option<Stamped<Credential>>, Error> {
        let row = run!(
            &mut self.conn,
            CREDENTIAL,
            [id],
            fetch_optional as Sealed<Credential>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// By the authenticator's id; removed ones are not found.
    pub async fn credential_by_raw_id(
        &mut self,
        raw_id: &[u8],
    ) -> Result<Option<Stamped<Credential>>, Error> {
        let raw_id = raw_id.to_vec();
        let row = run!(
            &mut self.conn,
            BY_RAW_ID,
            [raw_id],
            fetch_optional as Sealed<Credential>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// A person's passkeys that are not removed, oldest first.
    pub async fn credentials(
        &mut self,
        person: PersonId,
    ) -> Result<Vec<Stamped<Credential>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_PERSON,
            [person],
            fetch_all as Sealed<Credential>
        )?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_credential(
        &mut self,
        credential: Credential,
    ) -> Result<Stamped<Credential>, Error> {
        self.insert_sealed(credential).await
    }

    pub async fn update_credential(
        &mut self,
        credential: Credential,
        read_at: i64,
    ) -> Result<Stamped<Credential>, Error> {
        self.update_sealed(credential, read_at).await
    }
}

statements! {
    CREDENTIAL(1) = "SELECT * FROM credential WHERE id = $1";
    BY_RAW_ID(1) = "SELECT * FROM credential WHERE raw_id = $1 AND removed_at IS NULL";
    OF_PERSON(1) = "SELECT * FROM credential WHERE person_id = $1 AND removed_at IS NULL ORDER BY created_at, id";
}
