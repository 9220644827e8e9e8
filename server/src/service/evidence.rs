//! The audit log, read: filtered, named, exported. Reading changes nothing.

use std::time::Duration;

use domain::id::{
    CeremonyId, DeliveryId, GrantId, KeyId, PartnerId, PersonId, RequestId, ServiceId,
};
use domain::person::Email;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{AuditFilter, AuditRow, Ceremony, Read};
use uuid::Uuid;

use crate::auth::actor::{Actor, Auditor};
use crate::chance::system_rng;
use crate::refusal::Refusal;
use crate::service::decisions::hex;
use crate::service::keys;

const DAY: Duration = Duration::from_hours(24);
/// How long an export that was signed for can be fetched, in the session that signed.
pub const EXPORT_OPEN: Duration = Duration::from_mins(10);
const EXPORT: &str = "audit-export";

/// What an auditor asks for, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub act: String,
    #[serde(default)]
    pub outcome: String,
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: String,
}

impl Asked {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The filter that what was typed comes to; `None` when it names nobody and nothing.
///
/// # Errors
/// [`Refusal::Invalid`] for a day that is none.
pub async fn filter(
    read: &mut Read,
    _: Auditor,
    asked: &Asked,
) -> Result<Option<AuditFilter>, Refusal> {
    let mut filter = AuditFilter {
        act: asked.act.clone(),
        outcome: asked.outcome.clone(),
        from: day("from", &asked.from)?,
        to: day("to", &asked.to)?.map(|day| day.plus(DAY)),
        ..AuditFilter::default()
    };
    let sought = asked.q.trim().trim_end_matches('…');
    if sought.is_empty() {
        return Ok(Some(filter));
    }
    match find(read, sought).await? {
        Some(Found::Actor(person)) => filter.actor = Some(person),
        Some(Found::Subject(subject)) => filter.subject = Some(subject),
        None => return Ok(None),
    }
    Ok(Some(filter))
}

enum Found {
    Actor(PersonId),
    Subject(Uuid),
}

/// A person by address or name, a key by its kid, a partner by name, or anything by its id.
async fn find(read: &mut Read, sought: &str) -> Result<Option<Found>, Refusal> {
    if let Ok(id) = sought.parse::<Uuid>() {
        let person = read.person(PersonId::new(id)).await?.is_some();
        return Ok(Some(if person {
            Found::Actor(PersonId::new(id))
        } else {
            Found::Subject(id)
        }));
    }
    if let Ok(email) = sought.parse::<Email>() {
        let address = read.address_of(&email).await?;
        return Ok(address.map(|address| Found::Actor(address.id)));
    }
    let kid = sought.rsplit('_').next().unwrap_or_default();
    if let Some(key) = read.key_by_kid(kid).await? {
        return Ok(Some(Found::Subject(key.id.uuid())));
    }
    let sought = sought.to_lowercase();
    let partners = read.partners().await?;
    let mut people = read.staff().await?;
    for partner in &partners {
        if partner.name.to_lowercase().contains(&sought) {
            return Ok(Some(Found::Subject(partner.id.uuid())));
        }
        people.extend(read.contacts(partner.id).await?);
    }
    let person = people
        .iter()
        .find(|person| person.name.to_lowercase().contains(&sought));
    Ok(person.map(|person| Found::Actor(person.id)))
}

/// One entry by its number.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn entry(read: &mut Read, _: Auditor, number: i64) -> Result<AuditRow, Refusal> {
    let found = read.audit_from(number, 1).await?;
    found
        .into_iter()
        .find(|row| row.seq == number)
        .ok_or(Refusal::NotFound)
}

