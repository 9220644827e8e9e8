//! Queues: a table with real headers, cards where it is narrow, and its state in the URL.

use leptos::prelude::*;

/// A header. With `sort` it is a link that sorts by it.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub label: String,
    pub sort: Option<Sort>,
    pub number: bool,
}

/// How a column is sorted now, and where the other order is.
#[derive(Clone, Debug)]
pub struct Sort {
    pub href: String,
    /// `ascending` or `descending` when the table is sorted by this column.
    pub now: Option<&'static str>,
}

impl Column {
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn sorted(mut self, sort: Option<Sort>) -> Self {
        self.sort = sort;
        self
    }

    #[must_use]
    pub fn number(mut self) -> Self {
        self.number = true;
        self
    }
}

/// Rows of cells, each row as long as `columns`.
pub struct Table {
    /// Read to those who do not see the page around it.
    pub caption: String,
    /// For the island that moves through the rows; may be empty.
    pub id: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<AnyView>>,
}

pub fn table(table: Table) -> AnyView {
    let Table {
        caption,
        id,
        columns,
        rows,
    } = table;
    let id = (!id.is_empty()).then_some(id);
    let labels: Vec<(String, bool)> = columns
        .iter()
        .map(|column| (column.label.clone(), column.number))
        .collect();
    let headers = columns.into_iter().map(header).collect_view();
    let rows = rows
        .into_iter()
        .map(|cells| {
            let cells = cells
                .into_iter()
                .zip(&labels)
                .enumerate()
                .map(|(at, (cell, (label, number)))| {
                    // The first cell is the card's title and needs no label.
                    let label = (at > 0 && !label.is_empty()).then(|| label.clone());
                    // An absent class would still be written out, as an empty one, in every cell.
                    if *number {
                        view! { <td data-label=label class="num">{cell}</td> }.into_any()
                    } else {
                        view! { <td data-label=label>{cell}</td> }.into_any()
                    }
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <table class="cards" id=id>
            <caption class="sr">{caption}</caption>
            <thead><tr>{headers}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn header(column: Column) -> AnyView {
    let Column {
        label,
        sort,
        number,
    } = column;
    let class = if number { "num" } else { "text" };
    match sort {
        Some(Sort { href, now }) => {
            view! { <th scope="col" aria-sort=now><a href=href>{label}</a></th> }.into_any()
        }
        None if label.is_empty() => {
            view! { <th scope="col"><span class="sr">"Actions"</span></th> }.into_any()
        }
        None => view! { <th scope="col" class=class>{label}</th> }.into_any(),
    }
}

/// A filter, as a link.
#[derive(Clone, Debug)]
pub struct Chip {
    pub href: String,
    pub label: String,
    /// As it is shown.
    pub count: Option<String>,
    pub here: bool,
}

/// A search field and chips. The form is a GET: what is looked for stands in the URL.
pub fn search(action: &str, label: &str, query: &str, kept: Vec<(String, String)>) -> AnyView {
    let kept = kept
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <form role="search" method="get" action=action.to_owned()>
            {kept}
            <input class="input" type="search" name="q" value=query.to_owned() placeholder=label.to_owned()
                aria-label=label.to_owned()/>
            <button class="btn small">"Search"</button>
        </form>
    }
    .into_any()
}

pub fn chips(entries: Vec<Chip>) -> AnyView {
    entries
        .into_iter()
        .map(|Chip { href, label, count, here }| {
            let here = here.then_some("true");
            view! { <a class="chip" href=href aria-current=here>{label}{count.map(|n| format!(" {n}"))}</a> }
        })
        .collect_view()
        .into_any()
}

/// Where a page of a longer list stands, and its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// `1–20 of 248`; empty when everything is shown.
    pub place: String,
    pub newer: Option<String>,
    pub older: Option<String>,
}

pub fn pagination(paging: Paging) -> AnyView {
    let Paging {
        place,
        newer,
        older,
    } = paging;
    if place.is_empty() && newer.is_none() && older.is_none() {
        return ().into_any();
    }
    let newer =
        newer.map(|href| view! { <a class="btn small" rel="prev" href=href>"Previous"</a> });
    let older = older.map(|href| view! { <a class="btn small" rel="next" href=href>"Next"</a> });
    view! {
        <nav class="pages" aria-label="Pages">
            <span>{place}</span><span class="actions">{newer}{older}</span>
        </nav>
    }
    .into_any()
}
