//! `/audit`: the log for auditors, with its filters and place in the URL; one entry; the export.

use std::collections::HashMap;

use app::components::{Choice, Filled, Line, Moment, Paging};
use app::pages::audit::{
    Audit, AuditEntry, AuditRow as Row, Export, audit_entry_page, audit_page, export_page,
};
use app::shell::Area;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use domain::act::Act;
use domain::audit::{ActorKind, Outcome};
use domain::id::{CeremonyId, CredentialId};
use futures_util::stream;
use serde::Deserialize;
use store::{AuditFilter, AuditRow, Read};
use url::form_urlencoded::Serializer;

use crate::auth::actor::Actor;
use crate::http::begin::ask;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::filled;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::ExportAudit;
use crate::service::decisions::hex;
use crate::service::delivery::ALERT;
use crate::service::{evidence, timeline};

const PAGE: i64 = 50;
/// Entries that an export reads at a time.
const CHUNK: i64 = 500;

/// Entries of acts that need no assertion, or are not acts of a person.
const OTHER_ACTS: [&str; 25] = [
    "sign-in",
    "wrong-code",
    "owner-link",
    "rename-passkey",
    "refuse-proposal",
    "submit-request",
    "withdraw-request",
    "end-request",
    "review",
    "reply",
    "recuse",
    "ask-overlay",
    "withdraw-overlay",
    "mint",
    "seal",
    "receipt",
    ALERT,
    "end-delivery",
    "end-key",
    "expire",
    "notify-expiry",
    "resend-mail",
    "send-test-mail",
    "backup",
    "restore",
];

/// What the URL says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    /// The entry before which the page begins.
    #[serde(default)]
    page: String,
}

