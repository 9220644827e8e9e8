//! Making a passkey, from a link or as another one of the person who is signed in.

#[cfg(feature = "ssr")]
pub mod body;
mod ceremony;
mod device;

use core::cell::RefCell;
use core::ops::ControlFlow;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use zeroize::Zeroizing;

use self::ceremony::{Begin, Done, Step};
use super::browser;
use super::failure::{CeremonyFailure, Failure};
use super::part::{Part, Root, listen};
use super::progress::Progress;

#[cfg(feature = "ssr")]
pub use body::Enrol;

const CREATE: &str = "Create a passkey";
const CONFIRM: &str = "Confirm the new passkey";

/// A link's page needs its secret; the profile's page has neither link nor name to ask for.
pub(super) fn start(root: &Root) {
    let desk = Desk::new(root);
    if browser::path().starts_with("/l/") && desk.0.secret.borrow().is_none() {
        root.enter("no-secret");
    }
    // The mail's link opened once more in this window changes the fragment alone.
    let reopened = desk.clone();
    listen(&browser::window(), "hashchange", move |_| {
        if let Some(secret) = browser::take_fragment() {
            *reopened.0.secret.borrow_mut() = Some(secret);
            reopened.0.root.enter("form");
        }
    });
    // Enter in a field hands the form in; while the button is disabled, nothing does.
    let form = root.part("form");
    form.on("submit", move |event| {
        event.prevent_default();
        desk.press();
    });
}

#[derive(Clone)]
struct Desk(Rc<Place>);

struct Place {
    root: Root,
    link: String,
    secret: RefCell<Option<Zeroizing<String>>>,
    /// What is already done, so that a closed dialog does not cost a second passkey.
    step: RefCell<Option<Step>>,
    progress: Progress,
    name: Part,
    code: Part,
}

impl Desk {
    fn new(root: &Root) -> Self {
        let (name, code) = (root.part("name"), root.part("code"));
        name.fill(device::name(&browser::user_agent()));
        let fields = vec![name.clone(), code.clone()];
        Self(Rc::new(Place {
            root: root.clone(),
            link: root.given("link_id"),
            secret: RefCell::new(browser::take_fragment()),
            step: RefCell::new(None),
            progress: Progress::with_fields(root, "enrol", CREATE, fields),
            name,
            code,
        }))
    }

    fn press(&self) {
        if !self.0.progress.is_free() {
            return;
        }
        self.0.progress.busy("Waiting for your browser…");
        let desk = self.clone();
        spawn_local(async move {
            match desk.enrol().await {
                Ok(Done {
                    location,
                    unsteady: true,
                }) => desk.warn(&location),
                Ok(done) => {
                    if let Err(failure) = browser::go(&done.location) {
                        desk.0.progress.refuse(failure);
                    }
                }
                Err(failure) => desk.failed(&failure),
            }
        });
    }

    /// Takes up where the last try ended.
    async fn enrol(&self) -> Result<Done, Failure> {
        let kept = self.0.step.take();
        let mut step = match kept {
            Some(step) => step,
            None => Step::begin(&self.request()).await?,
        };
        loop {
            self.0.progress.busy(step.doing());
            match step.advance(&self.0.name.typed()).await {
                Ok(ControlFlow::Break(done)) => return Ok(done),
                Ok(ControlFlow::Continue(next)) => step = next,
                Err((failure, kept)) => {
                    self.keep(kept);
                    return Err(failure);
                }
            }
        }
    }

    fn keep(&self, step: Option<Step>) {
        let is_made = step.as_ref().is_some_and(Step::is_made);
        self.0
            .progress
            .relabel(if is_made { CONFIRM } else { CREATE });
        self.0.step.replace(step);
    }

    /// The passkey exists and is yet to be confirmed.
    fn is_made(&self) -> bool {
        self.0.step.borrow().as_ref().is_some_and(Step::is_made)
    }

    fn request(&self) -> Begin {
        let code = self.0.code.typed();
        Begin {
            link: Some(self.0.link.clone()).filter(|link| !link.is_empty()),
            secret: self.0.secret.borrow().clone(),
            code: Some(code.trim().to_owned()).filter(|code| !code.is_empty()),
        }
    }

    /// Both evaluations must agree, or what is sealed to this passkey could never be opened again.
    fn warn(&self, location: &str) {
        if browser::is_own_path(location) {
            self.0.root.part("go-on").attribute("href", location);
        }
        self.0.root.enter("unsteady");
    }

    fn failed(&self, failure: &Failure) {
        let progress = &self.0.progress;
        if failure.code() == Some("code-needed") {
            self.0.root.part("code-label").say("Code");
            match self.0.code.typed().trim().is_empty() {
                true => progress.refuse("Type the code that goes with this link, then go on."),
                false => progress.refuse(failure),
            }
            return self.0.code.focus();
        }
        match (self.is_made(), failure) {
            (true, Failure::Passkey(CeremonyFailure::NotAllowed)) => progress.refuse(
                "The new passkey is made, but not confirmed yet: the dialog was closed or took too long. Confirm it to go on.",
            ),
            _ => progress.refuse(failure),
        }
    }
}
