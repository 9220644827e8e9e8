//! A grant as its keys are held to it: what was approved, as far as it was not narrowed since, and
//! temporary access beside it.

use core::ops::Deref;
use std::collections::BTreeSet;

use super::{Grant, Parts, Rule};
use crate::overlay::Overlay;
use crate::service::{Method, RequestPath, ScopeName};
use crate::time::Timestamp;

/// The grant in force, to which it dereferences, and what overlays open beside it. Sources, hours,
/// limits and the end are the grant's for every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveGrant {
    grant: Grant,
    /// Mostly none.
    overlays: Box<[Opened]>,
}

/// What one overlay opens, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Opened {
    rules: Box<[Rule]>,
    /// The grant's, and those that the overlay adds.
    scopes: BTreeSet<ScopeName>,
    until: Timestamp,
}

/// How far a call came with the grant's own rules, or with those of one overlay.
enum Fit {
    /// The rule that opens the endpoint, as its place.
    Open(usize),
    /// The endpoint is open, and the scope that the call asks for is not there.
    NoScope,
    Closed,
}

/// Why no rule lets a call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpen {
    Endpoint,
    Scope,
}

impl Deref for LiveGrant {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.grant
    }
}

impl From<Grant> for LiveGrant {
    fn from(grant: Grant) -> Self {
        Self::new(grant, [])
    }
}

impl LiveGrant {
    /// As [`Grant::keep_parts_in`]; those of its overlays are its own.
    pub fn keep_parts_in(&mut self, parts: &mut Parts) {
        self.grant.keep_parts_in(parts);
    }

    /// `grant` is the one in force. Rules whose scopes neither the grant nor their own overlay has
    /// (any more) open nothing.
    pub fn new(grant: Grant, overlays: impl IntoIterator<Item = (Overlay, Timestamp)>) -> Self {
        let overlays = overlays
            .into_iter()
            .map(|(overlay, until)| {
                let scopes = grant.scopes() | overlay.scopes();
                let open = |rule: &&Rule| rule.scopes.is_subset(&scopes);
                Opened {
                    rules: overlay.rules().iter().filter(open).cloned().collect(),
                    scopes,
                    until,
                }
            })
            .collect();
        Self { grant, overlays }
    }

    /// The rule at a place that [`LiveGrant::rule_now`] named: the grant's own come first.
    pub fn rule(&self, at: usize) -> Option<&Rule> {
        let own = self.grant.rules.len();
        match at.checked_sub(own) {
            None => self.grant.rules.iter().nth(at),
            Some(at) => self.overlays.iter().flat_map(|one| &one.rules).nth(at),
        }
    }

    /// The scopes that a call has which passed by the rule at a place: the grant's, and those of the
    /// overlay that opened it. What another overlay adds is for that one's endpoints alone.
    pub fn scopes_at(&self, at: Option<usize>) -> &BTreeSet<ScopeName> {
        let mut end = self.grant.rules.len();
        for overlay in &self.overlays {
            let start = end;
            end = end.saturating_add(overlay.rules.len());
            if at.is_some_and(|at| (start..end).contains(&at)) {
                return &overlay.scopes;
            }
        }
        &self.grant.scopes
    }

    /// The rule that lets a call pass at this moment, as its place among all of them.
    pub fn rule_now(
        &self,
        method: Method,
        path: &RequestPath<'_>,
        scope: Option<&str>,
        now: Timestamp,
    ) -> Result<usize, NotOpen> {
        let mut refused = NotOpen::Endpoint;
        let own = self.grant.rule_for(method, path);
        match fit(own, &self.grant.scopes, scope) {
            Fit::Open(rule) => return Ok(rule),
            Fit::NoScope => refused = NotOpen::Scope,
            Fit::Closed => {}
        }
        let mut before = self.grant.rules.len();
        for overlay in &self.overlays {
            let opens = |rule: &Rule| rule.method == method && rule.pattern.matches(path);
            if now < overlay.until {
                let rule = overlay.rules.iter().position(opens);
                match fit(rule, &overlay.scopes, scope) {
                    Fit::Open(rule) => return Ok(before.saturating_add(rule)),
                    Fit::NoScope => refused = NotOpen::Scope,
                    Fit::Closed => {}
                }
            }
            before = before.saturating_add(overlay.rules.len());
        }
        Err(refused)
    }
}

fn fit(rule: Option<usize>, scopes: &BTreeSet<ScopeName>, wanted: Option<&str>) -> Fit {
    let has = |wanted: &str| scopes.iter().any(|scope| scope.as_str() == wanted);
    match rule {
        None => Fit::Closed,
        Some(rule) if wanted.is_none_or(has) => Fit::Open(rule),
        Some(_) => Fit::NoScope,
    }
}
