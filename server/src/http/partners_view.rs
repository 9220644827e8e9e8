//! Partners as their pages show them.

use app::components::{Chip, Filled, Line, Moment, Paging, thousands};
use app::pages::home::Waiting;
use app::pages::partner::{PartnerDetail, PartnerList, PartnerRow};
use app::pages::state::{self, Standing};
use domain::id::PartnerId;
use domain::key::KeyState;
use domain::request::RequestState;
use domain::state::PartnerState;
use store::{AccessRequest, KeyRow, PartnerFilter, PartnerLine, Person, Read, Stamped};

use crate::auth::actor::Actor;
use crate::http::partners::Filter;
use crate::http::people_view;
use crate::http::queue::in_state;
use crate::http::requests::shown;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::partners;

const PAGE: i64 = 50;
/// No partner page lists more requests than this; the queue finds the others.
const REQUESTS: i64 = 100;

pub(super) async fn list(
    portal: &Portal,
    actor: &Actor,
    filter: &Filter,
) -> Result<PartnerList, Refusal> {
    let mut read = portal.store.read().await?;
    let state = filter.state.parse::<PartnerState>().ok();
    let search = filter.q.trim();
    let counts = read.partner_counts(search).await?;
    let total = match state {
        Some(state) => in_state(&counts, state.code()),
        None => counts.iter().map(|(_, count)| *count).sum(),
    };
    let wanted = PartnerFilter {
        state: state.map_or("", PartnerState::code).to_owned(),
        search: search.to_owned(),
        limit: PAGE,
        offset: filter.page.saturating_mul(PAGE),
    };
    let rows = read.list_partners(&wanted).await?;
    Ok(PartnerList {
        summary: match total {
            1 => "One organisation.".to_owned(),
            many => format!("{many} organisations."),
        },
        query: filter.q.clone(),
        chips: chips(&counts, filter, state),
        rows: rows.into_iter().map(|line| row(portal, line)).collect(),
        paging: paging(filter, total),
        filtered: state.is_some() || !search.is_empty(),
        may_invite: actor.operator().is_ok(),
    })
}

fn row(portal: &Portal, line: PartnerLine) -> PartnerRow {
    let PartnerLine { partner, count } = line;
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    PartnerRow {
        id: partner.id.to_string(),
        name: partner.name.clone(),
        domain: count
            .email
            .as_deref()
            .and_then(|email| email.split_once('@'))
            .map(|(_, domain)| domain.to_owned())
            .unwrap_or_default(),
        standing: standing(partner.state.0),
        contacts: number(count.contacts),
        requests: number(count.requests),
        live_keys: number(count.live_keys),
        since: Moment::new(partner.created_at, portal.now()),
    }
}

/// A partner's page; `filled` is what was typed into one of its forms.
pub(super) async fn one(
    portal: &Portal,
    actor: &Actor,
    id: PartnerId,
    filled: Filled,
) -> Result<PartnerDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let partner = partners::seen(&mut read, actor, id).await?;
    let people = read.contacts(id).await?;
    let mut contacts = Vec::with_capacity(people.len());
    for person in &people {
        contacts.push(people_view::row(portal, &mut read, person, true).await?);
    }
    let keys = partners::keys(&mut read, id).await?;
    let domains = domains(&mut read, &people).await?;
    let stands = partner.state.0 != PartnerState::Ended;
    Ok(PartnerDetail {
        id: id.to_string(),
        name: partner.name.clone(),
        standing: standing(partner.state.0),
        facts: vec![
            Line::new("Since", partner.created_at.day()),
            Line::new("Domains of its contacts", domains.join(", ")),
        ],
        contacts,
        requests: requests(&mut read, id).await?,
        live_keys: count(live(&keys)),
        keys: keys.iter().map(|key| key_line(key)).collect(),
        may_manage: stands && actor.operator().is_ok(),
        may_revoke: stands && actor.revoker().is_ok(),
        filled,
    })
}

