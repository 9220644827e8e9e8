//! The claim: before proof one button, after it the key.

#[cfg(feature = "ssr")]
pub mod body;
mod ceremony;
mod words;

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use domain::id::DeliveryId;
use domain::link::LinkSecret;
use wasm_bindgen_futures::spawn_local;

use self::ceremony::Opened;
use self::words::Refusal;
use super::browser::{self, Timer};
use super::failure::Failure;
use super::part::{Part, Root, listen};
use super::progress::Progress;

#[cfg(feature = "ssr")]
pub use body::Claim;

const SHOW: &str = "Show my key";
const STORED: &str = "I have stored it";
const END: &str = "End this key";
const ALERT: &str = "Tell them without a passkey";

/// A lease is ten minutes; no answer makes this page hold a key for longer.
const LEASE: f64 = 600_000.0;

/// Where the page stands. No secrets in here: they are in [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before proof; the same for every link.
    Waiting,
    /// The page was opened without the link's secret, or has forgotten it.
    NoSecret,
    /// The key is on the page.
    Shown,
    /// The key is stored and works.
    Active,
    /// The lease ended first.
    Ended,
    /// The person said that it was not them.
    Reported,
}

impl Phase {
    /// As the body names it.
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::NoSecret => "no-secret",
            Self::Shown => "shown",
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Reported => "reported",
        }
    }
}

pub(super) fn start(root: &Root) {
    let desk = Desk::new(root);
    if desk.0.delivery.is_none() || desk.0.link.borrow().is_none() {
        desk.enter(Phase::NoSecret);
    }
    desk.listen();
}

#[derive(Clone)]
struct Desk(Rc<Place>);

struct Place {
    root: Root,
    delivery: Option<DeliveryId>,
    link: RefCell<Option<LinkSecret>>,
    opened: RefCell<Option<Opened>>,
    timer: Cell<Option<Timer>>,
    phase: Cell<Phase>,
    claiming: Progress,
    storing: Progress,
    reporting: Progress,
    alerting: Progress,
    key: Part,
}

/// Takes it out of the address.
fn link_secret() -> Option<LinkSecret> {
    LinkSecret::from_fragment(&browser::take_fragment()?).ok()
}

impl Desk {
    fn new(root: &Root) -> Self {
        Self(Rc::new(Place {
            root: root.clone(),
            delivery: root.given("delivery_id").parse().ok(),
            link: RefCell::new(link_secret()),
            opened: RefCell::new(None),
            timer: Cell::new(None),
            phase: Cell::new(Phase::Waiting),
            claiming: Progress::at(root, "claim", SHOW),
            storing: Progress::at(root, "store", STORED),
            reporting: Progress::with_fields(root, "end", END, vec![root.part("ask-report")]),
            alerting: Progress::at(root, "alert", ALERT),
            key: root.part("key"),
        }))
    }

    fn listen(&self) {
        // The mail's link opened once more in this window changes the fragment alone.
        self.on_window("hashchange", |desk| {
            if let (Some(link), Phase::NoSecret) = (link_secret(), desk.0.phase.get()) {
                desk.0.link.replace(Some(link));
                desk.enter(Phase::Waiting);
            }
        });
        // A page that is left may be kept and shown again by "back"; the key must not be.
        self.on_window("pagehide", |desk| {
            if desk.holds_key() {
                desk.forget(Phase::NoSecret);
            }
        });
        self.0.claiming.on_press(self.acting(Self::claim));
        self.0.storing.on_press(self.acting(Self::store));
        self.0.reporting.on_press(self.acting(Self::report));
        self.0.alerting.on_press(self.acting(Self::alert));
        self.on_click("copy", Self::copy);
        self.on_click("save", Self::save);
        self.on_click("ask-report", |desk| desk.ask_report(!desk.asks_report()));
        self.on_click("report-back", |desk| desk.ask_report(false));
    }

