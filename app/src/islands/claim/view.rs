//! How the claim page looks in each of its states.

use leptos::prelude::*;

use super::words::{Refusal, countdown};
use super::{Desk, Phase, Sheet};
use crate::islands::progress::{act_button, focused_heading, focused_subheading, refusal};

pub(super) fn phase(desk: Desk) -> AnyView {
    match desk.phase.get() {
        Phase::Waiting => waiting(desk),
        Phase::NoSecret => no_secret(desk),
        Phase::Shown(sheet) => shown(desk, sheet),
        Phase::Active(sheet, portal) => active(sheet, portal),
        Phase::Ended => ended(),
        Phase::Reported => reported(desk),
    }
}

fn card(body: impl IntoView + 'static) -> AnyView {
    padded(body.into_any())
}

fn padded(body: AnyView) -> AnyView {
    view! { <section class="card"><div class="body roomy">{body}</div></section> }.into_any()
}

/// As the server renders it, for every id.
fn waiting(desk: Desk) -> AnyView {
    let host = desk.host.get_value();
    let sent = format!(
        "{host} sent you this link. Opening this page has not used it up; only your passkey can."
    );
    let unknown = format!(
        "You do not know {host}, or did not expect this? Do not go on, and write to {}.",
        desk.security_contact.get_value()
    );
    let label = || "Show my key".to_owned();
    view! {
        {card(view! {
            <div class="head"><h1>"A key for you"</h1><p class="small">{sent}</p></div>
            <ol class="steps">
                <li class="now" aria-current="step"><div>"Confirm with the passkey of the person to whom we wrote. Nothing is opened before."</div></li>
                <li><div>"See who sends it, what it opens and until when, and the key itself: once, only here."</div></li>
                <li><div>"Store it and say so. Until then the key does nothing."</div></li>
            </ol>
            <div class="tight">{act_button(desk.claiming, "btn primary wide", label, move || desk.claim())}</div>
            {move || desk.refusal.get().map(refused)}
        })}
        {foot(desk, unknown.into_any())}
    }
    .into_any()
}

fn refused(refusal: Refusal) -> impl IntoView {
    view! {
        <div class="notice stop" role="alert"><h2>{refusal.title}</h2><p>{refusal.text}</p></div>
    }
}

fn no_secret(desk: Desk) -> AnyView {
    let contact = desk.security_contact.get_value();
    card(view! {
        <div class="head">
            {focused_heading("Open the link in your mail again".to_owned())}
            <p>"This page is missing the part of the link that opens the key, or has forgotten it. For safety it is taken out of the address as soon as the page loads, so a reload or a shortened link loses it."</p>
        </div>
        <p>"The link is not used up by this. If your passkey opened the key a moment ago, the same passkey can open it again for ten minutes."</p>
        <small>{format!("Does the link in the mail lead here again? Write to {contact}.")}</small>
    })
}

fn shown(desk: Desk, sheet: Sheet) -> AnyView {
    let title = format!("Your {} key", sheet.environment);
    let again = sheet.again.then(|| {
        view! { <p class="small">"You opened it before. The same passkey can do so until the ten minutes are over."</p> }
    });
    Effect::new(move || desk.write_key());
    let left = move || countdown(desk.seconds_left.get());
    let little_left = move || match desk.seconds_left.get() {
        1..60 => "Less than a minute is left before this page forgets the key.",
        _ => "",
    };
    view! {
        {card(view! {
            <div class="head">
                {focused_heading(title)}
                <p><small>"Shown once, only here. It works as soon as you say that it is stored."</small></p>
                {again}
            </div>
            <div class="key" role="group" aria-label="The key" tabindex="0" node_ref=desk.key_box></div>
            {key_actions(desk)}
            {facts(&sheet, &desk.host.get_value())}
        })}
        {store(desk, sheet)}
        <span class="sr" role="status">{little_left}</span>
        {foot(desk, left.into_any())}
    }
    .into_any()
}

fn key_actions(desk: Desk) -> impl IntoView {
    let label = move || match desk.copied.get() {
        Some(true) => "Copied",
        _ => "Copy key",
    };
    let said = move || match desk.copied.get() {
        Some(true) => "Copied.",
        _ => "",
    };
    let refused = move || {
        (desk.copied.get() == Some(false)).then(|| {
            view! { <p class="small" role="alert">"The browser did not let this page copy. The key is selected: copy it with the keyboard."</p> }
        })
    };
    view! {
        <div class="row keyacts">
            <button type="button" class="btn primary" on:click=move |_| desk.copy()>{label}</button>
            <button type="button" class="btn" on:click=move |_| desk.save()>"Save as .env"</button>
            <span class="pill warn push">"Not active yet"</span>
        </div>
        <span class="sr" role="status">{said}</span>
        {refused}
    }
}

