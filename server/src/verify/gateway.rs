//! Gateways: the credential by which one identifies itself, and what one may ask about. The
//! credential is `lkg_` and 32 random bytes in base64url; only its MAC under the pepper is stored.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use domain::base64url;
use domain::enc::Digest;
use domain::id::{EnvironmentId, GatewayId, ServiceId};
use domain::mac::{MacKey, same_digest};
use domain::network::Networks;
use domain::secret::Secret;
use domain::state::GatewayKind;
use domain::time::Timestamp;
use domain::verification::Place;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const PREFIX: &str = "lkg_";

/// A gateway's credential in the clear. It has no `Display`;
/// [`GatewayCredential::expose_text`] is the one way out.
#[derive(Clone, Debug)]
pub struct GatewayCredential(Secret<32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not a gateway credential.")]
pub struct NotACredential;

impl GatewayCredential {
    pub fn mint(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// What is put into the gateway's configuration. Shown once.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(base64url::encode(self.0.expose()));
        Zeroizing::new([PREFIX, &bytes].concat())
    }

    /// HMAC-SHA256(pepper, "lkg_" ‖ bytes): never the MAC of a key, which is of another length.
    pub fn mac(&self, pepper: &Secret<32>) -> Digest {
        self.mac_by(&MacKey::new(pepper))
    }

    /// The same, with a pepper that is prepared for many credentials.
    pub fn mac_by(&self, pepper: &MacKey) -> Digest {
        let mut message = Zeroizing::new([0; PREFIX.len() + 32]);
        let (prefix, bytes) = message.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        bytes.copy_from_slice(self.0.expose());
        pepper.mac(message.as_ref())
    }
}

impl FromStr for GatewayCredential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.strip_prefix(PREFIX).ok_or(NotACredential)?;
        base64url::decode_array(bytes)
            .map(|bytes| Self(Secret::new(bytes)))
            .map_err(|_| NotACredential)
    }
}

/// One place as the `reach` column holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reached {
    service: ServiceId,
    environment: EnvironmentId,
}

/// Reads the `reach` column: `[{"service": uuid, "environment": uuid}, …]`.
///
/// # Errors
/// When it is anything else.
pub fn parse_reach(json: &str) -> Result<Vec<Place>, serde_json::Error> {
    let places: Vec<Reached> = serde_json::from_str(json)?;
    Ok(places
        .into_iter()
        .map(|place| Place {
            service: place.service,
            environment: place.environment,
        })
        .collect())
}

/// What [`parse_reach`] reads.
///
/// # Errors
/// None in practice: ids are always JSON.
pub fn reach_json(places: &[Place]) -> Result<String, serde_json::Error> {
    let places: Vec<Reached> = places
        .iter()
        .map(|place| Reached {
            service: place.service,
            environment: place.environment,
        })
        .collect();
    serde_json::to_string(&places)
}

/// A live gateway as its row says it.
#[derive(Clone)]
pub struct GatewayEntry {
    pub id: GatewayId,
    pub kind: GatewayKind,
    pub reach: Vec<Place>,
    pub proxies: Networks,
    /// Whether its answers carry a signed assertion of who calls.
    pub signs: bool,
    pub credential_mac: Digest,
    /// The credential before the last rotation, and until when it still counts.
    pub old_credential: Option<(Digest, Timestamp)>,
}

impl fmt::Debug for GatewayEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayEntry")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A gateway that has proved who it is, or was chosen in the console. Of what processors share, a
/// call writes the count of this one `Arc`.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Registered>);

#[derive(Debug)]
struct Registered {
    entry: GatewayEntry,
    asked: Arc<Asked>,
}

impl Gateway {
    pub fn id(&self) -> GatewayId {
        self.0.entry.id
    }

    pub fn kind(&self) -> GatewayKind {
        self.0.entry.kind
    }

    pub fn reach(&self) -> &[Place] {
        &self.0.entry.reach
    }

