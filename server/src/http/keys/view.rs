//! View models of the key pages.

use std::time::Duration;

use app::components::{Chip, Filled, Line, Moment, Paging};
use app::pages::key::{KeyDetail, KeyList, KeyRow as Row};
use app::pages::state::KeyState as Shown;
use domain::delivery::DeliveryCode;
use domain::grant::Grant;
use domain::id::KeyId;
use domain::key::KeyState;
use domain::state::PartnerState;
use domain::text::Line as TextLine;
use domain::time::Timestamp;
use domain::verification::Reason;
use store::{Delivery, KeyFilter, KeyLine, KeyUse, Read};
use url::form_urlencoded::Serializer;

use super::Wanted;
use crate::auth::actor::{Actor, Side};
use crate::http::temporary;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::hours;
use crate::service::decisions::hex;
use crate::service::keys::{self, KeyFile};
use crate::service::{timeline, usage};

const PAGE: i64 = 20;
/// What ends within this is about to end.
const SOON: Duration = Duration::from_hours(30 * 24);

/// The filters that are offered, after *all*.
const FILTERS: [(&str, &str); 5] = [
    ("active", "Active"),
    ("pre_activation", "On its way"),
    ("suspended", "Suspended"),
    ("soon", "Ending soon"),
    ("ended", "Ended"),
];

pub(super) async fn list(
    portal: &Portal,
    actor: &Actor,
    wanted: &Wanted,
) -> Result<KeyList, Refusal> {
    let now = portal.now();
    let search = wanted
        .q
        .parse::<TextLine<80>>()
        .map(String::from)
        .unwrap_or_default();
    // As it is shown on the page: the dots stand for what is not.
    let search = search.trim_end_matches('…').to_owned();
    let state = FILTERS
        .iter()
        .map(|(code, _)| *code)
        .find(|code| *code == wanted.state)
        .unwrap_or_default();
    let page = wanted
        .page
        .parse::<i64>()
        .unwrap_or_default()
        .clamp(0, 1_000_000);
    let filter = KeyFilter {
        partner: match actor.side() {
            Side::Staff(_) => None,
            Side::Contact { partner, .. } => Some(*partner),
        },
        state: state.to_owned(),
        soon_before: Some(now.plus(SOON)),
        search: search.clone(),
        // One more than is shown tells whether there are older ones.
        limit: PAGE + 1,
        offset: page.saturating_mul(PAGE),
    };
    let mut lines = portal.store.read().await?.list_keys(&filter).await?;
    let shown = usize::try_from(PAGE).unwrap_or_default();
    let more = lines.len() > shown;
    lines.truncate(shown);
    Ok(KeyList {
        summary: "Each key, where it stands and when it was last used. The newest first."
            .to_owned(),
        query: search.clone(),
        kept: match state {
            "" => Vec::new(),
            state => vec![("state".to_owned(), state.to_owned())],
        },
        chips: chips(&search, state),
        paging: paging(&search, state, page, lines.len(), more),
        filtered: !search.is_empty() || !state.is_empty(),
        usage: match actor.side() {
            Side::Staff(_) => String::new(),
            Side::Contact { partner, .. } => format!("/partners/{partner}/usage"),
        },
        rows: lines.into_iter().map(|line| row(line, now)).collect(),
    })
}

