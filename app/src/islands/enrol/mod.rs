//! Making a passkey, from a link or as another one of the person who is signed in.

mod ceremony;
mod device;

use core::ops::ControlFlow;

use leptos::prelude::*;
use leptos::task::spawn_local;
use zeroize::Zeroizing;

use self::ceremony::{Begin, Done, Step};
use super::browser;
use super::failure::{CeremonyFailure, Failure};
use super::progress::{Progress, focused_heading, refusal, submit_button};

/// Where the page stands. No secrets in here: they are in [`Desk`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Form,
    /// The page was opened without the link's secret.
    NoSecret,
    /// A passkey that answered differently the second time; the portal leads on to there.
    Unsteady(String),
}

/// Registers a passkey: by the link `link_id`, whose secret is in the fragment, or, when it is
/// empty, as another passkey of the person who is signed in.
#[island]
pub fn Enrol(link_id: String) -> impl IntoView {
    let secret = browser::take_fragment();
    let desk = Desk::new(link_id, secret);
    Effect::new(move || desk.open());
    view! {
        {move || match desk.phase.get() {
            Phase::Form => desk.form().into_any(),
            Phase::NoSecret => no_secret().into_any(),
            Phase::Unsteady(location) => unsteady(location).into_any(),
        }}
    }
}

#[derive(Clone, Copy)]
struct Desk {
    link: StoredValue<String>,
    secret: StoredValue<Option<Zeroizing<String>>>,
    /// What is already done, so that a closed dialog does not cost a second passkey.
    step: StoredValue<Option<Step>>,
    phase: RwSignal<Phase>,
    progress: Progress,
    label: RwSignal<String>,
    code: RwSignal<String>,
    code_needed: RwSignal<bool>,
    /// The passkey exists and is yet to be confirmed.
    made: RwSignal<bool>,
    code_field: NodeRef<leptos::html::Input>,
}

impl Desk {
    fn new(link: String, secret: Option<Zeroizing<String>>) -> Self {
        Self {
            link: StoredValue::new(link),
            secret: StoredValue::new(secret),
            step: StoredValue::new(None),
            phase: RwSignal::new(Phase::Form),
            progress: Progress::new(),
            label: RwSignal::new(String::new()),
            code: RwSignal::new(String::new()),
            code_needed: RwSignal::new(false),
            made: RwSignal::new(false),
            code_field: NodeRef::new(),
        }
    }

    /// A link's page needs its secret; the profile's page has neither link nor name to ask for.
    fn open(self) {
        self.label
            .set(device::name(&browser::user_agent()).to_owned());
        let on_link_page = browser::path().starts_with("/l/");
        if on_link_page && self.secret.with_value(Option::is_none) {
            self.phase.set(Phase::NoSecret);
        }
        // The mail's link opened once more in this window changes the fragment alone.
        let _ = window_event_listener(leptos::ev::hashchange, move |_| {
            if let Some(secret) = browser::take_fragment() {
                self.secret.set_value(Some(secret));
                self.phase.set(Phase::Form);
            }
        });
    }

    fn has_link(self) -> bool {
        self.link.with_value(|link| !link.is_empty())
    }

    fn form(self) -> impl IntoView {
        let label = move || match self.made.get() {
            true => "Confirm the new passkey".to_owned(),
            false => "Create a passkey".to_owned(),
        };
        let named = self
            .has_link()
            .then(|| (self.code_field(), self.name_field()));
        view! {
            <form class="form" method="post" on:submit=move |event| { event.prevent_default(); self.press(); }>
                {named}
                <div class="tight">{submit_button(self.progress, "btn primary wide", label)}</div>
                {refusal(self.progress)}
            </form>
        }
    }

    fn name_field(self) -> impl IntoView {
        view! {
            <div class="field">
                <label for="passkey-name">"Name of this passkey"</label>
                <div class="help" id="passkey-name-help">"So that you know it again in your profile."</div>
                <input class="input" id="passkey-name" type="text" maxlength="60" autocomplete="off"
                    aria-describedby="passkey-name-help" disabled=move || !self.progress.is_free()
                    prop:value=move || self.label.get()
                    on:input=move |event| self.label.set(event_target_value(&event))/>
            </div>
        }
    }

