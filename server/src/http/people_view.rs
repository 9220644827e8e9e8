//! People as their pages show them.

use app::components::{Choice, Filled, Line, Moment};
use app::pages::people::{People, Person, PersonRow, Proposal};
use app::pages::state::Standing;
use domain::id::PersonId;
use domain::state::{PersonKind, PersonState, Role};
use store::{Credential, Person as Row, Read, Stamped};

use crate::auth::actor::{Actor, Side};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people::{self, role_word, role_words};
use crate::service::{proposals, recovery};

/// Staff for staff, colleagues for contacts.
pub(super) async fn list(portal: &Portal, actor: &Actor) -> Result<People, Refusal> {
    let mut read = portal.store.read().await?;
    let (whose, rows, kind) = match actor.side() {
        Side::Staff(_) => (
            portal.config.host_name.clone(),
            read.staff().await?,
            PersonKind::Staff,
        ),
        Side::Contact {
            partner,
            partner_name,
            ..
        } => (
            partner_name.clone(),
            read.contacts(*partner).await?,
            PersonKind::Contact,
        ),
    };
    let may_invite = people::authorise(actor, kind).is_ok();
    let opens = may_invite || matches!(actor.side(), Side::Staff(_));
    let mut shown = Vec::with_capacity(rows.len());
    for person in &rows {
        shown.push(row(portal, &mut read, person, opens).await?);
    }
    let summary = match kind {
        PersonKind::Staff => "Owners decide who may do what. No role implies another.",
        PersonKind::Contact => "Admins invite and remove colleagues.",
    };
    Ok(People {
        whose,
        summary: summary.to_owned(),
        people: shown,
        proposals: waiting(portal, &mut read, actor).await?,
        may_invite,
    })
}

/// One line of a table of people.
pub(super) async fn row(
    portal: &Portal,
    read: &mut Read,
    person: &Row,
    opens: bool,
) -> Result<PersonRow, Refusal> {
    let now = portal.now();
    let address = read.address(person.id).await?;
    let roles = people::roles(read, person.id).await?;
    let passkeys = read.credentials(person.id).await?;
    let sessions = read.sessions(person.id, now).await?;
    let seen = sessions.iter().map(|session| session.seen_at);
    let used = passkeys.iter().filter_map(|passkey| passkey.used_at);
    Ok(PersonRow {
        id: if opens {
            person.id.to_string()
        } else {
            String::new()
        },
        name: person.name.clone(),
        address: address
            .map(|address| address.email.clone())
            .unwrap_or_default(),
        roles: role_words(&roles),
        standing: standing(person.state.0),
        passkeys: passkey_words(person.kind.0, &passkeys),
        last_seen: seen.chain(used).max().map(|at| Moment::new(at, now)),
    })
}

/// A person's page; `filled` is what was typed into one of its forms.
pub(super) async fn one(
    portal: &Portal,
    actor: &Actor,
    id: PersonId,
    filled: Filled,
) -> Result<Person, Refusal> {
    let mut read = portal.store.read().await?;
    let person = people::seen(&mut read, actor, id).await?;
    let roles = people::roles(&mut read, id).await?;
    let last_owner = people::is_not_last_owner(&mut read, id).await.is_err();
    let gone = person.state.0 == PersonState::Removed;
    let facts = facts(portal, &mut read, &person, &roles).await?;
    let is_typed = role_choices(person.kind.0)
        .iter()
        .any(|choice| filled.chosen("role", &choice.value));
    let filled = if is_typed || filled.error("role").is_some() {
        filled
    } else {
        roles
            .iter()
            .fold(filled, |filled, role| filled.with("role", role.code()))
    };
    Ok(Person {
        id: id.to_string(),
        name: person.name.clone(),
        standing: standing(person.state.0),
        facts,
        roles: role_choices(person.kind.0),
        last_owner,
        may_manage: !gone && people::authorise(actor, person.kind.0).is_ok(),
        may_recover: person.state.0 == PersonState::Active
            && actor.operator().is_ok()
            && actor.person() != id,
        filled,
    })
}

