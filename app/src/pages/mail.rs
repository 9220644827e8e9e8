//! `/mail`: the outbox. Operators see neither link nor body.
//!
//! Forms, without fields: `POST /mail/{id}/resend`, `POST /mail/test`.

use leptos::prelude::*;

use crate::components::{
    Chip, Column, Moment, Paging, Pill, Table, Tone, card, chips, empty, head, notice, pagination,
    pill, table,
};
use crate::render::Page;
use crate::shell::{Shell, page};

#[derive(Clone, Debug)]
pub struct Outbox {
    pub summary: String,
    /// Why the server cannot be reached at present; empty when it can.
    pub trouble: String,
    pub chips: Vec<Chip>,
    pub rows: Vec<MailRow>,
    pub paging: Paging,
    /// Why the last act was refused; empty when none was.
    pub refused: String,
}

#[derive(Clone, Debug)]
pub struct MailRow {
    pub id: String,
    /// `Delivery link`, `Invitation`.
    pub kind: String,
    pub recipient: String,
    pub state: MailState,
    /// A one-time link was in it: once it is given up, the link is wiped and cannot go out again.
    pub held_link: bool,
    pub tries: u64,
    pub at: Moment,
    /// What the mail server said last; may be empty.
    pub last_error: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    Waiting,
    Sent,
    /// Given up after the last try; what it carried is wiped.
    Dead,
}

impl MailState {
    fn pill(self) -> Pill {
        match self {
            Self::Waiting => Pill::new("Waiting", Tone::Info),
            Self::Sent => Pill::new("Sent", Tone::Ok),
            Self::Dead => Pill::new("Not delivered", Tone::Stop),
        }
    }
}

pub fn outbox_page(shell: Shell, vm: Outbox) -> Page {
    let Outbox {
        summary,
        trouble,
        chips: filters,
        rows,
        paging,
        refused,
    } = vm;
    let trouble = (!trouble.is_empty())
        .then(|| notice(Tone::Warn, view! { <p>"The mail server does not take mail at the moment. Nothing is lost; every mail is tried again."</p><p class="mono">{trouble}</p> }));
    let refused = (!refused.is_empty()).then(|| notice(Tone::Stop, view! { <p>{refused}</p> }));
    let list = if rows.is_empty() {
        empty(
            "No mails",
            "Each mail that an act causes is queued with it, tried until it is sent, and listed here without its body or link.",
            None,
        )
    } else {
        let columns = ["Mail", "State", "Tries", "Queued", ""]
            .map(Column::new)
            .to_vec();
        let rows = rows.into_iter().map(row).collect();
        table(Table {
            caption: "Mails".to_owned(),
            id: String::new(),
            columns,
            rows,
        })
    };
    let test = view! {
        <form class="form" method="post" action="/mail/test">
            <p>"A short mail without any link, to your own address."</p>
            <div class="actions"><button class="btn">"Send a test mail"</button></div>
        </form>
    };
    let body = view! {
        {head(None, "Mail", None, summary)}
        {refused}{trouble}
        <div class="filters">{chips(filters)}</div>
        <div class="two">
            <div class="stack"><div class="card">{list}</div>{pagination(paging)}</div>
            <aside class="stack" aria-label="Test">{card("Test mail", None, test)}</aside>
        </div>
    };
    page(shell, "Mail", body)
}

fn row(row: MailRow) -> Vec<AnyView> {
    let MailRow {
        id,
        kind,
        recipient,
        state,
        held_link,
        tries,
        at,
        last_error,
    } = row;
    let error = (!last_error.is_empty()).then(|| view! { <small>{last_error}</small> });
    let dead = state == MailState::Dead;
    let wiped = (dead && held_link)
        .then(|| view! { <small>"It held a one-time link, which is wiped: make the delivery or the invitation again."</small> });
    let resend = (dead && !held_link).then(|| {
        let label = format!("Send again: {kind} to {recipient}");
        view! { <form method="post" action=format!("/mail/{id}/resend")><button class="btn small" aria-label=label>"Send again"</button></form> }
    });
    vec![
        view! { <strong>{kind}</strong><small>{recipient}</small> }.into_any(),
        view! { {pill(state.pill())}{error}{wiped} }.into_any(),
        tries.to_string().into_any(),
        at.view(),
        view! { {resend} }.into_any(),
    ]
}
