//! Recorded calls, decided again by another grant. What is recorded of a call is less than the call:
//! a rule instead of a path, a network instead of an address. So each is tried with every address
//! that could tell the two grants apart, and the worst answer counts.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use uuid::Uuid;

use super::{Grant, LiveGrant};
use crate::hours::Hours;
use crate::id::{KeyId, PartnerId};
use crate::key::KeyState;
use crate::network::Sources;
use crate::service::Method;
use crate::time::Timestamp;
use crate::usage::Traffic;
use crate::verification::{Call, KeyEntry, Place, RawCall, Reason, decide};

/// What would have become of recorded calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Those that the grant allows as it is now.
    pub calls: u64,
    /// Those of them that the other grant would have refused, and why.
    pub refused: Vec<(Traffic, Reason)>,
    /// Those that the grant itself no longer allows.
    pub no_longer: u64,
}

impl Grant {
    /// Puts accepted calls of this grant to the decision as `other` would have it. Rates, quotas and
    /// hours are not replayed: the times of calls are not kept.
    pub fn replay(&self, other: &Self, traffic: &[Traffic]) -> Replay {
        let (ours, theirs) = (self.entry(), other.entry());
        let mut replay = Replay::default();
        for calls in traffic {
            let mut allowed = self
                .tries(other, calls)
                .into_iter()
                .filter(|call| call.decided(&ours, calls).is_ok())
                .peekable();
            if allowed.peek().is_none() {
                replay.no_longer = replay.no_longer.saturating_add(calls.calls);
                continue;
            }
            replay.calls = replay.calls.saturating_add(calls.calls);
            if let Some(why) = allowed.find_map(|call| call.decided(&theirs, calls).err()) {
                replay.refused.push((calls.clone(), why));
            }
        }
        replay
    }

    /// A key under this grant that only what the grant says can refuse.
    fn entry(&self) -> KeyEntry {
        KeyEntry {
            key: KeyId::new(Uuid::nil()),
            partner: PartnerId::new(Uuid::nil()),
            state: KeyState::Active,
            expires: Timestamp::from_micros(i64::MAX),
            partner_suspended: false,
            grant: Arc::new(LiveGrant::from(Self {
                hours: Hours::default(),
                ..self.clone()
            })),
        }
    }

    /// Every call that the record can stand for and that can tell the two grants apart.
    fn tries(&self, other: &Self, calls: &Traffic) -> Vec<Try> {
        let endpoints: Vec<(Method, String)> = match &calls.endpoint {
            Some(endpoint) => vec![(endpoint.method, endpoint.pattern.example())],
            None => self
                .rules
                .iter()
                .map(|rule| (rule.method, rule.pattern.example()))
                .collect(),
        };
        let sources = addresses(calls.source.map(IpNet::from), &self.sources, &other.sources);
        endpoints
            .iter()
            .flat_map(|(method, path)| {
                sources.iter().map(|source| Try {
                    method: *method,
                    path: path.clone(),
                    source: source.to_string(),
                    place: Place {
                        service: self.service,
                        environment: self.environment,
                    },
                })
            })
            .collect()
    }
}

struct Try {
    method: Method,
    path: String,
    source: String,
    place: Place,
}

impl Try {
    fn decided(&self, entry: &KeyEntry, calls: &Traffic) -> Result<(), Reason> {
        let raw = RawCall {
            method: self.method.code(),
            path: &self.path,
            source_ip: &self.source,
            scheme: "https",
            scope: calls.scope.as_ref().map(|scope| scope.as_str()),
        };
        let places = [self.place];
        let call = Call::parse(raw, &places)?;
        decide(entry, &call, Timestamp::from_micros(0)).map(drop)
    }
}

/// Addresses of a recorded network that are granted, one at least on each side of every border of the
/// other grant's networks.
fn addresses(recorded: Option<IpNet>, granted: &Sources, other: &Sources) -> BTreeSet<IpAddr> {
    let recorded = recorded.map_or_else(everywhere, |network| vec![network]);
    let mut blocks: Vec<IpNet> = granted.common(&recorded).iter().copied().collect();
    if blocks.is_empty() {
        blocks = recorded;
    }
    let borders = match other {
        Sources::Anywhere => Vec::new(),
        Sources::Only(networks) => networks.iter().copied().collect(),
    };
    let mut addresses = BTreeSet::new();
    for block in blocks {
        addresses.extend([block.network(), block.broadcast()]);
        let beyond = borders
            .iter()
            .flat_map(|border| [before(border.network()), after(border.broadcast())]);
        addresses.extend(beyond.flatten().filter(|address| block.contains(address)));
    }
    addresses
}

fn everywhere() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"]
        .into_iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(four) => four
            .to_bits()
            .checked_sub(1)
            .map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(six) => six
            .to_bits()
            .checked_sub(1)
            .map(|bits| IpAddr::V6(bits.into())),
    }
}

fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(four) => four
            .to_bits()
            .checked_add(1)
            .map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(six) => six
            .to_bits()
            .checked_add(1)
            .map(|bits| IpAddr::V6(bits.into())),
    }
}
