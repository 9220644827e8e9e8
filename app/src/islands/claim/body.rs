//! The claim page as the server renders it, for every id: before proof, and all that can follow.
//! What follows is worded here and told apart by `data-phase`; the rest comes with the key.

use leptos::prelude::*;
use serde_json::json;

use super::{ALERT, END, SHOW, STORED};
use crate::islands::body::{act_button, island, refusal};

/// Claims, opens and receipts the delivery `delivery_id`; the link secret is in the fragment.
/// `host` is the host's name, `security_contact` whom to write to when nothing else works.
#[component]
pub fn Claim(delivery_id: String, host: String, security_contact: String) -> impl IntoView {
    let body = view! {
        {waiting(&host)}
        {no_secret(&security_contact)}
        {shown(&host)}
        {foot(&host, &security_contact)}
        {report_panel(&host, &security_contact)}
        {active()}
        {ended()}
        {reported(&host, &security_contact)}
    };
    island("Claim", &json!({"delivery_id": delivery_id}), body)
}

fn card(phase: &'static str, body: impl IntoView + 'static) -> AnyView {
    let hidden = phase != "waiting";
    view! {
        <section class="card" data-phase=phase hidden=hidden><div class="body roomy">{body.into_any()}</div></section>
    }
    .into_any()
}

fn waiting(host: &str) -> AnyView {
    let sent = format!(
        "{host} sent you this link. Opening this page has not used it up; only your passkey can."
    );
    card(
        "waiting",
        view! {
            <div class="head"><h1>"A key for you"</h1><p class="small">{sent}</p></div>
            <ol class="steps">
                <li class="now" aria-current="step"><div>"Confirm with the passkey of the person to whom we wrote. Nothing is opened before."</div></li>
                <li><div>"See who sends it, what it opens and until when, and the key itself: once, only here."</div></li>
                <li><div>"Store it and say so. Until then the key does nothing."</div></li>
            </ol>
            <div class="tight">{act_button("claim", "btn primary wide", SHOW)}</div>
            <div class="notice stop" role="alert" data-part="claim-refused" hidden>
                <h2 data-part="claim-title">"No key was opened"</h2>
                <p data-part="claim-why"></p>
            </div>
        },
    )
}

fn no_secret(contact: &str) -> AnyView {
    let again = format!("Does the link in the mail lead here again? Write to {contact}.");
    card(
        "no-secret",
        view! {
            <div class="head">
                <h1 tabindex="-1">"Open the link in your mail again"</h1>
                <p>"This page is missing the part of the link that opens the key, or has forgotten it. For safety it is taken out of the address as soon as the page loads, so a reload or a shortened link loses it."</p>
            </div>
            <p>"The link is not used up by this. If your passkey opened the key a moment ago, the same passkey can open it again for ten minutes."</p>
            <small>{again}</small>
        },
    )
}

fn shown(host: &str) -> AnyView {
    let key = card(
        "shown",
        view! {
            <div class="head">
                <h1 tabindex="-1" data-part="shown-title">"Your key"</h1>
                <p><small>"Shown once, only here. It works as soon as you say that it is stored."</small></p>
                <p class="small" data-part="again" hidden>"You opened it before. The same passkey can do so until the ten minutes are over."</p>
            </div>
            <div class="key" role="group" aria-label="The key" tabindex="0" data-part="key"></div>
            {key_actions()}
            {facts(host)}
        },
    );
    view! {
        {key}
        {store()}
        <span class="sr" role="status" data-part="little-left" data-phase="shown" hidden></span>
    }
    .into_any()
}

fn key_actions() -> AnyView {
    view! {
        <div class="row keyacts">
            <button type="button" class="btn primary" data-part="copy">"Copy key"</button>
            <button type="button" class="btn" data-part="save">"Save as .env"</button>
            <span class="pill warn push">"Not active yet"</span>
        </div>
        <span class="sr" role="status" data-part="copied"></span>
        <p class="small" role="alert" data-part="not-copied" hidden>"The browser did not let this page copy. The key is selected: copy it with the keyboard."</p>
    }
    .into_any()
}

fn facts(host: &str) -> AnyView {
    view! {
        <dl class="facts small">
            <dt>"Service"</dt><dd data-part="service"></dd>
            <dt>"May"</dt><dd data-part="may"></dd>
            <dt>"Ends"</dt><dd data-part="ends"></dd>
            <dt>"Sent by"</dt><dd>{format!("{host}, checked with their signing key")}</dd>
        </dl>
    }
    .into_any()
}

