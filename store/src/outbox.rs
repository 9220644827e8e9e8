//! Mail that waits to be sent. A row holds template values, never a rendered body; a link's secret
//! is in it sealed, and wiped when the mail is sent or given up.

use domain::id::{MailId, PersonId};
use domain::time::Timestamp;

use crate::conn::Read;
use crate::error::Error;
use crate::row::row;
use crate::sql::{json, run, statements};
use crate::work::Work;

row! {
    /// One mail to one address.
    struct Mail in "outbox" {
        id: MailId,
        template: String,
        address: String,
        person_id: Option<PersonId>,
        /// The template's values, as JSON.
        content: String,
        /// What only the addressee may read, sealed under the outbox key. Empty once it is wiped
        /// because the mail was given up: such a mail cannot be sent again.
        sealed: Option<Vec<u8>>,
        created_at: Timestamp,
        /// When to try (again); absent once sent or given up.
        next_at: Option<Timestamp>,
        attempts: i64,
        sent_at: Option<Timestamp>,
        dead_at: Option<Timestamp>,
        last_error: Option<String>,
    }
}

/// How many mails are in which state.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct OutboxCounts {
    pub waiting: i64,
    pub dead: i64,
}

impl Read {
    pub async fn mail(&mut self, id: MailId) -> Result<Option<Mail>, Error> {
        Ok(run!(&mut self.conn, MAIL, [id], fetch_optional as Mail)?)
    }

    /// The newest mails: those that are `waiting`, `sent` or `dead`, or all where that is empty.
    pub async fn mails(
        &mut self,
        state: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Mail>, Error> {
        Ok(run!(
            &mut self.conn,
            MAILS,
            [state, limit, offset],
            fetch_all as Mail
        )?)
    }

    pub async fn outbox_counts(&mut self) -> Result<OutboxCounts, Error> {
        Ok(run!(&mut self.conn, COUNTS, [], fetch_one as OutboxCounts)?)
    }
}

impl Work {
    pub async fn queue_mail(&mut self, mail: &Mail) -> Result<(), Error> {
        self.insert(mail).await
    }

    /// Takes the next mail that is due for one process, by pushing its next try to `retry_at`: if
    /// the process dies with it, it is tried again then. Passes over mails to these addresses.
    pub async fn lease_mail(
        &mut self,
        now: Timestamp,
        retry_at: Timestamp,
        but_to: &[String],
    ) -> Result<Option<Mail>, Error> {
        Ok(run!(
            &mut self.read.conn,
            LEASE,
            [now, retry_at, json(but_to)?],
            fetch_optional as Mail
        )?)
    }

    pub async fn mail_sent(&mut self, id: MailId, now: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, SENT, [id, now], execute)?;
        self.erased = true;
        Ok(())
    }

    pub async fn mail_failed(
        &mut self,
        id: MailId,
        next_at: Timestamp,
        error: &str,
    ) -> Result<(), Error> {
        run!(&mut self.read.conn, FAILED, [id, next_at, error], execute)?;
        Ok(())
    }

    pub async fn mail_given_up(
        &mut self,
        id: MailId,
        now: Timestamp,
        error: &str,
    ) -> Result<(), Error> {
        run!(&mut self.read.conn, GIVEN_UP, [id, now, error], execute)?;
        self.erased = true;
        Ok(())
    }

    /// Queues a dead mail again; false if it is not dead, or held a secret that is wiped.
    pub async fn revive_mail(&mut self, id: MailId, now: Timestamp) -> Result<bool, Error> {
        Ok(run!(&mut self.read.conn, REVIVE, [id, now], execute)? == 1)
    }
}

statements! {
    MAIL(1) = "SELECT * FROM outbox WHERE id = $1";
    MAILS(3) = "SELECT * FROM outbox WHERE ($1 = '' OR ($1 = 'waiting' AND next_at IS NOT NULL) OR ($1 = 'sent' AND sent_at IS NOT NULL) OR ($1 = 'dead' AND dead_at IS NOT NULL)) ORDER BY created_at DESC, id LIMIT $2 OFFSET $3";
    COUNTS(0) = "SELECT COUNT(next_at) AS waiting, COUNT(dead_at) AS dead FROM outbox";
    LEASE(3) = sqlite "UPDATE outbox SET next_at = $2, attempts = attempts + 1 WHERE id = (SELECT id FROM outbox WHERE next_at <= $1 AND address NOT IN (SELECT value FROM json_each($3)) ORDER BY next_at, id LIMIT 1) RETURNING *",
        postgres "UPDATE outbox SET next_at = $2, attempts = attempts + 1 WHERE id = (SELECT id FROM outbox WHERE next_at <= $1 AND address NOT IN (SELECT jsonb_array_elements_text($3::text::jsonb)) ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *";
    SENT(2) = "UPDATE outbox SET next_at = NULL, sealed = NULL, last_error = NULL, dead_at = NULL, sent_at = $2 WHERE id = $1";
    FAILED(3) = "UPDATE outbox SET next_at = $2, last_error = $3 WHERE id = $1 AND sent_at IS NULL AND dead_at IS NULL";
    // An empty `sealed` tells that there was something, and that it is gone.
    GIVEN_UP(3) = "UPDATE outbox SET next_at = NULL, sealed = SUBSTR(sealed, 1, 0), dead_at = $2, last_error = $3 WHERE id = $1 AND sent_at IS NULL";
    REVIVE(2) = "UPDATE outbox SET next_at = $2, dead_at = NULL, attempts = 0, last_error = NULL WHERE id = $1 AND dead_at IS NOT NULL AND sealed IS NULL";
}