    pub fn proxies(&self) -> &Networks {
        &self.0.entry.proxies
    }

    pub fn signs(&self) -> bool {
        self.0.entry.signs
    }
}

/// When a gateway asked last; it outlives a reload of the table.
#[derive(Debug)]
struct Asked(AtomicI64);

impl Asked {
    const NEVER: i64 = i64::MIN;
    /// Microseconds. A word that one processor writes has to be fetched anew by each of the others,
    /// so not every call does.
    const PRECISION: i64 = 1_000_000;

    const fn never() -> Self {
        Self(AtomicI64::new(Self::NEVER))
    }

    fn now(&self, now: Timestamp) {
        let before = self.0.load(Ordering::Relaxed);
        if now.micros() >= before.saturating_add(Self::PRECISION) {
            self.0.fetch_max(now.micros(), Ordering::Relaxed);
        }
    }

    /// At most a second too early.
    fn last(&self) -> Option<Timestamp> {
        let last = self.0.load(Ordering::Relaxed);
        (last != Self::NEVER).then(|| Timestamp::from_micros(last))
    }
}

/// All live gateways, replaced as a whole: they are few.
#[derive(Default)]
pub(super) struct Gateways {
    table: ArcSwap<Table>,
    writing: Mutex<()>,
}

#[derive(Default)]
struct Table {
    /// The counter's value that the table was read at.
    as_of: Option<i64>,
    by_id: HashMap<GatewayId, Gateway>,
    by_mac: HashMap<Digest, Gateway>,
}

impl Gateways {
    /// Takes over the gateways as they were at a value of the counter, unless a later one is here.
    pub(super) fn take(&self, as_of: i64, entries: Vec<GatewayEntry>) {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.table.load();
        if old.as_of.is_some_and(|newer| newer > as_of) {
            return;
        }
        let mut table = Table {
            as_of: Some(as_of),
            ..Table::default()
        };
        for entry in entries {
            let asked = old.by_id.get(&entry.id).map_or_else(
                || Arc::new(Asked::never()),
                |before| Arc::clone(&before.0.asked),
            );
            let gateway = Gateway(Arc::new(Registered { entry, asked }));
            let entry = &gateway.0.entry;
            if let Some((mac, _)) = entry.old_credential {
                table.by_mac.insert(mac, gateway.clone());
            }
            table.by_mac.insert(entry.credential_mac, gateway.clone());
            table.by_id.insert(entry.id, gateway.clone());
        }
        self.table.store(Arc::new(table));
    }

    /// The gateway whose credential has this MAC.
    pub(super) fn admit(&self, mac: &Digest, now: Timestamp) -> Option<Gateway> {
        let table = self.table.load();
        let gateway = table.by_mac.get(mac)?;
        let entry = &gateway.0.entry;
        let is_current = same_digest(&entry.credential_mac, mac);
        let is_old = entry
            .old_credential
            .as_ref()
            .is_some_and(|(old, until)| same_digest(old, mac) && now < *until);
        if !is_current && !is_old {
            return None;
        }
        gateway.0.asked.now(now);
        Some(gateway.clone())
    }

    /// The gateway of this id.
    pub(super) fn admit_bound(&self, id: GatewayId, now: Timestamp) -> Option<Gateway> {
        let gateway = self.find(id)?;
        gateway.0.asked.now(now);
        Some(gateway)
    }

    pub(super) fn find(&self, id: GatewayId) -> Option<Gateway> {
        self.table.load().by_id.get(&id).cloned()
    }

