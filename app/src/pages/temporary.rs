//! Temporary access: `/grants/{id}/temporary`, where a contact asks for it, and `/temporary/{id}`,
//! where it stands.
//!
//! Forms: `POST /grants/{id}/temporary` (`endpoint` repeated, `lasts`, `unit` = `minutes` | `hours`,
//! `why`, and `writes` = `yes` where calls that change things were shown),
//! `POST /temporary/{id}/decide` (`decision` = `approve` | `reject`, `reason`, and `stamp`, which
//! refuses when what is shown has changed since; act), `POST /temporary/{id}/end` (`reason`; act),
//! `POST /temporary/{id}/withdraw`.

use leptos::prelude::*;

use crate::components::{
    Choice, ConfirmPanel, Field, Filled, Line, Moment, Pill, TimelineEntry, Tone, Vote, card,
    confirm_panel, crumbs, empty, error_summary, flush_card, head, lines, notice, pill, plain_card,
    timeline, votes,
};
use crate::render::Page;
use crate::shell::{Shell, page, slim};

/// Where temporary access stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporaryState {
    Asked,
    Open,
    Rejected,
    Withdrawn,
    Ended,
}

impl TemporaryState {
    pub fn pill(self) -> Pill {
        match self {
            Self::Asked => Pill::new("Waits for approval", Tone::Info),
            Self::Open => Pill::new("Open", Tone::Ok),
            Self::Rejected => Pill::new("Rejected", Tone::Stop),
            Self::Withdrawn => Pill::new("Withdrawn", Tone::Plain),
            Self::Ended => Pill::new("Ended", Tone::Plain),
        }
    }
}

/// One line of a key's page.
#[derive(Clone, Debug)]
pub struct TemporaryLine {
    pub id: String,
    /// `GET /labels/{rest...}`, the first of several.
    pub calls: String,
    pub state: TemporaryState,
    /// `for 2 hours`, and since it is approved when it ends or ended.
    pub lasts: String,
    pub until: Option<Moment>,
}

/// What a key's page says of temporary access, and the way to more.
pub fn temporary_card(grant: &str, entries: Vec<TemporaryLine>, may_ask: bool) -> AnyView {
    if entries.is_empty() && !may_ask {
        return ().into_any();
    }
    let ask = may_ask.then(|| {
        let href = format!("/grants/{grant}/temporary");
        view! { <a class="btn wide" href=href>"Ask for temporary access…"</a> }
    });
    let none = entries.is_empty().then(|| {
        view! { <p class="small">"An endpoint that the grant lacks can be opened for minutes or hours. It ends by itself."</p> }
    });
    let shown = !entries.is_empty();
    let entries = entries
        .into_iter()
        .map(|line| {
            let TemporaryLine { id, calls, state, lasts, until } = line;
            let until = until.map(|at| view! { ", until "{at.view()} });
            view! {
                <li>
                    <div><strong class="mono">{calls.clone()}</strong><small>{lasts}{until}</small></div>
                    {pill(state.pill())}
                    <a class="btn small" href=format!("/temporary/{id}") aria-label=format!("Look: {calls}")>"Look"</a>
                </li>
            }
        })
        .collect_view();
    let list = shown.then(|| view! { <ul class="todo">{entries}</ul> });
    let below = (none.is_some() || ask.is_some())
        .then(|| view! { <div class="body stack">{none}{ask}</div> });
    flush_card("Temporary access", None, view! { {list}{below} })
}

#[derive(Clone, Debug)]
pub struct AskTemporary {
    pub grant: String,
    /// The key's page, or the request.
    pub back: (String, String),
    /// `Shipments API, production`.
    pub place: String,
    /// What the service offers and the grant lacks.
    pub endpoints: Vec<Choice>,
    /// Calls that change things are among them.
    pub writes: bool,
    /// There are calls that change things.
    pub has_writes: bool,
    /// `It never lasts longer than the grant, which ends on …`
    pub end: String,
    pub filled: Filled,
}

pub fn ask_temporary_page(shell: Shell, vm: AskTemporary) -> Page {
    let AskTemporary {
        grant,
        back,
        place,
        endpoints,
        writes,
        has_writes,
        end,
        filled,
    } = vm;
    let action = format!("/grants/{grant}/temporary");
    let cancel = back.0.clone();
    let top = head(
        Some(crumbs(vec![back], "Temporary access")),
        "Ask for temporary access",
        None::<Pill>,
        format!(
            "{place}. Your keys stay as they are: the endpoints that you choose are open for a while, and then closed again."
        ),
    );
    let more = (has_writes && !writes).then(|| {
        let href = format!("{action}?writes=yes");
        view! { <p class="small">"Only calls that read are shown. "<a href=href>"Show those that change things, too"</a>"."</p> }
    });
    let hidden = writes.then(|| Field::hidden("writes", "yes").view());
    let body = if endpoints.is_empty() {
        let text = "The grant opens every call of this kind that the service offers.";
        view! { {plain_card(view! { {empty("Nothing to ask for", text, None)}{more} })} }.into_any()
    } else {
        let units = vec![
            Choice::new("minutes", "minutes"),
            Choice::new("hours", "hours"),
        ];
        let fields = view! {
            {Field::checks(&filled, "endpoint", "Endpoints", endpoints).help("What you need, and no more.").view()}
            {more}{hidden}
            {Field::number(&filled, "lasts", "For how long").help("At least 5 minutes and at most 72 hours, counted from the last approval.").view()}
            {Field::radios(&filled, "unit", "Minutes or hours", units).view()}
            {Field::area(&filled, "why", "Why", 3).help("What you do with it, and why it cannot wait for a new request. The reviewers read it, and it is kept.").view()}
        };
        plain_card(view! {
            <form class="form" method="post" action=action>
                {fields}
                <div class="actions"><button class="btn primary">"Ask for it"</button><a class="btn quiet" href=cancel>"Cancel"</a></div>
                <small>{end}</small>
            </form>
        })
    };
    slim(
        shell,
        "Ask for temporary access",
        view! { {top}{error_summary(&filled)}{body} },
    )
}

