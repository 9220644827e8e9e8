//! `/people`: staff and their roles, or a partner's contacts; `/people/invite`, `/people/{id}`;
//! and the code that is shown once after an invitation.
//!
//! Forms: `POST /people/invite` (`name`, `email`, `role` repeated; act), `POST /people/{id}/roles`
//! (`role` repeated; act), `POST /people/{id}/address` (`email`, `reason`; act),
//! `POST /people/{id}/invite` (act), `POST /people/{id}/recovery` (`reason`; act), `POST /people/{id}/remove` (`reason`; act),
//! `POST /proposals/{id}/confirm` (act), `POST /proposals/{id}/refuse`.
//! A refused form of `/people/{id}` is named with `Filled::of_form`: `address`, `recovery`, `remove`.

use leptos::prelude::*;

use super::state::Standing;
use crate::components::{
    Choice, Column, ConfirmPanel, Field, Filled, Line, Moment, Table, Tone, card, confirm_panel,
    copyable, crumbs, empty, error_summary, facts, flush_card, head, notice, pill, plain_card,
    table,
};
use crate::render::Page;
use crate::shell::{Shell, alone, page, slim};

#[derive(Clone, Debug)]
pub struct People {
    /// `Alder Works` or the partner: whose people these are.
    pub whose: String,
    pub summary: String,
    pub people: Vec<PersonRow>,
    /// Changes that need a second person.
    pub proposals: Vec<Proposal>,
    pub may_invite: bool,
}

#[derive(Clone, Debug)]
pub struct PersonRow {
    /// Empty where the viewer may not open the person.
    pub id: String,
    pub name: String,
    pub address: String,
    /// `Owner, Operator` or `Admin`.
    pub roles: String,
    pub standing: Standing,
    /// `2 passkeys`, `no passkey that can receive keys`.
    pub passkeys: String,
    pub last_seen: Option<Moment>,
}

/// A change that waits for a second person.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub id: String,
    pub what: String,
    pub by: String,
    pub at: Moment,
    /// The viewer is another person with the role for it.
    pub may_confirm: bool,
}

pub fn people_page(shell: Shell, vm: People) -> Page {
    let People {
        whose,
        summary,
        people,
        proposals,
        may_invite,
    } = vm;
    let invite = may_invite
        .then(|| view! { <a class="btn primary" href="/people/invite">"Invite somebody"</a> });
    let proposals = (!proposals.is_empty()).then(|| proposals_card(proposals));
    let list = if people.is_empty() {
        empty(
            "Nobody else yet",
            "Invite a second person soon: nobody can approve their own request, and production asks for two.",
            None,
        )
    } else {
        people_table("People", people)
    };
    let body = view! {
        <div class="row apart">{head(None, format!("People of {whose}"), None, summary)}{invite}</div>
        {proposals}
        <div class="card">{list}</div>
    };
    page(shell, "People", body)
}

pub(super) fn people_table(caption: &str, people: Vec<PersonRow>) -> AnyView {
    let columns = ["Name", "Role", "State", "Passkeys", "Last seen"]
        .map(Column::new)
        .to_vec();
    let rows = people.into_iter().map(person_row).collect();
    table(Table {
        caption: caption.to_owned(),
        id: String::new(),
        columns,
        rows,
    })
}

fn person_row(row: PersonRow) -> Vec<AnyView> {
    let PersonRow {
        id,
        name,
        address,
        roles,
        standing,
        passkeys,
        last_seen,
    } = row;
    let name = if id.is_empty() {
        view! { <strong>{name}</strong> }.into_any()
    } else {
        view! { <strong><a href=format!("/people/{id}")>{name}</a></strong> }.into_any()
    };
    vec![
        view! { {name}<small>{address}</small> }.into_any(),
        roles.into_any(),
        pill(standing.pill()),
        passkeys.into_any(),
        last_seen.map_or_else(|| "never".into_any(), |at| at.view()),
    ]
}

fn proposals_card(proposals: Vec<Proposal>) -> AnyView {
    let entries = proposals
        .into_iter()
        .map(|Proposal { id, what, by, at, may_confirm }| {
            let acts = if may_confirm {
                view! {
                    <form method="post" action=format!("/proposals/{id}/confirm") data-act=""><button class="btn small">"Confirm…"</button></form>
                    <form method="post" action=format!("/proposals/{id}/refuse")><button class="btn small quiet stop">"Refuse"</button></form>
                }
                .into_any()
            } else {
                view! { <small>"Waits for a second person"</small> }.into_any()
            };
            view! { <li><div>{what}<small>"Proposed by "{by}" "{at.view()}</small></div>{acts}</li> }
        })
        .collect_view();
    flush_card(
        "Waits for a second person",
        None,
        view! { <ul class="todo">{entries}</ul> },
    )
}

#[derive(Clone, Debug)]
pub struct PersonForm {
    /// The roles that the viewer can give, with what each allows as help.
    pub roles: Vec<Choice>,
    pub filled: Filled,
}

