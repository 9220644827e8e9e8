//! `/gateways`, `/gateways/new`, `/gateways/{id}`, and the console that tries a call.
//!
//! Forms: `POST /gateways/new` (`name`, `kind`, `pair` repeated, `proxies`, `signs`; act),
//! `POST /gateways/{id}` (`pair` repeated, `proxies`, `signs`; act, of the form `serves`),
//! `POST /gateways/{id}/rotate` (act), `POST /gateways/{id}/revoke` (`reason`; act),
//! `POST /gateways/{id}/try` (`key`, `method`, `path`, `source_ip`, `scheme`).

use leptos::prelude::*;

use super::state::Standing;
use crate::components::{
    Choice, Column, ConfirmPanel, Field, Filled, Line, Moment, Table, Tone, card, confirm_panel,
    copyable, crumbs, empty, error_summary, facts, head, notice, pill, plain_card, table,
};
use crate::render::Page;
use crate::shell::{Shell, page, slim};

#[derive(Clone, Debug)]
pub struct GatewayList {
    pub rows: Vec<GatewayRow>,
}

#[derive(Clone, Debug)]
pub struct GatewayRow {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub serves: String,
    pub standing: Standing,
    pub last_asked: Option<Moment>,
}

pub fn gateways_page(shell: Shell, vm: GatewayList) -> Page {
    let list = if vm.rows.is_empty() {
        empty(
            "No gateways yet",
            "A gateway asks Latchkey about every call before it lets it through. Register one, put its credential into its configuration, and try a call here.",
            None,
        )
    } else {
        let columns = ["Gateway", "Serves", "State", "Last asked"]
            .map(Column::new)
            .to_vec();
        let rows = vm.rows.into_iter().map(row).collect();
        table(Table {
            caption: "Gateways".to_owned(),
            id: String::new(),
            columns,
            rows,
        })
    };
    let body = view! {
        <div class="row apart">
            {head(None, "Gateways", None, "Who may ask whether a key may make a call.")}
            <a class="btn primary" href="/gateways/new">"Register a gateway"</a>
        </div>
        <div class="card">{list}</div>
    };
    page(shell, "Gateways", body)
}

fn row(row: GatewayRow) -> Vec<AnyView> {
    let GatewayRow {
        id,
        name,
        kind,
        serves,
        standing,
        last_asked,
    } = row;
    vec![
        view! { <strong><a href=format!("/gateways/{id}")>{name}</a></strong><small>{kind}</small> }.into_any(),
        serves.into_any(),
        pill(standing.pill()),
        last_asked.map_or_else(|| "never".into_any(), |at| at.view()),
    ]
}

#[derive(Clone, Debug)]
pub struct NewGateway {
    /// Kinds of gateway, each with the headers that it fixes as help.
    pub kinds: Vec<Choice>,
    /// (service, environment) pairs.
    pub pairs: Vec<Choice>,
    pub filled: Filled,
}

pub fn new_gateway_page(shell: Shell, vm: NewGateway) -> Page {
    let NewGateway {
        kinds,
        pairs,
        filled,
    } = vm;
    let body = view! {
        {head(Some(crumbs(vec![("/gateways".to_owned(), "Gateways".to_owned())], "Register")), "Register a gateway", None,
            "Its credential is shown once, on the next page.")}
        {error_summary(&filled)}
        {plain_card(view! {
            <form class="form" method="post" action="/gateways/new" data-act="">
                {Field::text(&filled, "name", "Name").help("Where it stands: “edge, region north”.").view()}
                {Field::radios(&filled, "kind", "Kind", kinds).help("Fixes which headers are read.").view()}
                {Field::checks(&filled, "pair", "Serves", pairs).help("It gets answers about these and no others.").view()}
                {proxies_field(&filled).view()}
                {signs_field(&filled).view()}
                <div class="actions"><button class="btn primary">"Register…"</button><a class="btn quiet" href="/gateways">"Cancel"</a></div>
            </form>
        })}
    };
    slim(shell, "Register a gateway", body)
}

#[derive(Clone, Debug)]
pub struct GatewayDetail {
    pub id: String,
    pub name: String,
    pub standing: Standing,
    pub facts: Vec<Line>,
    /// (service, environment) pairs that it could serve.
    pub pairs: Vec<Choice>,
    /// What it serves now, as the form would say it.
    pub serves: Filled,
    /// Only on the page that follows a registration or rotation.
    pub credential: Option<String>,
    /// What the console answered.
    pub tried: Option<Tried>,
    pub filled: Filled,
}

/// The answer to a call that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    pub accepted: bool,
    /// The stable code, such as `source_network`.
    pub code: String,
    /// The same in words, with what to change.
    pub words: String,
    pub lines: Vec<Line>,
}

