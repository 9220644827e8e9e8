//! The places where the browser must think. Each is rendered on the server first, as a body that
//! does nothing yet; the page around it says what to do where scripts do not run
//! (`components::needs_scripts`).

use leptos::prelude::*;

/// Signs in with a discoverable passkey, then goes to `return_to`, a path on this origin.
#[island]
pub fn SignIn(return_to: String) -> impl IntoView {
    let _ = return_to;
    view! { <button type="button" class="btn primary wide" disabled=true>"Sign in with a passkey"</button> }
}

/// Registers a passkey: by the link `link_id`, whose secret is in the fragment, or, when it is
/// empty, as another passkey of the person who is signed in.
#[island]
pub fn Enrol(link_id: String) -> impl IntoView {
    let _ = link_id;
    view! { <button type="button" class="btn primary wide" disabled=true>"Create a passkey"</button> }
}

/// Signs one act. `act_json` is the act as the server means to record it; the island recomputes
/// the challenge from it. `label` is the button's text, `finish_url` takes the assertion.
#[island]
pub fn ActConfirm(act_json: String, label: String, finish_url: String) -> impl IntoView {
    let _ = (act_json, finish_url);
    view! { <button type="button" class="btn primary wide" disabled=true>{label}</button> }
}

/// Claims, opens and receipts the delivery `delivery_id`; the link secret is in the fragment.
/// `host` is the host's name, `security_contact` whom to write to when nothing else works.
#[island]
pub fn Claim(delivery_id: String, host: String, security_contact: String) -> impl IntoView {
    let _ = (delivery_id, host, security_contact);
    view! { <button type="button" class="btn primary wide" disabled=true>"Show my key"</button> }
}

/// Copies `text`.
#[island]
pub fn Copy(text: String) -> impl IntoView {
    let _ = text;
    view! { <button type="button" class="btn small" disabled=true>"Copy"</button> }
}

/// Saves the form with the id `form_id` to `url` while it is typed into, and says so.
#[island]
pub fn Autosave(form_id: String, url: String) -> impl IntoView {
    let _ = (form_id, url);
    view! { <small role="status"></small> }
}

/// `j`, `k` and Enter in the table with the id `table_id`.
#[island]
pub fn RowKeys(table_id: String) -> impl IntoView {
    let _ = table_id;
    view! { <span class="sr" role="status"></span> }
}
