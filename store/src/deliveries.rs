//! Deliveries and their envelopes. "Once" is decided here, by conditional updates alone.

use domain::delivery::DeliveryCode;
use domain::enc::Digest;
use domain::id::{CredentialId, DeliveryId, GrantId, KeyId, PersonId};
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::row;
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// The one-time hand-over of a key. No authority rests on the row: the envelopes are signed by
    /// the host, and the key that it delivers has a MAC.
    struct Delivery in "delivery" {
        id: DeliveryId,
        key_id: KeyId,
        grant_id: GrantId,
        recipient_id: PersonId,
        state: Code<DeliveryCode>,
        header: Vec<u8>,
        claim_digest: Digest,
        created_at: Timestamp,
        expires_at: Timestamp,
        claimed_by: Option<CredentialId>,
        claimed_at: Option<Timestamp>,
        lease_until: Option<Timestamp>,
        ended_at: Option<Timestamp>,
        end_reason: Option<String>,
        receipt: Option<String>,
    }
}

row! {
    @plain
    /// The secret, sealed to one credential; absent once erased.
    struct EnvelopeRow {
        delivery_id: DeliveryId,
        credential_id: CredentialId,
        sealed: Option<Vec<u8>>,
        ciphertext_digest: Digest,
        opened_digest: Digest,
    }
}

impl Read {
    pub async fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        Ok(run!(
            &mut self.conn,
            DELIVERY,
            [id],
            fetch_optional as Delivery
        )?)
    }

    /// A key's deliveries, oldest first.
    pub async fn deliveries_of_key(&mut self, key: KeyId) -> Result<Vec<Delivery>, Error> {
        Ok(run!(&mut self.conn, OF_KEY, [key], fetch_all as Delivery)?)
    }

    pub async fn deliveries_of_grant(&mut self, grant: GrantId) -> Result<Vec<Delivery>, Error> {
        Ok(run!(
            &mut self.conn,
            OF_GRANT,
            [grant],
            fetch_all as Delivery
        )?)
    }

    /// A recipient's deliveries that are not ended, oldest first.
    pub async fn open_deliveries(&mut self, recipient: PersonId) -> Result<Vec<Delivery>, Error> {
        Ok(run!(
            &mut self.conn,
            OPEN,
            [recipient],
            fetch_all as Delivery
        )?)
    }

    /// Deliveries whose link or lease has run out.
    pub async fn overdue_deliveries(&mut self, now: Timestamp) -> Result<Vec<Delivery>, Error> {
        Ok(run!(&mut self.conn, OVERDUE, [now], fetch_all as Delivery)?)
    }

    pub async fn envelope(
        &mut self,
        delivery: DeliveryId,
        credential: CredentialId,
    ) -> Result<Option<EnvelopeRow>, Error> {
        Ok(run!(
            &mut self.conn,
            ENVELOPE,
            [delivery, credential],
            fetch_optional as EnvelopeRow
        )?)
    }

    pub async fn envelopes(&mut self, delivery: DeliveryId) -> Result<Vec<EnvelopeRow>, Error> {
        Ok(run!(
            &mut self.conn,
            ENVELOPES,
            [delivery],
            fetch_all as EnvelopeRow
        )?)
    }
}

impl Work {
    pub async fn add_delivery(
        &mut self,
        delivery: &Delivery,
        envelopes: &[EnvelopeRow],
    ) -> Result<(), Error> {
        self.insert(delivery).await?;
        for envelope in envelopes {
            run!(
                &mut self.read.conn,
                ADD_ENVELOPE,
                [
                    envelope.delivery_id,
                    envelope.credential_id,
                    envelope.sealed,
                    envelope.ciphertext_digest,
                    envelope.opened_digest,
                ],
                execute
            )?;
        }
        Ok(())
    }

    /// Opens the lease for one credential, if the delivery is sealed and its link is open, and the
    /// credential is one that it was sealed to. One of all racers gets `true`.
    pub async fn claim(
        &mut self,
        id: DeliveryId,
        by: CredentialId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool, Error> {
        Ok(run!(
            &mut self.read.conn,
            CLAIM,
            [id, by, now, lease_until],
            execute
        )? == 1)
    }

    /// Closes the lease with a receipt and erases the ciphertexts; `false` if there is no such
    /// lease any more.
    pub async fn receipt(
        &mut self,
        id: DeliveryId,
        by: CredentialId,
        now: Timestamp,
        receipt: &str,
    ) -> Result<bool, Error> {
        let closed = run!(
            &mut self.read.conn,
            RECEIPT,
            [id, by, now, receipt],
            execute
        )? == 1;
        if closed {
            self.erase_envelopes(id).await?;
        }
        Ok(closed)
    }

    /// Ends a delivery that is not ended and erases the ciphertexts; `false` if it had ended.
    pub async fn end_delivery(
        &mut self,
        id: DeliveryId,
        to: DeliveryCode,
        now: Timestamp,
        why: &str,
    ) -> Result<bool, Error> {
        let to = Code(to);
        let ended = run!(&mut self.read.conn, END, [id, to, now, why], execute)? == 1;
        if ended {
            self.erase_envelopes(id).await?;
        }
        Ok(ended)
    }

    async fn erase_envelopes(&mut self, id: DeliveryId) -> Result<(), Error> {
        run!(&mut self.read.conn, ERASE, [id], execute)?;
        self.erased = true;
        Ok(())
    }
}

statements! {
    DELIVERY(1) = "SELECT * FROM delivery WHERE id = $1";
    OF_KEY(1) = "SELECT * FROM delivery WHERE key_id = $1 ORDER BY created_at, id";
    OF_GRANT(1) = "SELECT * FROM delivery WHERE grant_id = $1 ORDER BY created_at, id";
    OPEN(1) = "SELECT * FROM delivery WHERE recipient_id = $1 AND state IN ('sealed', 'claimed') ORDER BY created_at, id";
    OVERDUE(1) = "SELECT * FROM delivery WHERE (state = 'sealed' AND expires_at <= $1) OR (state = 'claimed' AND lease_until <= $1) ORDER BY created_at, id";
    ENVELOPE(2) = "SELECT * FROM envelope WHERE delivery_id = $1 AND credential_id = $2";
    ENVELOPES(1) = "SELECT * FROM envelope WHERE delivery_id = $1 ORDER BY credential_id";
    ADD_ENVELOPE(5) = "INSERT INTO envelope (delivery_id, credential_id, sealed, ciphertext_digest, opened_digest) VALUES ($1, $2, $3, $4, $5)";
    CLAIM(4) = "UPDATE delivery SET state = 'claimed', claimed_by = $2, claimed_at = $3, lease_until = $4
        WHERE id = $1 AND state = 'sealed' AND expires_at > $3
          AND EXISTS (SELECT 1 FROM envelope WHERE delivery_id = $1 AND credential_id = $2)";
    RECEIPT(4) = "UPDATE delivery SET state = 'receipted', receipt = $4, ended_at = $3
        WHERE id = $1 AND state = 'claimed' AND claimed_by = $2 AND lease_until > $3";
    END(4) = "UPDATE delivery SET state = $2, ended_at = $3, end_reason = $4 WHERE id = $1 AND state IN ('sealed', 'claimed')";
    ERASE(1) = "UPDATE envelope SET sealed = NULL WHERE delivery_id = $1";
}
