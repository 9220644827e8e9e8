//! An approver may narrow a grant. That is a new proposal: its digest differs, so the approvals
//! over the old one no longer count.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Grant, Rule};
use crate::hours::Hours;
use crate::limit::Limits;
use crate::network::Sources;
use crate::policy::{LifeDays, RatePerSecond};
use crate::service::ScopeName;

/// What to change; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowing {
    pub scopes: Option<BTreeSet<ScopeName>>,
    /// The endpoints that stay, of those that the scopes leave open.
    #[serde(default)]
    pub rules: Option<BTreeSet<Rule>>,
    pub sources: Option<Sources>,
    pub rate: Option<RatePerSecond>,
    pub limits: Option<Limits>,
    pub hours: Option<Hours>,
    pub life: Option<LifeDays>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarrowRefused {
    #[error("Keep at least one scope that opens an endpoint, or reject the request.")]
    NothingLeft,
    #[error("The grant can only be narrowed to scopes that it already has.")]
    Scopes,
    #[error("The grant can only be narrowed to endpoints that it already opens.")]
    Rules,
    #[error("The networks must lie within those of the grant.")]
    Sources,
    #[error("The rate can only be lowered.")]
    Rate,
    #[error("A limit can only be lowered or added.")]
    Limits,
    #[error("The hours must lie within those of the grant.")]
    Hours,
    #[error("The life can only be shortened.")]
    Life,
    #[error("Nothing has changed.")]
    Unchanged,
}

impl Grant {
    /// A grant within this one, and different from it.
    pub fn narrow(&self, to: &Narrowing) -> Result<Self, NarrowRefused> {
        let scopes = to.scopes.as_ref().unwrap_or(self.scopes());
        let sources = to.sources.as_ref().unwrap_or(&self.sources);
        let hours = to.hours.as_ref().unwrap_or(&self.hours);
        let limits = to.limits.unwrap_or(self.limits);
        let (rate, life) = (to.rate.unwrap_or(self.rate), to.life.unwrap_or(self.life));
        if !scopes.is_subset(&self.scopes) {
            return Err(NarrowRefused::Scopes);
        }
        if to
            .rules
            .as_ref()
            .is_some_and(|kept| !kept.is_subset(&self.rules))
        {
            return Err(NarrowRefused::Rules);
        }
        let nowhere = matches!(sources, Sources::Only(networks) if networks.is_empty());
        if nowhere || !sources.is_within(&self.sources) {
            return Err(NarrowRefused::Sources);
        }
        if rate > self.rate {
            return Err(NarrowRefused::Rate);
        }
        if !limits.are_within(&self.limits) {
            return Err(NarrowRefused::Limits);
        }
        if !hours.are_within(&self.hours) {
            return Err(NarrowRefused::Hours);
        }
        if life > self.life {
            return Err(NarrowRefused::Life);
        }
        let mut rules = self.rules().clone();
        rules.retain(|rule| {
            rule.scopes.is_subset(scopes)
                && to.rules.as_ref().is_none_or(|kept| kept.contains(rule))
        });
        if rules.is_empty() {
            return Err(NarrowRefused::NothingLeft);
        }
        let narrowed = Self {
            scopes: Arc::new(scopes.clone()),
            rules: Arc::new(rules),
            sources: sources.clone(),
            rate,
            limits,
            hours: hours.clone(),
            life,
            ..*self
        };
        if narrowed == *self {
            return Err(NarrowRefused::Unchanged);
        }
        Ok(narrowed)
    }
}
