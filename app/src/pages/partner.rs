//! `/partners`, `/partners/invite`, `/partners/{id}`.
//!
//! Forms: `POST /partners/invite` (`organisation`, `name`, `email`, `why`; act),
//! `POST /partners/{id}/contacts` (`name`, `email`, `role` = `admin` | `member`; act; of the form
//! `contact`), `POST /partners/{id}/suspend` (`reason`; act; of the form `suspend`) and `/resume`
//! (act), `POST /partners/{id}/revoke` (`reason`; act; of the form `revoke`).

use leptos::prelude::*;

use super::home::Waiting;
use super::people::{PersonRow, people_table};
use super::state::Standing;
use crate::components::{
    Chip, Choice, Column, ConfirmPanel, Field, Filled, Line, Moment, Paging, Table, Tone, card,
    chips, confirm_panel, crumbs, empty, error_summary, facts, flush_card, head, notice,
    pagination, pill, plain_card, search, table,
};
use crate::render::Page;
use crate::shell::{Shell, page, slim};

#[derive(Clone, Debug)]
pub struct PartnerList {
    pub summary: String,
    pub query: String,
    pub chips: Vec<Chip>,
    pub rows: Vec<PartnerRow>,
    pub paging: Paging,
    pub filtered: bool,
    /// The viewer is an operator.
    pub may_invite: bool,
}

#[derive(Clone, Debug)]
pub struct PartnerRow {
    pub id: String,
    pub name: String,
    pub domain: String,
    pub standing: Standing,
    pub contacts: u64,
    pub requests: u64,
    pub live_keys: u64,
    pub since: Moment,
}

pub fn partners_page(shell: Shell, vm: PartnerList) -> Page {
    let PartnerList {
        summary,
        query,
        chips: filters,
        rows,
        paging,
        filtered,
        may_invite,
    } = vm;
    let invite = may_invite
        .then(|| view! { <a class="btn primary" href="/partners/invite">"Invite a partner"</a> });
    let list = if rows.is_empty() {
        let (title, text) = if filtered {
            ("Nothing matches", "No partner fits this search and filter.")
        } else {
            (
                "No partners yet",
                "Invite an organisation through one person there. They set up a passkey, bring in their colleagues and ask for what they need.",
            )
        };
        view! { <div class="card">{empty(title, text, None)}</div> }.into_any()
    } else {
        let columns = vec![
            Column::new("Partner"),
            Column::new("State"),
            Column::new("Contacts").number(),
            Column::new("Requests").number(),
            Column::new("Live keys").number(),
            Column::new("Since"),
        ];
        let rows = rows.into_iter().map(row).collect();
        view! { <div class="card">{table(Table { caption: "Partners".to_owned(), id: String::new(), columns, rows })}</div>{pagination(paging)} }
            .into_any()
    };
    let body = view! {
        <div class="row apart">{head(None, "Partners", None, summary)}{invite}</div>
        <div class="filters">{search("/partners", "Partner or contact", &query, Vec::new())}{chips(filters)}</div>
        {list}
    };
    page(shell, "Partners", body)
}

fn row(row: PartnerRow) -> Vec<AnyView> {
    let PartnerRow {
        id,
        name,
        domain,
        standing,
        contacts,
        requests,
        live_keys,
        since,
    } = row;
    vec![
        view! { <strong><a href=format!("/partners/{id}")>{name}</a></strong><small>{domain}</small> }.into_any(),
        pill(standing.pill()),
        contacts.to_string().into_any(),
        requests.to_string().into_any(),
        live_keys.to_string().into_any(),
        since.view(),
    ]
}

#[derive(Clone, Debug, Default)]
pub struct InviteForm {
    pub filled: Filled,
}

pub fn invite_page(shell: Shell, vm: InviteForm) -> Page {
    let filled = vm.filled;
    let body = view! {
        {head(Some(crumbs(vec![("/partners".to_owned(), "Partners".to_owned())], "Invite")), "Invite a partner", None,
            "One person starts for the organisation and can bring in others. They get a link by mail; you get a code to pass on by another way.")}
        {error_summary(&filled)}
        {plain_card(view! {
            <form class="form" method="post" action="/partners/invite" data-act="">
                {Field::text(&filled, "organisation", "Organisation").help("As it should read on requests and keys.").view()}
                {Field::text(&filled, "name", "Name of the first contact").view()}
                {Field::email(&filled, "email", "E-mail address of the first contact").help("At the organisation’s own domain. It is proven when the link is opened.").view()}
                {Field::area(&filled, "why", "Why you invite them", 2).help("For the record. The partner does not see it.").view()}
                <div class="actions"><button class="btn primary">"Invite…"</button><a class="btn quiet" href="/partners">"Cancel"</a></div>
                <small>"The next page shows the invitation in full and asks for your passkey."</small>
            </form>
        })}
    };
    slim(shell, "Invite a partner", body)
}