pub(super) async fn one(
    portal: &Portal,
    actor: &Actor,
    id: KeyId,
    filled: Filled,
) -> Result<KeyDetail, Refusal> {
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let file = keys::seen(&mut read, actor, id).await?;
    let usage = read.key_use(id).await?;
    let hours = usage::hours(&portal.store, &mut read, id, now).await?;
    let may = keys::may(&mut read, actor, &file, now).await?;
    let timeline = timeline::of_key(portal, &mut read, actor, &file).await?;
    let facts = facts(&mut read, &file).await?;
    let temporary = temporary::lines_of_grant(&mut read, file.key.grant_id, now).await?;
    let in_force = file.context.in_force(&mut read).await?;
    let (key, context) = (&file.key, &file.context);
    let opened = file
        .deliveries
        .iter()
        .any(|delivery| delivery.state.0 == DeliveryCode::Claimed);
    Ok(KeyDetail {
        id: id.to_string(),
        shown: keys::shown(key),
        partner: context.partner.name.clone(),
        partner_id: match actor.side() {
            Side::Staff(_) => context.partner.id.to_string(),
            Side::Contact { .. } => String::new(),
        },
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        state: state_of(key.state.0, opened),
        ends: Moment::new(key.ended_at.unwrap_or(key.expires_at), now),
        last_used: usage.as_ref().and_then(|usage| last_used(usage, now)),
        last_refused: usage.as_ref().and_then(|usage| last_refused(usage, now)),
        accepted: hours.iter().map(|hour| hour.0).sum(),
        refused: hours.iter().map(|hour| hour.1).sum(),
        hours,
        grant: granted(&file, &in_force),
        facts,
        request_id: context.grant.request_id.to_string(),
        grant_id: context.grant.id.to_string(),
        temporary,
        timeline,
        may,
        filled,
    })
}

/// A key's state as pages show it; `opened` is whether its delivery is claimed.
pub const fn state_of(state: KeyState, opened: bool) -> Shown {
    match state {
        KeyState::PreActivation if opened => Shown::NotActive,
        KeyState::PreActivation => Shown::Sent,
        KeyState::Active => Shown::Active,
        KeyState::Suspended => Shown::Suspended,
        KeyState::Deactivated => Shown::Deactivated,
        KeyState::Compromised => Shown::Compromised,
        KeyState::Destroyed => Shown::Destroyed,
    }
}

fn row(line: KeyLine, now: Timestamp) -> Row {
    let KeyLine { key, names } = line;
    Row {
        id: key.id.to_string(),
        shown: keys::shown(&key),
        partner: names.partner_name,
        service: names.service_name,
        environment: names.environment_name,
        state: state_of(key.state.0, names.is_claimed > 0),
        last_used: names
            .used_at
            .map(|at| Moment::new(Timestamp::from_micros(at), now)),
        ends: Moment::new(key.ended_at.unwrap_or(key.expires_at), now),
    }
}

fn last_used(usage: &KeyUse, now: Timestamp) -> Option<(Moment, String)> {
    let from = usage.accepted_from.clone().unwrap_or_default();
    Some((Moment::new(usage.accepted_at?, now), from))
}

fn last_refused(usage: &KeyUse, now: Timestamp) -> Option<(Moment, String, String)> {
    let code = usage.refused_reason.clone().unwrap_or_default();
    let why = code
        .parse::<Reason>()
        .map_or_else(|_| String::new(), |reason| reason.sentence().to_owned());
    Some((Moment::new(usage.refused_at?, now), why, code))
}

fn granted(file: &KeyFile, grant: &Grant) -> Vec<Line> {
    let scopes: Vec<String> = grant
        .scopes()
        .iter()
        .map(|scope| scope.to_string())
        .collect();
    let rules: Vec<String> = grant
        .rules()
        .iter()
        .map(|rule| format!("{} {}", rule.method.code(), rule.pattern))
        .collect();
    let until = file.context.grant.valid_until;
    let mut lines = vec![
        Line::new("Scopes", scopes.join(", ")),
        Line::new("Calls", rules.join("\n")).mono(),
        Line::new(
            "From networks",
            grant.sources().to_string().replace(' ', "\n"),
        )
        .mono(),
        Line::new("Rate", format!("{} a second", grant.rate())),
    ];
    if !grant.limits().are_empty() {
        lines.push(Line::new("Further limits", grant.limits().to_string()));
    }
    if !grant.hours().are_all() {
        lines.push(Line::new("Hours", hours(grant)));
    }
    let until = until.map_or_else(String::new, Timestamp::minute);
    lines.push(Line::new("Valid until", until));
    if file.context.grant.narrowed.0.is_some() {
        lines.push(Line::new(
            "Narrowed",
            "less than was approved: see the time line",
        ));
    }
    lines
}

