//! The life of a key, from the audit log: its grant's decisions, its deliveries, its own acts.

use std::collections::HashMap;

use app::components::{Moment, TimelineEntry, Tone};
use domain::audit::Outcome;
use domain::id::PersonId;
use domain::time::Timestamp;
use serde_json::Value;
use store::{AuditRow, Read};

use crate::auth::actor::{Actor, Side};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::ALERT;
use crate::service::keys::KeyFile;
use crate::service::overlays::OverlayFile;

/// Entries of one subject that a time line shows at most.
const LENGTH: i64 = 200;

/// The newest first. A contact reads who of their colleagues acted; of staff only that the host
/// did.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn of_key(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    file: &KeyFile,
) -> Result<Vec<TimelineEntry>, Refusal> {
    let mut rows = read.history(file.key.id.uuid(), LENGTH).await?;
    rows.extend(read.history(file.key.grant_id.uuid(), LENGTH).await?);
    for delivery in &file.deliveries {
        rows.extend(read.history(delivery.id.uuid(), LENGTH).await?);
    }
    let decided = read
        .history(file.context.grant.request_id.uuid(), LENGTH)
        .await?;
    let grant = file.key.grant_id.to_string();
    rows.extend(decided.into_iter().filter(|row| is_about(row, &grant)));
    rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
    let people = rows.iter().filter_map(|row| row.actor_id);
    let names = names(portal, read, actor, people.collect()).await?;
    let now = portal.now();
    Ok(rows.iter().map(|row| entry(row, &names, now)).collect())
}

/// The life of temporary access: what is written on its grant, about it.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn of_overlay(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    file: &OverlayFile,
) -> Result<Vec<TimelineEntry>, Refusal> {
    let mut rows = read.history(file.row.grant_id.uuid(), LENGTH).await?;
    let id = file.row.id.to_string();
    rows.retain(|row| says(row, "overlay", &id));
    rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
    let people = rows.iter().filter_map(|row| row.actor_id);
    let names = names(portal, read, actor, people.collect()).await?;
    let now = portal.now();
    Ok(rows.iter().map(|row| entry(row, &names, now)).collect())
}

/// What each person is called to the actor.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn names(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    people: Vec<PersonId>,
) -> Result<HashMap<PersonId, String>, Refusal> {
    let mut names = HashMap::new();
    for id in people {
        if names.contains_key(&id) {
            continue;
        }
        let Some(person) = read.person(id).await? else {
            continue;
        };
        let name = match actor.side() {
            Side::Contact { partner, .. } if person.partner_id != Some(*partner) => {
                portal.config.host_name.clone()
            }
            _ => person.name.clone(),
        };
        names.insert(id, name);
    }
    Ok(names)
}

fn entry(row: &AuditRow, names: &HashMap<PersonId, String>, now: Timestamp) -> TimelineEntry {
    let (title, why, tone) = worded(row);
    let who = row
        .actor_id
        .and_then(|id| names.get(&id))
        .map_or("", String::as_str);
    let detail = match (who.is_empty(), why.is_empty()) {
        (false, false) => format!("{who}: {why}"),
        (false, true) => who.to_owned(),
        (true, _) => why,
    };
    TimelineEntry {
        title,
        detail,
        at: Some(Moment::new(row.at, now)),
        tone,
    }
}

/// Decisions are written on the request: which of its grants one is about stands in its details.
fn is_about(row: &AuditRow, grant: &str) -> bool {
    says(row, "grant", grant)
}

/// Whether an entry's details say this.
fn says(row: &AuditRow, name: &str, value: &str) -> bool {
    let evidence: Value = serde_json::from_str(&row.evidence).unwrap_or_default();
    let facts = evidence.get("details").unwrap_or(&evidence);
    facts.get(name).and_then(Value::as_str) == Some(value)
}

