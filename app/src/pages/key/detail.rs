//! `/keys/{id}`.
//!
//! Forms: `POST /keys/{id}/revoke` (`reason`, of the form `key`; act), `POST /keys/{id}/suspend` and `/resume` (act),
//! `POST /grants/{id}/revoke` (`reason`, of the form `grant`; act), `POST /keys/{id}/replace` (act of the contact), `POST /keys/{id}/redeliver` (act of an operator).

use leptos::prelude::*;

use super::calls::calls_card;
use crate::components::{
    ConfirmPanel, Field, Filled, Line, Moment, TimelineEntry, Tone, card, confirm_panel, crumbs,
    error_summary, facts, head, lines, notice, timeline,
};
use crate::pages::state::KeyState;
use crate::pages::temporary::{TemporaryLine, temporary_card};
use crate::render::Page;
use crate::shell::{Shell, page};

#[derive(Clone, Debug)]
pub struct KeyDetail {
    pub id: String,
    pub shown: String,
    pub partner: String,
    /// Empty for a partner's own view: then it is not linked.
    pub partner_id: String,
    pub service: String,
    pub environment: String,
    pub state: KeyState,
    pub ends: Moment,
    pub last_used: Option<(Moment, String)>,
    /// When, and why in words, with the stable reason code.
    pub last_refused: Option<(Moment, String, String)>,
    /// In the last 24 hours.
    pub accepted: u64,
    pub refused: u64,
    /// Calls by hour, oldest first: accepted, refused. Empty while nothing is counted.
    pub hours: Vec<(u64, u64)>,
    pub grant: Vec<Line>,
    pub facts: Vec<Line>,
    pub request_id: String,
    pub grant_id: String,
    /// The newest first.
    pub temporary: Vec<TemporaryLine>,
    pub timeline: Vec<TimelineEntry>,
    pub may: KeyMay,
    pub filled: Filled,
}

/// What the viewer may do with the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyMay {
    pub revoke: bool,
    /// End the grant and every key under it.
    pub revoke_grant: bool,
    pub suspend: bool,
    pub resume: bool,
    pub replace: bool,
    pub redeliver: bool,
    /// Take away from the live grant.
    pub narrow: bool,
    pub ask_temporary: bool,
}

pub fn key_page(shell: Shell, vm: KeyDetail) -> Page {
    let mut above = vec![("/keys".to_owned(), "Keys".to_owned())];
    if !vm.partner_id.is_empty() {
        above.push((format!("/partners/{}", vm.partner_id), vm.partner.clone()));
    }
    let top = head(
        Some(crumbs(above, vm.environment.clone())),
        vm.shown.clone(),
        Some(vm.state.pill()),
        at_a_glance(&vm),
    );
    let inactive = waiting(vm.state);
    let refused = error_summary(&vm.filled);
    let calls = calls_card(&vm);
    let request = format!("/requests/{}", vm.request_id);
    let acts = acts(&vm);
    let title = format!("Key {}", vm.shown);
    let body = view! {
        {top}{refused}{inactive}
        <div class="two">
            <div class="stack">
                {calls}
                {card("What it may do", Some(view! { <small><a href=request>"The request"</a></small> }.into_any()), lines(vm.grant))}
                {temporary_card(&vm.grant_id, vm.temporary, vm.may.ask_temporary)}
                {card("Facts", None, facts(vm.facts))}
            </div>
            <aside class="stack" aria-label="Time line and acts">{card("Time line", None, timeline(vm.timeline))}{acts}</aside>
        </div>
    };
    page(shell, title, body)
}

fn at_a_glance(vm: &KeyDetail) -> AnyView {
    let used = match &vm.last_used {
        Some((at, from)) => {
            view! { "last used "{at.view()}" from "<code>{from.clone()}</code> }.into_any()
        }
        None => "never used".into_any(),
    };
    let ends = if vm.state.is_live() {
        " · ends "
    } else {
        " · ended "
    };
    view! { {format!("{}, {} · ", vm.service, vm.environment)}{used}{ends}{vm.ends.view()} }
        .into_any()
}

fn waiting(state: KeyState) -> AnyView {
    let text = match state {
        KeyState::Sent => {
            "The link was mailed and has not been opened. The key does nothing until the contact opens it and says that it is stored."
        }
        KeyState::NotActive => {
            "The contact has opened the link and has ten minutes to say that the key is stored. Without that, this key is destroyed."
        }
        KeyState::Suspended => "Every call with this key is refused until it is resumed.",
        KeyState::Compromised => {
            "This key was reported or found where it should not be. It is refused everywhere and stays so."
        }
        _ => return ().into_any(),
    };
    let tone = if state == KeyState::Compromised {
        Tone::Stop
    } else {
        Tone::Info
    };
    notice(tone, view! { <p>{text}</p> })
}

fn acts(vm: &KeyDetail) -> AnyView {
    let KeyMay {
        revoke,
        revoke_grant,
        suspend,
        resume,
        replace,
        redeliver,
        narrow,
        ask_temporary: _,
    } = vm.may;
    let id = &vm.id;
    let whom = format!("{} in {}", vm.service, vm.environment);
    let reason = || {
        vec![
            Field::area(&vm.filled, "reason", "Reason", 2)
                .help("Recorded, and told to the partner.")
                .within("key"),
        ]
    };
    let replace = replace.then(|| {
        view! {
            <form class="tight" method="post" action=format!("/keys/{id}/replace") data-act="">
                <button class="btn primary wide">"Ask for a replacement key…"</button>
                <small>"Both keys work for a while, so that you can change over. The new one never outlives the grant."</small>
            </form>
        }
    });
    let small_act = |offered: bool, act: &str, label: &'static str| {
        offered.then(|| view! { <form method="post" action=format!("/keys/{id}/{act}") data-act=""><button class="btn wide">{label}</button></form> })
    };
    let revoke = revoke.then(|| {
        confirm_panel(ConfirmPanel {
            title: "Revoke…".to_owned(),
            breaks: format!("Every call to {whom} with this key is refused from then on, for good. What {} runs with it stops. The partner is told.", vm.partner),
            action: format!("/keys/{id}/revoke"),
            fields: reason(),
            button: "Revoke this key".to_owned(),
        })
    });
    let narrow = narrow.then(|| {
        let href = format!("/grants/{}/narrow", vm.grant_id);
        view! { <a class="btn wide" href=href>"Narrow the grant…"</a> }
    });
    let revoke_grant = revoke_grant.then(|| {
        let reason = Field::area(&vm.filled, "reason", "Reason", 2)
            .help("Recorded, and told to the partner.")
            .within("grant");
        confirm_panel(ConfirmPanel {
            title: "Revoke the grant…".to_owned(),
            breaks: format!("Every key of {} for {whom} is refused from then on, for good, and it takes a new request to have another. The partner is told.", vm.partner),
            action: format!("/grants/{}/revoke", vm.grant_id),
            fields: vec![reason],
            button: "Revoke this grant".to_owned(),
        })
    });
    view! {
        {replace}
        {small_act(redeliver, "redeliver", "Send a new link…")}
        {small_act(resume, "resume", "Resume…")}
        {small_act(suspend, "suspend", "Suspend…")}
        {narrow}
        {revoke}
        {revoke_grant}
    }
    .into_any()
}
