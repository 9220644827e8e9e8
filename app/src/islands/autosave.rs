use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    Event, FormData, HtmlElement, HtmlFormElement, HtmlInputElement, Node, SubmitEvent,
    UrlSearchParams,
};

use super::browser::{self, Timer, document};
use super::failure::Failure;
use super::part::{Part, Root, listen};

/// After the last key.
const PAUSE: Duration = Duration::from_millis(1_500);
/// After the portal could not be reached.
const AGAIN: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Saved {
    /// A number or a text, as the form's hidden field takes it.
    version: Value,
    saved_at: String,
}

/// Saves the form with the id `form_id` to `url` while it is typed into, and says so.
#[cfg(feature = "ssr")]
#[leptos::component]
pub fn Autosave(form_id: String, url: String) -> impl leptos::prelude::IntoView {
    use leptos::prelude::*;

    let given = serde_json::json!({"form_id": form_id, "url": url});
    let body = view! { <small role="status" data-part="said"></small> };
    super::body::island("Autosave", &given, body)
}

pub(super) fn start(root: &Root) {
    let draft = Draft(Rc::new(Place {
        form_id: root.given("form_id"),
        url: root.given("url"),
        said: root.part("said"),
        state: Cell::default(),
    }));
    draft.listen();
}

/// One save at a time; what is typed meanwhile is saved after it.
#[derive(Clone)]
struct Draft(Rc<Place>);

struct Place {
    form_id: String,
    url: String,
    said: Part,
    state: Cell<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    timer: Option<Timer>,
    dirty: bool,
    saving: bool,
    /// Another window saved: this one must not write over it.
    stopped: bool,
    /// The form is to be handed in once the running save has its answer.
    submit: bool,
}

impl Draft {
    fn listen(&self) {
        for typed in ["input", "change"] {
            self.on(typed, |draft, event| {
                if draft.is_mine(event) {
                    draft.update(|state| state.dirty = true);
                    draft.later(PAUSE);
                }
            });
        }
        self.on("visibilitychange", |draft, _| {
            if document().hidden() {
                draft.save();
            }
        });
        self.on("submit", Self::submitted);
    }

    fn on(&self, event: &str, act: impl Fn(&Self, &Event) + 'static) {
        let draft = self.clone();
        listen(&document(), event, move |event| act(&draft, &event));
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.get();
        change(&mut state);
        self.0.state.set(state);
    }

    fn is_mine(&self, event: &Event) -> bool {
        let target: Option<Node> = event.target().and_then(|target| target.dyn_into().ok());
        self.form()
            .is_some_and(|form| form.contains(target.as_ref()))
    }

    fn form(&self) -> Option<HtmlFormElement> {
        let form = document().get_element_by_id(&self.0.form_id)?;
        form.dyn_into().ok()
    }

    fn later(&self, pause: Duration) {
        self.update(|state| {
            if let Some(timer) = state.timer.take() {
                timer.stop();
            }
            if !state.stopped {
                let draft = self.clone();
                state.timer = browser::after(pause, move || draft.save());
            }
        });
    }

    fn save(&self) {
        let state = self.0.state.get();
        if state.saving || state.stopped || !state.dirty {
            return;
        }
        let Some(fields) = self.form().as_ref().and_then(fields) else {
            return;
        };
        self.update(|state| {
            state.saving = true;
            state.dirty = false;
        });
        self.0.said.say("Saving…");
        let draft = self.clone();
        spawn_local(async move {
            let outcome = match browser::post_form(&draft.0.url, &fields).await {
                Ok(answer) => answer.read::<Saved>(),
                Err(failure) => Err(failure),
            };
            draft.answered(&outcome);
        });
    }