/// What happened, the reason that was given, and its colour.
pub fn worded(row: &AuditRow) -> (String, String, Tone) {
    let evidence: Value = serde_json::from_str(&row.evidence).unwrap_or_default();
    let facts = evidence.get("details").unwrap_or(&evidence);
    let fact = |name: &str| {
        facts
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let days = facts
        .get("days")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let done = row.outcome.0 == Outcome::Done;
    let (title, tone) = match (row.act.as_str(), row.subject_kind.as_str()) {
        ("decide", _) => match fact("verdict").as_str() {
            "approve" => ("Approved", Tone::Ok),
            "reject" => ("Rejected", Tone::Stop),
            _ => ("Changes asked", Tone::Warn),
        },
        ("ask-overlay", _) => ("Temporary access asked for", Tone::Info),
        ("withdraw-overlay", _) => ("Temporary access withdrawn", Tone::Plain),
        ("decide-overlay", _) => match (fact("verdict").as_str(), fact("settled").as_str()) {
            ("approve", "approved") => ("Temporary access is open", Tone::Ok),
            ("approve", _) => ("Temporary access approved by one", Tone::Info),
            _ => ("Temporary access rejected", Tone::Stop),
        },
        ("end-overlay", _) => ("Temporary access ended", Tone::Plain),
        ("narrow-grant", _) => ("Grant narrowed", Tone::Warn),
        ("propose-grant", _) => ("Grant narrowed", Tone::Warn),
        ("mint", _) => ("Key made", Tone::Info),
        ("seal", _) => ("Sealed, and the link mailed", Tone::Info),
        ("claim", _) if done => ("Opened", Tone::Info),
        ("claim", _) => ("Opening refused", Tone::Warn),
        ("receipt", _) => ("Stored: the key works", Tone::Ok),
        ("report", _) => ("Reported: this was not me", Tone::Stop),
        (ALERT, _) => ("Said without a passkey: this was not me", Tone::Warn),
        ("end-delivery", _) => ("The link ended", Tone::Warn),
        ("suspend", _) => ("Suspended", Tone::Warn),
        ("resume", _) => ("Resumed", Tone::Ok),
        ("receive-replacement", _) => ("Replacement asked for", Tone::Info),
        ("remake-delivery", _) => ("New link asked for", Tone::Info),
        ("revoke-key", _) => ("Revoked", Tone::Stop),
        ("revoke-grant", _) => ("Grant revoked", Tone::Stop),
        ("end-key", _) => ("Ended with its grant", Tone::Stop),
        ("expire", "grant") => ("Grant expired", Tone::Plain),
        ("expire", _) => ("Expired", Tone::Plain),
        ("notify-expiry", _) if days == 1 => ("Mail: one day left", Tone::Plain),
        ("notify-expiry", _) => {
            return (
                format!("Mail: {days} days left"),
                String::new(),
                Tone::Plain,
            );
        }
        (other, _) => return (other.to_owned(), String::new(), Tone::Plain),
    };
    let why = [fact("reason"), fact("why")]
        .into_iter()
        .find(|why| !why.is_empty());
    (title.to_owned(), why.unwrap_or_default(), tone)
}

#[cfg(test)]
mod tests {
    use domain::audit::ActorKind;
    use store::Code;

    use super::*;

    fn row(act: &str, evidence: &str, outcome: Outcome) -> AuditRow {
        AuditRow {
            seq: 1,
            at: Timestamp::from_micros(0),
            actor_kind: Code(ActorKind::System),
            actor_id: None,
            credential_id: None,
            act: act.to_owned(),
            subject_kind: "key".to_owned(),
            subject_id: uuid::Uuid::nil(),
            outcome: Code(outcome),
            evidence: evidence.to_owned(),
            address: None,
            agent: None,
            previous: [0; 32],
            hash: [0; 32],
        }
    }

    #[test]
    fn a_reason_is_told_with_the_end_that_it_was_given_for() {
        let proved =
            r#"{"statement":{},"assertion":{},"details":{"reason":"The laptop was stolen."}}"#;
        let (title, why, _) = worded(&row("revoke-key", proved, Outcome::Done));
        assert_eq!(
            (title.as_str(), why.as_str()),
            ("Revoked", "The laptop was stolen.")
        );
    }

    #[test]
    fn a_refused_opening_does_not_read_as_an_opening() {
        assert_eq!(
            worded(&row("claim", "{}", Outcome::Refused)).0,
            "Opening refused"
        );
        assert_eq!(worded(&row("claim", "{}", Outcome::Done)).0, "Opened");
    }

    #[test]
    fn evidence_that_is_no_json_still_shows_its_act() {
        assert_eq!(
            worded(&row("something-new", "not json", Outcome::Done)).0,
            "something-new"
        );
    }
}