    fn acting(&self, act: impl Fn(&Self) + 'static) -> impl Fn() + 'static {
        let desk = self.clone();
        move || act(&desk)
    }

    fn on_window(&self, event: &str, act: impl Fn(&Self) + 'static) {
        let act = self.acting(act);
        listen(&browser::window(), event, move |_| act());
    }

    fn on_click(&self, part: &str, act: impl Fn(&Self) + 'static) {
        let act = self.acting(act);
        self.0.root.part(part).on("click", move |_| act());
    }

    fn enter(&self, phase: Phase) {
        self.0.phase.set(phase);
        self.0.root.enter(phase.name());
    }

    fn say(&self, part: &str, text: &str) {
        self.0.root.part(part).say(text);
    }

    fn holds_key(&self) -> bool {
        self.0.opened.borrow().is_some()
    }

    fn asks_report(&self) -> bool {
        self.0.root.part("report").is_shown()
    }

    /// Opens or closes the panel that asks whether to kill the key.
    fn ask_report(&self, asks: bool) {
        let root = &self.0.root;
        root.part("report").show(asks);
        // Whoever has proven who they are needs no weaker word than theirs.
        root.part("alert-offer")
            .show(self.0.link.borrow().is_some());
        root.part("alerted").show(false);
        let button = root.part("ask-report");
        button.attribute("aria-expanded", if asks { "true" } else { "false" });
        match asks {
            true => root.part("report-title").focus(),
            false => button.focus(),
        }
    }

    fn claim(&self) {
        let link = self.0.link.borrow().clone();
        let Some((delivery, link)) = self.0.delivery.zip(link) else {
            return self.enter(Phase::NoSecret);
        };
        self.0.claiming.busy("Waiting for your passkey…");
        let desk = self.clone();
        spawn_local(async move {
            let claiming = &desk.0.claiming;
            match ceremony::claim(delivery, &link, |doing| claiming.busy(doing)).await {
                Ok(opened) => desk.show(opened),
                Err(refusal) => desk.refuse(&refusal),
            }
        });
    }

    fn refuse(&self, refusal: &Refusal) {
        self.say("claim-title", refusal.title);
        if refusal.offers_report && !self.asks_report() {
            self.ask_report(true);
        }
        self.0.claiming.refuse(&refusal.text);
    }

    /// From here on the link's secret is of no use to this page.
    fn show(&self, opened: Opened) {
        self.0.link.replace(None);
        self.0.claiming.ready();
        self.describe(&opened);
        let end = browser::now() + opened.lease.clamp(0.0, LEASE);
        // A text node, beside which nothing keeps the key but what is wiped.
        self.0.key.say(&opened.key);
        self.0.opened.replace(Some(opened));
        self.tick(end);
        let desk = self.clone();
        let timer = browser::every(Duration::from_secs(1), move || desk.tick(end));
        self.0.timer.set(timer);
        self.enter(Phase::Shown);
    }

    /// What is shown beside the key, then and when it works.
    fn describe(&self, opened: &Opened) {
        let Opened {
            header, details, ..
        } = opened;
        let (service, environment) = (&header.service, &header.environment);
        self.say("shown-title", &format!("Your {environment} key"));
        self.say("active-title", &format!("Your {environment} key works"));
        self.say("service", &format!("{service}, {environment}"));
        let stored = "You have it stored; this page has forgotten it.";
        self.say("stored", &format!("{service}, {environment}. {stored}"));
        self.say("may", &details.may());
        self.say("ends", &words::ends(header.key_expiry, browser::now()));
        for part in ["first-call", "first-call-now"] {
            self.say(part, &details.first_call());
        }
        self.0.root.part("again").show(opened.again);
    }

    fn tick(&self, end: f64) {
        let left = ((end - browser::now()) / 1_000.0).ceil().max(0.0) as u64;
        self.say("left", &words::countdown(left));
        if left == 59 {
            let little = "Less than a minute is left before this page forgets the key.";
            self.say("little-left", little);
        }
        if left == 0 && self.holds_key() {
            self.forget(Phase::Ended);
        }
    }

    /// Takes the key off the page and wipes it.
    fn forget(&self, next: Phase) {
        if let Some(timer) = self.0.timer.take() {
            timer.stop();
        }
        self.0.key.say("");
        self.0.opened.replace(None);
        self.0.link.replace(None);
        if self.asks_report() {
            self.ask_report(false);
        }
        self.enter(next);
    }

    fn copy(&self) {
        let key = self
            .0
            .opened
            .borrow()
            .as_ref()
            .map(|opened| opened.key.clone());
        let Some(key) = key else { return };
        let desk = self.clone();
        spawn_local(async move {
            let copied = browser::copy(&key).await;
            desk.say_copied(Some(copied));
            if let (false, Some(node)) = (copied, desk.0.key.node()) {
                browser::select(node);
            }
            browser::after(Duration::from_secs(4), move || desk.say_copied(None));
        });
    }

    /// Whether the last copying worked.
    fn say_copied(&self, copied: Option<bool>) {
        let is_copied = copied == Some(true);
        self.say("copy", if is_copied { "Copied" } else { "Copy key" });
        self.say("copied", if is_copied { "Copied." } else { "" });
        self.0.root.part("not-copied").show(copied == Some(false));
    }

    fn save(&self) {
        if let Some(Opened { key, details, .. }) = self.0.opened.borrow().as_ref() {
            browser::save(&details.env_name(), &details.env_file(key));
        }
    }

    fn store(&self) {
        let receipt = self.0.opened.borrow().as_ref().map(Opened::receipt);
        let Some((delivery, receipt)) = self.0.delivery.zip(receipt) else {
            return;
        };
        self.0.storing.busy("Telling the portal…");
        let desk = self.clone();
        spawn_local(async move {
            match ceremony::post_receipt(delivery, &receipt).await {
                Ok(portal) => {
                    desk.0.root.part("watch").attribute("href", &portal);
                    desk.forget(Phase::Active);
                }
                Err(Failure::NoAnswer) => desk.0.storing.refuse(
                    "The portal did not answer. The key is still here: check your connection and say it again. Saying it twice is safe.",
                ),
                Err(failure) => desk.0.storing.refuse(failure),
            }
        });
    }

    fn report(&self) {
        let Some(delivery) = self.0.delivery else {
            return;
        };
        self.0.reporting.busy("Waiting for your passkey…");
        let desk = self.clone();
        spawn_local(async move {
            match ceremony::report(delivery).await {
                Ok(()) => desk.forget(Phase::Reported),
                Err(failure) => desk.0.reporting.refuse(failure),
            }
        });
    }

    fn alert(&self) {
        let link = self.0.link.borrow().clone();
        let Some((delivery, link)) = self.0.delivery.zip(link) else {
            return;
        };
        self.0.alerting.busy("Telling them…");
        let desk = self.clone();
        spawn_local(async move {
            match ceremony::alert(delivery, &link).await {
                Ok(()) => {
                    desk.0.alerting.ready();
                    desk.0.root.part("alert-offer").show(false);
                    desk.0.root.part("alerted").show(true);
                    desk.0.root.part("alerted").focus();
                }
                Err(failure) => desk.0.alerting.refuse(failure),
            }
        });
    }
}
