//! `/profile`: my passkeys and sessions; `/profile/passkeys/new`: another passkey.
//!
//! Forms: `POST /profile/passkeys` (`name`; act), `POST /profile/passkeys/{id}/name` (`name`),
//! `POST /profile/passkeys/{id}/remove` (act), `POST /profile/sessions/{id}/end`,
//! `POST /profile/sessions/end-others`.

use leptos::prelude::*;

use super::link::unfit;
use crate::components::{
    Field, Filled, Line, Moment, Pill, Tone, card, crumbs, error_summary, facts, flush_card, head,
    needs_scripts, notice, pill, plain_card,
};
use crate::islands::Enrol;
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub facts: Vec<Line>,
    pub passkeys: Vec<PasskeyRow>,
    pub sessions: Vec<SessionRow>,
    /// The person receives keys, and so should have a passkey that can.
    pub receives_keys: bool,
    pub filled: Filled,
}

#[derive(Clone, Debug)]
pub struct PasskeyRow {
    pub id: String,
    pub name: String,
    pub added: Moment,
    pub last_used: Option<Moment>,
    pub can_receive: bool,
    pub device_bound: bool,
    /// The last one, or the one that is needed for an open delivery: why it stays; else empty.
    pub stays: String,
}

#[derive(Clone, Debug)]
pub struct SessionRow {
    pub id: String,
    /// `Firefox on Linux`.
    pub browser: String,
    pub since: Moment,
    pub last_seen: Moment,
    pub here: bool,
}

pub fn profile_page(shell: Shell, vm: Profile) -> Page {
    let Profile {
        name,
        facts: known,
        passkeys,
        sessions,
        receives_keys,
        filled,
    } = vm;
    let lacking =
        (receives_keys && !passkeys.iter().any(|passkey| passkey.can_receive)).then(unfit);
    let one = (passkeys.len() == 1).then(|| {
        notice(Tone::Info, view! { <p>"You have one passkey. Add a second on another device: if you lose the only one, somebody else has to let you in again."</p> })
    });
    let passkeys = passkeys.into_iter().map(passkey_row).collect_view();
    let others = sessions.iter().any(|session| !session.here).then(|| {
        view! { <form method="post" action="/profile/sessions/end-others"><button class="btn small">"Sign out all others"</button></form> }
            .into_any()
    });
    let sessions = sessions.into_iter().map(session_row).collect_view();
    let add = view! {
        <form class="form" method="post" action="/profile/passkeys" data-act="">
            {Field::text(&filled, "name", "Name of the new passkey").help("So that you know it again: “work laptop”, “blue key”.").view()}
            <div class="actions"><button class="btn primary">"Add a passkey…"</button></div>
            <small>"You confirm with a passkey that you have, then make the new one."</small>
        </form>
    };
    let body = view! {
        {head(None, name.clone(), None, "")}
        {error_summary(&filled)}{lacking}{one}
        {card("About you", None, facts(known))}
        {flush_card("Passkeys", None, view! { <ul class="todo">{passkeys}</ul> })}
        <div id="add">{card("Add a passkey", None, add)}</div>
        {flush_card("Where you are signed in", others, view! { <ul class="todo">{sessions}</ul> })}
    };
    slim(shell, "Your profile", body)
}

fn passkey_row(row: PasskeyRow) -> AnyView {
    let PasskeyRow {
        id,
        name,
        added,
        last_used,
        can_receive,
        device_bound,
        stays,
    } = row;
    let fit = if can_receive {
        Pill::new("Can receive keys", Tone::Ok)
    } else {
        Pill::new("Signs in only", Tone::Plain)
    };
    let used = last_used.map(|at| view! { ", used "{at.view()} });
    let bound = device_bound.then_some(" · bound to its device");
    let rename = view! {
        <details>
            <summary>"Rename"</summary>
            <form class="actions" method="post" action=format!("/profile/passkeys/{id}/name")>
                <input class="input short" type="text" name="name" maxlength="60" autocomplete="off" aria-label=format!("New name of {name}") value=name.clone()/>
                <button class="btn small">"Save"</button>
            </form>
        </details>
    };
    let remove = if stays.is_empty() {
        let label = format!("Remove {name}");
        view! { <form method="post" action=format!("/profile/passkeys/{id}/remove") data-act=""><button class="btn small quiet stop" aria-label=label>"Remove…"</button></form> }
            .into_any()
    } else {
        view! { <small>{stays}</small> }.into_any()
    };
    view! {
        <li>
            <div><strong>{name}</strong><small>"Added "{added.view()}{used}{bound}</small>{rename}</div>
            {pill(fit)}{remove}
        </li>
    }
    .into_any()
}

fn session_row(row: SessionRow) -> AnyView {
    let SessionRow {
        id,
        browser,
        since,
        last_seen,
        here,
    } = row;
    let end = if here {
        pill(Pill::new("This one", Tone::Info))
    } else {
        let label = format!("Sign out {browser}");
        view! { <form method="post" action=format!("/profile/sessions/{id}/end")><button class="btn small" aria-label=label>"Sign out"</button></form> }
            .into_any()
    };
    view! { <li><div>{browser}<small>"Signed in "{since.view()}", last seen "{last_seen.view()}</small></div>{end}</li> }
        .into_any()
}

/// After the act *add a passkey* was confirmed: the place where it is made.
#[derive(Clone, Debug)]
pub struct AddPasskey {
    pub name: String,
}

pub fn add_passkey_page(shell: Shell, vm: AddPasskey) -> Page {
    let body = view! {
        {head(Some(crumbs(vec![("/profile".to_owned(), "Your profile".to_owned())], "Add")), "Make the new passkey", None,
            format!("It will be called “{}”. Your browser asks where to keep it, then asks once more to test it.", vm.name))}
        {plain_card(view! { <Enrol link_id=String::new()/>{needs_scripts()}<a class="btn quiet" href="/profile">"Cancel"</a> })}
    };
    slim(shell, "Make the new passkey", body)
}
