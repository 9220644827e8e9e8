//! One key's counts since the last batch.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use domain::audit::TruncatedAddress;
use domain::service::ScopeName;
use domain::time::Timestamp;
use domain::usage::EndpointName;
use domain::verification::Reason;
use smallvec::SmallVec;

use super::Seen;
use crate::verify::snapshot::Held;

/// So many networks are told apart in one hour of a key between two batches; more are *other*.
const NETWORKS: usize = 16;
/// From so many kinds of calls on, the networks of new ones are *other*.
const KINDS: usize = 256;
/// From so many on, their endpoints are too. Beyond it are two kinds for each outcome.
const MOST_KINDS: usize = 512;

const MICROS_AN_HOUR: i64 = 3_600_000_000;

/// Mostly there is one hour with a kind or two: they lie side by side, so that counting a call
/// fetches one place of memory and not three.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    last_accepted: Option<(Timestamp, Network)>,
    last_refused: Option<(Timestamp, Network, Reason)>,
    /// A second one when an hour is over or the key has just changed.
    hours: SmallVec<[Hour; 1]>,
}

/// Calls of one hour that were alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    pub hour: Timestamp,
    /// Why they were refused, if they were.
    pub why: Option<Reason>,
    pub endpoint: Endpoint,
    /// `None` where too many were seen to be told apart.
    pub from: Option<TruncatedAddress>,
    pub scope: Option<ScopeName>,
    pub calls: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The call was refused before a rule was sought, or none was found.
    None,
    Rule(EndpointName),
    /// Too many were seen to be told apart.
    Other,
}

/// The calls of one hour under one state of the key, by which their places have a meaning.
#[derive(Clone, Debug)]
struct Hour {
    starts: i64,
    held: Arc<Held>,
    /// Sorted by kind.
    kinds: SmallVec<[(Kind, u32); 2]>,
    networks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    from: Network,
    rule: u16,
    scope: u16,
    why: Option<Reason>,
}

/// In place of a rule or scope.
const NONE: u16 = u16::MAX;
const OTHER: u16 = u16::MAX - 1;

/// A truncated address in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Network(u64);

impl Network {
    const FOUR: u64 = 1 << 48;
    const OTHER: Self = Self(u64::MAX);

    /// The /24 or /48 around a canonical address.
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(four) => Self(Self::FOUR | u64::from(four.to_bits() >> 8)),
            IpAddr::V6(six) => Self(u64::try_from(six.to_bits() >> 80).unwrap_or_default()),
        }
    }

    fn truncated(self) -> Option<TruncatedAddress> {
        if self == Self::OTHER {
            return None;
        }
        let address: IpAddr = if self.0 & Self::FOUR == 0 {
            Ipv6Addr::from_bits(u128::from(self.0) << 80).into()
        } else {
            Ipv4Addr::from_bits(u32::try_from((self.0 ^ Self::FOUR) << 8).unwrap_or_default())
                .into()
        };
        Some(TruncatedAddress::of(address))
    }
}

