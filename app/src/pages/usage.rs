//! `/keys/{id}/usage`, `/grants/{id}/usage`, `/partners/{id}/usage`, `/services/{id}/usage`.
//!
//! The period stands in the URL: `period` is `24h`, `7d`, `30d` or `90d`.

mod fit;

use leptos::prelude::*;

use crate::components::{
    Bar, Chip, Column, Moment, Pill, Table, Tone, aside, bars_table, busiest, card, chart, chips,
    crumbs, empty, flush_card, head, notice, pill, table, thousands,
};
use crate::render::Page;
use crate::shell::{Shell, page};

pub use fit::{FitCard, FitState, RefusedRow};

#[derive(Clone, Debug)]
pub struct UsageDetail {
    pub above: Vec<(String, String)>,
    /// Of what: a key as it is shown, a partner's or service's name.
    pub title: String,
    pub about: String,
    pub periods: Vec<Chip>,
    /// `7 days`.
    pub period: String,
    /// What a bar stands for: `Hour`.
    pub step: String,
    /// Oldest first.
    pub bars: Vec<Bar>,
    pub accepted: u64,
    pub refused: u64,
    /// Ever, not only in the period.
    pub last_accepted: Option<Moment>,
    pub last_refused: Option<Moment>,
    /// When counting began, if that was within the period.
    pub counted_since: Option<Moment>,
    pub reasons: Vec<ReasonRow>,
    pub endpoints: Vec<EndpointRow>,
    pub sources: Vec<SourceRow>,
    /// Empty for a key's own page.
    pub keys: Vec<KeyRow>,
    /// For staff, of a grant.
    pub fit: Option<FitCard>,
    /// Where to look next.
    pub ways: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct ReasonRow {
    pub sentence: String,
    pub code: String,
    pub calls: u64,
}

#[derive(Clone, Debug)]
pub struct EndpointRow {
    /// Empty where there is only one.
    pub service: String,
    /// `GET /v2/shipments/{id}`.
    pub name: String,
    pub accepted: u64,
    /// By rates and quotas: what is refused before has no endpoint.
    pub refused: u64,
    pub standing: Standing,
}

/// How an endpoint that was used stands to what is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Granted,
    /// Granted, and no call in the period.
    Unused,
    /// Used, and not granted any more.
    NoLonger,
    /// Several, which are not told apart.
    Others,
}

#[derive(Clone, Debug)]
pub struct SourceRow {
    pub network: String,
    pub accepted: u64,
    pub refused: u64,
}

#[derive(Clone, Debug)]
pub struct KeyRow {
    pub href: String,
    pub shown: String,
    pub whose: String,
    /// The page of its grant's use; empty where that is this one.
    pub grant: String,
    pub accepted: u64,
    pub refused: u64,
}

pub fn usage_page(shell: Shell, vm: UsageDetail) -> Page {
    let title = format!("Use of {}", vm.title);
    let glance = at_a_glance(&vm);
    let late = vm.counted_since.clone().map(|at| {
        notice(Tone::Info, view! { <p>"Calls are counted by endpoint, network and reason since "{at.view()}". What came before is not in these figures."</p> })
    });
    let calls = calls_card(&vm);
    let endpoints = endpoints_card(vm.endpoints);
    let keys = keys_card(vm.keys);
    let fit = vm.fit.map(|fit| fit::fit_card(fit, &vm.period));
    let refusals = reasons_card(vm.reasons);
    let sources = sources_card(vm.sources);
    let ways = ways_card(vm.ways);
    let body = view! {
        {head(Some(crumbs(vm.above, "Use")), title.clone(), None, glance)}
        <nav class="filters" aria-label="Period">{chips(vm.periods)}</nav>
        {late}
        <div class="two">
            <div class="stack">{calls}{endpoints}{fit}{keys}</div>
            <aside class="stack" aria-label="Refusals and networks">{refusals}{sources}{ways}</aside>
        </div>
    };
    page(shell, title, body)
}

fn at_a_glance(vm: &UsageDetail) -> AnyView {
    let used = match vm.last_accepted.clone() {
        Some(at) => view! { "last used "{at.view()} }.into_any(),
        None => "never used".into_any(),
    };
    let refused = vm
        .last_refused
        .clone()
        .map(|at| view! { " · last refused "{at.view()} });
    view! { {format!("{} · ", vm.about)}{used}{refused} }.into_any()
}

fn calls_card(vm: &UsageDetail) -> AnyView {
    let Some(most) = busiest(&vm.bars) else {
        let text = if vm.last_accepted.is_none() && vm.last_refused.is_none() {
            "A call shows up here within a few seconds of the gateway’s question. Nothing has asked yet: the key may still have to be stored, or the gateway be pointed here."
        } else {
            "Choose a longer period to see earlier calls. Figures are kept for 90 days."
        };
        let title = format!("No calls in the last {}", vm.period);
        return flush_card("Calls", None, empty(&title, text, None));
    };
    let calls = most.accepted + most.refused;
    let label = format!(
        "Calls over the last {}; the busiest, {}, had {}",
        vm.period,
        most.name,
        thousands(calls)
    );
    let first = vm.bars.first().map(|bar| bar.name.clone());
    let span = format!(
        "From {} until now. Most: {} ({}).",
        first.unwrap_or_default(),
        thousands(calls),
        most.name
    );
    let count = format!(
        "{} accepted · {} refused",
        thousands(vm.accepted),
        thousands(vm.refused)
    );
    let table = bars_table(
        format!("Calls over the last {}", vm.period),
        &vm.step,
        &vm.bars,
    );
    card(
        "Calls",
        aside(count),
        view! { {chart(&vm.bars, label)}<small>{span}</small>{table} },
    )
}

