//! One service's scopes and endpoints, and what makes them sound.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Method, PathPattern, ScopeName, Sensitivity};
use crate::text::Line;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub name: ScopeName,
    /// What the scope allows, for people.
    pub allows: Line<200>,
    pub sensitivity: Sensitivity,
}

/// A call that needs all of its scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub method: Method,
    pub pattern: PathPattern,
    pub scopes: BTreeSet<ScopeName>,
}

/// What a service offers, as grants are proposed from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    pub scopes: Vec<Scope>,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueFault {
    #[error("There are two scopes {0}.")]
    ScopeTwice(ScopeName),
    #[error("{method} {pattern} needs no scope, so no key could ever call it.")]
    NoScope {
        method: Method,
        pattern: PathPattern,
    },
    #[error("{method} {pattern} needs {scope}, which this service does not have.")]
    UnknownScope {
        method: Method,
        pattern: PathPattern,
        scope: ScopeName,
    },
    #[error(
        "{method} {first} and {second} match the same path but need different scopes: a key for one would open the other."
    )]
    Overlap {
        method: Method,
        first: PathPattern,
        second: PathPattern,
    },
}

impl Catalogue {
    pub fn scope(&self, name: &ScopeName) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.name == *name)
    }

    /// All that is wrong with the catalogue; empty when it can be published.
    pub fn faults(&self) -> Vec<CatalogueFault> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for scope in &self.scopes {
            if !names.insert(&scope.name) {
                faults.push(CatalogueFault::ScopeTwice(scope.name.clone()));
            }
        }
        for (i, endpoint) in self.endpoints.iter().enumerate() {
            faults.extend(self.faults_of(endpoint));
            let before = self.endpoints.iter().take(i);
            faults.extend(before.filter_map(|other| overlap(other, endpoint)));
        }
        faults
    }

    fn faults_of(&self, endpoint: &Endpoint) -> Vec<CatalogueFault> {
        let (method, pattern) = (endpoint.method, &endpoint.pattern);
        if endpoint.scopes.is_empty() {
            let pattern = pattern.clone();
            return vec![CatalogueFault::NoScope { method, pattern }];
        }
        let unknown = |name: &&ScopeName| self.scope(name).is_none();
        endpoint
            .scopes
            .iter()
            .filter(unknown)
            .map(|scope| CatalogueFault::UnknownScope {
                method,
                pattern: pattern.clone(),
                scope: scope.clone(),
            })
            .collect()
    }
}

/// Two endpoints that match one path must need the same scopes. Otherwise a key for `/users/{id}`
/// would open `/users/all`, whatever that one asks for.
fn overlap(first: &Endpoint, second: &Endpoint) -> Option<CatalogueFault> {
    let apart = first.method != second.method
        || first.scopes == second.scopes
        || !first.pattern.intersects(&second.pattern);
    (!apart).then(|| CatalogueFault::Overlap {
        method: second.method,
        first: first.pattern.clone(),
        second: second.pattern.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        Scope {
            name: name.parse().unwrap(),
            allows: "Read shipments".parse().unwrap(),
            sensitivity: Sensitivity::Low,
        }
    }

    fn endpoint(method: Method, pattern: &str, scopes: &[&str]) -> Endpoint {
        Endpoint {
            method,
            pattern: pattern.parse().unwrap(),
            scopes: scopes.iter().map(|s| s.parse().unwrap()).collect(),
        }
    }

    fn faults(endpoints: Vec<Endpoint>) -> Vec<CatalogueFault> {
        let scopes = vec![scope("a"), scope("b")];
        Catalogue { scopes, endpoints }.faults()
    }

    #[test]
    fn a_sound_catalogue_has_no_faults() {
        assert_eq!(
            faults(vec![
                endpoint(Method::Get, "/users/{id}", &["a"]),
                endpoint(Method::Get, "/users/me", &["a"]),
                endpoint(Method::Delete, "/users/me", &["b"]),
            ]),
            []
        );
    }

    #[test]
    fn an_endpoint_without_a_scope_is_refused() {
        let faults = faults(vec![endpoint(Method::Get, "/x", &[])]);
        assert!(matches!(faults[..], [CatalogueFault::NoScope { .. }]));
    }

    #[test]
    fn an_unknown_scope_is_refused() {
        let faults = faults(vec![endpoint(Method::Get, "/x", &["c"])]);
        assert!(matches!(faults[..], [CatalogueFault::UnknownScope { .. }]));
    }

    #[test]
    fn overlapping_endpoints_with_different_scopes_are_refused() {
        let faults = faults(vec![
            endpoint(Method::Get, "/users/{id}", &["a"]),
            endpoint(Method::Get, "/users/all", &["b"]),
        ]);
        assert!(matches!(faults[..], [CatalogueFault::Overlap { .. }]));
    }

    #[test]
    fn a_scope_twice_is_refused() {
        let catalogue = Catalogue {
            scopes: vec![scope("a"), scope("a")],
            endpoints: Vec::new(),
        };
        assert!(matches!(
            catalogue.faults()[..],
            [CatalogueFault::ScopeTwice(_)]
        ));
    }

    #[test]
    fn unknown_fields_are_refused() {
        let json = r#"{"method":"GET","pattern":"/x","scopes":["a"],"public":true}"#;
        assert!(serde_json::from_str::<Endpoint>(json).is_err());
    }
}
