//! The claim: before proof one button, after it the key.

mod ceremony;
mod view;
mod words;

use core::time::Duration;

use domain::id::DeliveryId;
use domain::link::LinkSecret;
use leptos::prelude::*;
use leptos::task::spawn_local;

use self::ceremony::Opened;
use self::words::Refusal;
use super::browser;
use super::failure::Failure;
use super::progress::Progress;

/// A lease is ten minutes; no answer makes this page hold a key for longer.
const LEASE: f64 = 600_000.0;

/// Claims, opens and receipts the delivery `delivery_id`; the link secret is in the fragment.
/// `host` is the host's name, `security_contact` whom to write to when nothing else works.
#[island]
pub fn Claim(delivery_id: String, host: String, security_contact: String) -> impl IntoView {
    let fragment = browser::take_fragment();
    let link = fragment.and_then(|fragment| LinkSecret::from_fragment(&fragment).ok());
    let desk = Desk::new(delivery_id.parse().ok(), link, host, security_contact);
    Effect::new(move || desk.open());
    move || view::phase(desk)
}

/// Where the page stands. No secrets in here: they are in [`Desk`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Before proof; the same for every link.
    Waiting,
    /// The page was opened without the link's secret, or has forgotten it.
    NoSecret,
    /// The key is on the page.
    Shown(Sheet),
    /// The key is stored and works; its use can be watched at the path.
    Active(Sheet, String),
    /// The lease ended first.
    Ended,
    /// The person said that it was not them.
    Reported,
}

/// What is shown beside the key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sheet {
    service: String,
    environment: String,
    may: String,
    ends: String,
    first_call: String,
    again: bool,
}

impl Sheet {
    fn of(opened: &Opened) -> Self {
        Self {
            service: opened.header.service.clone(),
            environment: opened.header.environment.clone(),
            may: opened.details.may(),
            ends: words::ends(opened.header.key_expiry, browser::now()),
            first_call: opened.details.first_call(),
            again: opened.again,
        }
    }
}

#[derive(Clone, Copy)]
struct Desk {
    delivery: Option<DeliveryId>,
    host: StoredValue<String>,
    security_contact: StoredValue<String>,
    link: StoredValue<Option<LinkSecret>>,
    opened: StoredValue<Option<Opened>>,
    timer: StoredValue<Option<IntervalHandle>>,
    phase: RwSignal<Phase>,
    claiming: Progress,
    refusal: RwSignal<Option<Refusal>>,
    storing: Progress,
    reporting: Progress,
    /// The panel that asks whether to kill the key is open.
    asks_report: RwSignal<bool>,
    /// Whether the last copying worked.
    copied: RwSignal<Option<bool>>,
    seconds_left: RwSignal<u64>,
    key_box: NodeRef<leptos::html::Div>,
}

impl Desk {
    fn new(
        delivery: Option<DeliveryId>,
        link: Option<LinkSecret>,
        host: String,
        security_contact: String,
    ) -> Self {
        Self {
            delivery,
            host: StoredValue::new(host),
            security_contact: StoredValue::new(security_contact),
            link: StoredValue::new(link),
            opened: StoredValue::new(None),
            timer: StoredValue::new(None),
            phase: RwSignal::new(Phase::Waiting),
            claiming: Progress::new(),
            refusal: RwSignal::new(None),
            storing: Progress::new(),
            reporting: Progress::new(),
            asks_report: RwSignal::new(false),
            copied: RwSignal::new(None),
            seconds_left: RwSignal::new(0),
            key_box: NodeRef::new(),
        }
    }

    fn open(self) {
        if self.delivery.is_none() || self.link.with_value(Option::is_none) {
            self.phase.set(Phase::NoSecret);
        }
        // The mail's link opened once more in this window changes the fragment alone.
        let _ = window_event_listener(leptos::ev::hashchange, move |_| {
            let fragment = browser::take_fragment();
            let link = fragment.and_then(|fragment| LinkSecret::from_fragment(&fragment).ok());
            if let (Some(link), true) = (link, self.phase.get_untracked() == Phase::NoSecret) {
                self.link.set_value(Some(link));
                self.phase.set(Phase::Waiting);
            }
        });
        // A page that is left may be kept and shown again by "back"; the key must not be.
        let _ = window_event_listener(leptos::ev::pagehide, move |_| {
            if self.opened.with_value(Option::is_some) {
                self.forget(Phase::NoSecret);
            }
        });
    }