fn endpoints_card(rows: Vec<EndpointRow>) -> AnyView {
    if rows.is_empty() {
        let text = "What is granted is listed here with its calls, and what nobody calls is named.";
        return flush_card("Endpoints", None, empty("Nothing is granted", text, None));
    }
    let unused = rows
        .iter()
        .filter(|row| row.standing == Standing::Unused)
        .count();
    let granted = rows
        .iter()
        .filter(|row| matches!(row.standing, Standing::Granted | Standing::Unused))
        .count();
    let summary = format!("{} of {granted} granted were used", granted - unused);
    let columns = vec![
        Column::new("Endpoint"),
        Column::new("Accepted").number(),
        Column::new("Over a limit").number(),
    ];
    let rows = rows.into_iter().map(endpoint).collect();
    let table = table(Table {
        caption: "Endpoints".to_owned(),
        id: String::new(),
        columns,
        rows,
    });
    flush_card("Endpoints", aside(summary), table)
}

fn endpoint(row: EndpointRow) -> Vec<AnyView> {
    let remark = match row.standing {
        Standing::NoLonger => "not in the grant now",
        Standing::Others => "endpoints that are not told apart",
        Standing::Granted | Standing::Unused => "",
    };
    let service = (!row.service.is_empty()).then(|| view! { <small>{row.service}</small> });
    let remark = (!remark.is_empty()).then(|| view! { <small>{remark}</small> });
    let name = view! { <code>{row.name}</code>{service}{remark} }.into_any();
    if row.standing == Standing::Unused {
        return vec![
            name,
            pill(Pill::new("Never used", Tone::Warn)),
            ().into_any(),
        ];
    }
    vec![
        name,
        thousands(row.accepted).into_any(),
        thousands(row.refused).into_any(),
    ]
}

fn reasons_card(rows: Vec<ReasonRow>) -> AnyView {
    if rows.is_empty() {
        let none = view! { <p class="small">"No call was refused in this period."</p> };
        return card("Refused", None, none);
    }
    let rows = rows
        .into_iter()
        .map(|ReasonRow { sentence, code, calls }| {
            view! { <li><div><code>{code}</code><small>{sentence}</small></div><b>{thousands(calls)}</b></li> }
        })
        .collect_view();
    flush_card(
        "Refused",
        None,
        view! { <ul class="todo tally">{rows}</ul> },
    )
}

fn sources_card(rows: Vec<SourceRow>) -> AnyView {
    if rows.is_empty() {
        let none = view! { <p class="small">"The networks that calls come from show up here, shortened to /24 and /48."</p> };
        return card("Networks", None, none);
    }
    let rows = rows
        .into_iter()
        .map(
            |SourceRow {
                 network,
                 accepted,
                 refused,
             }| {
                let refused = (refused > 0)
                    .then(|| view! { <small>{format!("{} refused", thousands(refused))}</small> });
                let network = if network == "other" {
                    "others, not told apart".into_any()
                } else {
                    view! { <code>{network}</code> }.into_any()
                };
                view! { <li><div>{network}{refused}</div><b>{thousands(accepted)}</b></li> }
            },
        )
        .collect_view();
    flush_card(
        "Networks",
        aside("accepted calls"),
        view! { <ul class="todo tally">{rows}</ul> },
    )
}

fn keys_card(rows: Vec<KeyRow>) -> AnyView {
    if rows.is_empty() {
        return ().into_any();
    }
    let columns = vec![
        Column::new("Key"),
        Column::new("Accepted").number(),
        Column::new("Refused").number(),
    ];
    let rows = rows
        .into_iter()
        .map(|row| {
            let whose = (!row.whose.is_empty()).then(|| view! { <small>{row.whose}</small> });
            let grant = (!row.grant.is_empty())
                .then(|| view! { <small><a href=row.grant>"Its grant"</a></small> });
            vec![
                view! { <strong><a class="mono" href=row.href>{row.shown}</a></strong>{whose}{grant} }
                    .into_any(),
                thousands(row.accepted).into_any(),
                thousands(row.refused).into_any(),
            ]
        })
        .collect();
    let table = table(Table {
        caption: "Keys".to_owned(),
        id: String::new(),
        columns,
        rows,
    });
    flush_card("Keys", aside("the busiest first"), table)
}

fn ways_card(ways: Vec<(String, String)>) -> AnyView {
    if ways.is_empty() {
        return ().into_any();
    }
    let ways = ways
        .into_iter()
        .map(|(href, label)| view! { <li><div><a href=href>{label}</a></div></li> })
        .collect_view();
    flush_card("See also", None, view! { <ul class="todo">{ways}</ul> })
}