pub fn gateway_page(shell: Shell, vm: GatewayDetail) -> Page {
    let GatewayDetail {
        id,
        name,
        standing,
        facts: known,
        pairs,
        serves,
        credential,
        tried,
        filled,
    } = vm;
    let live = standing == Standing::Active;
    let credential = credential.map(credential_card);
    let change = live.then(|| {
        let typed = if filled.form() == SERVES {
            &filled
        } else {
            &serves
        };
        change_form(&id, pairs, typed)
    });
    let acts = live.then(|| acts(&id, &name, &filled));
    let body = view! {
        {head(Some(crumbs(vec![("/gateways".to_owned(), "Gateways".to_owned())], name.clone())), name.clone(), Some(standing.pill()), "")}
        {error_summary(&filled)}
        {credential}
        <div class="two">
            <div class="stack">{console(&id, tried, &filled)}</div>
            <aside class="stack" aria-label="Facts and acts">{card("Facts", None, view! { {facts(known)}{change} })}{acts}</aside>
        </div>
    };
    page(shell, name, body)
}

/// The form that changes what a gateway serves, as `Filled::of_form` names it.
const SERVES: &str = "serves";

fn change_form(id: &str, pairs: Vec<Choice>, typed: &Filled) -> AnyView {
    let pair = Field::checks(typed, "pair", "Serves", pairs)
        .help("It gets answers about these and no others.")
        .within(SERVES);
    let proxies = proxies_field(typed).within(SERVES);
    let signs = signs_field(typed).within(SERVES);
    let open = pair.is_refused() || proxies.is_refused() || signs.is_refused();
    view! {
        <details class="verdicts" open=open>
            <summary>"Change what it serves"</summary>
            <form class="form" method="post" action=format!("/gateways/{id}") data-act="">
                {pair.view()}{proxies.view()}{signs.view()}
                <div class="actions"><button class="btn">"Change what it serves…"</button></div>
            </form>
        </details>
    }
    .into_any()
}

fn proxies_field(filled: &Filled) -> Field {
    Field::area(filled, "proxies", "Proxies in front of it", 2)
        .optional()
        .help("Networks, one a line. A client’s address is the right-most forwarded one outside them.")
}

fn signs_field(filled: &Filled) -> Field {
    let choice = Choice::new("yes", "Sign who calls")
        .help("Its answers carry Latchkey-Assertion, by which a backend can check them.");
    Field::checks(filled, "signs", "Signature", vec![choice]).optional()
}

fn credential_card(credential: String) -> AnyView {
    card(
        "The gateway’s credential",
        None,
        view! {
            <p>"Shown once. Put it into the gateway’s configuration as the header "<code>"Latchkey-Gateway"</code>" of its question to Latchkey, never as "<code>"Authorization"</code>", which holds the client’s key."</p>
            {copyable(&credential)}
        },
    )
}

fn console(id: &str, tried: Option<Tried>, filled: &Filled) -> AnyView {
    let answer = tried.map(
        |Tried {
             accepted,
             code,
             words,
             lines: seen,
         }| {
            let (tone, title) = if accepted {
                (Tone::Ok, "Accepted")
            } else {
                (Tone::Stop, "Refused")
            };
            notice(
                tone,
                view! { <h3>{title}" "<code>{code}</code></h3><p>{words}</p>{facts(seen)} },
            )
        },
    );
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        .map(|m| Choice::new(m, m))
        .to_vec();
    let schemes = ["https", "http"]
        .map(|scheme| Choice::new(scheme, scheme))
        .to_vec();
    let secret = Filled::default();
    let key = match filled.error("key") {
        Some(sentence) => {
            let mut refused = secret;
            refused.refuse("key", sentence);
            refused
        }
        None => secret,
    };
    card(
        "Try a call",
        None,
        view! {
            {answer}
            <form class="form" method="post" action=format!("/gateways/{id}/try")>
                {Field::mono(&key, "key", "Key").help("Used for this answer, then forgotten; not shown again.").view()}
                <div class="triple">
                    {Field::select(filled, "method", "Method", methods).view()}
                    {Field::select(filled, "scheme", "Scheme", schemes).view()}
                    {Field::mono(filled, "source_ip", "Source address").view()}
                </div>
                {Field::mono(filled, "path", "Path").view()}
                <div class="actions"><button class="btn primary">"Ask"</button></div>
                <small>"The same answer as a real call would get, with the reason. It is not counted as a use of the key."</small>
            </form>
        },
    )
}

fn acts(id: &str, name: &str, filled: &Filled) -> AnyView {
    view! {
        {confirm_panel(ConfirmPanel {
            title: "Rotate the credential…".to_owned(),
            breaks: format!("{name} gets a new credential, shown once. The present one counts for 24 hours more, and then every call is refused until the new one is in the configuration. If it has leaked, revoke the gateway instead."),
            action: format!("/gateways/{id}/rotate"),
            fields: Vec::new(),
            button: "Rotate the credential".to_owned(),
        })}
        {confirm_panel(ConfirmPanel {
            title: "Revoke…".to_owned(),
            breaks: format!("{name} gets no more answers, so every call through it is refused, for good. The keys themselves stay as they are."),
            action: format!("/gateways/{id}/revoke"),
            fields: vec![Field::area(filled, "reason", "Reason", 2)],
            button: "Revoke this gateway".to_owned(),
        })}
    }
    .into_any()
}