/// `GET /audit`
pub async fn list(view: View, actor: Actor, Query(wanted): Query<Wanted>) -> Response {
    let asked = wanted.asked();
    let typed = asked.filled();
    match page(
        &view.portal,
        &actor,
        &asked,
        wanted.page.parse().ok(),
        typed,
    )
    .await
    {
        Ok(vm) => view.page(Area::Audit, |shell| audit_page(shell, vm)),
        Err(Refusal::Invalid(errors)) => {
            let mut typed = asked.filled();
            for error in errors {
                typed.refuse(&error.field, error.sentence);
            }
            again(&view, typed)
        }
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /audit/{id}`
pub async fn one(view: View, actor: Actor, Path(number): Path<i64>) -> Response {
    match entry(&view.portal, &actor, number).await {
        Ok(vm) => view.page(Area::Audit, |shell| audit_entry_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /audit/export`
pub async fn export(view: View, actor: Actor, form: Form) -> Response {
    let done = async {
        form.only(&["q", "act", "outcome", "from", "to"])?;
        let text = |name: &str| form.text(name).to_owned();
        let asked = evidence::Asked {
            q: text("q"),
            act: text("act"),
            outcome: text("outcome"),
            from: text("from"),
            to: text("to"),
        };
        ask(&view, &actor, ExportAudit { asked }).await
    };
    match done.await {
        Ok(response) => response,
        Err(refused) => match filled(&form, &refused, "q") {
            Some(typed) => again(&view, typed),
            None => view.refuse(refused),
        },
    }
}

/// `GET /audit/export/{id}`: the way to the file, for the session that signed for it.
pub async fn export_ready(view: View, actor: Actor, Path(id): Path<CeremonyId>) -> Response {
    let found = async {
        let mut read = view.portal.store.read().await?;
        evidence::export(&mut read, &actor, id, view.portal.now()).await
    };
    match found.await {
        Ok(export) => view.page(Area::Audit, |shell| {
            export_page(
                shell,
                Export {
                    href: format!("/audit/export/{id}/entries.jsonl"),
                    until: u64::try_from(export.until).unwrap_or_default(),
                    filtered: !export.asked.is_empty(),
                },
            )
        }),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /audit/export/{id}/entries.jsonl`: can be fetched again until the permission ends.
pub async fn download(view: View, actor: Actor, Path(id): Path<CeremonyId>) -> Response {
    let found = async {
        let mut read = view.portal.store.read().await?;
        let export = evidence::export(&mut read, &actor, id, view.portal.now()).await?;
        let filter = evidence::filter(&mut read, actor.auditor()?, &export.asked).await?;
        Ok::<_, Refusal>((export.until, filter.ok_or(Refusal::NotFound)?))
    };
    let (until, filter) = match found.await {
        Ok(found) => found,
        Err(refusal) => return view.refuse(refusal),
    };
    let portal = view.portal.clone();
    let chunks = stream::try_unfold(1, move |next| {
        let (portal, filter) = (portal.clone(), filter.clone());
        async move {
            chunk(&portal, &filter, next, until)
                .await
                .map_err(std::io::Error::other)
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/jsonl"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"latchkey-audit.jsonl\"",
        ),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

/// The lines of some entries from `next` on, and where to go on; none after the last one. Each chunk
/// is read on its own: a slow reader holds no transaction open.
async fn chunk(
    portal: &Portal,
    filter: &AuditFilter,
    next: i64,
    until: i64,
) -> Result<Option<(String, i64)>, Refusal> {
    if next > until {
        return Ok(None);
    }
    let rows = portal.store.read().await?.audit_from(next, CHUNK).await?;
    let Some(last) = rows.last().map(|row| row.seq) else {
        return Ok(None);
    };
    let mut lines = String::new();
    for row in rows
        .iter()
        .filter(|row| row.seq <= until && evidence::fits(filter, row))
    {
        lines.push_str(&evidence::export_line(row)?);
    }
    Ok(Some((lines, last.saturating_add(1))))
}

impl Wanted {
    fn asked(&self) -> evidence::Asked {
        evidence::Asked {
            q: self.q.clone(),
            act: self.act.clone(),
            outcome: self.outcome.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
        }
    }
}

impl evidence::Asked {
    fn pairs(&self) -> [(&'static str, &str); 5] {
        [
            ("q", self.q.as_str()),
            ("act", &self.act),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn filled(&self) -> Filled {
        Filled::from_pairs(self.pairs())
    }

    fn href(&self, before: Option<i64>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("page", &before.to_string());
        }
        match query.finish() {
            none if none.is_empty() => "/audit".to_owned(),
            query => format!("/audit?{query}"),
        }
    }
}

async fn page(
    portal: &Portal,
    actor: &Actor,
    asked: &evidence::Asked,
    before: Option<i64>,
    filled: Filled,
) -> Result<Audit, Refusal> {
    let auditor = actor.auditor()?;
    let mut read = portal.store.read().await?;
    let filter = evidence::filter(&mut read, auditor, asked).await?;
    let mut rows = match &filter {
        // One more than is shown tells whether there are older ones.
        Some(filter) => {
            read.audit(&AuditFilter {
                before,
                limit: PAGE + 1,
                ..filter.clone()
            })
            .await?
        }
        None => Vec::new(),
    };
    let newer = match (before, &filter) {
        (Some(before), Some(filter)) => Some(newer(&mut read, asked, filter, before).await?),
        _ => None,
    };
    let newest = AuditFilter {
        limit: 1,
        ..AuditFilter::default()
    };
    let count = read.audit(&newest).await?.first().map_or(0, |row| row.seq);
    let shown = usize::try_from(PAGE).unwrap_or_default();
    let more = rows.len() > shown;
    rows.truncate(shown);
    let older = rows
        .last()
        .filter(|_| more)
        .map(|row| asked.href(Some(row.seq)));
    Ok(Audit {
        summary: format!("{count} entries, each chained to the one before it."),
        acts: acts(),
        filled,
        rows: named(portal, &mut read, actor, rows).await?,
        paging: Paging {
            place: String::new(),
            newer,
            older,
        },
        filtered: !asked.is_empty(),
        may_export: true,
    })
}

/// Where the page is that ends just before the entry `before`.
async fn newer(
    read: &mut Read,
    asked: &evidence::Asked,
    filter: &AuditFilter,
    before: i64,
) -> Result<String, Refusal> {
    let filter = AuditFilter {
        limit: PAGE + 1,
        ..filter.clone()
    };
    let after = read.audit_after(before.saturating_sub(1), &filter).await?;
    let beyond = usize::try_from(PAGE).ok().and_then(|page| after.get(page));
    // Nothing beyond a page: that one is the newest.
    Ok(asked.href(beyond.map(|row| row.seq)))
}

async fn named(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    rows: Vec<AuditRow>,
) -> Result<Vec<Row>, Refusal> {
    let now = portal.now();
    let people = rows.iter().filter_map(|row| row.actor_id).collect();
    let names = timeline::names(portal, read, actor, people).await?;
    let mut passkeys = HashMap::new();
    let mut named = Vec::with_capacity(rows.len());
    for row in rows {
        named.push(Row {
            id: row.seq.to_string(),
            at: Moment::new(row.at, now),
            actor: match row.actor_id.and_then(|id| names.get(&id)) {
                Some(name) => name.clone(),
                None => kind(row.actor_kind.0).to_owned(),
            },
            credential: passkey(read, &mut passkeys, row.credential_id).await?,
            subject: evidence::subject(read, &row).await?,
            refused: row.outcome.0 != Outcome::Done,
            act: row.act,
        });
    }
    Ok(named)
}

async fn passkey(
    read: &mut Read,
    known: &mut HashMap<CredentialId, String>,
    id: Option<CredentialId>,
) -> Result<String, Refusal> {
    let Some(id) = id else {
        return Ok(String::new());
    };
    if let Some(label) = known.get(&id) {
        return Ok(label.clone());
    }
    let label = read
        .credential(id)
        .await?
        .map_or_else(String::new, |row| format!("passkey “{}”", row.label));
    known.insert(id, label.clone());
    Ok(label)
}

async fn entry(portal: &Portal, actor: &Actor, number: i64) -> Result<AuditEntry, Refusal> {
    let mut read = portal.store.read().await?;
    let row = evidence::entry(&mut read, actor.auditor()?, number).await?;
    let people = row.actor_id.into_iter().collect();
    let names = timeline::names(portal, &mut read, actor, people).await?;
    let who = row.actor_id.and_then(|id| names.get(&id)).cloned();
    let passkey = passkey(&mut read, &mut HashMap::new(), row.credential_id).await?;
    let mut facts = vec![
        Line::new("When", row.at.to_string()),
        Line::new(
            "Who",
            who.unwrap_or_else(|| kind(row.actor_kind.0).to_owned()),
        )
        .remark(passkey),
        Line::new("Subject", evidence::subject(&mut read, &row).await?),
        Line::new("Its id", row.subject_id.to_string()).mono(),
    ];
    if let Some(address) = &row.address {
        facts.push(Line::new("From", address.0.to_string()).mono());
    }
    if let Some(agent) = &row.agent {
        facts.push(Line::new("Browser", agent.clone()));
    }
    facts.push(Line::new("Entry before", hex(&row.previous)).mono());
    facts.push(Line::new("Chain", hex(&row.hash)).mono());
    Ok(AuditEntry {
        number: u64::try_from(row.seq).unwrap_or_default(),
        act: row.act,
        refused: row.outcome.0 != Outcome::Done,
        facts,
        evidence: row.evidence,
    })
}

/// What was typed, with what is wrong with it, and no entries.
fn again(view: &View, filled: Filled) -> Response {
    view.page_again(Area::Audit, |shell| {
        audit_page(
            shell,
            Audit {
                summary: String::new(),
                acts: acts(),
                filled,
                rows: Vec::new(),
                paging: Paging::default(),
                filtered: true,
                may_export: false,
            },
        )
    })
}

fn acts() -> Vec<Choice> {
    let mut names: Vec<&str> = Act::ALL
        .iter()
        .map(|act| act.as_str())
        .chain(OTHER_ACTS)
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| Choice::new(name, name))
        .collect()
}

const fn kind(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Staff => "staff",
        ActorKind::Contact => "a contact",
        ActorKind::Console => "console",
        ActorKind::Gateway => "a gateway",
        ActorKind::System => "Latchkey",
        ActorKind::Anonymous => "nobody",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_s_address_holds_every_filter() {
        let asked = evidence::Asked {
            q: "Quay & Desk".to_owned(),
            act: "claim".to_owned(),
            ..evidence::Asked::default()
        };
        assert_eq!(
            asked.href(Some(9)),
            "/audit?q=Quay+%26+Desk&act=claim&page=9"
        );
        assert_eq!(evidence::Asked::default().href(None), "/audit");
    }

    #[test]
    fn every_signed_act_can_be_filtered_by() {
        let offered = acts();
        for act in Act::ALL {
            assert!(
                offered.iter().any(|choice| choice.value == act.as_str()),
                "{act}"
            );
        }
    }
}
