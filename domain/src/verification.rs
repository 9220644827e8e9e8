//! May this key make this call, now, from there? The hot path: deciding allocates nothing and reads
//! the key's own entry alone, and every refusal has one stable code.

mod call;
mod forwarded;

use std::sync::Arc;

pub use call::{Call, Place, RawCall, Scheme};
pub use forwarded::{FORWARD_AUTH, Forwarded, Forwarding, OVERRIDES, Unclear};

use crate::grant::{LiveGrant, NotOpen};
use crate::id::{KeyId, PartnerId};
use crate::key::KeyState;
use crate::text::codes;
use crate::time::Timestamp;

codes! {
    /// Why a call is refused, in the order in which the reasons are sought. The codes are part of
    /// the gateway contract and final.
    Reason {
        Malformed = "malformed",
        Unknown = "unknown",
        NotActive = "not_active",
        Revoked = "revoked",
        Expired = "expired",
        WrongEnvironment = "wrong_environment",
        PlaintextTransport = "plaintext_transport",
        SourceNetwork = "source_network",
        TimeWindow = "time_window",
        Endpoint = "endpoint",
        Scope = "scope",
        RateLimit = "rate_limit",
        Quota = "quota",
    }
}

impl Reason {
    /// For whoever made the call.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "The key or the call is not well formed.",
            Self::Unknown => "This key is not known here.",
            Self::NotActive => "This key is not active yet, or it is suspended.",
            Self::Revoked => "This key was revoked.",
            Self::Expired => "This key has expired.",
            Self::WrongEnvironment => "This key is for another service or environment.",
            Self::PlaintextTransport => "This call was not made over an encrypted connection.",
            Self::SourceNetwork => "This key may not be used from this network.",
            Self::TimeWindow => "This key may not be used at this time.",
            Self::Endpoint => "This key may not call this endpoint.",
            Self::Scope => "This key does not have the scope that the call needs.",
            Self::RateLimit => "This key makes too many calls. Slow down and try again.",
            Self::Quota => "This key has used up its quota.",
        }
    }
}

/// A key as the snapshot holds it. Keys under one grant share it.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    pub key: KeyId,
    pub partner: PartnerId,
    pub state: KeyState,
    pub expires: Timestamp,
    pub partner_suspended: bool,
    pub grant: Arc<LiveGrant>,
}

/// A call that may pass, if the limits of its grant and key let it, which the caller counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The rule that opens the endpoint, as its place: [`LiveGrant::rule`].
    pub rule: usize,
}

/// Decides a call whose key is known by its MAC. Deny by default, in the order of [`Reason`].
pub fn decide(entry: &KeyEntry, call: &Call<'_>, now: Timestamp) -> Result<Allowed, Reason> {
    let grant = &*entry.grant;
    match entry.state {
        KeyState::PreActivation | KeyState::Suspended => return Err(Reason::NotActive),
        _ if entry.partner_suspended => return Err(Reason::NotActive),
        KeyState::Deactivated | KeyState::Compromised | KeyState::Destroyed => {
            return Err(Reason::Revoked);
        }
        KeyState::Active => {}
    }
    if now >= entry.expires {
        return Err(Reason::Expired);
    }
    if !call.is_for(grant.service(), grant.environment()) {
        return Err(Reason::WrongEnvironment);
    }
    if call.scheme != Scheme::Https {
        return Err(Reason::PlaintextTransport);
    }
    if !grant.allows_source(call.source) {
        return Err(Reason::SourceNetwork);
    }
    if !grant.hours().contain(now) {
        return Err(Reason::TimeWindow);
    }
    grant
        .rule_now(call.method, &call.path, call.scope, now)
        .map(|rule| Allowed { rule })
        .map_err(|refused| match refused {
            NotOpen::Endpoint => Reason::Endpoint,
            NotOpen::Scope => Reason::Scope,
        })
}

#[cfg(test)]
mod tests;
