//! From what was asked for to what approvers decide on.

use std::sync::Arc;

use super::{Grant, Rule};
use crate::hours::Hours;
use crate::id::ServiceId;
use crate::network::Sources;
use crate::policy::{LifeDays, Policy, RatePerSecond};
use crate::request::RequestedLine;
use crate::service::{Catalogue, ScopeName};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalRefused {
    #[error("Choose at least one scope.")]
    NoScopes,
    #[error("This service no longer has the scope {0}.")]
    UnknownScope(ScopeName),
    #[error("These scopes together open no endpoint.")]
    NothingToCall,
    #[error("Name the networks that calls come from: this environment demands them.")]
    NetworksMissing,
    #[error("{0} is too broad to say where calls come from.")]
    NetworkTooBroad(ipnet::IpNet),
    #[error("At most {0} calls a second can be asked for here.")]
    RateAbovePolicy(RatePerSecond),
    #[error("Keys live at most {0} days here.")]
    LifeAbovePolicy(LifeDays),
}

impl Grant {
    /// Resolves a requested line against the catalogue and policy of this moment.
    pub fn propose(
        line: &RequestedLine,
        service: ServiceId,
        catalogue: &Catalogue,
        policy: &Policy,
    ) -> Result<Self, ProposalRefused> {
        if line.scopes.is_empty() {
            return Err(ProposalRefused::NoScopes);
        }
        let unknown = line.scopes.iter().find(|s| catalogue.scope(s).is_none());
        if let Some(name) = unknown {
            return Err(ProposalRefused::UnknownScope(name.clone()));
        }
        check_sources(&line.sources, policy)?;
        if line.rate > policy.rate_limit {
            return Err(ProposalRefused::RateAbovePolicy(policy.rate_limit));
        }
        if line.life > policy.longest_life {
            return Err(ProposalRefused::LifeAbovePolicy(policy.longest_life));
        }
        let opened = |needed: &&crate::service::Endpoint| {
            !needed.scopes.is_empty() && needed.scopes.is_subset(&line.scopes)
        };
        let rules = catalogue
            .endpoints
            .iter()
            .filter(opened)
            .map(|endpoint| Rule {
                method: endpoint.method,
                pattern: endpoint.pattern.clone(),
                scopes: endpoint.scopes.clone(),
            });
        let grant = Self {
            service,
            environment: line.environment,
            scopes: Arc::new(line.scopes.clone()),
            rules: Arc::new(rules.collect()),
            sources: line.sources.clone(),
            rate: line.rate,
            limits: policy.limits,
            hours: Hours::default(),
            life: line.life,
        };
        if grant.rules.is_empty() {
            return Err(ProposalRefused::NothingToCall);
        }
        Ok(grant)
    }
}

fn check_sources(sources: &Sources, policy: &Policy) -> Result<(), ProposalRefused> {
    match sources {
        Sources::Anywhere if policy.networks_required => Err(ProposalRefused::NetworksMissing),
        Sources::Anywhere => Ok(()),
        Sources::Only(networks) if networks.is_empty() => Err(ProposalRefused::NetworksMissing),
        Sources::Only(networks) => match networks.too_broad() {
            Some(network) => Err(ProposalRefused::NetworkTooBroad(network)),
            None => Ok(()),
        },
    }
}