/// What an entry is about, in words; its kind and id where it has no name.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn subject(read: &mut Read, row: &AuditRow) -> Result<String, Refusal> {
    let id = row.subject_id;
    let name = match row.subject_kind.as_str() {
        "person" => read
            .person(PersonId::new(id))
            .await?
            .map(|person| person.name.clone()),
        "partner" => read
            .partner(PartnerId::new(id))
            .await?
            .map(|partner| partner.name.clone()),
        "service" => read
            .service(ServiceId::new(id))
            .await?
            .map(|service| service.name),
        "key" => read.key(KeyId::new(id)).await?.map(|key| keys::shown(&key)),
        "delivery" => match read.delivery(DeliveryId::new(id)).await? {
            Some(delivery) => read
                .key(delivery.key_id)
                .await?
                .map(|key| keys::shown(&key)),
            None => None,
        },
        "grant" => match read.grant(GrantId::new(id)).await? {
            Some(grant) => read
                .partner(grant.partner_id)
                .await?
                .map(|partner| partner.name.clone()),
            None => None,
        },
        "request" => match read.request(RequestId::new(id)).await? {
            Some(request) => read
                .partner(request.partner_id)
                .await?
                .map(|partner| partner.name.clone()),
            None => None,
        },
        _ => None,
    };
    let kind = &row.subject_kind;
    Ok(name.map_or_else(|| format!("{kind} {id}"), |name| format!("{kind}: {name}")))
}

/// An export that was signed for: which entries, for whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    pub asked: Asked,
    /// The last entry in it.
    pub until: i64,
    session: Uuid,
}

/// The permission that a signed export leaves behind, for its person and session, for minutes.
///
/// # Errors
/// [`Refusal::Internal`].
pub fn permit(actor: &Actor, asked: Asked, until: i64, at: Timestamp) -> Result<Ceremony, Refusal> {
    let export = Export {
        asked,
        until,
        session: actor.session().uuid(),
    };
    Ok(Ceremony {
        id: CeremonyId::random(&mut system_rng()),
        kind: EXPORT.to_owned(),
        person_id: Some(actor.person()),
        state: serde_json::to_string(&export).map_err(Refusal::internal)?,
        expires_at: at.plus(EXPORT_OPEN),
    })
}

/// The export behind an id. Looking does not spend it: a download that breaks off can be fetched
/// again until the permission ends.
///
/// # Errors
/// [`Refusal::NotFound`] for another person or session, or after its time.
pub async fn export(
    read: &mut Read,
    actor: &Actor,
    id: CeremonyId,
    now: Timestamp,
) -> Result<Export, Refusal> {
    actor.auditor()?;
    let kept = read
        .ceremony(id, EXPORT, actor.person(), now)
        .await?
        .ok_or(Refusal::NotFound)?;
    let export: Export = serde_json::from_str(&kept.state).map_err(Refusal::internal)?;
    if export.session == actor.session().uuid() {
        Ok(export)
    } else {
        Err(Refusal::NotFound)
    }
}

/// Whether an entry is one of those asked for: the same as the database's filter says.
pub fn fits(filter: &AuditFilter, row: &AuditRow) -> bool {
    (filter.act.is_empty() || row.act == filter.act)
        && (filter.outcome.is_empty() || row.outcome.0.code() == filter.outcome)
        && filter.actor.is_none_or(|actor| row.actor_id == Some(actor))
        && filter
            .subject
            .is_none_or(|subject| row.subject_id == subject)
        && filter.from.is_none_or(|from| row.at >= from)
        && filter.to.is_none_or(|to| row.at < to)
}

/// One line of an export: every field that the hash is over, and the hashes.
#[derive(Serialize)]
struct ExportLine<'a> {
    seq: i64,
    /// Microseconds since 1970, as hashed.
    at: i64,
    actor_kind: &'a str,
    actor: Option<PersonId>,
    credential: Option<domain::id::CredentialId>,
    act: &'a str,
    subject_kind: &'a str,
    subject: Uuid,
    outcome: &'a str,
    evidence: &'a str,
    address: Option<String>,
    user_agent: Option<&'a str>,
    previous: String,
    hash: String,
}

