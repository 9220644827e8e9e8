//! A call as a gateway describes it, parsed.

use core::net::IpAddr;

use super::Reason;
use crate::id::{EnvironmentId, ServiceId};
use crate::service::{Method, RequestPath, ScopeName};
use crate::text::codes;

codes! {
    Scheme {
        Https = "https",
        Http = "http",
    }
}

/// A service and environment that a gateway is registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub service: ServiceId,
    pub environment: EnvironmentId,
}

/// What a gateway sent.
#[derive(Clone, Copy, Debug)]
pub struct RawCall<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub source_ip: &'a str,
    pub scheme: &'a str,
    pub scope: Option<&'a str>,
}

#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: Method,
    pub path: RequestPath<'a>,
    pub source: IpAddr,
    pub scheme: Scheme,
    pub scope: Option<&'a str>,
    /// Where the call can have been made: the gateway's places, less those that the call's own
    /// `service` and `environment` exclude. Empty means nowhere.
    pub places: &'a [Place],
}

impl<'a> Call<'a> {
    /// Refuses as *malformed* what cannot be read in exactly one way.
    pub fn parse(raw: RawCall<'a>, places: &'a [Place]) -> Result<Self, Reason> {
        let malformed = Reason::Malformed;
        if !raw.scope.is_none_or(ScopeName::is_name) {
            return Err(malformed);
        }
        let source: IpAddr = raw.source_ip.parse().map_err(|_| malformed)?;
        Ok(Self {
            method: raw.method.parse().map_err(|_| malformed)?,
            path: RequestPath::parse(raw.path).map_err(|_| malformed)?,
            source: source.to_canonical(),
            scheme: raw.scheme.parse().map_err(|_| malformed)?,
            scope: raw.scope,
            places,
        })
    }

    pub(super) fn is_for(&self, service: ServiceId, environment: EnvironmentId) -> bool {
        self.places.contains(&Place {
            service,
            environment,
        })
    }
}