    fn answered(&self, outcome: &Result<Saved, Failure>) {
        self.update(|state| state.saving = false);
        let next = match outcome {
            Ok(saved) => {
                self.take_version(&saved.version());
                PAUSE
            }
            Err(Failure::NoAnswer) => {
                self.update(|state| state.dirty = true);
                AGAIN
            }
            Err(failure) => {
                let stopped = failure.code() == Some("draft-changed");
                self.update(|state| state.stopped = stopped);
                PAUSE
            }
        };
        self.0.said.say(&sentence(outcome));
        let state = self.0.state.get();
        if state.submit {
            self.hand_in();
        } else if state.dirty {
            self.later(next);
        }
    }

    fn take_version(&self, version: &str) {
        let field = self
            .form()
            .and_then(|form| form.query_selector("input[name=version]").ok().flatten())
            .and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
        if let Some(field) = field {
            field.set_value(version);
        }
    }

    /// Handing in while a save runs would carry the version from before it.
    fn submitted(&self, event: &Event) {
        if !self.is_mine(event) {
            return;
        }
        self.update(|state| {
            if let Some(timer) = state.timer.take() {
                timer.stop();
            }
            state.dirty = false;
            if state.saving {
                state.submit = true;
                event.prevent_default();
            }
        });
        let button = event
            .dyn_ref::<SubmitEvent>()
            .and_then(SubmitEvent::submitter);
        if let (true, Some(button)) = (event.default_prevented(), button) {
            let _ = button.set_attribute("data-handed-in", "");
        }
    }

    fn hand_in(&self) {
        self.update(|state| state.submit = false);
        let Some(form) = self.form() else { return };
        let button = form.query_selector("[data-handed-in]").ok().flatten();
        let button = button.and_then(|button| button.dyn_into::<HtmlElement>().ok());
        if let Some(button) = &button {
            let _ = button.remove_attribute("data-handed-in");
        }
        let _ = match button {
            Some(button) => form.request_submit_with_submitter(Some(&button)),
            None => form.request_submit(),
        };
    }
}

impl Saved {
    fn version(&self) -> String {
        match &self.version {
            Value::String(version) => version.clone(),
            version => version.to_string(),
        }
    }
}

/// The form's fields as the browser would post them.
fn fields(form: &HtmlFormElement) -> Option<String> {
    let data = FormData::new_with_form(form).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    Some(fields.to_string().into())
}

fn sentence(outcome: &Result<Saved, Failure>) -> String {
    match outcome {
        Ok(saved) => match browser::clock_time(&saved.saved_at) {
            Some(time) => format!("Draft saved at {time}."),
            None => "Draft saved.".to_owned(),
        },
        Err(Failure::NoAnswer) => {
            "Not saved yet: the portal does not answer. What you typed is still here, and is saved as soon as it does.".to_owned()
        }
        Err(failure) if failure.code() == Some("draft-changed") => {
            "Another window saved this draft after this one was opened, so saving has stopped here. What you typed is still in this window: copy what you want to keep, then load the page again.".to_owned()
        }
        Err(failure) => format!("Not saved: {failure} What you typed is still here."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::islands::failure::Problem;

    fn refused(code: &str) -> Result<Saved, Failure> {
        let body = format!("{{\"code\":\"{code}\",\"detail\":\"The purpose is too long.\"}}");
        Err(Failure::Refused(Problem::read(409, &body, None)))
    }

    #[test]
    fn every_failure_says_that_nothing_typed_is_lost() {
        for outcome in [
            refused("draft-changed"),
            refused("other"),
            Err(Failure::NoAnswer),
        ] {
            let sentence = sentence(&outcome);
            assert!(sentence.contains("What you typed is still"), "{sentence}");
        }
    }

    #[test]
    fn a_save_by_another_window_is_told_apart() {
        assert!(sentence(&refused("draft-changed")).starts_with("Another window"));
        assert!(sentence(&refused("invalid")).contains("The purpose is too long."));
    }

    #[test]
    fn a_version_is_a_number_or_a_text() {
        for (json, version) in [("7", "7"), ("\"v7\"", "v7")] {
            let saved: Saved =
                serde_json::from_str(&format!("{{\"version\":{json},\"saved_at\":\"x\"}}"))
                    .unwrap();
            assert_eq!(saved.version(), version);
        }
    }
}