#[derive(Clone, Debug)]
pub struct PartnerDetail {
    pub id: String,
    pub name: String,
    pub standing: Standing,
    pub facts: Vec<Line>,
    pub contacts: Vec<PersonRow>,
    pub requests: Vec<Waiting>,
    pub keys: Vec<Waiting>,
    pub live_keys: u64,
    /// The viewer is an operator: invites, suspends and resumes.
    pub may_manage: bool,
    /// The viewer is an operator or a reviewer.
    pub may_revoke: bool,
    pub filled: Filled,
}

pub fn partner_page(shell: Shell, vm: PartnerDetail) -> Page {
    let PartnerDetail {
        id,
        name,
        standing,
        facts: known,
        contacts,
        requests,
        keys,
        live_keys,
        may_manage,
        may_revoke,
        filled,
    } = vm;
    let suspended = (standing == Standing::Suspended)
        .then(|| notice(Tone::Stop, view! { <p>"Suspended: every call with this partner’s keys is refused, and nobody there can sign in to more than this notice."</p> }));
    let contacts = if contacts.is_empty() {
        empty(
            "No contacts",
            "Everybody has left. Invite somebody, or suspend the partner.",
            None,
        )
    } else {
        people_table("Contacts", contacts)
    };
    let acts = may_manage.then(|| acts(&id, &name, standing, live_keys, &filled));
    let revoke = may_revoke.then(|| revoke(&id, &name, live_keys, &filled));
    let body = view! {
        {head(Some(crumbs(vec![("/partners".to_owned(), "Partners".to_owned())], name.clone())), name.clone(), Some(standing.pill()), "")}
        {error_summary(&filled)}{suspended}
        <div class="two">
            <div class="stack">
                {flush_card("Contacts", None, contacts)}
                {flush_card("Requests", None, links(requests, "No requests", "This partner has not asked for anything yet."))}
                {flush_card("Keys", usage(&id), links(keys, "No keys", "A key shows up here when a request is approved."))}
            </div>
            <aside class="stack" aria-label="Facts and acts">{card("Facts", None, facts(known))}{acts}{revoke}</aside>
        </div>
    };
    page(shell, name, body)
}

fn usage(id: &str) -> Option<AnyView> {
    let href = format!("/partners/{id}/usage");
    Some(view! { <small><a href=href>"Their use"</a></small> }.into_any())
}

fn links(entries: Vec<Waiting>, title: &str, text: &str) -> AnyView {
    if entries.is_empty() {
        return empty(title, text, None);
    }
    let entries = entries
        .into_iter()
        .map(|Waiting { title, detail, state, href, .. }| {
            view! { <li><div><a href=href>{title}</a><small>{detail}</small></div>{state.map(pill)}</li> }
        })
        .collect_view();
    view! { <ul class="todo">{entries}</ul> }.into_any()
}

fn acts(id: &str, name: &str, standing: Standing, live_keys: u64, filled: &Filled) -> AnyView {
    let roles = vec![
        Choice::new("member", "Member").help("Asks for access and receives keys."),
        Choice::new("admin", "Admin").help("Also invites and removes colleagues."),
    ];
    let invite = card(
        "Invite a contact",
        None,
        view! {
            <form class="form" method="post" action=format!("/partners/{id}/contacts") data-act="">
                {Field::text(filled, "name", "Name").within("contact").view()}
                {Field::email(filled, "email", "E-mail address").within("contact").view()}
                {Field::radios(filled, "role", "Role", roles).within("contact").view()}
                <button class="btn">"Invite…"</button>
            </form>
        },
    );
    let reason = Field::area(filled, "reason", "Reason", 2)
        .help("Recorded, and told to the partner’s admins.")
        .within("suspend");
    let end = if standing == Standing::Suspended {
        view! {
            <form method="post" action=format!("/partners/{id}/resume") data-act=""><button class="btn wide">"Resume this partner…"</button></form>
        }
        .into_any()
    } else {
        confirm_panel(ConfirmPanel {
            title: "Suspend…".to_owned(),
            breaks: format!(
                "All {live_keys} live keys of {name} are refused from then on, everywhere, until the partner is resumed. Open requests and deliveries stop."
            ),
            action: format!("/partners/{id}/suspend"),
            fields: vec![reason],
            button: "Suspend this partner".to_owned(),
        })
    };
    view! { {invite}{end} }.into_any()
}

fn revoke(id: &str, name: &str, live_keys: u64, filled: &Filled) -> AnyView {
    confirm_panel(ConfirmPanel {
        title: "Revoke…".to_owned(),
        breaks: format!(
            "{name} is over for good: all {live_keys} live keys are refused from then on, what it asks for is withdrawn, and nobody there can sign in again."
        ),
        action: format!("/partners/{id}/revoke"),
        fields: vec![
            Field::area(filled, "reason", "Reason", 2)
                .help("Recorded, and told to the partner’s contacts.")
                .within("revoke"),
        ],
        button: "Revoke this partner".to_owned(),
    })
}
