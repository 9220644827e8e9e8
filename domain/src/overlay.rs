//! Temporary access: endpoints that are open beside a live grant for minutes or hours. An overlay is
//! a small grant of its own, asked for with a reason and approved by the same quorum; it holds rules
//! and not names, so later edits of the catalogue never widen it. It opens endpoints and adds the
//! scopes that they need, and nothing else: sources, hours, limits and the end stay the grant's.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::enc::{Digest, Enc};
use crate::grant::{Grant, Rule};
use crate::id::{GrantId, OverlayId, PersonId};
use crate::policy::OverlayMinutes;
use crate::service::{Catalogue, Endpoint, Method, PathPattern, ScopeName};
use crate::time::Timestamp;

/// Overlays of one grant that can be open at a time, asked for or approved.
pub const MOST_OPEN: usize = 5;

/// Made by [`Overlay::propose`] alone, or read back from where it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    grant: GrantId,
    /// Those that the rules need and the grant lacks.
    scopes: BTreeSet<ScopeName>,
    rules: BTreeSet<Rule>,
    minutes: OverlayMinutes,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub endpoints: BTreeSet<(Method, PathPattern)>,
    /// Calls that change something are opened only where the wish says so.
    pub writes: bool,
    pub minutes: OverlayMinutes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayRefused {
    #[error("Choose at least one endpoint.")]
    Nothing,
    #[error("This service no longer offers {0} {1}.")]
    NotOffered(Method, PathPattern),
    #[error("The grant opens {0} {1} already.")]
    OpenAlready(Method, PathPattern),
    #[error("{0} {1} changes things. Say that you need that, or leave it out.")]
    Writes(Method, PathPattern),
}

impl Overlay {
    /// Resolves a wish against the catalogue of this moment and the grant in force.
    pub fn propose(
        id: GrantId,
        grant: &Grant,
        catalogue: &Catalogue,
        wish: Wish,
    ) -> Result<Self, OverlayRefused> {
        let mut rules = BTreeSet::new();
        for (method, pattern) in wish.endpoints {
            let is_it = |one: &&Endpoint| one.method == method && one.pattern == pattern;
            let offered = catalogue.endpoints.iter().find(is_it).map(rule);
            match offered.filter(|rule| !rule.scopes.is_empty()) {
                None => return Err(OverlayRefused::NotOffered(method, pattern)),
                Some(rule) if is_open(grant, &rule) => {
                    return Err(OverlayRefused::OpenAlready(method, pattern));
                }
                Some(_) if !wish.writes && !method.is_read_only() => {
                    return Err(OverlayRefused::Writes(method, pattern));
                }
                Some(rule) => rules.insert(rule),
            };
        }
        if rules.is_empty() {
            return Err(OverlayRefused::Nothing);
        }
        let needed: BTreeSet<ScopeName> = rules
            .iter()
            .flat_map(|rule| &rule.scopes)
            .cloned()
            .collect();
        Ok(Self {
            grant: id,
            scopes: &needed - grant.scopes(),
            rules,
            minutes: wish.minutes,
        })
    }

    /// What can be asked for beside a grant: what it does not open.
    pub fn choices<'a>(
        grant: &Grant,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = &'a Endpoint> {
        catalogue
            .endpoints
            .iter()
            .filter(|one| !one.scopes.is_empty() && !is_open(grant, &rule(one)))
    }

    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    pub const fn scopes(&self) -> &BTreeSet<ScopeName> {
        &self.scopes
    }

    pub const fn rules(&self) -> &BTreeSet<Rule> {
        &self.rules
    }

    pub const fn minutes(&self) -> OverlayMinutes {
        self.minutes
    }

    /// The life counts from the last approval, not from the request (Teleport issue 50011).
    pub fn valid_until(&self, approved: Timestamp) -> Timestamp {
        approved.plus(self.minutes.duration())
    }

    /// Whether the catalogue still offers every rule as it was asked for.
    pub fn is_within(&self, catalogue: &Catalogue) -> bool {
        let offered: BTreeSet<Rule> = catalogue.endpoints.iter().map(rule).collect();
        self.rules.is_subset(&offered)
    }

    /// What approvers sign, and what is checked whenever it is loaded.
    pub fn digest(&self) -> Digest {
        let rules = self.rules.iter().map(|rule| {
            Enc::list()
                .text(rule.method.code())
                .text(&rule.pattern.to_string())
                .set(&rule.scopes)
                .finish()
        });
        Enc::new("latchkey/overlay/v1")
            .uuid(self.grant.uuid())
            .set(&self.scopes)
            .set(rules)
            .u64(u32::from(self.minutes).into())
            .sha256()
    }
}

/// What was handed in, beside the overlay itself: who asked, why, and the grant in force then. A
/// grant that is narrowed meanwhile makes it another case, whose approvals do not count.
pub fn request_digest(
    id: OverlayId,
    requester: PersonId,
    in_force: &Grant,
    reason: &str,
) -> Digest {
    Enc::new("latchkey/overlay-request/v1")
        .uuid(id.uuid())
        .uuid(requester.uuid())
        .bytes(in_force.digest())
        .text(reason)
        .sha256()
}

fn rule(endpoint: &Endpoint) -> Rule {
    Rule {
        method: endpoint.method,
        pattern: endpoint.pattern.clone(),
        scopes: endpoint.scopes.clone(),
    }
}

fn is_open(grant: &Grant, rule: &Rule) -> bool {
    grant.rules().iter().any(|own| {
        own.method == rule.method
            && own.pattern.covers(&rule.pattern)
            && own.scopes.is_subset(grant.scopes())
    })
}

#[cfg(test)]
mod tests;
