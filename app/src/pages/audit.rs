//! `/audit` and `/audit/{id}`.
//!
//! A GET form: `q`, `act`, `outcome`, `from`, `to`, `page`. `POST /audit/export` (the same
//! filters; act). `/audit/export/{id}` leads to the file.

use leptos::prelude::*;

use crate::components::{
    Choice, Column, Field, Filled, Line, Moment, Paging, Pill, Table, Tone, card, crumbs, empty,
    error_summary, facts, head, pagination, pill, table,
};
use crate::render::Page;
use crate::shell::{Shell, page, slim};

#[derive(Clone, Debug)]
pub struct Audit {
    pub summary: String,
    /// The acts that can be filtered by.
    pub acts: Vec<Choice>,
    /// The filters, as they stand in the URL.
    pub filled: Filled,
    pub rows: Vec<AuditRow>,
    pub paging: Paging,
    pub filtered: bool,
    pub may_export: bool,
}

#[derive(Clone, Debug)]
pub struct AuditRow {
    pub id: String,
    pub at: Moment,
    /// A person, `console`, `a gateway`, `nobody`.
    pub actor: String,
    /// `passkey “blue key”`; empty without one.
    pub credential: String,
    pub act: String,
    pub subject: String,
    pub refused: bool,
}

pub fn audit_page(shell: Shell, vm: Audit) -> Page {
    let Audit {
        summary,
        acts,
        filled,
        rows,
        paging,
        filtered,
        may_export,
    } = vm;
    let export = may_export.then(|| export_form(&filled));
    let list = if rows.is_empty() {
        let text = if filtered {
            "No entry fits these filters."
        } else {
            "Every act is written here when it happens, chained to the one before it, with the assertion it rests on."
        };
        view! { <div class="card">{empty("Nothing to show", text, None)}</div> }.into_any()
    } else {
        let columns = ["When", "Who", "Act", "Subject", "Outcome"]
            .map(Column::new)
            .to_vec();
        let rows = rows.into_iter().map(row).collect();
        view! { <div class="card">{table(Table { caption: "Audit log".to_owned(), id: String::new(), columns, rows })}</div>{pagination(paging)} }
            .into_any()
    };
    let body = view! {
        <div class="row apart">{head(None, "Audit log", None, summary)}{export}</div>
        {error_summary(&filled)}
        {filters(acts, &filled)}
        {list}
    };
    page(shell, "Audit log", body)
}

fn filters(mut acts: Vec<Choice>, filled: &Filled) -> AnyView {
    acts.insert(0, Choice::new("", "Any act"));
    let outcomes = vec![
        Choice::new("", "Any outcome"),
        Choice::new("done", "Done"),
        Choice::new("refused", "Refused"),
    ];
    view! {
        <form class="card" method="get" action="/audit" role="search">
            <div class="body"><div class="triple">
                {Field::text(filled, "q", "Person or subject").view()}
                {Field::select(filled, "act", "Act", acts).view()}
                {Field::select(filled, "outcome", "Outcome", outcomes).view()}
                {Field::date(filled, "from", "From").view()}
                {Field::date(filled, "to", "To").view()}
                <div class="actions"><button class="btn">"Filter"</button><a class="btn quiet" href="/audit">"Clear"</a></div>
            </div></div>
        </form>
    }
    .into_any()
}

fn export_form(filled: &Filled) -> AnyView {
    let kept = ["q", "act", "outcome", "from", "to"]
        .into_iter()
        .map(|name| view! { <input type="hidden" name=name value=filled.value(name)/> })
        .collect_view();
    view! { <form method="post" action="/audit/export" data-act="">{kept}<button class="btn">"Export…"</button></form> }.into_any()
}

fn row(row: AuditRow) -> Vec<AnyView> {
    let AuditRow {
        id,
        at,
        actor,
        credential,
        act,
        subject,
        refused,
    } = row;
    vec![
        view! { <a href=format!("/audit/{id}")>{at.view()}</a> }.into_any(),
        view! { <span>{actor}</span><small>{credential}</small> }.into_any(),
        act.into_any(),
        subject.into_any(),
        pill(outcome(refused)),
    ]
}

fn outcome(refused: bool) -> Pill {
    if refused {
        Pill::new("Refused", Tone::Stop)
    } else {
        Pill::new("Done", Tone::Ok)
    }
}

#[derive(Clone, Debug)]
pub struct AuditEntry {
    pub number: u64,
    pub act: String,
    pub refused: bool,
    pub facts: Vec<Line>,
    /// The raw assertion, receipt or decision that it rests on, as it was kept; may be empty.
    pub evidence: String,
}

pub fn audit_entry_page(shell: Shell, vm: AuditEntry) -> Page {
    let AuditEntry {
        number,
        act,
        refused,
        facts: known,
        evidence,
    } = vm;
    let evidence = if evidence.is_empty() {
        view! { <p class="small">"This entry rests on no assertion: it was made by the console, by a job or by somebody who had not proved who they are."</p> }.into_any()
    } else {
        view! { <p class="small">"Kept as it was received, so that it can be checked without this server."</p><pre class="key">{evidence}</pre> }.into_any()
    };
    let title = format!("Entry {number}: {act}");
    let body = view! {
        {head(Some(crumbs(vec![("/audit".to_owned(), "Audit log".to_owned())], number.to_string())), title.clone(), Some(outcome(refused)), "")}
        {card("Facts", None, facts(known))}
        {card("What it rests on", None, evidence)}
    };
    slim(shell, title, body)
}

/// An export that was signed for.
#[derive(Clone, Debug)]
pub struct Export {
    pub href: String,
    /// The last entry in it.
    pub until: u64,
    /// Not every entry is asked for.
    pub filtered: bool,
}

pub fn export_page(shell: Shell, vm: Export) -> Page {
    let Export {
        href,
        until,
        filtered,
    } = vm;
    let what = if filtered {
        format!(
            "The entries that fit your filters, up to entry {until}. Each carries its own hash and the one before it."
        )
    } else {
        format!(
            "All entries up to entry {until}, in order: the chain can be followed from the first to the last without this server."
        )
    };
    let body = view! {
        {head(Some(crumbs(vec![("/audit".to_owned(), "Audit log".to_owned())], "Export")), "The export is ready", None, what)}
        {card("File", None, view! {
            <p>"JSON lines, one entry a line. For ten minutes, in this session alone."</p>
            <a class="btn primary" href=href download="latchkey-audit.jsonl">"Download"</a>
        })}
    };
    slim(shell, "The export is ready", body)
}