    /// When a gateway last identified itself to this process, at most a second too early.
    pub(super) fn asked(&self, id: GatewayId) -> Option<Timestamp> {
        self.find(id)?.0.asked.last()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::chance::system_rng;

    const NOW: Timestamp = Timestamp::from_micros(50);
    const PLACE: Place = Place {
        service: ServiceId::new(Uuid::from_u128(1)),
        environment: EnvironmentId::new(Uuid::from_u128(2)),
    };

    fn entry(mac: u8) -> GatewayEntry {
        GatewayEntry {
            id: GatewayId::new(Uuid::from_u128(9)),
            kind: GatewayKind::Api,
            reach: vec![PLACE],
            proxies: Networks::default(),
            signs: false,
            credential_mac: [mac; 32],
            old_credential: None,
        }
    }

    #[test]
    fn a_credential_reads_back_and_keeps_its_mac() {
        let pepper = Secret::new([1; 32]);
        let credential = GatewayCredential::mint(&mut system_rng());
        let read: GatewayCredential = credential.expose_text().parse().unwrap();
        assert_eq!(read.mac(&pepper), credential.mac(&pepper));
        assert_ne!(read.mac(&pepper), credential.mac(&Secret::new([2; 32])));
        assert_eq!(credential.expose_text().len(), 47);
    }

    #[test]
    fn what_is_not_a_credential_is_refused() {
        let text = GatewayCredential::mint(&mut system_rng()).expose_text();
        let cut = text.get(..46).unwrap();
        let bare = text.get(4..).unwrap();
        for text in [
            "",
            "lkg_",
            cut,
            bare,
            &format!("{}=", *text),
            &format!(" {}", *text),
        ] {
            assert!(text.parse::<GatewayCredential>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_credential_is_absent_from_debug() {
        let credential = GatewayCredential::mint(&mut system_rng());
        let shown = format!("{credential:?}");
        assert!(
            !shown.contains(credential.expose_text().get(4..12).unwrap()),
            "{shown}"
        );
        assert!(!format!("{:?}", entry(7)).contains('7'));
    }

    #[test]
    fn an_old_credential_counts_until_its_overlap_ends() {
        let gateways = Gateways::default();
        let mut rotated = entry(2);
        rotated.old_credential = Some(([1; 32], NOW));
        gateways.take(1, vec![rotated]);
        let before = Timestamp::from_micros(NOW.micros() - 1);
        assert!(gateways.admit(&[1; 32], before).is_some());
        assert!(gateways.admit(&[1; 32], NOW).is_none());
        assert!(gateways.admit(&[2; 32], NOW).is_some());
        assert!(gateways.admit(&[3; 32], NOW).is_none());
    }

    #[test]
    fn an_older_table_never_replaces_a_newer_one() {
        let gateways = Gateways::default();
        gateways.take(2, Vec::new());
        gateways.take(1, vec![entry(1)]);
        assert!(gateways.admit(&[1; 32], NOW).is_none());
    }

    #[test]
    fn when_a_gateway_asked_outlives_a_reload() {
        let gateways = Gateways::default();
        gateways.take(1, vec![entry(1)]);
        assert_eq!(gateways.asked(entry(1).id), None);
        gateways.admit(&[1; 32], NOW);
        gateways.take(2, vec![entry(1)]);
        assert_eq!(gateways.asked(entry(1).id), Some(NOW));
    }

    #[test]
    fn when_a_gateway_asked_is_known_to_the_second() {
        let gateways = Gateways::default();
        gateways.take(1, vec![entry(1)]);
        let second = NOW.plus(Duration::from_secs(1));
        for (now, last) in [
            (NOW, NOW),
            (second.minus(Duration::from_micros(1)), NOW),
            (second, second),
            (NOW, second),
        ] {
            gateways.admit(&[1; 32], now);
            assert_eq!(gateways.asked(entry(1).id), Some(last), "{now}");
        }
    }

    #[test]
    fn reach_reads_back_and_unknown_fields_are_refused() {
        let json = reach_json(&[PLACE]).unwrap();
        assert_eq!(parse_reach(&json).unwrap(), [PLACE]);
        let more = json.replace("\"service\"", "\"all\":true,\"service\"");
        assert!(parse_reach(&more).is_err());
    }
}
