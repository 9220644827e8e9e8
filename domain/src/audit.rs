//! The audit log: what an entry holds and how entries are chained.

use core::fmt;
use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::enc::{Digest, Enc};
use crate::id::{CredentialId, PersonId};
use crate::text::codes;
use crate::time::Timestamp;

codes! {
    Outcome {
        Done = "done",
        Refused = "refused",
        Failed = "failed",
    }
}

codes! {
    ActorKind {
        Staff = "staff",
        Contact = "contact",
        /// Somebody with a shell on the server.
        Console = "console",
        Gateway = "gateway",
        /// Latchkey itself: a job that fell due.
        System = "system",
        /// Who has not proved who they are.
        Anonymous = "anonymous",
    }
}

/// One entry. Ids rather than names; secrets never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// Counts up from 1 without gaps.
    pub seq: u64,
    pub at: Timestamp,
    pub actor_kind: ActorKind,
    pub actor: Option<PersonId>,
    pub credential: Option<CredentialId>,
    pub act: String,
    pub subject_kind: String,
    pub subject: Uuid,
    pub outcome: Outcome,
    /// JSON: the raw assertion, receipt or decision that the act rests on; empty if none.
    pub evidence: Vec<u8>,
    pub address: Option<TruncatedAddress>,
    pub user_agent: Option<UserAgent>,
}

/// What stands before the first entry.
pub const GENESIS: Digest = [0; 32];

/// The hash of an entry, over the one before it.
pub fn entry_hash(previous: &Digest, record: &AuditRecord) -> Digest {
    Enc::new("latchkey/audit/v1")
        .bytes(previous)
        .u64(record.seq)
        .time(record.at)
        .text(record.actor_kind.code())
        .option(record.actor.map(|id| *id.uuid().as_bytes()))
        .option(record.credential.map(|id| *id.uuid().as_bytes()))
        .text(&record.act)
        .text(&record.subject_kind)
        .uuid(record.subject)
        .text(record.outcome.code())
        .bytes(&record.evidence)
        .option(record.address.map(|address| address.to_string()))
        .option(record.user_agent.as_ref().map(UserAgent::as_str))
        .sha256()
}

/// The first entry that is missing, altered, or out of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The audit log is broken at entry {seq}.")]
pub struct Broken {
    pub seq: u64,
}

/// Follows the chain from the first entry; the hash of the last one, for who keeps it elsewhere.
pub fn verify_chain(
    entries: impl IntoIterator<Item = (AuditRecord, Digest)>,
) -> Result<Digest, Broken> {
    let (mut previous, mut seq) = (GENESIS, 0);
    for (record, hash) in entries {
        seq += 1;
        if record.seq != seq || entry_hash(&previous, &record) != hash {
            return Err(Broken { seq });
        }
        previous = hash;
    }
    Ok(previous)
}

/// The /24 or /48 that an address lies in: enough to see a pattern, too little to find a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "IpNet", into = "IpNet")]
pub struct TruncatedAddress(IpNet);

