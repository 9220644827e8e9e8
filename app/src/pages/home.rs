//! `/`: what waits for you.

use leptos::prelude::*;

use super::request::QUESTIONS;
use crate::components::{Pill, Step, card, empty, flush_card, head, pill, steps};
use crate::render::Page;
use crate::shell::{Shell, page};

/// Something that waits, and the way to it.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub title: String,
    pub detail: String,
    pub state: Option<Pill>,
    pub href: String,
    /// `Review`, `Open`, `Confirm`.
    pub button: String,
}

/// A count that leads somewhere.
#[derive(Clone, Debug)]
pub struct Tile {
    pub count: String,
    pub label: String,
    pub href: String,
}

#[derive(Clone, Debug)]
pub struct StaffHome {
    /// `Four things wait for you.`
    pub summary: String,
    pub waiting: Vec<Waiting>,
    pub tiles: Vec<Tile>,
    /// The steps of setting up a host, until they are all done: done, title, sentence, address.
    pub setup: Vec<(Step, String, String, String)>,
}

pub fn staff_home(shell: Shell, vm: StaffHome) -> Page {
    let StaffHome {
        summary,
        waiting,
        tiles,
        setup,
    } = vm;
    let setup = (!setup.is_empty())
        .then(|| card("Set up", None, steps(setup.into_iter().map(step).collect())));
    let waits = if waiting.is_empty() {
        empty(
            "Nothing waits for you",
            "Requests to review, proposals to confirm and mails that did not go out show up here.",
            None,
        )
    } else {
        todo(waiting)
    };
    let tiles = tiles
        .into_iter()
        .map(|Tile { count, label, href }| view! { <a class="card tile" href=href><b>{count}</b><span>{label}</span></a> })
        .collect_view();
    let body = view! {
        {head(None, "Today", None, summary)}
        <div class="tiles">{tiles}</div>
        {setup}
        {flush_card("Waits for you", None, waits)}
    };
    page(shell, "Today", body)
}

#[derive(Clone, Debug)]
pub struct PartnerHome {
    pub host: String,
    pub summary: String,
    /// The way to the first key, until it is walked.
    pub next: Vec<(Step, String, String, String)>,
    pub requests: Vec<Waiting>,
    pub keys: Vec<Waiting>,
}

pub fn partner_home(shell: Shell, vm: PartnerHome) -> Page {
    let PartnerHome {
        host,
        summary,
        next,
        requests,
        keys,
    } = vm;
    let next = (!next.is_empty()).then(|| {
        card(
            "Next steps",
            None,
            steps(next.into_iter().map(step).collect()),
        )
    });
    let requests = if requests.is_empty() {
        let text = format!(
            "Say what you need from {host} and how you will keep it safe: {} short questions, saved as you type.",
            QUESTIONS.len()
        );
        empty("No requests yet", text, None)
    } else {
        todo(requests)
    };
    let keys = if keys.is_empty() {
        empty(
            "No keys yet",
            "When a request is approved, a link comes by mail. Your passkey opens it, once.",
            None,
        )
    } else {
        todo(keys)
    };
    let body = view! {
        <div class="row apart">{head(None, format!("Your access to {host}"), None, summary)}<a class="btn primary" href="/requests/new">"Ask for access"</a></div>
        {next}
        <div class="half">
            {flush_card("Requests", all("/requests"), requests)}
            {flush_card("Keys", all("/keys"), keys)}
        </div>
    };
    page(shell, "Home", body)
}

fn all(href: &'static str) -> Option<AnyView> {
    Some(view! { <small><a href=href>"All"<span class="sr">{format!(" in {href}")}</span></a></small> }.into_any())
}

fn step((step, title, text, href): (Step, String, String, String)) -> (Step, AnyView) {
    let title = if step == Step::Done || href.is_empty() {
        title.into_any()
    } else {
        view! { <a href=href>{title}</a> }.into_any()
    };
    (step, view! { {title}<br/><small>{text}</small> }.into_any())
}

fn todo(entries: Vec<Waiting>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(
            |Waiting {
                 title,
                 detail,
                 state,
                 href,
                 button,
             }| {
                let label = format!("{button}: {title}");
                view! {
                    <li>
                        <div><strong>{title}</strong><small>{detail}</small></div>
                        {state.map(pill)}
                        <a class="btn small" href=href aria-label=label>{button}</a>
                    </li>
                }
            },
        )
        .collect_view();
    view! { <ul class="todo">{entries}</ul> }.into_any()
}
