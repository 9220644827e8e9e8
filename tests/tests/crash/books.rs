//! What must hold in the portal's database after every crash, read beside the portal.

use anyhow::{Context as _, Result, bail, ensure};
use domain::audit::{AuditRecord, GENESIS, UserAgent, entry_hash};
use domain::enc::Digest;
use domain::keyring::Keyring;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use store::{AuditRow, Database, Store};
use tests::hand::Hand;
use tests::server::Latchkey;

/// What must never be there, each as a query for such rows.
const NEVER: [(&str, &str); 13] = [
    (
        "a grant with two deliveries that can be opened",
        "SELECT grant_id FROM delivery WHERE state IN ('sealed', 'claimed') GROUP BY grant_id HAVING COUNT(*) > 1",
    ),
    (
        "a key that is delivered twice",
        "SELECT key_id FROM delivery GROUP BY key_id HAVING COUNT(*) > 1",
    ),
    (
        "a key with two replacements",
        "SELECT replaces_id FROM api_key WHERE replaces_id IS NOT NULL AND state IN ('pre_activation', 'active', 'suspended') GROUP BY replaces_id HAVING COUNT(*) > 1",
    ),
    (
        "a key that waits, and can never be claimed",
        "SELECT id FROM api_key WHERE state = 'pre_activation' AND NOT EXISTS (SELECT 1 FROM delivery WHERE key_id = api_key.id AND state IN ('sealed', 'claimed'))",
    ),
    (
        "a key that works without a receipt",
        "SELECT id FROM api_key WHERE state IN ('active', 'suspended') AND NOT EXISTS (SELECT 1 FROM delivery WHERE key_id = api_key.id AND state = 'receipted' AND receipt IS NOT NULL)",
    ),
    (
        "a receipt whose key does not work",
        "SELECT delivery.id FROM delivery JOIN api_key ON api_key.id = key_id WHERE delivery.state = 'receipted' AND api_key.state = 'pre_activation'",
    ),
    (
        "an open delivery of a key that has ended",
        "SELECT delivery.id FROM delivery JOIN api_key ON api_key.id = key_id WHERE delivery.state IN ('sealed', 'claimed') AND api_key.state <> 'pre_activation'",
    ),
    (
        "a ciphertext that is over, and not erased",
        "SELECT delivery_id FROM envelope JOIN delivery ON delivery.id = delivery_id WHERE delivery.state NOT IN ('sealed', 'claimed') AND sealed IS NOT NULL",
    ),
    (
        "a delivery that can be opened, without its ciphertext",
        "SELECT id FROM delivery WHERE state IN ('sealed', 'claimed') AND NOT EXISTS (SELECT 1 FROM envelope WHERE delivery_id = delivery.id AND sealed IS NOT NULL)",
    ),
    (
        "a link that was sent, and not wiped",
        "SELECT id FROM outbox WHERE sent_at IS NOT NULL AND sealed IS NOT NULL",
    ),
    (
        // The repetition of one that was opened meanwhile is rightly not sent.
        "a mail that was given up",
        "SELECT id FROM outbox WHERE dead_at IS NOT NULL AND last_error NOT LIKE 'Not sent: the link in it is not open%'",
    ),
    (
        "a delivery without its mail, or a mail without its delivery",
        "SELECT id FROM setting_of_counts WHERE deliveries <> mails",
    ),
    (
        "an approved grant without a delivery",
        "SELECT id FROM access_grant WHERE state = 'approved' AND NOT EXISTS (SELECT 1 FROM delivery WHERE grant_id = access_grant.id)",
    ),
];

/// Counted rather than joined: a mail names its delivery inside of its values only.
const COUNTS: &str = "(SELECT 1 AS id, (SELECT COUNT(*) FROM delivery) AS deliveries, (SELECT COUNT(*) FROM outbox WHERE template = 'delivery') AS mails) AS counts";

pub(crate) struct Books {
    /// None: SQLite in the data folder.
    url: Option<String>,
    /// The last entry of the audit log that was seen: it must be there for ever.
    seen: (i64, Digest),
}

impl Books {
    pub(crate) const fn new(url: Option<String>) -> Self {
        Self {
            url,
            seen: (0, GENESIS),
        }
    }

    pub(crate) async fn hand(&self, portal: &Latchkey) -> Result<Hand> {
        Hand::at(portal).await
    }

    /// # Errors
    /// With the first thing that does not hold.
    pub(crate) async fn check(&mut self, portal: &Latchkey) -> Result<()> {
        let mut hand = self.hand(portal).await?;
        if matches!(hand, Hand::Sqlite(_)) {
            let integrity = hand.texts("PRAGMA integrity_check").await?;
            ensure!(integrity == ["ok"], "integrity: {integrity:?}");
            let orphans = hand
                .texts("SELECT \"table\" FROM pragma_foreign_key_check")
                .await?;
            ensure!(orphans.is_empty(), "foreign keys: {orphans:?}");
        }
        for (what, query) in NEVER {
            let query = query.replace("setting_of_counts", COUNTS);
            let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM ({query}) AS found");
            let found = hand.texts(&count).await?;
            ensure!(found == ["0"], "{what}: {found:?}");
        }
        drop(hand);
        self.follow_the_log(portal).await
    }

    /// From the last entry that was seen, which must still be the same, to the newest.
    async fn follow_the_log(&mut self, portal: &Latchkey) -> Result<()> {
        let url = self.url.clone().unwrap_or_else(|| {
            let file = portal.data_folder().join("latchkey.sqlite");
            format!("sqlite:{}", file.display())
        });
        let database = Database::connect(&url).await?;
        // Entries of the log carry no MAC of their own: any key will do.
        let any = Keyring::generate(&mut UnwrapErr(SysRng)).row_key;
        let store = Store::new(database, any);
        let mut read = store.read().await?;
        let rows = read.audit_from(self.seen.0, i64::MAX).await?;
        drop(read);
        store.database().close().await;
        let mut rows = rows.into_iter();
        if self.seen.0 > 0 {
            let last = rows.next().context("the end of the audit log is gone")?;
            ensure!((last.seq, last.hash) == self.seen, "the audit log changed");
        }
        for row in rows {
            let (seq, hash) = (row.seq, row.hash);
            let follows = seq == self.seen.0 + 1 && row.previous == self.seen.1;
            if !follows || entry_hash(&self.seen.1, &record(row)) != hash {
                bail!("the audit log is broken at entry {seq}");
            }
            self.seen = (seq, hash);
        }
        Ok(())
    }
}

fn record(row: AuditRow) -> AuditRecord {
    AuditRecord {
        seq: row.seq.cast_unsigned(),
        at: row.at,
        actor_kind: row.actor_kind.0,
        actor: row.actor_id,
        credential: row.credential_id,
        act: row.act,
        subject_kind: row.subject_kind,
        subject: row.subject_id,
        outcome: row.outcome.0,
        evidence: row.evidence.into_bytes(),
        address: row.address.map(|address| address.0),
        user_agent: row.agent.map(|agent| UserAgent::of(&agent)),
    }
}
