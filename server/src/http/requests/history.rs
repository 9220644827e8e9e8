//! The time line of a request, from the audit log.

use app::components::{Moment, TimelineEntry, Tone};
use domain::act::Act;
use domain::time::Timestamp;
use serde_json::Value;
use store::{AuditRow, Read};

use crate::auth::actor::Actor;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::requests::RequestFile;
use crate::service::timeline;

/// Entries that a time line shows at most.
const LENGTH: i64 = 500;

/// The newest first. A partner reads that the host decided, not who of its staff did.
pub(super) async fn timeline(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    file: &RequestFile,
    now: Timestamp,
) -> Result<Vec<TimelineEntry>, Refusal> {
    let mut rows = read.history(file.request.id.uuid(), LENGTH).await?;
    // What was changed of a live grant since stands on the grant.
    for proposed in &file.proposals {
        let of_grant = read.history(proposed.row.id.uuid(), LENGTH).await?;
        rows.extend(of_grant.into_iter().filter(|row| is_of_live(&row.act)));
    }
    rows.sort_by_key(|row| row.seq);
    let acted = rows.iter().filter_map(|row| row.actor_id);
    let people = acted.chain([file.request.requester_id]).collect();
    let names = timeline::names(portal, read, actor, people).await?;
    let name = |person| names.get(&person).cloned().unwrap_or_default();
    let started = TimelineEntry {
        title: "Draft started".to_owned(),
        detail: name(file.request.requester_id),
        at: Some(Moment::new(file.request.created_at, now)),
        tone: Tone::Plain,
    };
    let happened = rows.iter().rev().map(|row| {
        let who = row.actor_id.map(name).unwrap_or_default();
        entry(file, row, who, now)
    });
    Ok(happened.chain([started]).collect())
}

fn is_of_live(act: &str) -> bool {
    act == Act::NarrowGrant.as_str() || act.ends_with("-overlay")
}

fn entry(file: &RequestFile, row: &AuditRow, who: String, now: Timestamp) -> TimelineEntry {
    let (title, tone) = worded(file, row);
    TimelineEntry {
        title,
        detail: who,
        at: Some(Moment::new(row.at, now)),
        tone,
    }
}

fn worded(file: &RequestFile, row: &AuditRow) -> (String, Tone) {
    let evidence: Value = serde_json::from_str(&row.evidence).unwrap_or_default();
    let facts = evidence.get("details").unwrap_or(&evidence);
    let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let environment = fact("environment")
        .parse()
        .map_or("", |id| file.environment_name(id));
    let section = fact("section");
    match row.act.as_str() {
        "submit-request" => {
            let number = facts
                .get("revision")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            (format!("Revision {number} handed in"), Tone::Info)
        }
        "withdraw-request" => ("Request withdrawn".to_owned(), Tone::Plain),
        "review" => match fact("verdict") {
            "accepted" => (format!("Section accepted: {section}"), Tone::Ok),
            "" => (format!("Comment: {section}"), Tone::Plain),
            _ => (format!("Changes asked: {section}"), Tone::Warn),
        },
        "reply" => (format!("Reply: {section}"), Tone::Plain),
        "recuse" => ("Stepped aside".to_owned(), Tone::Plain),
        "decide" => decided(fact("verdict"), fact("settled"), environment),
        "narrow-grant" | "ask-overlay" | "withdraw-overlay" | "decide-overlay" | "end-overlay" => {
            let (title, _, tone) = timeline::worded(row);
            (title, tone)
        }
        "propose-grant" => (format!("Grant narrowed: {environment}"), Tone::Warn),
        other => (other.to_owned(), Tone::Plain),
    }
}

fn decided(verdict: &str, settled: &str, environment: &str) -> (String, Tone) {
    match (verdict, settled) {
        ("approve", "approved") => (format!("Approved, complete: {environment}"), Tone::Ok),
        ("approve", "waiting-for-passkey") => (
            format!("Approved, waiting for a passkey: {environment}"),
            Tone::Warn,
        ),
        ("approve", _) => (format!("Approved: {environment}"), Tone::Ok),
        ("reject", _) => (format!("Rejected: {environment}"), Tone::Stop),
        _ => (
            format!("Changes asked, deciding on {environment}"),
            Tone::Warn,
        ),
    }
}