    fn claim(self) {
        let Some((delivery, link)) = self.delivery.zip(self.link.get_value()) else {
            return self.phase.set(Phase::NoSecret);
        };
        self.refusal.set(None);
        self.claiming.busy("Waiting for your passkey…");
        spawn_local(async move {
            match ceremony::claim(delivery, &link, |doing| self.claiming.busy(doing)).await {
                Ok(opened) => self.show(opened),
                Err(refusal) => {
                    self.asks_report
                        .update(|asks| *asks |= refusal.offers_report);
                    self.claiming.refuse(&refusal.text);
                    self.refusal.set(Some(refusal));
                }
            }
        });
    }

    /// From here on the link's secret is of no use to this page.
    fn show(self, opened: Opened) {
        self.link.set_value(None);
        self.claiming.ready();
        let end = browser::now() + opened.lease.clamp(0.0, LEASE);
        let sheet = Sheet::of(&opened);
        self.opened.set_value(Some(opened));
        self.phase.set(Phase::Shown(sheet));
        self.tick(end);
        let timer = set_interval_with_handle(move || self.tick(end), Duration::from_secs(1));
        self.timer.set_value(timer.ok());
    }

    fn tick(self, end: f64) {
        let left = ((end - browser::now()) / 1_000.0).ceil().max(0.0) as u64;
        self.seconds_left.set(left);
        if left == 0 && self.opened.with_value(Option::is_some) {
            self.forget(Phase::Ended);
        }
    }

    /// Takes the key off the page and wipes it.
    fn forget(self, next: Phase) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        if let Some(key_box) = self.key_box.get_untracked() {
            key_box.set_text_content(None);
        }
        self.opened.set_value(None);
        self.link.set_value(None);
        self.asks_report.set(false);
        self.phase.set(next);
    }

    /// A text node, and nothing that is rendered: what is rendered is kept for comparing.
    fn write_key(self) {
        if let Some(key_box) = self.key_box.get() {
            self.opened.with_value(|opened| {
                let key = opened.as_ref().map(|opened| opened.key.as_str());
                key_box.set_text_content(key);
            });
        }
    }

    fn copy(self) {
        let Some(key) = self
            .opened
            .with_value(|opened| opened.as_ref().map(|opened| opened.key.clone()))
        else {
            return;
        };
        spawn_local(async move {
            let copied = browser::copy(&key).await;
            self.copied.set(Some(copied));
            if !copied && let Some(key_box) = self.key_box.get_untracked() {
                browser::select(&key_box);
            }
            set_timeout(move || self.copied.set(None), Duration::from_secs(4));
        });
    }

    fn save(self) {
        self.opened.with_value(|opened| {
            if let Some(Opened { key, details, .. }) = opened {
                browser::save(&details.env_name(), &details.env_file(key));
            }
        });
    }

    fn store(self, sheet: Sheet) {
        let receipt = self
            .opened
            .with_value(|opened| opened.as_ref().map(Opened::receipt));
        let Some((delivery, receipt)) = self.delivery.zip(receipt) else {
            return;
        };
        self.storing.busy("Telling the portal…");
        spawn_local(async move {
            match ceremony::post_receipt(delivery, &receipt).await {
                Ok(portal) => self.forget(Phase::Active(sheet, portal)),
                Err(Failure::NoAnswer) => self.storing.refuse(
                    "The portal did not answer. The key is still here: check your connection and say it again. Saying it twice is safe.",
                ),
                Err(failure) => self.storing.refuse(failure),
            }
        });
    }

    fn report(self) {
        let Some(delivery) = self.delivery else {
            return;
        };
        self.reporting.busy("Waiting for your passkey…");
        spawn_local(async move {
            match ceremony::report(delivery).await {
                Ok(()) => self.forget(Phase::Reported),
                Err(failure) => self.reporting.refuse(failure),
            }
        });
    }
}