    /// Shown at once: whether a link needs its code is the server's to say, after the first try.
    fn code_field(self) -> impl IntoView {
        let label = move || match self.code_needed.get() {
            true => "Code",
            false => "Code (if you were given one)",
        };
        view! {
            <div class="field">
                <label for="invitation-code">{label}</label>
                <div class="help" id="invitation-code-help">"Eight characters that came by another way than this link. Five wrong tries end the link."</div>
                <input class="input short mono" id="invitation-code" type="text" maxlength="12" autocomplete="off"
                    autocapitalize="characters" spellcheck="false" aria-describedby="invitation-code-help"
                    node_ref=self.code_field disabled=move || !self.progress.is_free()
                    prop:value=move || self.code.get()
                    on:input=move |event| self.code.set(event_target_value(&event))/>
            </div>
        }
    }

    fn press(self) {
        if !self.progress.is_free() {
            return;
        }
        self.progress.busy("Waiting for your browser…");
        spawn_local(async move {
            match self.enrol().await {
                Ok(Done {
                    location,
                    unsteady: true,
                }) => self.phase.set(Phase::Unsteady(location)),
                Ok(done) => {
                    if let Err(failure) = browser::go(&done.location) {
                        self.progress.refuse(failure);
                    }
                }
                Err(failure) => self.failed(failure),
            }
        });
    }

    /// Takes up where the last try ended.
    async fn enrol(self) -> Result<Done, Failure> {
        let mut step = match self.step.try_update_value(Option::take).flatten() {
            Some(step) => step,
            None => Step::begin(&self.request()).await?,
        };
        loop {
            self.made.set(step.is_made());
            self.progress.busy(step.doing());
            match step.advance(&self.label.get_untracked()).await {
                Ok(ControlFlow::Break(done)) => return Ok(done),
                Ok(ControlFlow::Continue(next)) => step = next,
                Err((failure, kept)) => {
                    self.keep(kept);
                    return Err(failure);
                }
            }
        }
    }

    fn keep(self, step: Option<Step>) {
        self.made.set(step.as_ref().is_some_and(Step::is_made));
        self.step.set_value(step);
    }

    fn request(self) -> Begin {
        let code = self.code.get_untracked();
        // The name on the profile's page was given there, before the act that led here.
        if !self.has_link() {
            self.label.set(String::new());
        }
        Begin {
            link: Some(self.link.get_value()).filter(|link| !link.is_empty()),
            secret: self.secret.get_value(),
            code: Some(code.trim().to_owned()).filter(|code| !code.is_empty()),
        }
    }

    /// After the button, which takes the focus back when a try has failed.
    fn focus_code(self) {
        if let Some(field) = self.code_field.get_untracked() {
            set_timeout(
                move || drop(field.focus()),
                core::time::Duration::from_millis(100),
            );
        }
    }

    fn failed(self, failure: Failure) {
        if failure.code() == Some("code-needed") {
            self.code_needed.set(true);
            self.focus_code();
            return match self.code.with_untracked(|code| code.trim().is_empty()) {
                true => self
                    .progress
                    .refuse("Type the code that goes with this link, then go on."),
                false => self.progress.refuse(failure),
            };
        }
        match (self.made.get_untracked(), &failure) {
            (true, Failure::Passkey(CeremonyFailure::NotAllowed)) => self.progress.refuse(
                "The new passkey is made, but not confirmed yet: the dialog was closed or took too long. Confirm it to go on.",
            ),
            _ => self.progress.refuse(failure),
        }
    }
}

fn no_secret() -> impl IntoView {
    view! {
        <div class="notice warn" role="alert">
            <h2>"Open the link in your mail again"</h2>
            <p>"This page is missing the part of the link that opens it. For safety it is taken out of the address as soon as the page loads, so a reload or a shortened link loses it. Nothing has been used up."</p>
        </div>
    }
}

/// Both evaluations must agree, or what is sealed to this passkey could never be opened again.
fn unsteady(location: String) -> impl IntoView {
    view! {
        <div class="tight">
            {focused_heading("This passkey cannot receive keys".to_owned())}
            <p>"It signs you in. But it gave two different answers when it was asked twice for the secret that opens sealed keys, so a key sent to it might be lost. Add another passkey for receiving keys: one on a current phone or computer, or a security key."</p>
        </div>
        <a class="btn primary wide" href=location>"Go on"</a>
    }
}
