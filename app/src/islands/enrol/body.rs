//! The enrolment as the server renders it, with what it can come to.

use leptos::prelude::*;
use serde_json::json;

use super::CREATE;
use crate::islands::body::{island, refusal, submit_button};

/// Registers a passkey: by the link `link_id`, whose secret is in the fragment, or, when it is
/// empty, as another passkey of the person who is signed in.
#[component]
pub fn Enrol(link_id: String) -> impl IntoView {
    let given = json!({"link_id": link_id});
    let named = (!link_id.is_empty()).then(|| (code_field(), name_field()));
    let body = view! {
        <form class="form" method="post" data-part="form" data-phase="form">
            {named}
            <div class="tight">{submit_button("enrol", "btn primary wide", CREATE)}</div>
            {refusal("enrol")}
        </form>
        {no_secret()}
        {unsteady()}
    };
    island("Enrol", &given, body)
}

fn name_field() -> AnyView {
    view! {
        <div class="field">
            <label for="passkey-name">"Name of this passkey"</label>
            <div class="help" id="passkey-name-help">"So that you know it again in your profile."</div>
            <input class="input" id="passkey-name" type="text" maxlength="60" autocomplete="off"
                aria-describedby="passkey-name-help" data-part="name" disabled/>
        </div>
    }
    .into_any()
}

/// Shown at once: whether a link needs its code is the server's to say, after the first try.
fn code_field() -> AnyView {
    view! {
        <div class="field">
            <label for="invitation-code" data-part="code-label">"Code (if you were given one)"</label>
            <div class="help" id="invitation-code-help">"Eight characters that came by another way than this link. Five wrong tries end the link."</div>
            <input class="input short mono" id="invitation-code" type="text" maxlength="12" autocomplete="off"
                autocapitalize="characters" spellcheck="false" aria-describedby="invitation-code-help"
                data-part="code" disabled/>
        </div>
    }
    .into_any()
}

fn no_secret() -> AnyView {
    view! {
        <div class="notice warn" role="alert" data-phase="no-secret" hidden>
            <h2>"Open the link in your mail again"</h2>
            <p>"This page is missing the part of the link that opens it. For safety it is taken out of the address as soon as the page loads, so a reload or a shortened link loses it. Nothing has been used up."</p>
        </div>
    }
    .into_any()
}

fn unsteady() -> AnyView {
    view! {
        <div class="tight" data-phase="unsteady" hidden>
            <h1 tabindex="-1">"This passkey cannot receive keys"</h1>
            <p>"It signs you in. But it gave two different answers when it was asked twice for the secret that opens sealed keys, so a key sent to it might be lost. Add another passkey for receiving keys: one on a current phone or computer, or a security key."</p>
        </div>
        <a class="btn primary wide" href="/" data-part="go-on" data-phase="unsteady" hidden>"Go on"</a>
    }
    .into_any()
}