async fn facts(read: &mut Read, file: &KeyFile) -> Result<Vec<Line>, Refusal> {
    let (key, context) = (&file.key, &file.context);
    let recipient = read.person(context.grant.recipient_id).await?;
    let mut facts = vec![
        Line::new(
            "Recipient",
            recipient.map_or_else(String::new, |person| person.name.clone()),
        ),
        Line::new("Made", key.created_at.minute()),
        Line::new("Ends", key.expires_at.minute()),
    ];
    if let Some(delivery) = file.deliveries.last() {
        facts.push(Line::new("Delivery", delivered(delivery)));
    }
    if let Some(old) = key.replaces_id
        && let Some(old) = read.key(old).await?
    {
        facts.push(Line::new("Replaces", keys::shown(&old)).mono());
    }
    if let Some(ended) = key.ended_at {
        let why = key.end_reason.clone().unwrap_or_default();
        facts.push(Line::new("Ended", ended.minute()).remark(why));
    }
    if context.partner.state.0 != PartnerState::Active {
        facts.push(Line::new(
            "Partner",
            format!("{}: no key of it works", context.partner.state.0),
        ));
    }
    facts.push(Line::new("Grant", hex(&context.grant.digest)).mono());
    Ok(facts)
}

fn delivered(delivery: &Delivery) -> String {
    match delivery.state.0 {
        DeliveryCode::Sealed => format!("mailed, open until {}", delivery.expires_at.minute()),
        DeliveryCode::Claimed => "opened, waits for the receipt".to_owned(),
        DeliveryCode::Receipted => format!(
            "stored, receipt signed {}",
            delivery
                .ended_at
                .map_or_else(String::new, Timestamp::minute)
        ),
        DeliveryCode::Expired | DeliveryCode::Cancelled => delivery
            .end_reason
            .clone()
            .unwrap_or_else(|| "ended".to_owned()),
    }
}

fn chips(search: &str, here: &str) -> Vec<Chip> {
    [("", "All")]
        .into_iter()
        .chain(FILTERS)
        .map(|(code, label)| Chip {
            href: href(search, code, 0),
            label: label.to_owned(),
            count: None,
            here: code == here,
        })
        .collect()
}

fn paging(search: &str, state: &str, page: i64, shown: usize, more: bool) -> Paging {
    if page == 0 && !more {
        return Paging::default();
    }
    let first = page * PAGE + 1;
    let last = page * PAGE + i64::try_from(shown).unwrap_or_default();
    Paging {
        place: format!("{first}–{last}"),
        newer: (page > 0).then(|| href(search, state, page - 1)),
        older: more.then(|| href(search, state, page + 1)),
    }
}

fn href(search: &str, state: &str, page: i64) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("q", search), ("state", state)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if page > 0 {
        query.append_pair("page", &page.to_string());
    }
    match query.finish() {
        none if none.is_empty() => "/keys".to_owned(),
        query => format!("/keys?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_stands_in_the_address_of_every_page() {
        let paging = paging("a&b", "soon", 1, 20, true);
        assert_eq!(paging.newer.as_deref(), Some("/keys?q=a%26b&state=soon"));
        assert_eq!(
            paging.older.as_deref(),
            Some("/keys?q=a%26b&state=soon&page=2")
        );
        assert_eq!(paging.place, "21–40");
    }

    #[test]
    fn an_undelivered_key_never_reads_as_active() {
        assert_eq!(state_of(KeyState::PreActivation, false), Shown::Sent);
        assert_eq!(state_of(KeyState::PreActivation, true), Shown::NotActive);
    }
}
