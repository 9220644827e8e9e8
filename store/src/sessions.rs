//! Sessions, ceremonies in progress, acts that wait for their passkey, and tries against limits:
//! what processes share about who is at the door.

use domain::enc::Digest;
use domain::id::{CeremonyId, CredentialId, PersonId, SessionId};
use domain::time::Timestamp;

use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// A signed-in browser. The cookie's token is stored as a MAC under the row key over the token
    /// *and* the person and credential, so that a database writer cannot make or move a session.
    struct Session in "session" {
        id: SessionId,
        token_mac: Digest,
        person_id: PersonId,
        credential_id: CredentialId,
        created_at: Timestamp,
        seen_at: Timestamp,
        ends_at: Timestamp,
        address: String,
        agent: String,
    }
}

row! {
    /// A WebAuthn ceremony in progress: the library's state and what it is for, as JSON. Who signs
    /// in or enrols rests on it, so a database writer must not be able to start or change one.
    sealed struct Ceremony in "ceremony" {
        id: CeremonyId,
        kind: String,
        person_id: Option<PersonId>,
        state: String,
        expires_at: Timestamp,
    }
}

row! {
    /// A privileged form that waits for its person's passkey.
    struct PendingAct in "pending_act" {
        id: CeremonyId,
        person_id: PersonId,
        act: String,
        input: String,
        created_at: Timestamp,
        expires_at: Timestamp,
    }
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

impl Read {
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>, Error> {
        Ok(run!(
            &mut self.conn,
            SESSION,
            [id],
            fetch_optional as Session
        )?)
    }

    /// A person's sessions that have not ended, the most recently seen first.
    pub async fn sessions(
        &mut self,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Vec<Session>, Error> {
        Ok(run!(
            &mut self.conn,
            SESSIONS,
            [person, now],
            fetch_all as Session
        )?)
    }

    pub async fn pending_act(
        &mut self,
        id: CeremonyId,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Option<PendingAct>, Error> {
        Ok(run!(
            &mut self.conn,
            PENDING_ACT,
            [id, person, now],
            fetch_optional as PendingAct
        )?)
    }

    /// A ceremony of this kind that waits for this person; reading it does not take it out.
    pub async fn ceremony(
        &mut self,
        id: CeremonyId,
        kind: &str,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Error> {
        let row = run!(
            &mut self.conn,
            CEREMONY,
            [id, kind, person, now],
            fetch_optional as Sealed<Ceremony>
        )?;
        row.map(|row| row.open(&self.row_key).map(Stamped::into_row))
            .transpose()
    }

    /// Whether a ceremony of this kind waits for this person.
    pub async fn has_ceremony(
        &mut self,
        id: CeremonyId,
        kind: &str,
        person: PersonId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        Ok(self.ceremony(id, kind, person, now).await?.is_some())
    }

    /// Tries in a bucket's window so far.
    pub async fn tries(&mut self, bucket: &str, window: Timestamp) -> Result<i64, Error> {
        let count = run!(
            &mut self.conn,
            TRIES,
            [bucket, window],
            fetch_optional as Count
        )?;
        Ok(count.map_or(0, |count| count.count))
    }
}

impl Work {
    pub async fn add_session(&mut self, session: &Session) -> Result<(), Error> {
        self.insert(session).await
    }

    pub async fn touch_session(&mut self, id: SessionId, now: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, TOUCH, [id, now], execute)?;
        Ok(())
    }

    /// Ends a session of this person; false if there is none.
    pub async fn end_session(&mut self, id: SessionId, person: PersonId) -> Result<bool, Error> {
        Ok(run!(&mut self.read.conn, END, [id, person], execute)? == 1)
    }

    pub async fn end_sessions_of(&mut self, person: PersonId) -> Result<(), Error> {
        run!(&mut self.read.conn, END_ALL, [person], execute)?;
        Ok(())
    }

    pub async fn end_sessions_by(&mut self, credential: CredentialId) -> Result<(), Error> {
        run!(&mut self.read.conn, END_BY, [credential], execute)?;
        Ok(())
    }

    pub async fn add_ceremony(&mut self, ceremony: &Ceremony) -> Result<(), Error> {
        self.insert_sealed(ceremony.clone()).await.map(drop)
    }

    /// Takes a ceremony out, once: whoever asks again gets nothing.
    pub async fn take_ceremony(
        &mut self,
        id: CeremonyId,
        kind: &str,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Error> {
        let taken = run!(
            &mut self.read.conn,
            TAKE_CEREMONY,
            [id, kind],
            fetch_optional as Sealed<Ceremony>
        )?;
        let taken = taken.map(|row| row.open(&self.read.row_key)).transpose()?;
        Ok(taken
            .map(Stamped::into_row)
            .filter(|ceremony| now < ceremony.expires_at))
    }

    pub async fn add_pending_act(&mut self, act: &PendingAct) -> Result<(), Error> {
        self.insert(act).await
    }

    /// Takes a pending act out with the transaction that does it; false if it is gone already.
    pub async fn take_pending_act(
        &mut self,
        id: CeremonyId,
        person: PersonId,
    ) -> Result<bool, Error> {
        Ok(run!(&mut self.read.conn, TAKE_PENDING_ACT, [id, person], execute)? == 1)
    }

    /// Counts a try and returns how many there are in the window now.
    pub async fn count_try(&mut self, bucket: &str, window: Timestamp) -> Result<i64, Error> {
        Ok(run!(
            &mut self.read.conn,
            COUNT_TRY,
            [bucket, window],
            fetch_one as Count
        )?
        .count)
    }

    /// Forgets what is over: ceremonies, pending acts, sessions and windows that ended before `now`.
    pub async fn sweep_the_door(
        &mut self,
        now: Timestamp,
        windows_before: Timestamp,
    ) -> Result<(), Error> {
        run!(&mut self.read.conn, SWEEP_CEREMONIES, [now], execute)?;
        run!(&mut self.read.conn, SWEEP_PENDING, [now], execute)?;
        run!(&mut self.read.conn, SWEEP_SESSIONS, [now], execute)?;
        run!(&mut self.read.conn, SWEEP_TRIES, [windows_before], execute)?;
        Ok(())
    }
}

statements! {
    SESSION(1) = "SELECT * FROM session WHERE id = $1";
    SESSIONS(2) = "SELECT * FROM session WHERE person_id = $1 AND ends_at > $2 ORDER BY seen_at DESC, id";
    TOUCH(2) = "UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
    END(2) = "DELETE FROM session WHERE id = $1 AND person_id = $2";
    END_ALL(1) = "DELETE FROM session WHERE person_id = $1";
    END_BY(1) = "DELETE FROM session WHERE credential_id = $1";
    CEREMONY(4) = "SELECT * FROM ceremony WHERE id = $1 AND kind = $2 AND person_id = $3 AND expires_at > $4";
    TAKE_CEREMONY(2) = "DELETE FROM ceremony WHERE id = $1 AND kind = $2 RETURNING *";
    PENDING_ACT(3) = "SELECT * FROM pending_act WHERE id = $1 AND person_id = $2 AND expires_at > $3";
    TAKE_PENDING_ACT(2) = "DELETE FROM pending_act WHERE id = $1 AND person_id = $2";
    TRIES(2) = "SELECT count FROM tries WHERE bucket = $1 AND starts_at = $2";
    COUNT_TRY(2) = "INSERT INTO tries (bucket, starts_at, count) VALUES ($1, $2, 1) ON CONFLICT (bucket, starts_at) DO UPDATE SET count = tries.count + 1 RETURNING count";
    SWEEP_CEREMONIES(1) = "DELETE FROM ceremony WHERE expires_at <= $1";
    SWEEP_PENDING(1) = "DELETE FROM pending_act WHERE expires_at <= $1";
    SWEEP_SESSIONS(1) = "DELETE FROM session WHERE ends_at <= $1";
    SWEEP_TRIES(1) = "DELETE FROM tries WHERE starts_at < $1";
}