async fn facts(
    portal: &Portal,
    read: &mut Read,
    person: &Row,
    roles: &[Role],
) -> Result<Vec<Line>, Refusal> {
    let address = read.address(person.id).await?;
    let passkeys = read.credentials(person.id).await?;
    let belongs = match person.kind.0 {
        PersonKind::Staff => portal.config.host_name.clone(),
        PersonKind::Contact => recovery::belongs_to(read, person).await?,
    };
    let mut facts = vec![
        Line::new(
            "Address",
            address
                .map(|address| address.email.clone())
                .unwrap_or_default(),
        ),
        Line::new("Belongs to", belongs),
        Line::new("Roles", role_words(roles)),
        Line::new("Passkeys", passkey_words(person.kind.0, &passkeys)),
        Line::new("Since", person.created_at.day()),
    ];
    if person.state.0 == PersonState::Invited {
        let links = read.open_links(person.id).await?;
        let open = links.iter().find(|link| link.is_open(portal.now()));
        let words = open.map_or_else(
            || "The link does not work any more: send it again".to_owned(),
            |link| format!("The link is open until {}", link.expires_at.minute()),
        );
        facts.push(Line::new("Invitation", words));
    }
    if let Some(proposal) = recovery::waiting(read, person.id).await? {
        let since = proposal.proposed_at.minute();
        facts.push(Line::new(
            "Recovery",
            format!("Waits for a second operator since {since}"),
        ));
    }
    Ok(facts)
}

/// What waits for a second person: for staff, what concerns a role that they hold.
async fn waiting(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
) -> Result<Vec<Proposal>, Refusal> {
    if actor.staff().is_err() {
        return Ok(Vec::new());
    }
    let now = portal.now();
    let mut waiting = Vec::new();
    for proposal in read.open_proposals().await? {
        if now >= proposal.proposed_at.plus(proposals::OPEN_FOR) {
            continue;
        }
        let by = read.person(proposal.proposed_by).await?;
        waiting.push(Proposal {
            id: proposal.id.to_string(),
            what: proposals::worded(&proposal)?.0,
            by: by.map(|by| by.name.clone()).unwrap_or_default(),
            at: Moment::new(proposal.proposed_at, now),
            may_confirm: proposals::may_confirm(actor, &proposal),
        });
    }
    Ok(waiting)
}

/// The roles of a side, with what each allows.
pub(super) fn role_choices(kind: PersonKind) -> Vec<Choice> {
    let roles: &[(Role, &str)] = match kind {
        PersonKind::Staff => &[
            (Role::Owner, "People and settings."),
            (
                Role::Operator,
                "Catalogue, partners, gateways, recovery, mail, revoke.",
            ),
            (Role::Reviewer, "Verdicts, decisions, revoke."),
            (Role::Auditor, "Reads and exports."),
        ],
        PersonKind::Contact => &[
            (Role::Admin, "Also invites and removes colleagues."),
            (Role::Member, "Asks for access and receives keys."),
        ],
    };
    roles
        .iter()
        .map(|(role, help)| Choice::new(role.code(), role_word(*role)).help(*help))
        .collect()
}

pub(super) const fn standing(state: PersonState) -> Standing {
    match state {
        PersonState::Invited => Standing::Invited,
        PersonState::Active => Standing::Active,
        PersonState::Removed => Standing::Ended,
    }
}

fn passkey_words(kind: PersonKind, passkeys: &[Stamped<Credential>]) -> String {
    let fit = passkeys.iter().any(|passkey| passkey.can_receive());
    let count = match passkeys.len() {
        0 => return "no passkey".to_owned(),
        1 => "1 passkey".to_owned(),
        many => format!("{many} passkeys"),
    };
    if kind == PersonKind::Contact && !fit {
        format!("{count}, none that can receive keys")
    } else {
        count
    }
}