/// What the viewer may do with it now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemporaryMay {
    pub decide: bool,
    pub end: bool,
    pub withdraw: bool,
}

#[derive(Clone, Debug)]
pub struct Temporary {
    pub id: String,
    pub partner: String,
    /// `Shipments API, production`.
    pub place: String,
    pub request_id: String,
    pub state: TemporaryState,
    /// When it ends or ended, once it is approved.
    pub until: Option<Moment>,
    /// Exactly what approvers sign.
    pub lines: Vec<Line>,
    pub votes: Vec<Vote>,
    /// `1 of 2 approvals.`
    pub quorum: String,
    /// What follows when this approval is given; empty for who cannot give one.
    pub follows: String,
    /// Why it cannot be approved as it is; empty when it can.
    pub hindered: String,
    /// Why it was rejected or ended; empty otherwise.
    pub reason: String,
    /// Stands for all that is shown; posted back.
    pub stamp: String,
    pub timeline: Vec<TimelineEntry>,
    pub may: TemporaryMay,
    pub filled: Filled,
}

pub fn temporary_page(shell: Shell, vm: Temporary) -> Page {
    let request = format!("/requests/{}", vm.request_id);
    let above = vec![
        ("/requests".to_owned(), "Requests".to_owned()),
        (request, format!("{} for {}", vm.place, vm.partner)),
    ];
    let top = head(
        Some(crumbs(above, "Temporary access")),
        format!("Temporary access for {}", vm.partner),
        Some(vm.state.pill()),
        at_a_glance(&vm),
    );
    let said = (!vm.reason.is_empty()).then(|| {
        let reason = vm.reason.clone();
        notice(Tone::Warn, view! { <p>{reason}</p> })
    });
    let hindered = (!vm.hindered.is_empty()).then(|| {
        let why = vm.hindered.clone();
        notice(Tone::Stop, view! { <p>{why}</p> })
    });
    let acts = acts(&vm);
    let body = view! {
        {top}{error_summary(&vm.filled)}{said}{hindered}
        <div class="two">
            <div class="stack">
                {card("What it opens", None, view! { <div class="signed">{lines(vm.lines)}</div> })}
            </div>
            <aside class="stack" aria-label="Approvals, acts and time line">
                {card("Approvals", Some(view! { <small>{vm.quorum}</small> }.into_any()), votes(vm.votes))}
                {acts}
                {card("Time line", None, timeline(vm.timeline))}
            </aside>
        </div>
    };
    page(shell, format!("Temporary access for {}", vm.partner), body)
}

fn at_a_glance(vm: &Temporary) -> AnyView {
    let word = match vm.state {
        TemporaryState::Open => " · open until ",
        _ => " · until ",
    };
    let until = vm.until.as_ref().map(|at| view! { {word}{at.view()} });
    view! { {vm.place.clone()}{until} }.into_any()
}

fn acts(vm: &Temporary) -> AnyView {
    let TemporaryMay {
        decide,
        end,
        withdraw,
    } = vm.may;
    let id = &vm.id;
    let action = format!("/temporary/{id}/decide");
    let stamp = || view! { <input type="hidden" name="stamp" value=vm.stamp.clone()/> };
    let approve = (decide && vm.hindered.is_empty()).then(|| {
        let follows = vm.follows.clone();
        view! {
            <form class="tight" method="post" action=action.clone() data-act="">
                {stamp()}
                <button class="btn primary wide" name="decision" value="approve">"Approve with your passkey"</button>
                <small>{follows}</small>
            </form>
        }
    });
    let reject = decide.then(|| {
        let open = vm.filled.is_refused() && vm.filled.form() == "decide";
        let reason = Field::area(&vm.filled, "reason", "Reason", 3)
            .help("The partner reads it.")
            .within("decide")
            .view();
        view! {
            <details class="card" id="reject" open=open>
                <summary class="btn quiet wide">"Reject…"</summary>
                <div class="body">
                    <form class="form" method="post" action=action.clone() data-act="">
                        {stamp()}{reason}
                        <div class="actions"><button class="btn stop" name="decision" value="reject">"Reject with your passkey"</button></div>
                    </form>
                </div>
            </details>
        }
    });
    let end = end.then(|| {
        let reason = Field::area(&vm.filled, "reason", "Reason", 2)
            .help("Recorded, and told to the partner.")
            .within("end");
        confirm_panel(ConfirmPanel {
            title: "End it now…".to_owned(),
            breaks: format!("Every call of {} to these endpoints is refused from then on. The grant itself stays as it is. The partner is told.", vm.partner),
            action: format!("/temporary/{id}/end"),
            fields: vec![reason],
            button: "End temporary access".to_owned(),
        })
    });
    let withdraw = withdraw.then(|| {
        view! { <form method="post" action=format!("/temporary/{id}/withdraw")><button class="btn wide">"Withdraw"</button></form> }
    });
    view! { {approve}{reject}{end}{withdraw} }.into_any()
}
