//! `/keys` and `/keys/{id}`.
//!
//! Forms: `POST /keys/{id}/revoke` (`reason`; act), `POST /keys/{id}/suspend` and `/resume`
//! (`reason`; act), `POST /keys/{id}/replace` (act of the contact), `POST /keys/{id}/redeliver`
//! (act of an operator).

use leptos::prelude::*;

use crate::components::{
    Chip, Column, ConfirmPanel, Field, Filled, Line, Moment, Paging, Pill, Table, TimelineEntry,
    Tone, card, chips, confirm_panel, crumbs, empty, error_summary, facts, head, lines, notice,
    pagination, pill, search, table, timeline,
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
    } = vm;
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
        {head(None, "Keys", None::<Pill>, summary)}
        <div class="filters">{search("/keys", "Key, partner or service", &query, kept)}{chips(filters)}</div>
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
    pub accepted: u64,
    pub refused: u64,
    /// Calls by hour, oldest first: accepted, refused. Empty while nothing is counted.
    pub hours: Vec<(u64, u64)>,
    pub grant: Vec<Line>,
    pub facts: Vec<Line>,
    pub request_id: String,
    pub timeline: Vec<TimelineEntry>,
    pub may: KeyMay,
    pub filled: Filled,
}

/// What the viewer may do with the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyMay {
    pub revoke: bool,
    pub suspend: bool,
    pub resume: bool,
    pub replace: bool,
    pub redeliver: bool,
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

fn calls_card(vm: &KeyDetail) -> AnyView {
    let chart = (!vm.hours.is_empty()).then(|| chart(&vm.hours));
    let count = view! { <small>{format!("last 24 hours · {} accepted · {} refused", thousands(vm.accepted), thousands(vm.refused))}</small> };
    let refusal = match vm.last_refused.clone() {
        Some((at, why, code)) => view! { <p>"Last refusal "{at.view()}": "{why}" "<code>{code}</code></p> }.into_any(),
        None if vm.last_used.is_none() => view! { <p class="small">"No call has been made with this key. The first one shows up here within a minute."</p> }.into_any(),
        None => view! { <p class="small">"No call with this key was refused."</p> }.into_any(),
    };
    card("Calls", Some(count.into_any()), view! { {chart}{refusal} })
}

/// Bars as SVG attributes: the style policy allows no inline style.
fn chart(hours: &[(u64, u64)]) -> AnyView {
    const HEIGHT: f64 = 96.0;
    const STEP: usize = 10;
    let most = hours
        .iter()
        .map(|(accepted, refused)| accepted + refused)
        .max()
        .unwrap_or(0)
        .max(1);
    let scale = |count: u64| (count as f64 / most as f64 * HEIGHT * 10.0).round() / 10.0;
    let bars = hours
        .iter()
        .enumerate()
        .map(|(at, (accepted, refused))| {
            let (yes, no) = (scale(*accepted), scale(*refused));
            let x = (at * STEP).to_string();
            let no_bar = (*refused > 0).then(|| {
                let height = no.max(1.0);
                view! { <rect class="no" x=x.clone() y=(HEIGHT - yes - height).max(0.0).to_string() width="8" height=height.to_string()></rect> }
            });
            view! { <rect x=x.clone() y=(HEIGHT - yes).to_string() width="8" height=yes.to_string()></rect>{no_bar} }
        })
        .collect_view();
    let label = format!(
        "Calls by hour over the last {} hours; the busiest had {}",
        hours.len(),
        thousands(most)
    );
    let view_box = format!("0 0 {} {HEIGHT}", hours.len() * STEP - 2);
    view! { <svg class="chart" viewBox=view_box preserveAspectRatio="none" role="img" aria-label=label>{bars}</svg> }.into_any()
}

fn acts(vm: &KeyDetail) -> AnyView {
    let KeyMay {
        revoke,
        suspend,
        resume,
        replace,
        redeliver,
    } = vm.may;
    let id = &vm.id;
    let whom = format!("{} in {}", vm.service, vm.environment);
    let reason = || {
        vec![
            Field::area(&vm.filled, "reason", "Reason", 2)
                .help("Recorded, and told to the partner."),
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
    view! {
        {replace}
        {small_act(redeliver, "redeliver", "Send a new link…")}
        {small_act(resume, "resume", "Resume…")}
        {small_act(suspend, "suspend", "Suspend…")}
        {revoke}
    }
    .into_any()
}

/// `41,204`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_parted() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(41_204), "41,204");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }
}