fn store() -> AnyView {
    view! {
        <section class="card" data-phase="shown" hidden><div class="body">
            <ol class="steps">
                <li><div>"Put it where your service reads it: a vault, or an environment variable. Never in code, a notebook or a chat."</div></li>
                <li><div>"Tell us when it is stored. Until then the key does nothing."</div></li>
                <li><div>"Make the first call:"<br/><code data-part="first-call"></code></div></li>
            </ol>
            <div class="tight">{act_button("store", "btn primary wide", STORED)}</div>
            {refusal("store")}
        </div></section>
    }
    .into_any()
}

/// "This was not me", and beside it what matters most at the moment.
fn foot(host: &str, contact: &str) -> AnyView {
    let unknown = format!(
        "You do not know {host}, or did not expect this? Do not go on, and write to {contact}."
    );
    view! {
        <div class="row apart foots" data-phase="waiting shown">
            <small data-phase="waiting">{unknown}</small>
            <small data-part="left" data-phase="shown" hidden></small>
            <button type="button" class="btn quiet stop" aria-expanded="false" data-part="ask-report" disabled>"This was not me"</button>
        </div>
    }
    .into_any()
}

fn report_panel(host: &str, contact: &str) -> AnyView {
    let breaks = format!(
        "You did not ask for this key, or somebody else opened it? With your passkey you end it: from then on every call with it is refused, for good, and {host} is told at once. You can ask for a new key later."
    );
    let without = format!(
        "Without your passkey you can still have the staff of {host} told. That ends nothing by itself: they look into it."
    );
    let told = format!(
        "If this link is one of theirs, the staff of {host} are told. Nothing was ended or used up by it; for the quickest answer write to {contact}, too."
    );
    view! {
        <section class="card danger" data-part="report" hidden><div class="body">
            <h2 tabindex="-1" data-part="report-title">"This was not me"</h2>
            <p>{breaks}</p>
            <div class="actions">
                {act_button("end", "btn stop", END)}
                <button type="button" class="btn quiet" data-part="report-back">"Back"</button>
            </div>
            {refusal("end")}
            <div class="stack" data-part="alert-offer" hidden>
                <small>{without}</small>
                <div class="actions">{act_button("alert", "btn", ALERT)}</div>
                {refusal("alert")}
            </div>
            <p class="small" tabindex="-1" data-part="alerted" hidden>{told}</p>
            <small>{format!("No passkey at hand? Write to {contact}.")}</small>
        </div></section>
    }
    .into_any()
}

fn active() -> AnyView {
    card(
        "active",
        view! {
            <div class="head">
                <div class="row"><h1 tabindex="-1" data-part="active-title">"Your key works"</h1><span class="pill ok push">"Active"</span></div>
                <p class="small" data-part="stored"></p>
            </div>
            <ol class="steps">
                <li class="done"><div><span class="sr">"Done: "</span>"The key is stored, and both sides have it on record."</div></li>
                <li class="now" aria-current="step"><div>"Make the first call:"<br/><code data-part="first-call-now"></code></div></li>
                <li><div>"See it arrive. Each call and each refusal shows up in the portal, with the reason."</div></li>
            </ol>
            <a class="btn primary wide" href="/keys" data-part="watch">"Watch its use"</a>
        },
    )
}

fn ended() -> AnyView {
    card(
        "ended",
        view! {
            <div class="head">
                <h1 tabindex="-1">"The key is gone"</h1>
                <p>"The ten minutes ended before you said that it is stored. This page has forgotten the key, and the portal destroys it: it never worked, and a copy of it never will."</p>
            </div>
            <p>"You can have a new one: sign in and ask for it on the key's page."</p>
            <a class="btn primary wide" href="/keys">"Go to your keys"</a>
        },
    )
}

fn reported(host: &str, contact: &str) -> AnyView {
    let dead = format!(
        "Every call with it is refused from now on, for good, and the staff of {host} have been told."
    );
    let more = format!(
        "If somebody else may read your mail or use your devices, change that first. Anything to add? Write to {contact}."
    );
    card(
        "reported",
        view! {
            <div class="head">
                <div class="row"><h1 tabindex="-1">"The key is dead"</h1><span class="pill stop push">"Compromised"</span></div>
                <p>{dead}</p>
            </div>
            <p>{more}</p>
        },
    )
}
