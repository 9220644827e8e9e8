use core::time::Duration;

use wasm_bindgen_futures::spawn_local;

use super::browser;
use super::part::Root;

/// Copies `text`.
#[cfg(feature = "ssr")]
#[leptos::component]
pub fn Copy(text: String) -> impl leptos::prelude::IntoView {
    use leptos::prelude::*;

    let body = view! {
        <button type="button" class="btn small" data-part="copy" disabled>"Copy"</button>
        <span class="sr" role="status" data-part="copied"></span>
    };
    super::body::island("Copy", &serde_json::json!({"text": text}), body)
}

pub(super) fn start(root: &Root) {
    let (text, button, said) = (root.given("text"), root.part("copy"), root.part("copied"));
    button.enable(true);
    let pressed = button.clone();
    button.on("click", move |_| {
        let (text, button, said) = (text.clone(), pressed.clone(), said.clone());
        spawn_local(async move {
            let (label, sentence) = match browser::copy(&text).await {
                true => ("Copied", "Copied."),
                false => (
                    "Select it instead",
                    "The browser did not let this page copy. Select the text and copy it.",
                ),
            };
            button.say(label);
            said.say(sentence);
            browser::after(Duration::from_secs(3), move || {
                button.say("Copy");
                said.say("");
            });
        });
    });
}
