//! `/requests`: the queue of access requests, for staff and, with fewer columns, for a partner.
//!
//! A GET form: `q`, `state`, `sort`, `page`, all in the URL.

use leptos::prelude::*;

use crate::components::{
    Chip, Column, Moment, Paging, Pill, Sort, Table, chips, empty, head, pagination, pill, search,
    table,
};
use crate::islands::RowKeys;
use crate::pages::state::RequestState;
use crate::render::Page;
use crate::shell::{Shell, Side, page};

#[derive(Clone, Debug)]
pub struct Queue {
    /// `Three wait for you. The oldest has waited two days.`
    pub summary: String,
    pub query: String,
    /// Hidden fields that the search keeps, such as the state.
    pub kept: Vec<(String, String)>,
    pub chips: Vec<Chip>,
    /// Of partner, state and waiting, in this order.
    pub sorts: [Option<Sort>; 3],
    pub rows: Vec<QueueRow>,
    pub paging: Paging,
    /// A filter that there is none of, as the URL names it; empty for none.
    pub unknown: String,
    /// Whether any filter or search is set: an empty list then says so.
    pub filtered: bool,
}

#[derive(Clone, Debug)]
pub struct QueueRow {
    pub id: String,
    pub partner: String,
    /// `first request`, `2 live keys`.
    pub partner_note: String,
    pub service: String,
    /// `production · 2 scopes · 3 networks`.
    pub asks: String,
    pub state: RequestState,
    /// `1 of 2`.
    pub approvals: String,
    /// `waiting for one more`, `your approval was voided by an edit`.
    pub approvals_note: String,
    pub since: Moment,
}

pub fn queue_page(shell: Shell, vm: Queue) -> Page {
    let staff = matches!(shell.viewer.side, Side::Staff(_));
    let Queue {
        summary,
        query,
        kept,
        chips: filters,
        sorts,
        rows,
        paging,
        unknown,
        filtered,
    } = vm;
    let new = (!staff)
        .then(|| view! { <a class="btn primary" href="/requests/new">"Ask for access"</a> });
    let list = if !unknown.is_empty() {
        no_such_state(&unknown)
    } else if rows.is_empty() {
        nothing(staff, filtered)
    } else {
        let keys = view! {
            <p class="small keyboard">"Press "<kbd>"j"</kbd>" and "<kbd>"k"</kbd>" to move, "<kbd>"Enter"</kbd>" to open."</p>
            <RowKeys table_id="queue".to_owned()/>
        };
        view! { <div class="card">{rows_table(sorts, rows)}</div>{pagination(paging)}{keys} }
            .into_any()
    };
    let label = if staff {
        "Partner, service or person"
    } else {
        "Service or person"
    };
    let body = view! {
        <div class="row apart">{head(None, "Requests", None::<Pill>, summary)}{new}</div>
        <div class="filters">{search("/requests", label, &query, kept)}{chips(filters)}</div>
        {list}
    };
    page(shell, "Requests", body)
}

fn rows_table(sorts: [Option<Sort>; 3], rows: Vec<QueueRow>) -> AnyView {
    let [partner, state, waiting] = sorts;
    table(Table {
        caption: "Access requests".to_owned(),
        id: "queue".to_owned(),
        columns: vec![
            Column::new("Partner").sorted(partner),
            Column::new("Asks for"),
            Column::new("State").sorted(state),
            Column::new("Approvals"),
            Column::new("Since").sorted(waiting),
        ],
        rows: rows.into_iter().map(row).collect(),
    })
}

fn row(row: QueueRow) -> Vec<AnyView> {
    let QueueRow {
        id,
        partner,
        partner_note,
        service,
        asks,
        state,
        approvals,
        approvals_note,
        since,
    } = row;
    vec![
        view! { <strong><a href=format!("/requests/{id}")>{partner}</a></strong><small>{partner_note}</small> }.into_any(),
        view! { <span>{service}</span><small>{asks}</small> }.into_any(),
        pill(state.pill()),
        view! { <span>{approvals}</span><small>{approvals_note}</small> }.into_any(),
        since.view(),
    ]
}

fn no_such_state(named: &str) -> AnyView {
    let text = format!(
        "No request can be in the state “{named}”, which the address names. Choose one of the states above."
    );
    let all = (
        "/requests?state=all".to_owned(),
        "Show all requests".to_owned(),
    );
    view! { <div class="card">{empty("There is no such state", text, Some(all))}</div> }.into_any()
}

fn nothing(staff: bool, filtered: bool) -> AnyView {
    let (title, text, action) = match (filtered, staff) {
        (true, _) => (
            "Nothing matches",
            "No request fits this search and filter. Take one of them away to see more.",
            Some((
                "/requests?state=all".to_owned(),
                "Show all requests".to_owned(),
            )),
        ),
        (false, true) => (
            "No requests yet",
            "When a partner asks for access, the request waits here until its sections have verdicts and each environment is decided.",
            Some(("/partners/invite".to_owned(), "Invite a partner".to_owned())),
        ),
        (false, false) => (
            "No requests yet",
            "Ask for access to a service, answer why, how and how safely. When it is approved, the key is sent to you and only you can open it.",
            Some(("/requests/new".to_owned(), "Ask for access".to_owned())),
        ),
    };
    view! { <div class="card">{empty(title, text, action)}</div> }.into_any()
}
