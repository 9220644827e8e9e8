//! What the server renders for an island: its whole body, of which nothing works before the module
//! is there.

use leptos::prelude::*;
use leptos::tachys::html::islands::Island;
use serde_json::Value;

/// The island's element. `given` holds the texts that [`Root::given`](super::part::Root::given)
/// reads.
pub(super) fn island(name: &'static str, given: &Value, body: impl IntoView + 'static) -> AnyView {
    Island::new(name, body)
        .with_props(given.to_string())
        .into_any()
}

/// The one button of a ceremony, and what it is doing for screen readers.
pub(super) fn act_button(
    part: &'static str,
    class: &'static str,
    label: impl Into<String>,
) -> AnyView {
    button(part, "button", class, label.into())
}

/// The same in a form, where Enter in a field presses it too; the form's `submit` starts the act.
pub(super) fn submit_button(
    part: &'static str,
    class: &'static str,
    label: impl Into<String>,
) -> AnyView {
    button(part, "submit", class, label.into())
}

fn button(part: &'static str, kind: &'static str, class: &'static str, label: String) -> AnyView {
    view! {
        <button type=kind class=class data-part=part disabled>{label}</button>
        <span class="sr" role="status" data-part=format!("{part}-doing")></span>
    }
    .into_any()
}

/// Why the last try did not work.
pub(super) fn refusal(part: &'static str) -> AnyView {
    view! {
        <div class="notice stop" role="alert" data-part=format!("{part}-refused") hidden>
            <p data-part=format!("{part}-why")></p>
        </div>
    }
    .into_any()
}