fn facts(sheet: &Sheet, host: &str) -> impl IntoView + use<> {
    view! {
        <dl class="facts small">
            <dt>"Service"</dt><dd>{format!("{}, {}", sheet.service, sheet.environment)}</dd>
            <dt>"May"</dt><dd>{sheet.may.clone()}</dd>
            <dt>"Ends"</dt><dd>{sheet.ends.clone()}</dd>
            <dt>"Sent by"</dt><dd>{format!("{host}, checked with their signing key")}</dd>
        </dl>
    }
}

fn store(desk: Desk, sheet: Sheet) -> impl IntoView {
    let call = sheet.first_call.clone();
    let label = || "I have stored it".to_owned();
    view! {
        <section class="card"><div class="body">
            <ol class="steps">
                <li><div>"Put it where your service reads it: a vault, or an environment variable. Never in code, a notebook or a chat."</div></li>
                <li><div>"Tell us when it is stored. Until then the key does nothing."</div></li>
                <li><div>"Make the first call:"<br/><code>{call}</code></div></li>
            </ol>
            <div class="tight">{act_button(desk.storing, "btn primary wide", label, move || desk.store(sheet.clone()))}</div>
            {refusal(desk.storing)}
        </div></section>
    }
}

/// "This was not me", and beside it what matters most at the moment.
fn foot(desk: Desk, beside: AnyView) -> impl IntoView {
    view! {
        <div class="row apart foots">
            <small>{beside}</small>
            <button type="button" class="btn quiet stop" aria-expanded=move || desk.asks_report.get().to_string()
                disabled=move || !desk.reporting.is_free()
                on:click=move |_| desk.asks_report.update(|asks| *asks = !*asks)>"This was not me"</button>
        </div>
        {move || desk.asks_report.get().then(|| report_panel(desk))}
    }
}

fn report_panel(desk: Desk) -> impl IntoView {
    let host = desk.host.get_value();
    let breaks = format!(
        "You did not ask for this key, or somebody else opened it? With your passkey you end it: from then on every call with it is refused, for good, and {host} is told at once. You can ask for a new key later."
    );
    let without = format!(
        "No passkey at hand? Write to {}.",
        desk.security_contact.get_value()
    );
    let label = || "End this key".to_owned();
    view! {
        <section class="card danger"><div class="body">
            {focused_subheading("This was not me".to_owned())}
            <p>{breaks}</p>
            <div class="actions">
                {act_button(desk.reporting, "btn stop", label, move || desk.report())}
                <button type="button" class="btn quiet" on:click=move |_| desk.asks_report.set(false)>"Back"</button>
            </div>
            {refusal(desk.reporting)}
            <small>{without}</small>
        </div></section>
    }
}

fn active(sheet: Sheet, portal: String) -> AnyView {
    let title = format!("Your {} key works", sheet.environment);
    card(view! {
        <div class="head">
            <div class="row">{focused_heading(title)}<span class="pill ok push">"Active"</span></div>
            <p class="small">{format!("{}, {}. You have it stored; this page has forgotten it.", sheet.service, sheet.environment)}</p>
        </div>
        <ol class="steps">
            <li class="done"><div><span class="sr">"Done: "</span>"The key is stored, and both sides have it on record."</div></li>
            <li class="now" aria-current="step"><div>"Make the first call:"<br/><code>{sheet.first_call}</code></div></li>
            <li><div>"See it arrive. Each call and each refusal shows up in the portal, with the reason."</div></li>
        </ol>
        <a class="btn primary wide" href=portal>"Watch its use"</a>
    })
}

fn ended() -> AnyView {
    card(view! {
        <div class="head">
            {focused_heading("The key is gone".to_owned())}
            <p>"The ten minutes ended before you said that it is stored. This page has forgotten the key, and the portal destroys it: it never worked, and a copy of it never will."</p>
        </div>
        <p>"You can have a new one: sign in and ask for it on the key's page."</p>
        <a class="btn primary wide" href="/keys">"Go to your keys"</a>
    })
}

fn reported(desk: Desk) -> AnyView {
    let host = desk.host.get_value();
    let contact = desk.security_contact.get_value();
    card(view! {
        <div class="head">
            <div class="row">{focused_heading("The key is dead".to_owned())}<span class="pill stop push">"Compromised"</span></div>
            <p>{format!("Every call with it is refused from now on, for good, and the staff of {host} have been told.")}</p>
        </div>
        <p>{format!("If somebody else may read your mail or use your devices, change that first. Anything to add? Write to {contact}.")}</p>
    })
}
