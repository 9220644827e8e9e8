//! `/requests/{id}` for the partner: where it stands and whom to ask.
//!
//! Forms: `POST /requests/{id}/comments` (`section`, `comment`), `POST /requests/{id}/withdraw`.

use leptos::prelude::*;

use super::review::who;
use super::section::{Say, SectionView, section_card};
use crate::components::{
    Filled, Line, Moment, Pill, Step, TimelineEntry, Tone, aside, card, crumbs, error_summary,
    head, lines, notice, pill, steps, timeline,
};
use crate::pages::state::RequestState;
use crate::render::Page;
use crate::shell::{Shell, page};

#[derive(Clone, Debug)]
pub struct Status {
    pub id: String,
    pub service: String,
    pub state: RequestState,
    pub revision: u64,
    pub submitted: Moment,
    /// The way of the request, its steps in order with a sentence each.
    pub way: Vec<(Step, String, String)>,
    pub sections: Vec<SectionView>,
    pub grants: Vec<StatusGrant>,
    pub timeline: Vec<TimelineEntry>,
    /// Whom to ask: a name or function, and an address.
    pub ask: String,
    pub ask_address: String,
    pub may_edit: bool,
    pub may_withdraw: bool,
    /// The contact has no passkey that can receive a key.
    pub needs_passkey: bool,
    pub filled: Filled,
}

/// What was asked for, proposed or granted for one environment.
#[derive(Clone, Debug)]
pub struct StatusGrant {
    pub environment: String,
    pub state: Pill,
    pub approvals: String,
    pub lines: Vec<Line>,
}

pub fn status_page(shell: Shell, vm: Status) -> Page {
    let say = if vm.may_withdraw {
        Say::Reply
    } else {
        Say::Nothing
    };
    let title = format!("Access to {}", vm.service);
    let top = head(
        Some(crumbs(
            vec![("/requests".to_owned(), "Requests".to_owned())],
            vm.service.clone(),
        )),
        title.clone(),
        Some(vm.state.pill()),
        view! { {format!("Revision {}, handed in ", vm.revision)}{vm.submitted.view()} },
    );
    let refused = error_summary(&vm.filled);
    let call = call_to_act(&vm);
    let way = vm
        .way
        .into_iter()
        .map(|(step, title, text)| {
            (
                step,
                view! { <strong>{title}</strong><br/><small>{text}</small> }.into_any(),
            )
        })
        .collect();
    let sections = vm
        .sections
        .into_iter()
        .map(|section| section_card(&vm.id, section, say, &vm.filled))
        .collect_view();
    let grants = vm.grants.into_iter().map(grant_card).collect_view();
    let ask = view! { {who(&vm.ask, &vm.ask_address)} };
    let withdraw = vm.may_withdraw.then(|| {
        withdraw_form(
            &vm.id,
            "request",
            "Nobody reviews it any further. It stays in the record, and you can make a new one at any time.",
        )
    });
    let body = view! {
        {top}{refused}{call}
        <div class="two">
            <div class="stack">{sections}{card("Time line", None, timeline(vm.timeline))}</div>
            <aside class="stack" aria-label="Where it stands">
                {card("Where it stands", None, steps(way))}{grants}{card("Whom to ask", None, ask)}{withdraw}
            </aside>
        </div>
    };
    page(shell, title, body)
}

fn call_to_act(vm: &Status) -> AnyView {
    let edit = format!("/requests/{}/edit", vm.id);
    if vm.may_edit {
        notice(
            Tone::Warn,
            view! {
                <div class="row apart">
                    <p>"Changes were asked for. Your answers are kept; change what was asked and hand in again."</p>
                    <a class="btn primary" href=edit>"Edit and hand in again"</a>
                </div>
            },
        )
    } else if vm.needs_passkey {
        notice(
            Tone::Warn,
            view! {
                <div class="row apart">
                    <p>"Before a key can be sent to you, you need a passkey that can open it."</p>
                    <a class="btn primary" href="/profile#add">"Add a passkey"</a>
                </div>
            },
        )
    } else {
        ().into_any()
    }
}

fn grant_card(grant: StatusGrant) -> AnyView {
    let StatusGrant {
        environment,
        state,
        approvals,
        lines: granted,
    } = grant;
    let body = view! { <div class="row apart">{pill(state)}<small>{approvals}</small></div>{lines(granted)} };
    card(format!("Access to {environment}"), aside(""), body)
}

/// `what` is taken back: a request, or a draft that nobody has seen.
pub(super) fn withdraw_form(id: &str, what: &str, follows: &'static str) -> AnyView {
    let (summary, button) = (
        format!("Withdraw this {what}"),
        format!("Withdraw the {what}"),
    );
    view! {
        <details class="small">
            <summary>{summary}</summary>
            <form class="tight" method="post" action=format!("/requests/{id}/withdraw")>
                <p>{follows}</p>
                <div class="actions"><button class="btn small stop">{button}</button></div>
            </form>
        </details>
    }
    .into_any()
}
