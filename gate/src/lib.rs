//! A [`tower_layer::Layer`] that asks Latchkey about each call before the service gets it
//! (`docs/embedded.md`). A call passes on an allowed answer alone: a refusal, any other status, a
//! timeout and an answer that cannot be read all end here.
//!
//! ```no_run
//! # fn peer(_: &http::Extensions) -> Option<std::net::IpAddr> { None }
//! use latchkey_gate::{Credential, Gate};
//!
//! let credential = std::env::var("LATCHKEY_GATEWAY")?.parse::<Credential>()?;
//! let gate = Gate::new("http://127.0.0.1:3000", credential)?
//!     .peer_from(peer)
//!     .over_tls();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod call;
mod credential;
mod latchkey;
mod proxies;
mod refusal;
mod service;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use tokio::sync::Semaphore;

pub use answer::{Caller, Limit};
pub use credential::{Credential, NotACredential};
pub use proxies::{NotNetworks, Proxies};
pub use service::Gated;

use latchkey::Latchkey;

/// How a service asks Latchkey. A [`tower_layer::Layer`]; its clones share connections.
#[derive(Clone)]
pub struct Gate(Arc<Settings>);

struct Settings {
    latchkey: Latchkey,
    peer: PeerFrom,
    proxies: Proxies,
    is_https: bool,
    place: Place,
    deadline: Duration,
    at_once: Arc<Semaphore>,
    keeps_key: bool,
}

type PeerFrom = Arc<dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync>;

/// What narrows each question.
#[derive(Clone, Debug, Default)]
struct Place {
    service: Option<String>,
    environment: Option<String>,
    scope: Option<String>,
}

/// Why there can be no such gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateRefused {
    #[error("write http://HOST:PORT or unix:/PATH, without a path or a query behind it")]
    NotAnAddress,
    /// Each question holds a client's key.
    #[error(
        "keys do not cross a network in the clear: ask on this machine, or by `Gate::in_the_clear`"
    )]
    InTheClear,
}

impl Gate {
    /// Of Latchkey at `http://HOST:PORT` on this machine, or at `unix:/PATH`.
    ///
    /// # Errors
    /// When it is no such address, or on another machine.
    pub fn new(latchkey: &str, credential: Credential) -> Result<Self, GateRefused> {
        let latchkey = Latchkey::at(latchkey, credential)?;
        if !latchkey.is_on_this_machine() {
            return Err(GateRefused::InTheClear);
        }
        Ok(Self::of(latchkey))
    }

    /// Of Latchkey on another machine, over a network that something else encrypts: a mesh, a
    /// tunnel. Whoever can listen in there reads every client's key.
    ///
    /// # Errors
    /// When it is no address.
    pub fn in_the_clear(latchkey: &str, credential: Credential) -> Result<Self, GateRefused> {
        Ok(Self::of(Latchkey::at(latchkey, credential)?))
    }

    fn of(latchkey: Latchkey) -> Self {
        Self(Arc::new(Settings {
            latchkey,
            peer: Arc::new(|_| None),
            proxies: Proxies::default(),
            is_https: false,
            place: Place::default(),
            deadline: Duration::from_millis(500),
            at_once: Arc::new(Semaphore::new(256)),
            keeps_key: false,
        }))
    }

    /// Where a call came from, of what the server notes about its connection. Without this, and where
    /// it finds nothing, no call passes. With axum:
    /// `|noted| noted.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())`.
    #[must_use]
    pub fn peer_from(
        self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.peer = Arc::new(peer))
    }

    /// The proxies whose `X-Forwarded-For` entries count. Without any no header is believed.
    #[must_use]
    pub fn proxies(self, proxies: Proxies) -> Self {
        self.with(|settings| settings.proxies = proxies)
    }

    /// Clients reach this service by https alone: it ends TLS itself, or only a proxy that does can
    /// reach it. Without this every call is refused as `plaintext_transport`.
    #[must_use]
    pub fn over_tls(self) -> Self {
        self.with(|settings| settings.is_https = true)
    }

    /// The service that is called (a UUID), where the gateway serves several.
    #[must_use]
    pub fn service(self, id: &str) -> Self {
        self.with(|settings| settings.place.service = Some(id.to_owned()))
    }

    /// The environment that is called (a UUID), where the gateway serves several.
    #[must_use]
    pub fn environment(self, id: &str) -> Self {
        self.with(|settings| settings.place.environment = Some(id.to_owned()))
    }

    /// A scope that each call needs, beyond that of its endpoint.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.with(|settings| settings.place.scope = Some(scope.to_owned()))
    }

    /// How long an answer may take, all waiting included: 500 ms unless this says otherwise. Then the
    /// call is refused with 503.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        self.with(|settings| settings.deadline = deadline)
    }

    /// How many questions may be open at once: 256 unless this says otherwise. Others wait for their
    /// turn, within their deadline.
    #[must_use]
    pub fn at_once(self, questions: usize) -> Self {
        self.with(|settings| settings.at_once = Arc::new(Semaphore::new(questions)))
    }

    /// Lets the service see the client's key. It is taken away otherwise, so that no log of the
    /// service has it.
    #[must_use]
    pub fn keep_key(self) -> Self {
        self.with(|settings| settings.keeps_key = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Clone for Settings {
    fn clone(&self) -> Self {
        Self {
            latchkey: self.latchkey.clone(),
            peer: Arc::clone(&self.peer),
            proxies: self.proxies.clone(),
            is_https: self.is_https,
            place: self.place.clone(),
            deadline: self.deadline,
            at_once: Arc::clone(&self.at_once),
            keeps_key: self.keeps_key,
        }
    }
}

impl<S> tower_layer::Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated::new(self.clone(), inner)
    }
}