async fn requests(read: &mut Read, id: PartnerId) -> Result<Vec<Waiting>, Refusal> {
    let mut shown = Vec::new();
    for request in read.requests_of(id, REQUESTS, 0).await? {
        // A draft is the partner's own business until it is handed in.
        if request.state.0 == RequestState::Draft {
            continue;
        }
        let service = read.service(request.service_id).await?;
        shown.push(request_line(
            &request,
            service.map(|service| service.name).unwrap_or_default(),
        ));
    }
    Ok(shown)
}

fn request_line(request: &AccessRequest, service: String) -> Waiting {
    Waiting {
        title: service,
        detail: format!("Changed {}", request.updated_at.day()),
        state: Some(shown(request.state.0).pill()),
        href: format!("/requests/{}", request.id),
        button: String::new(),
    }
}

fn key_line(key: &KeyRow) -> Waiting {
    let state = match key.state.0 {
        KeyState::PreActivation => state::KeyState::NotActive,
        KeyState::Active => state::KeyState::Active,
        KeyState::Suspended => state::KeyState::Suspended,
        KeyState::Deactivated => state::KeyState::Deactivated,
        KeyState::Compromised => state::KeyState::Compromised,
        KeyState::Destroyed => state::KeyState::Destroyed,
    };
    Waiting {
        title: format!("{}{}…", key.prefix, key.kid),
        detail: format!("Ends {}", key.expires_at.day()),
        state: Some(state.pill()),
        href: format!("/keys/{}", key.id),
        button: String::new(),
    }
}

/// The mail domains of these people, each once.
async fn domains(read: &mut Read, people: &[Stamped<Person>]) -> Result<Vec<String>, Refusal> {
    let mut domains: Vec<String> = Vec::new();
    for person in people {
        let address = read.address(person.id).await?;
        let domain = address.and_then(|address| {
            address
                .email
                .split_once('@')
                .map(|(_, domain)| domain.to_owned())
        });
        domains.extend(domain.filter(|domain| !domains.contains(domain)));
    }
    Ok(domains)
}

fn chips(counts: &[(String, i64)], filter: &Filter, chosen: Option<PartnerState>) -> Vec<Chip> {
    let every = [
        (None, "All"),
        (Some(PartnerState::Active), "Active"),
        (Some(PartnerState::Suspended), "Suspended"),
        (Some(PartnerState::Ended), "Ended"),
    ];
    every
        .into_iter()
        .map(|(state, label)| Chip {
            href: place(&filter.q, state.map_or("", PartnerState::code), 0),
            label: label.to_owned(),
            count: state.map(|state| thousands(in_state(counts, state.code()).unsigned_abs())),
            here: state == chosen,
        })
        .collect()
}

fn paging(filter: &Filter, total: i64) -> Paging {
    let start = filter.page.saturating_mul(PAGE);
    let end = start.saturating_add(PAGE).min(total);
    if total <= PAGE && filter.page == 0 {
        return Paging::default();
    }
    let to = |page| place(&filter.q, &filter.state, page);
    Paging {
        place: format!("{}–{end} of {total}", start.saturating_add(1).min(end)),
        newer: (filter.page > 0).then(|| to(filter.page - 1)),
        older: (end < total).then(|| to(filter.page + 1)),
    }
}

fn place(query: &str, state: &str, page: i64) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", query), ("state", state)] {
        if !value.is_empty() {
            pairs.append_pair(name, value);
        }
    }
    if page > 0 {
        pairs.append_pair("page", &page.to_string());
    }
    match pairs.finish() {
        query if query.is_empty() => "/partners".to_owned(),
        query => format!("/partners?{query}"),
    }
}

fn live(keys: &[Stamped<KeyRow>]) -> usize {
    keys.iter()
        .filter(|key| key.state.0 == KeyState::Active)
        .count()
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

const fn standing(state: PartnerState) -> Standing {
    match state {
        PartnerState::Active => Standing::Active,
        PartnerState::Suspended => Standing::Suspended,
        PartnerState::Ended => Standing::Ended,
    }
}
