//! One question, answered from memory in the contract's order (`domain::verification`): nothing
//! here waits, and nothing is asked of the database.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::enc::Digest;
use domain::id::{EnvironmentId, ServiceId};
use domain::limit::{Exceeded, Left};
use domain::mac::{MacKey, same_digest};
use domain::service::ScopeName;
use domain::time::Timestamp;
use domain::token::{ApiKey, Kid};
use domain::verification::{Call, Place, RawCall, Reason, decide};

use crate::verify::NotReady;
use crate::verify::snapshot::{Held, Snapshot};

/// A call as a gateway asks about it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub call: RawCall<'a>,
    /// Where the call was made; anywhere in the gateway's reach where they are absent.
    pub service: Option<ServiceId>,
    pub environment: Option<EnvironmentId>,
}

/// What makes a key known.
pub(super) enum Identity {
    /// The key itself. Its checksum was looked at before any hash or look-up.
    Key(ApiKey),
    /// Named by staff, who do not have it.
    Named(Kid),
}

#[derive(Clone, Debug)]
pub enum Decision {
    /// With what is left of each limit.
    Allowed(Known, Vec<Left>),
    Refused(Refused),
}

#[derive(Clone, Debug)]
pub struct Refused {
    pub reason: Reason,
    /// The key, where the caller proved to have it.
    pub known: Option<Known>,
    /// When the same call can pass, if time alone is the reason that it does not.
    pub retry_after: Option<Duration>,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            known: None,
            retry_after: None,
        }
    }
}

/// A key whose MAC was right, and the address that it was used from.
#[derive(Clone, Debug)]
pub struct Known {
    pub held: Arc<Held>,
    pub source: IpAddr,
    /// The rule that opens the endpoint, its grant's or an overlay's, where the decision came that
    /// far: `held.entry.grant.rule(at)`.
    pub rule: Option<usize>,
}

impl Known {
    /// The scopes that the call has: what temporary access adds is for its own endpoints alone.
    pub fn scopes(&self) -> &BTreeSet<ScopeName> {
        self.held.entry.grant.scopes_at(self.rule)
    }
}

impl Decision {
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allowed(..) => None,
            Self::Refused(refused) => Some(refused.reason),
        }
    }

    /// The key, where the caller proved to have it.
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Allowed(known, _) => Some(known),
            Self::Refused(refused) => refused.known.as_ref(),
        }
    }
}

/// How a call is held against the limits of its key.
pub(super) type Spend<'a> = &'a dyn Fn(&Held) -> Result<Vec<Left>, Exceeded>;

/// The decision, in the order of the reasons.
///
/// # Errors
/// [`NotReady`] when too many counted calls wait to be written.
pub(super) fn answer(
    snapshot: &Snapshot,
    pepper: &MacKey,
    identity: &Identity,
    question: &Question<'_>,
    reach: &[Place],
    now: Timestamp,
    spend: Spend<'_>,
) -> Result<Decision, NotReady> {
    let places = question.places(reach);
    let call = match Call::parse(question.call, &places) {
        Ok(call) => call,
        Err(reason) => return Ok(Decision::Refused(reason.into())),
    };
    let held = match identity {
        Identity::Key(key) => identify(snapshot, pepper, key),
        Identity::Named(kid) => snapshot.find(kid),
    };
    let Some(held) = held else {
        return Ok(Decision::Refused(Reason::Unknown.into()));
    };
    let mut known = Known {
        held,
        source: call.source,
        rule: None,
    };
    let refused = |known, reason, retry_after| {
        Decision::Refused(Refused {
            reason,
            known: Some(known),
            retry_after,
        })
    };
    match decide(&known.held.entry, &call, now) {
        Ok(allowed) => known.rule = Some(allowed.rule),
        Err(reason) => return Ok(refused(known, reason, None)),
    }
    match spend(&known.held) {
        Ok(left) => Ok(Decision::Allowed(known, left)),
        Err(Exceeded::Rate { retry_after }) => {
            Ok(refused(known, Reason::RateLimit, Some(retry_after)))
        }
        Err(Exceeded::Quota { retry_after }) => {
            Ok(refused(known, Reason::Quota, Some(retry_after)))
        }
        Err(Exceeded::Unsaved) => Err(NotReady),
    }
}

/// An unknown kid costs the same MAC and the same comparison as a wrong secret.
fn identify(snapshot: &Snapshot, pepper: &MacKey, key: &ApiKey) -> Option<Arc<Held>> {
    const NOBODY: Digest = [0; 32];
    let held = snapshot.find(&key.kid());
    let mac = key.mac_by(pepper);
    let stored = held.as_ref().map_or(&NOBODY, |held| &held.mac);
    let is_same = black_box(same_digest(&mac, stored));
    held.filter(|_| is_same)
}

impl Question<'_> {
    /// The gateway's places, less those that the question's own service and environment exclude.
    fn places<'r>(&self, reach: &'r [Place]) -> Cow<'r, [Place]> {
        if self.service.is_none() && self.environment.is_none() {
            return Cow::Borrowed(reach);
        }
        let fits = |place: &&Place| {
            self.service.is_none_or(|service| place.service == service)
                && self
                    .environment
                    .is_none_or(|environment| place.environment == environment)
        };
        reach.iter().filter(fits).copied().collect()
    }
}
