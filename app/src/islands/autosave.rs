use core::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Deserialize;
use serde_json::value::RawValue;
use wasm_bindgen::JsCast as _;
use web_sys::{
    FormData, HtmlElement, HtmlFormElement, HtmlInputElement, SubmitEvent, UrlSearchParams,
};

use super::browser;
use super::failure::Failure;

/// After the last key.
const PAUSE: Duration = Duration::from_millis(1_500);
/// After the portal could not be reached.
const AGAIN: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Saved {
    /// A number or a text, as the form's hidden field takes it.
    version: Box<RawValue>,
    saved_at: String,
}

/// Saves the form with the id `form_id` to `url` while it is typed into, and says so.
#[island]
pub fn Autosave(form_id: String, url: String) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let draft = Draft {
        form_id: StoredValue::new(form_id),
        url: StoredValue::new(url),
        said,
        state: StoredValue::new(State::default()),
    };
    Effect::new(move || draft.listen());
    view! { <small role="status">{move || said.get()}</small> }
}

/// One save at a time; what is typed meanwhile is saved after it.
#[derive(Clone, Copy)]
struct Draft {
    form_id: StoredValue<String>,
    url: StoredValue<String>,
    said: RwSignal<String>,
    state: StoredValue<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    timer: Option<TimeoutHandle>,
    dirty: bool,
    saving: bool,
    /// Another window saved: this one must not write over it.
    stopped: bool,
    /// The form is to be handed in once the running save has its answer.
    submit: bool,
}

impl Draft {
    fn listen(self) {
        let typed = move |event: &web_sys::Event| {
            if self.is_mine(event) {
                self.state.update_value(|state| state.dirty = true);
                self.later(PAUSE);
            }
        };
        let _ = window_event_listener(ev::input, move |event| typed(&event));
        let _ = window_event_listener(ev::change, move |event| typed(&event));
        let _ = window_event_listener(ev::visibilitychange, move |_| {
            if document().hidden() {
                self.save();
            }
        });
        let _ = window_event_listener(ev::submit, move |event| self.submitted(&event));
    }

    fn is_mine(self, event: &web_sys::Event) -> bool {
        let target: Option<web_sys::Node> =
            event.target().and_then(|target| target.dyn_into().ok());
        self.form()
            .is_some_and(|form| form.contains(target.as_ref()))
    }

    fn form(self) -> Option<HtmlFormElement> {
        let form = self
            .form_id
            .with_value(|id| document().get_element_by_id(id))?;
        form.dyn_into().ok()
    }

    fn later(self, pause: Duration) {
        self.state.update_value(|state| {
            if let Some(timer) = state.timer.take() {
                timer.clear();
            }
            if !state.stopped {
                state.timer = set_timeout_with_handle(move || self.save(), pause).ok();
            }
        });
    }

    fn save(self) {
        let state = self.state.get_value();
        if state.saving || state.stopped || !state.dirty {
            return;
        }
        let Some(fields) = self.form().as_ref().and_then(fields) else {
            return;
        };
        self.state.update_value(|state| {
            state.saving = true;
            state.dirty = false;
        });
        self.said.set("Saving…".to_owned());
        spawn_local(async move {
            let url = self.url.get_value();
            let outcome = match browser::post_form(&url, &fields).await {
                Ok(answer) => answer.read::<Saved>(),
                Err(failure) => Err(failure),
            };
            self.answered(outcome);
        });
    }

    fn answered(self, outcome: Result<Saved, Failure>) {
        self.state.update_value(|state| state.saving = false);
        let next = match &outcome {
            Ok(saved) => {
                self.take_version(saved.version.get().trim_matches('"'));
                PAUSE
            }
            Err(Failure::NoAnswer) => {
                self.state.update_value(|state| state.dirty = true);
                AGAIN
            }
            Err(failure) => {
                let stopped = failure.code() == Some("draft-changed");
                self.state.update_value(|state| state.stopped = stopped);
                PAUSE
            }
        };
        self.said.set(sentence(&outcome));
        if self.state.with_value(|state| state.submit) {
            self.hand_in();
        } else if self.state.with_value(|state| state.dirty) {
            self.later(next);
        }
    }

    fn take_version(self, version: &str) {
        let field = self
            .form()
            .and_then(|form| form.query_selector("input[name=version]").ok().flatten())
            .and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
        if let Some(field) = field {
            field.set_value(version);
        }
    }

    /// Handing in while a save runs would carry the version from before it.
    fn submitted(self, event: &SubmitEvent) {
        if !self.is_mine(event) {
            return;
        }
        self.state.update_value(|state| {
            if let Some(timer) = state.timer.take() {
                timer.clear();
            }
            state.dirty = false;
            if state.saving {
                state.submit = true;
                event.prevent_default();
            }
        });
        if let (true, Some(button)) = (event.default_prevented(), event.submitter()) {
            let _ = button.set_attribute("data-handed-in", "");
        }
    }

    fn hand_in(self) {
        self.state.update_value(|state| state.submit = false);
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
            assert_eq!(saved.version.get().trim_matches('"'), version);
        }
    }
}
