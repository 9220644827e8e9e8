//! What of a grant its calls used, and the narrower grant that would have been enough for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Grant, Rule};
use crate::network::Sources;
use crate::service::ScopeName;
use crate::usage::{EndpointName, Traffic};

/// A longer list of networks is none that a person can judge or keep true.
const MOST_NETWORKS: usize = 16;

/// The accepted calls of a period, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub traffic: Vec<Traffic>,
    /// Calls of the period were made before they were recorded.
    pub began_late: bool,
}

/// What a record does not say, and what a proposal therefore leaves as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Nothing is proposed.
    pub began_late: bool,
    /// Rules and scopes stay.
    pub endpoints: bool,
    /// Networks stay.
    pub sources: bool,
}

/// Each part of a grant with the calls that used it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used<'a> {
    pub rules: Vec<(&'a Rule, u64)>,
    pub scopes: Vec<(&'a ScopeName, u64)>,
    /// Calls from a network that lies in a granted one, or around it: what is kept of an address is
    /// no more than its network. Empty where calls may come from anywhere.
    pub networks: Vec<(IpNet, u64)>,
}

/// How a grant compares to what was used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// No call passed that the grant still allows: it is not to be narrowed but asked about.
    Unused,
    /// Too little is known of the period.
    Unknown,
    /// All that can be told apart was used.
    Fits,
    Narrower(Box<Grant>),
}

impl Record {
    pub fn gaps(&self) -> Gaps {
        Gaps {
            began_late: self.began_late,
            endpoints: self.traffic.iter().any(|calls| calls.endpoint.is_none()),
            sources: self.traffic.iter().any(|calls| calls.source.is_none()),
        }
    }

    fn networks(&self) -> Vec<IpNet> {
        self.traffic
            .iter()
            .filter_map(|calls| calls.source.map(IpNet::from))
            .collect()
    }

    fn sum(&self, is_of: impl Fn(&Traffic) -> bool) -> u64 {
        self.traffic
            .iter()
            .filter(|calls| is_of(calls))
            .fold(0, |sum, calls| sum.saturating_add(calls.calls))
    }
}

impl Rule {
    fn opened(&self, calls: &Traffic) -> bool {
        let is_ours = |endpoint: &EndpointName| {
            endpoint.method == self.method && endpoint.pattern == self.pattern
        };
        calls.endpoint.as_ref().is_some_and(is_ours)
    }
}

impl Grant {
    pub fn used<'a>(&'a self, record: &Record) -> Used<'a> {
        let by_rule = |rule: &'a Rule| (rule, record.sum(|calls| rule.opened(calls)));
        let rules: Vec<_> = self.rules.iter().map(by_rule).collect();
        let by_scope = |scope: &'a ScopeName| {
            let needs_it = |calls: &Traffic| {
                let by_rule = rules
                    .iter()
                    .any(|(rule, _)| rule.scopes.contains(scope) && rule.opened(calls));
                by_rule || calls.scope.as_ref() == Some(scope)
            };
            (scope, record.sum(needs_it))
        };
        let by_network = |network: &IpNet| {
            let is_near = |calls: &Traffic| {
                calls
                    .source
                    .map(IpNet::from)
                    .is_some_and(|source| network.contains(&source) || source.contains(network))
            };
            (*network, record.sum(is_near))
        };
        Used {
            scopes: self.scopes.iter().map(by_scope).collect(),
            networks: match &self.sources {
                Sources::Anywhere => Vec::new(),
                Sources::Only(networks) => networks.iter().map(by_network).collect(),
            },
            rules,
        }
    }

    /// The narrowest grant within this one that needs no guess about the recorded calls. Rates,
    /// limits, hours and life stay: who lowers those must say so.
    pub fn fit(&self, record: &Record) -> Fit {
        let gaps = record.gaps();
        if gaps.began_late {
            return Fit::Unknown;
        }
        let used = self.used(record);
        if !gaps.endpoints && used.rules.iter().all(|(_, calls)| *calls == 0) {
            return Fit::Unused;
        }
        let mut fitted = self.clone();
        if !gaps.endpoints {
            fitted.rules = Arc::new(of_use(used.rules));
            // A scope that a gateway asks for by name is needed, whether or not a rule says so.
            fitted.scopes = Arc::new(of_use(used.scopes));
        }
        if !gaps.sources {
            fitted.sources = self.fit_sources(record);
        }
        if fitted == *self {
            Fit::Fits
        } else {
            Fit::Narrower(Box::new(fitted))
        }
    }

    /// What is kept of an address is its network, so what is granted within one stays whole.
    fn fit_sources(&self, record: &Record) -> Sources {
        let seen = self.sources.common(&record.networks());
        if seen.is_empty() || seen.len() > MOST_NETWORKS {
            return self.sources.clone();
        }
        Sources::Only(seen)
    }
}

fn of_use<T: Clone + Ord>(parts: Vec<(&T, u64)>) -> BTreeSet<T> {
    parts
        .into_iter()
        .filter(|(_, calls)| *calls > 0)
        .map(|(part, _)| part.clone())
        .collect()
}

#[cfg(test)]
mod tests;
