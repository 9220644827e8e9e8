//! `/keys`. A GET form: `q`, `state`, `page`.

use leptos::prelude::*;

use crate::components::{
    Chip, Column, Moment, Paging, Table, chips, empty, head, pagination, pill, search, table,
};
use crate::pages::state::KeyState;
use crate::render::Page;
use crate::shell::{Shell, Side, page};

#[derive(Clone, Debug)]
pub struct KeyList {
    pub summary: String,
    pub query: String,
    pub kept: Vec<(String, String)>,
    pub chips: Vec<Chip>,
    pub rows: Vec<KeyRow>,
    pub paging: Paging,
    pub filtered: bool,
    /// Where all their use is shown; empty for staff, who find it by partner.
    pub usage: String,
}

#[derive(Clone, Debug)]
pub struct KeyRow {
    pub id: String,
    /// `lk_live_7Fq2mZ0a…`: never more than the kid.
    pub shown: String,
    pub partner: String,
    pub service: String,
    pub environment: String,
    pub state: KeyState,
    pub last_used: Option<Moment>,
    pub ends: Moment,
}

pub fn keys_page(shell: Shell, vm: KeyList) -> Page {
    let KeyList {
        summary,
        query,
        kept,
        chips: filters,
        rows,
        paging,
        filtered,
        usage,
    } = vm;
    let usage =
        (!usage.is_empty()).then(|| view! { <a class="push" href=usage>"Use of all keys"</a> });
    let staff = matches!(shell.viewer.side, Side::Staff(_));
    let list = if rows.is_empty() {
        view! { <div class="card">{nothing(staff, filtered)}</div> }.into_any()
    } else {
        let rows = rows.into_iter().map(row).collect();
        let columns = ["Key", "Partner", "Opens", "State", "Last used", "Ends"]
            .map(Column::new)
            .to_vec();
        let table = table(Table {
            caption: "Keys".to_owned(),
            id: String::new(),
            columns,
            rows,
        });
        view! { <div class="card">{table}</div>{pagination(paging)} }.into_any()
    };
    let body = view! {
        {head(None, "Keys", None, summary)}
        <div class="filters">{search("/keys", "Key, partner or service", &query, kept)}{chips(filters)}{usage}</div>
        {list}
    };
    page(shell, "Keys", body)
}

fn row(row: KeyRow) -> Vec<AnyView> {
    let KeyRow {
        id,
        shown,
        partner,
        service,
        environment,
        state,
        last_used,
        ends,
    } = row;
    vec![
        view! { <strong><a class="mono" href=format!("/keys/{id}")>{shown}</a></strong> }
            .into_any(),
        partner.into_any(),
        view! { <span>{service}</span><small>{environment}</small> }.into_any(),
        pill(state.pill()),
        last_used.map_or_else(|| "never".into_any(), |at| at.view()),
        ends.view(),
    ]
}

fn nothing(staff: bool, filtered: bool) -> AnyView {
    if filtered {
        return empty(
            "Nothing matches",
            "No key fits this search and filter.",
            Some(("/keys".to_owned(), "Show all keys".to_owned())),
        );
    }
    let (text, action) = if staff {
        (
            "A key is made when the last approval that the policy asks for is given. It is sealed to the contact and mailed as a link that only their passkey opens.",
            None,
        )
    } else {
        (
            "When your request is approved, a link comes by mail. Your passkey opens it, once, and the key shows up here.",
            Some(("/requests/new".to_owned(), "Ask for access".to_owned())),
        )
    };
    empty("No keys yet", text, action)
}