impl TruncatedAddress {
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() { 24 } else { 48 };
        Self(IpNet::new(address, prefix).map_or(IpNet::from(address), |net| net.trunc()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not a truncated address.")]
pub struct NotTruncated;

impl TryFrom<IpNet> for TruncatedAddress {
    type Error = NotTruncated;

    fn try_from(network: IpNet) -> Result<Self, Self::Error> {
        let truncated = Self::of(network.addr());
        (truncated.0 == network)
            .then_some(truncated)
            .ok_or(NotTruncated)
    }
}

impl From<TruncatedAddress> for IpNet {
    fn from(address: TruncatedAddress) -> Self {
        address.0
    }
}

impl core::str::FromStr for TruncatedAddress {
    type Err = NotTruncated;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network: IpNet = text.parse().map_err(|_| NotTruncated)?;
        network.try_into()
    }
}

impl fmt::Display for TruncatedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first 120 printable characters of a `User-Agent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct UserAgent(String);

impl UserAgent {
    pub fn of(header: &str) -> Self {
        let printable = header.chars().filter(|c| matches!(c, ' '..='~'));
        Self(printable.take(120).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UserAgent {
    fn from(header: String) -> Self {
        Self::of(&header)
    }
}

impl From<UserAgent> for String {
    fn from(agent: UserAgent) -> Self {
        agent.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64) -> AuditRecord {
        AuditRecord {
            seq,
            at: Timestamp::from_micros(7),
            actor_kind: ActorKind::Staff,
            actor: Some(PersonId::new(Uuid::from_u128(1))),
            credential: Some(CredentialId::new(Uuid::from_u128(2))),
            act: "decide".to_owned(),
            subject_kind: "grant".to_owned(),
            subject: Uuid::from_u128(3),
            outcome: Outcome::Done,
            evidence: b"{}".to_vec(),
            address: Some(TruncatedAddress::of([192, 0, 2, 7].into())),
            user_agent: Some(UserAgent::of("curl/8")),
        }
    }

    fn chain(length: u64) -> Vec<(AuditRecord, Digest)> {
        let mut previous = GENESIS;
        (1..=length)
            .map(|seq| {
                previous = entry_hash(&previous, &record(seq));
                (record(seq), previous)
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies() {
        assert_eq!(verify_chain(chain(3)), Ok(chain(3)[2].1));
        assert_eq!(verify_chain([]), Ok(GENESIS));
    }

    #[test]
    fn every_altered_field_breaks_the_chain() {
        let changes: [fn(&mut AuditRecord); 12] = [
            |r| r.seq = 9,
            |r| r.at = Timestamp::from_micros(8),
            |r| r.actor_kind = ActorKind::Console,
            |r| r.actor = None,
            |r| r.credential = None,
            |r| r.act = "claim".to_owned(),
            |r| r.subject_kind = "key".to_owned(),
            |r| r.subject = Uuid::from_u128(9),
            |r| r.outcome = Outcome::Refused,
            |r| r.evidence = b"{ }".to_vec(),
            |r| r.address = None,
            |r| r.user_agent = None,
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut entries = chain(3);
            change(&mut entries[1].0);
            assert_eq!(verify_chain(entries), Err(Broken { seq: 2 }), "change {i}");
        }
    }

    #[test]
    fn a_removed_or_swapped_entry_breaks_the_chain() {
        let mut removed = chain(3);
        removed.remove(1);
        assert_eq!(verify_chain(removed), Err(Broken { seq: 2 }));
        let mut first = chain(3);
        first.remove(0);
        assert_eq!(verify_chain(first), Err(Broken { seq: 1 }));
        let mut swapped = chain(3);
        swapped.swap(0, 1);
        assert_eq!(verify_chain(swapped), Err(Broken { seq: 1 }));
    }

    #[test]
    fn addresses_are_truncated() {
        let truncated = |text: &str| TruncatedAddress::of(text.parse().unwrap()).to_string();
        assert_eq!(truncated("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(truncated("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(truncated("2001:db8:1:2::3"), "2001:db8:1::/48");
    }

    #[test]
    fn a_whole_address_is_not_read_back_as_a_truncated_one() {
        for text in ["192.0.2.7/32", "192.0.2.7/24", "192.0.2.7", "10.0.0.0/8"] {
            assert_eq!(
                text.parse::<TruncatedAddress>(),
                Err(NotTruncated),
                "{text}"
            );
        }
        assert!("192.0.2.0/24".parse::<TruncatedAddress>().is_ok());
    }

    #[test]
    fn a_user_agent_is_short_and_printable() {
        assert_eq!(UserAgent::of("a\r\n\u{1b}[31mé b").as_str(), "a[31m b");
        assert_eq!(UserAgent::of(&"x".repeat(500)).as_str().len(), 120);
    }
}
