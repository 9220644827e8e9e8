use core::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::browser;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Loading,
    Ready,
    Copied,
    Refused,
}

/// Copies `text`.
#[island]
pub fn Copy(text: String) -> impl IntoView {
    let state = RwSignal::new(State::Loading);
    Effect::new(move || state.set(State::Ready));
    let press = move |_| {
        let text = text.clone();
        spawn_local(async move {
            let copied = browser::copy(&text).await;
            state.set(if copied {
                State::Copied
            } else {
                State::Refused
            });
            set_timeout(move || state.set(State::Ready), Duration::from_secs(3));
        });
    };
    let label = move || match state.get() {
        State::Copied => "Copied",
        State::Refused => "Select it instead",
        _ => "Copy",
    };
    let said = move || match state.get() {
        State::Copied => "Copied.",
        State::Refused => "The browser did not let this page copy. Select the text and copy it.",
        _ => "",
    };
    view! {
        <button type="button" class="btn small" disabled=move || state.get() == State::Loading
            on:click=press>{label}</button>
        <span class="sr" role="status">{said}</span>
    }
}