pub fn invite_person_page(shell: Shell, vm: PersonForm) -> Page {
    let PersonForm { roles, filled } = vm;
    let body = view! {
        {head(Some(crumbs(vec![("/people".to_owned(), "People".to_owned())], "Invite")), "Invite somebody", None,
            "They get a link by mail. You get a code of eight characters, once, to pass on by another way.")}
        {error_summary(&filled)}
        {plain_card(view! {
            <form class="form" method="post" action="/people/invite" data-act="">
                {Field::text(&filled, "name", "Name").view()}
                {Field::email(&filled, "email", "E-mail address").view()}
                {Field::checks(&filled, "role", "Roles", roles).help("No role implies another. Give as few as the work needs.").view()}
                <div class="actions"><button class="btn primary">"Invite…"</button><a class="btn quiet" href="/people">"Cancel"</a></div>
            </form>
        })}
    };
    slim(shell, "Invite somebody", body)
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub standing: Standing,
    pub facts: Vec<Line>,
    pub roles: Vec<Choice>,
    /// The last owner keeps the role and cannot be removed.
    pub last_owner: bool,
    pub may_manage: bool,
    /// The viewer is an operator or owner and may start a recovery.
    pub may_recover: bool,
    pub filled: Filled,
}

pub fn person_page(shell: Shell, vm: Person) -> Page {
    let Person {
        id,
        name,
        standing,
        facts: known,
        roles,
        last_owner,
        may_manage,
        may_recover,
        filled,
    } = vm;
    let last = last_owner.then(|| {
        notice(Tone::Info, view! { <p>"This is the last owner, who cannot be removed and keeps the role. Make somebody else an owner first."</p> })
    });
    let again = (may_manage && standing == Standing::Invited).then(|| invite_again(&id));
    let manage = may_manage.then(|| manage_cards(&id, roles, &filled));
    let recover = may_recover.then(|| recovery(&id, &name, &filled));
    let remove = (may_manage && !last_owner).then(|| {
        confirm_panel(ConfirmPanel {
            title: "Remove…".to_owned(),
            breaks: format!("{name} is signed out at once and cannot sign in again. Open deliveries to {name} are cancelled. Decisions already given stay as they are."),
            action: format!("/people/{id}/remove"),
            fields: vec![Field::area(&filled, "reason", "Reason", 2).within("remove")],
            button: "Remove this person".to_owned(),
        })
    });
    let body = view! {
        {head(Some(crumbs(vec![("/people".to_owned(), "People".to_owned())], name.clone())), name.clone(), Some(standing.pill()), "")}
        {error_summary(&filled)}{last}
        {card("Facts", None, facts(known))}
        {again}{manage}{recover}{remove}
    };
    slim(shell, name, body)
}

fn invite_again(id: &str) -> AnyView {
    card(
        "Invitation",
        None,
        view! {
            <form class="form" method="post" action=format!("/people/{id}/invite") data-act="">
                <p>"Not accepted yet. Sending it again makes a new link and a new code, and the old ones stop working. Removing the person takes it back."</p>
                <div class="actions"><button class="btn">"Send it again…"</button></div>
            </form>
        },
    )
}

fn manage_cards(id: &str, roles: Vec<Choice>, filled: &Filled) -> AnyView {
    let roles = card(
        "Roles",
        None,
        view! {
            <form class="form" method="post" action=format!("/people/{id}/roles") data-act="">
                {Field::checks(filled, "role", "Roles", roles).help("Giving a role takes a second person once two can confirm.").view()}
                <div class="actions"><button class="btn">"Change the roles…"</button></div>
            </form>
        },
    );
    let address = card(
        "Address",
        None,
        view! {
            <form class="form" method="post" action=format!("/people/{id}/address") data-act="">
                {Field::email(filled, "email", "New e-mail address").help("An address is an identity: links go there. Both addresses are told.").within("address").view()}
                {Field::area(filled, "reason", "Reason", 2).within("address").view()}
                <div class="actions"><button class="btn">"Correct the address…"</button></div>
            </form>
        },
    );
    view! { {roles}{address} }.into_any()
}

fn recovery(id: &str, name: &str, filled: &Filled) -> AnyView {
    confirm_panel(ConfirmPanel {
        title: "Start a recovery…".to_owned(),
        breaks: format!(
            "For somebody who lost every passkey. Another member of staff has to confirm it. {name}’s old passkeys end, open deliveries to them are cancelled and made again, and every admin of the partner is told."
        ),
        action: format!("/people/{id}/recovery"),
        fields: vec![
            Field::area(filled, "reason", "How you know that it is them", 2)
                .help("A mail alone is not enough.")
                .within("recovery"),
        ],
        button: "Start the recovery".to_owned(),
    })
}

/// The code of an invitation or recovery, shown once to who sent it.
#[derive(Clone, Debug)]
pub struct Invited {
    pub host: String,
    pub name: String,
    pub address: String,
    /// Eight characters.
    pub code: String,
    pub back: String,
}

pub fn invited_page(vm: Invited) -> Page {
    let Invited {
        host,
        name,
        address,
        code,
        back,
    } = vm;
    let body = view! {
        {plain_card(view! {
            <div class="head"><h1>"Pass on this code"</h1><p class="small">{format!("The link is on its way to {address}. Without this code it is useless, and the code without the link too.")}</p></div>
            {copyable(&code)}
            <p>{format!("Tell it to {name} by phone, in person or in a chat that you both trust. Not by mail.")}</p>
            {notice(Tone::Warn, view! { <p>"Shown once. If it gets lost, invite again: that makes a new link and a new code."</p> })}
            <a class="btn primary wide" href=back>"I have passed it on"</a>
        })}
    };
    alone(&host, "Pass on this code", body)
}