/// # Errors
/// [`Refusal::Internal`].
pub fn export_line(row: &AuditRow) -> Result<String, Refusal> {
    let line = ExportLine {
        seq: row.seq,
        at: row.at.micros(),
        actor_kind: row.actor_kind.0.code(),
        actor: row.actor_id,
        credential: row.credential_id,
        act: &row.act,
        subject_kind: &row.subject_kind,
        subject: row.subject_id,
        outcome: row.outcome.0.code(),
        evidence: &row.evidence,
        address: row.address.map(|address| address.0.to_string()),
        user_agent: row.agent.as_deref(),
        previous: hex(&row.previous),
        hash: hex(&row.hash),
    };
    let mut text = serde_json::to_string(&line).map_err(Refusal::internal)?;
    text.push('\n');
    Ok(text)
}

/// The start of a day in UTC, typed as `2026-10-01`.
fn day(field: &str, typed: &str) -> Result<Option<Timestamp>, Refusal> {
    if typed.is_empty() {
        return Ok(None);
    }
    parse_day(typed)
        .map(Some)
        .ok_or_else(|| Refusal::field(field, "Write a day, such as 2026-10-01."))
}

fn parse_day(typed: &str) -> Option<Timestamp> {
    let digits = |text: &str, length: usize| {
        let whole = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| text.parse::<i64>().ok()).flatten()
    };
    let mut parts = typed.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    // The civil day number of the proleptic Gregorian calendar, with the year begun in March.
    let (shifted, moved) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_year = (153 * moved + 2) / 5 + day - 1;
    let number = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 719_468;
    let start = Timestamp::from_micros(number * 86_400 * 1_000_000);
    // A day that the calendar does not have comes back as another one.
    (1970..=9999)
        .contains(&year)
        .then_some(start)
        .filter(|start| start.to_string().starts_with(typed))
}

#[cfg(test)]
mod tests {
    use domain::audit::{ActorKind, Outcome};
    use store::Code;

    use super::*;

    fn row() -> AuditRow {
        AuditRow {
            seq: 7,
            at: Timestamp::from_micros(1_000),
            actor_kind: Code(ActorKind::Staff),
            actor_id: Some(PersonId::new(Uuid::from_u128(1))),
            credential_id: None,
            act: "decide".to_owned(),
            subject_kind: "grant".to_owned(),
            subject_id: Uuid::from_u128(2),
            outcome: Code(Outcome::Done),
            evidence: "{\"a\":\"line\\nend\"}".to_owned(),
            address: None,
            agent: None,
            previous: [0; 32],
            hash: [0xab; 32],
        }
    }

    #[test]
    fn a_day_is_read_and_a_day_that_does_not_exist_is_refused() {
        let at = parse_day("2027-02-19").unwrap();
        assert_eq!(at.to_string(), "2027-02-19T00:00:00Z");
        assert_eq!(
            parse_day("2028-02-29").unwrap().to_string(),
            "2028-02-29T00:00:00Z"
        );
        for wrong in [
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "27-01-01",
            "tomorrow",
            "2027-1-1",
            "+027-01-01",
        ] {
            assert!(parse_day(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_exported_entry_is_one_line_with_its_evidence_as_it_was_kept() {
        let line = export_line(&row()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["evidence"], "{\"a\":\"line\\nend\"}");
        assert_eq!(read["hash"], "ab".repeat(32));
        assert_eq!(read["at"], 1_000);
    }

    #[test]
    fn an_export_leaves_out_what_was_not_asked_for() {
        let all = AuditFilter::default();
        assert!(fits(&all, &row()));
        for other in [
            AuditFilter {
                act: "claim".to_owned(),
                ..all.clone()
            },
            AuditFilter {
                outcome: "refused".to_owned(),
                ..all.clone()
            },
            AuditFilter {
                actor: Some(PersonId::new(Uuid::from_u128(9))),
                ..all.clone()
            },
            AuditFilter {
                subject: Some(Uuid::from_u128(9)),
                ..all.clone()
            },
            AuditFilter {
                from: Some(Timestamp::from_micros(1_001)),
                ..all.clone()
            },
            AuditFilter {
                to: Some(Timestamp::from_micros(1_000)),
                ..all.clone()
            },
        ] {
            assert!(!fits(&other, &row()), "{other:?}");
        }
    }
}
