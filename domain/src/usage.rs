//! What is kept of keys' calls: how many were alike in endpoint, scope and network.

use core::fmt;
use core::str::FromStr;

use crate::audit::TruncatedAddress;
use crate::grant::Rule;
use crate::service::{Method, PathPattern, ScopeName};

/// The rule that opened an endpoint, as calls are counted under it: `GET /v2/shipments/{id}`. Its
/// meaning does not change when the grant or the catalogue does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName {
    pub method: Method,
    pub pattern: PathPattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not a method and a path pattern.")]
pub struct NotAnEndpoint;

impl From<&Rule> for EndpointName {
    fn from(rule: &Rule) -> Self {
        Self {
            method: rule.method,
            pattern: rule.pattern.clone(),
        }
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.code(), self.pattern)
    }
}

impl FromStr for EndpointName {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (method, pattern) = text.split_once(' ').ok_or(NotAnEndpoint)?;
        Ok(Self {
            method: method.parse().map_err(|_| NotAnEndpoint)?,
            pattern: pattern.parse().map_err(|_| NotAnEndpoint)?,
        })
    }
}

/// Accepted calls that were alike in all that is kept of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// `None` where too many were seen to be kept apart.
    pub endpoint: Option<EndpointName>,
    /// `None` where too many were seen to be kept apart.
    pub source: Option<TruncatedAddress>,
    /// The scope that the gateway asked for, if it did.
    pub scope: Option<ScopeName>,
    pub calls: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_back_as_it_was_written() {
        for text in ["GET /v2/shipments/{id}", "POST /", "DELETE /a/{rest...}"] {
            assert_eq!(text.parse::<EndpointName>().unwrap().to_string(), text);
        }
        for text in ["", "other", "GET", "GET v2", "FETCH /a", "GET  /a//b"] {
            assert_eq!(text.parse::<EndpointName>(), Err(NotAnEndpoint), "{text}");
        }
    }
}
