//! The audit log: append-only, chained by hash. An entry is appended by the commit of the work that
//! it is evidence of, and by nothing else.

use domain::audit::{
    ActorKind, AuditRecord, GENESIS, Outcome, TruncatedAddress, UserAgent, entry_hash,
};
use domain::enc::Digest;
use domain::id::{CredentialId, PersonId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::row;
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    @plain
    /// One line of the log.
    struct AuditRow {
        seq: i64,
        at: Timestamp,
        actor_kind: Code<ActorKind>,
        actor_id: Option<PersonId>,
        credential_id: Option<CredentialId>,
        act: String,
        subject_kind: String,
        subject_id: Uuid,
        outcome: Code<Outcome>,
        evidence: String,
        address: Option<Code<TruncatedAddress>>,
        agent: Option<String>,
        previous: Digest,
        hash: Digest,
    }
}

/// What happened, before it has its place in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub actor_kind: ActorKind,
    pub actor: Option<PersonId>,
    pub credential: Option<CredentialId>,
    pub act: String,
    pub subject_kind: &'static str,
    pub subject: Uuid,
    pub outcome: Outcome,
    /// JSON: what the act rests on; empty if nothing.
    pub evidence: String,
    pub address: Option<TruncatedAddress>,
    pub user_agent: Option<UserAgent>,
}

impl Entry {
    fn record(&self, seq: i64) -> AuditRecord {
        AuditRecord {
            seq: seq.cast_unsigned(),
            at: self.at,
            actor_kind: self.actor_kind,
            actor: self.actor,
            credential: self.credential,
            act: self.act.clone(),
            subject_kind: self.subject_kind.to_owned(),
            subject: self.subject,
            outcome: self.outcome,
            evidence: self.evidence.clone().into_bytes(),
            address: self.address,
            user_agent: self.user_agent.clone(),
        }
    }
}

/// What the reader asks for. Empty texts and absent ids do not filter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub act: String,
    pub actor: Option<PersonId>,
    pub subject: Option<Uuid>,
    pub outcome: String,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Only entries before this one; absent for the newest.
    pub before: Option<i64>,
    pub limit: i64,
}

impl Read {
    /// The newest first.
    pub async fn audit(&mut self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
        let before = filter.before.unwrap_or(i64::MAX);
        let from = filter.from.unwrap_or(Timestamp::from_micros(i64::MIN));
        let to = filter.to.unwrap_or(Timestamp::from_micros(i64::MAX));
        Ok(run!(
            &mut self.conn,
            NEWEST,
            [
                before,
                filter.act,
                filter.actor,
                filter.subject,
                filter.outcome,
                from,
                to,
                filter.limit,
            ],
            fetch_all as AuditRow
        )?)
    }

    /// The entries next after one, in the order of the log; `before` does not count.
    pub async fn audit_after(
        &mut self,
        after: i64,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditRow>, Error> {
        let from = filter.from.unwrap_or(Timestamp::from_micros(i64::MIN));
        let to = filter.to.unwrap_or(Timestamp::from_micros(i64::MAX));
        Ok(run!(
            &mut self.conn,
            NEWER,
            [
                after,
                filter.act,
                filter.actor,
                filter.subject,
                filter.outcome,
                from,
                to,
                filter.limit,
            ],
            fetch_all as AuditRow
        )?)
    }

    /// In the order of the log, from an entry on: for exports.
    pub async fn audit_from(&mut self, seq: i64, limit: i64) -> Result<Vec<AuditRow>, Error> {
        Ok(run!(
            &mut self.conn,
            FROM,
            [seq, limit],
            fetch_all as AuditRow
        )?)
    }

    /// What happened to one thing, oldest first.
    pub async fn history(&mut self, subject: Uuid, limit: i64) -> Result<Vec<AuditRow>, Error> {
        Ok(run!(
            &mut self.conn,
            HISTORY,
            [subject, limit],
            fetch_all as AuditRow
        )?)
    }

    async fn last_audit_entry(&mut self) -> Result<Option<AuditRow>, Error> {
        Ok(run!(&mut self.conn, LAST, [], fetch_optional as AuditRow)?)
    }
}

impl Work {
    /// One after the other, behind the last entry that there is.
    pub(crate) async fn append(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<(), Error> {
        let last = self.last_audit_entry().await?;
        let (mut seq, mut previous) = last.map_or((0, GENESIS), |last| (last.seq, last.hash));
        for entry in entries {
            seq = seq.saturating_add(1);
            previous = self.append_one(entry, seq, previous).await?;
        }
        Ok(())
    }

    /// The entry's hash.
    async fn append_one(
        &mut self,
        entry: Entry,
        seq: i64,
        previous: Digest,
    ) -> Result<Digest, Error> {
        let hash = entry_hash(&previous, &entry.record(seq));
        let address = entry.address.map(Code);
        let agent = entry
            .user_agent
            .as_ref()
            .map(|agent| agent.as_str().to_owned());
        run!(
            &mut self.read.conn,
            APPEND,
            [
                seq,
                entry.at,
                Code(entry.actor_kind),
                entry.actor,
                entry.credential,
                entry.act,
                entry.subject_kind,
                entry.subject,
                Code(entry.outcome),
                entry.evidence,
                address,
                agent,
                previous,
                hash,
            ],
            execute
        )?;
        Ok(hash)
    }
}

statements! {
    // `$3 IS NULL` comes last: PostgreSQL takes a placeholder's type from where it first stands.
    NEWEST(8) = "SELECT * FROM audit WHERE seq < $1 AND ($2 = '' OR act = $2) AND (actor_id = $3 OR $3 IS NULL) AND (subject_id = $4 OR $4 IS NULL) AND ($5 = '' OR outcome = $5) AND at >= $6 AND at < $7 ORDER BY seq DESC LIMIT $8";
    NEWER(8) = "SELECT * FROM audit WHERE seq > $1 AND ($2 = '' OR act = $2) AND (actor_id = $3 OR $3 IS NULL) AND (subject_id = $4 OR $4 IS NULL) AND ($5 = '' OR outcome = $5) AND at >= $6 AND at < $7 ORDER BY seq LIMIT $8";
    FROM(2) = "SELECT * FROM audit WHERE seq >= $1 ORDER BY seq LIMIT $2";
    HISTORY(2) = "SELECT * FROM audit WHERE subject_id = $1 ORDER BY seq LIMIT $2";
    LAST(0) = "SELECT * FROM audit ORDER BY seq DESC LIMIT 1";
    APPEND(14) = "INSERT INTO audit (seq, at, actor_kind, actor_id, credential_id, act, subject_kind, subject_id, outcome, evidence, address, agent, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
}
