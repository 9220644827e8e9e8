//! What a page says beside its content.

use leptos::prelude::*;

use super::text::Tone;

/// A message of its own: what happened, what is safe, what to do.
pub fn notice(tone: Tone, body: impl IntoView + 'static) -> AnyView {
    let role = if tone == Tone::Stop {
        "alert"
    } else {
        "status"
    };
    view! { <div class=format!("notice {}", tone.class()) role=role>{body.into_any()}</div> }
        .into_any()
}

/// An empty state teaches: what would stand here, and how it gets there.
pub fn empty(
    title: impl Into<String>,
    text: impl Into<String>,
    action: Option<(String, String)>,
) -> AnyView {
    let action = action.map(|(href, label)| view! { <a class="btn" href=href>{label}</a> });
    view! { <div class="empty"><h2>{title.into()}</h2><p>{text.into()}</p>{action}</div> }
        .into_any()
}

/// Stands beside an island: what to do where scripts are off, or where the module does not load.
pub fn needs_scripts() -> AnyView {
    view! {
        <noscript>
            <p class="notice warn">
                "This step uses your passkey, and a browser can only do that with scripts on. Allow scripts for this site and load the page again. Nothing has changed so far."
            </p>
        </noscript>
        <p class="notice warn" data-no-wasm="" hidden=true>
            "This page could not load a part that it needs. Nothing has changed. Load the page again; if that does not help, use a current browser."
        </p>
    }
    .into_any()
}
