//! One-time links for people: owner, invitation, recovery.

use domain::enc::Digest;
use domain::id::{CredentialId, PersonId, PersonLinkId};
use domain::link::PersonLinkKind;
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// A link's secret is in the mail alone; here is its digest.
    sealed struct PersonLink in "person_link" {
        id: PersonLinkId,
        kind: Code<PersonLinkKind>,
        person_id: PersonId,
        secret_digest: Digest,
        /// Of the code that goes another way; an owner's link has none.
        code_mac: Option<Digest>,
        wrong_codes: i64,
        created_by: Option<PersonId>,
        /// The second member of staff, without whom a recovery link is not sent.
        confirmed_by: Option<PersonId>,
        lost_credential_id: Option<CredentialId>,
        created_at: Timestamp,
        expires_at: Timestamp,
        consumed_at: Option<Timestamp>,
        voided_at: Option<Timestamp>,
    }
}

impl PersonLink {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.consumed_at.is_none() && self.voided_at.is_none() && now < self.expires_at
    }
}

impl Read {
    pub async fn person_link(
        &mut self,
        id: PersonLinkId,
    ) -> Result<Option<Stamped<PersonLink>>, Error> {
        let row = run!(
            &mut self.conn,
            LINK,
            [id],
            fetch_optional as Sealed<PersonLink>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// A person's links that are neither consumed nor voided, newest first.
    pub async fn open_links(
        &mut self,
        person: PersonId,
    ) -> Result<Vec<Stamped<PersonLink>>, Error> {
        let rows = run!(
            &mut self.conn,
            OPEN_LINKS,
            [person],
            fetch_all as Sealed<PersonLink>
        )?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_person_link(
        &mut self,
        link: PersonLink,
    ) -> Result<Stamped<PersonLink>, Error> {
        self.insert_sealed(link).await
    }

    /// "Once" is decided here: the update names the stamp that was read.
    pub async fn update_person_link(
        &mut self,
        link: PersonLink,
        read_at: i64,
    ) -> Result<Stamped<PersonLink>, Error> {
        self.update_sealed(link, read_at).await
    }
}

statements! {
    LINK(1) = "SELECT * FROM person_link WHERE id = $1";
    OPEN_LINKS(1) = "SELECT * FROM person_link WHERE person_id = $1 AND consumed_at IS NULL AND voided_at IS NULL ORDER BY created_at DESC, id";
}
