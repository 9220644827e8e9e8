//! One question, answered from memory in the contract's order (`domain::verification`): nothing
//! here waits, and nothing is asked of the database.

use std::borrow::Cow;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use domain::enc::Digest;
use domain::id::{EnvironmentId, ServiceId};
use domain::mac::same_digest;
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::token::{ApiKey, Kid};
use domain::verification::{Call, Place, RawCall, Reason, decide};

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
    Allowed(Known),
    /// With the key, where the caller proved to have it.
    Refused(Reason, Option<Known>),
}

/// A key whose MAC was right, and the address that it was used from.
#[derive(Clone, Debug)]
pub struct Known {
    pub held: Arc<Held>,
    pub source: IpAddr,
}

impl Decision {
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allowed(_) => None,
            Self::Refused(reason, _) => Some(*reason),
        }
    }
}

pub(super) fn answer(
    snapshot: &Snapshot,
    pepper: &Secret<32>,
    identity: &Identity,
    question: &Question<'_>,
    reach: &[Place],
    now: Timestamp,
) -> Decision {
    answer_in_order(snapshot, pepper, identity, question, reach, now)
        .unwrap_or_else(|reason| Decision::Refused(reason, None))
}

fn answer_in_order(
    snapshot: &Snapshot,
    pepper: &Secret<32>,
    identity: &Identity,
    question: &Question<'_>,
    reach: &[Place],
    now: Timestamp,
) -> Result<Decision, Reason> {
    let places = question.places(reach);
    let call = Call::parse(question.call, &places)?;
    let held = match identity {
        Identity::Key(key) => identify(snapshot, pepper, key),
        Identity::Named(kid) => snapshot.find(kid),
    };
    let known = Known {
        held: held.ok_or(Reason::Unknown)?,
        source: call.source,
    };
    Ok(match decide(&known.held.entry, &call, now) {
        Ok(_) => Decision::Allowed(known),
        Err(reason) => Decision::Refused(reason, Some(known)),
    })
}

/// An unknown kid costs the same MAC and the same comparison as a wrong secret.
fn identify(snapshot: &Snapshot, pepper: &Secret<32>, key: &ApiKey) -> Option<Arc<Held>> {
    const NOBODY: Digest = [0; 32];
    let held = snapshot.find(&key.kid());
    let mac = key.mac(pepper);
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