impl Counts {
    pub(super) fn add(&mut self, held: &Arc<Held>, seen: &Seen, times: u32) {
        let from = Network::of(seen.from);
        match seen.why {
            None => self.accepted_last((seen.at, from)),
            Some(why) => self.refused_last((seen.at, from, why)),
        }
        let kind = Kind {
            from,
            rule: place(seen.rule),
            scope: place(seen.scope),
            why: seen.why,
        };
        let starts = seen.at.micros() - seen.at.micros().rem_euclid(MICROS_AN_HOUR);
        if let Some(hour) = self.hour(starts, held) {
            hour.add(kind, times);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        if let Some(last) = other.last_accepted {
            self.accepted_last(last);
        }
        if let Some(last) = other.last_refused {
            self.refused_last(last);
        }
        for counted in other.hours {
            if let Some(hour) = self.hour(counted.starts, &counted.held) {
                for (kind, times) in counted.kinds {
                    hour.add(kind, times);
                }
            }
        }
    }

    fn accepted_last(&mut self, last: (Timestamp, Network)) {
        if self.last_accepted.is_none_or(|before| before.0 <= last.0) {
            self.last_accepted = Some(last);
        }
    }

    fn refused_last(&mut self, last: (Timestamp, Network, Reason)) {
        if self.last_refused.is_none_or(|before| before.0 <= last.0) {
            self.last_refused = Some(last);
        }
    }

    fn hour(&mut self, starts: i64, held: &Arc<Held>) -> Option<&mut Hour> {
        let is_it = |hour: &Hour| hour.starts == starts && Arc::ptr_eq(&hour.held, held);
        let at = self.hours.iter().position(is_it).unwrap_or_else(|| {
            self.hours.push(Hour {
                starts,
                held: Arc::clone(held),
                kinds: SmallVec::new(),
                networks: 0,
            });
            self.hours.len() - 1
        });
        self.hours.get_mut(at)
    }

    pub fn accepted(&self) -> u64 {
        self.sum(|kind| kind.why.is_none())
    }

    pub fn refused(&self) -> u64 {
        self.sum(|kind| kind.why.is_some())
    }

    fn sum(&self, is_of: impl Fn(&Kind) -> bool) -> u64 {
        let kinds = self.hours.iter().flat_map(|hour| &hour.kinds);
        kinds
            .filter(|(kind, _)| is_of(kind))
            .map(|(_, calls)| u64::from(*calls))
            .sum()
    }

    pub fn last_accepted(&self) -> Option<(Timestamp, TruncatedAddress)> {
        let (at, from) = self.last_accepted?;
        Some((at, from.truncated()?))
    }

    pub fn last_refused(&self) -> Option<(Timestamp, TruncatedAddress, Reason)> {
        let (at, from, why) = self.last_refused?;
        Some((at, from.truncated()?, why))
    }

    /// What was counted, in words that outlive the key's present state.
    pub fn alike(&self) -> impl Iterator<Item = Alike> {
        self.hours.iter().flat_map(|hour| {
            hour.kinds
                .iter()
                .map(|(kind, calls)| hour.told(*kind, *calls))
        })
    }
}

impl Hour {
    fn add(&mut self, kind: Kind, times: u32) {
        let at = match self.find(kind) {
            Ok(at) => at,
            Err(_) => {
                let kind = self.bounded(kind);
                self.find(kind).unwrap_or_else(|at| {
                    if kind.from != Network::OTHER && !self.knows(kind.from) {
                        self.networks += 1;
                    }
                    self.kinds.insert(at, (kind, 0));
                    at
                })
            }
        };
        if let Some((_, calls)) = self.kinds.get_mut(at) {
            *calls = calls.saturating_add(times);
        }
    }

    fn find(&self, kind: Kind) -> Result<usize, usize> {
        self.kinds.binary_search_by_key(&kind, |(known, _)| *known)
    }

    fn knows(&self, network: Network) -> bool {
        let at = self.kinds.partition_point(|(kind, _)| kind.from < network);
        self.kinds
            .get(at)
            .is_some_and(|(kind, _)| kind.from == network)
    }

    /// A new kind as it may be told apart: whatever a client sends, an hour has an end.
    fn bounded(&self, mut kind: Kind) -> Kind {
        let too_many = self.networks >= NETWORKS && !self.knows(kind.from);
        if too_many || self.kinds.len() >= KINDS {
            kind.from = Network::OTHER;
        }
        if self.kinds.len() >= MOST_KINDS && kind.rule != NONE {
            // Scopes are the rule's.
            (kind.rule, kind.scope) = (OTHER, NONE);
        }
        kind
    }

    fn told(&self, kind: Kind, calls: u32) -> Alike {
        Alike {
            hour: Timestamp::from_micros(self.starts),
            why: kind.why,
            endpoint: match kind.rule {
                NONE => Endpoint::None,
                rule => self
                    .held
                    .endpoint(rule.into())
                    .map_or(Endpoint::Other, Endpoint::Rule),
            },
            from: kind.from.truncated(),
            scope: match kind.scope {
                NONE => None,
                at => self.held.scope(kind.rule.into(), at.into()),
            },
            calls,
        }
    }
}

/// A place that is too far for its column is *other*.
fn place(place: Option<usize>) -> u16 {
    place.map_or(NONE, |place| {
        u16::try_from(place).unwrap_or(OTHER).min(OTHER)
    })
}
