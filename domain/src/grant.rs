//! What is approved for one environment: scopes resolved to method and path rules, source networks
//! and limits. grant ⊆ request ⊆ policy; later edits of the catalogue never widen it, because a
//! grant holds its rules and not the names of endpoints.

mod live;
mod narrow;
mod parts;
mod propose;
mod replay;
mod used;

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use live::{LiveGrant, NotOpen};
pub use narrow::{NarrowRefused, Narrowing};
pub use parts::Parts;
pub use propose::ProposalRefused;
pub use replay::Replay;
pub use used::{Fit, Gaps, Record, Used};

use crate::enc::{Digest, Enc};
use crate::hours::Hours;
use crate::id::{EnvironmentId, ServiceId};
use crate::limit::{Counts, Limits, Period};
use crate::network::Sources;
use crate::policy::{LifeDays, RatePerSecond};
use crate::service::{Method, PathPattern, RequestPath, ScopeName};
use crate::time::Timestamp;

/// One endpoint as it was when the grant was proposed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub method: Method,
    pub pattern: PathPattern,
    /// The scopes that the call needs; the grant has them all.
    pub scopes: BTreeSet<ScopeName>,
}

/// Made by [`Grant::propose`] and [`Grant::narrow`] alone, or read back from where it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    service: ServiceId,
    environment: EnvironmentId,
    scopes: Arc<BTreeSet<ScopeName>>,
    rules: Arc<BTreeSet<Rule>>,
    sources: Sources,
    rate: RatePerSecond,
    /// Beside the rate.
    limits: Limits,
    /// When in the week its keys work.
    hours: Hours,
    life: LifeDays,
}

impl Grant {
    pub const fn service(&self) -> ServiceId {
        self.service
    }

    pub const fn environment(&self) -> EnvironmentId {
        self.environment
    }

    pub fn scopes(&self) -> &BTreeSet<ScopeName> {
        &self.scopes
    }

    pub fn rules(&self) -> &BTreeSet<Rule> {
        &self.rules
    }

    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    pub const fn rate(&self) -> RatePerSecond {
        self.rate
    }

    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How often all its keys together may be used.
    pub fn together(&self) -> Counts {
        let rate = Counts::default().with(Period::Second, self.rate.into());
        self.limits.grant.and(rate)
    }

    pub const fn hours(&self) -> &Hours {
        &self.hours
    }

    pub const fn life(&self) -> LifeDays {
        self.life
    }

    /// The life counts from the approval, not from the request (Teleport issue 50011).
    pub fn valid_until(&self, approved: Timestamp) -> Timestamp {
        approved.plus(self.life.duration())
    }

    /// The rule that opens an endpoint, as its place among the rules; the first, where several do.
    pub fn rule_for(&self, method: Method, path: &RequestPath<'_>) -> Option<usize> {
        self.rules.iter().position(|rule| {
            rule.method == method
                && rule.pattern.matches(path)
                && rule.scopes.is_subset(&self.scopes)
        })
    }

    pub fn allows_call(&self, method: Method, path: &RequestPath<'_>) -> bool {
        self.rule_for(method, path).is_some()
    }

    pub fn allows_source(&self, address: IpAddr) -> bool {
        self.sources.contain(address)
    }

    /// The partial order of grants: all that this one allows, the other allows too.
    pub fn is_within(&self, other: &Self) -> bool {
        let covered = |ours: &Rule| {
            other.rules.iter().any(|theirs| {
                ours.method == theirs.method
                    && theirs.pattern.covers(&ours.pattern)
                    && theirs.scopes.is_subset(&other.scopes)
            })
        };
        self.service == other.service
            && self.environment == other.environment
            && self.scopes.is_subset(&other.scopes)
            && self.rules.iter().all(covered)
            && self.sources.is_within(&other.sources)
            && self.rate <= other.rate
            && self.limits.are_within(&other.limits)
            && self.hours.are_within(&other.hours)
            && self.life <= other.life
    }

    /// What approvers sign.
    pub fn digest(&self) -> Digest {
        let rules = self.rules.iter().map(|rule| {
            Enc::list()
                .text(rule.method.code())
                .text(&rule.pattern.to_string())
                .set(&rule.scopes)
                .finish()
        });
        Enc::new("latchkey/grant/v1")
            .uuid(self.service.uuid())
            .uuid(self.environment.uuid())
            .set(self.scopes())
            .set(rules)
            .text(&self.sources.to_string())
            .u64(u32::from(self.rate).into())
            .text(&self.limits.grant.to_string())
            .text(&self.limits.key.to_string())
            .text(&self.hours.to_string())
            .u64(u32::from(self.life).into())
            .sha256()
    }
}

#[cfg(test)]
pub(crate) mod tests;
