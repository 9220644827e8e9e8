//! View models of temporary access.

use app::components::{Choice, Filled, Line, Moment, Vote};
use app::pages::temporary::{AskTemporary, Temporary, TemporaryLine, TemporaryMay, TemporaryState};
use domain::decision::DecisionVerdict;
use domain::id::{GrantId, OverlayId};
use domain::overlay::Overlay;
use domain::state::OverlayState;
use domain::time::Timestamp;
use store::{OverlayRow, Read};

use crate::auth::actor::{Actor, Side};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::{digest_lines, overlay_lines};
use crate::service::decisions::{self, hex};
use crate::service::overlays::{self, Around, OverlayCase, OverlayFile, span};
use crate::service::{live, timeline};

pub(super) async fn asking(
    portal: &Portal,
    actor: &Actor,
    grant: GrantId,
    writes: bool,
    filled: Filled,
) -> Result<AskTemporary, Refusal> {
    actor.contact()?;
    let mut read = portal.store.read().await?;
    let around = Around::load(&mut read, actor, grant).await?;
    overlays::may_ask(&mut read, &around, portal.now()).await?;
    let keys = read.keys_of_grant(grant).await?;
    let catalogue = around.catalogue()?;
    let lacking: Vec<_> = Overlay::choices(&around.in_force, &catalogue).collect();
    let has_writes = lacking.iter().any(|one| !one.method.is_read_only());
    let endpoints = lacking
        .iter()
        .filter(|one| writes || one.method.is_read_only())
        .map(|one| {
            let name = format!("{} {}", one.method, one.pattern);
            let scopes: Vec<&str> = one.scopes.iter().map(|scope| scope.as_str()).collect();
            Choice::new(name.clone(), name).help(format!("Needs {}.", scopes.join(", ")))
        })
        .collect();
    let ends = around.grant.valid_until.map(Timestamp::minute);
    Ok(AskTemporary {
        grant: grant.to_string(),
        back: match keys.last() {
            Some(key) => (format!("/keys/{}", key.id), "The key".to_owned()),
            None => (
                format!("/requests/{}", around.grant.request_id),
                "The request".to_owned(),
            ),
        },
        place: format!("{}, {}", around.file.service.name, around.environment()),
        endpoints,
        writes,
        has_writes,
        end: format!(
            "It never lasts longer than the grant, which ends {}.",
            ends.unwrap_or_default()
        ),
        filled: match filled.is_refused() {
            true => filled,
            false => filled.with("lasts", "2").with("unit", "hours"),
        },
    })
}

pub(super) async fn one(
    portal: &Portal,
    actor: &Actor,
    id: OverlayId,
    filled: Filled,
) -> Result<Temporary, Refusal> {
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let file = OverlayFile::load(&mut read, actor, id).await?;
    let case = OverlayCase::load(&mut read, &file).await?;
    let asked = file.row.state.0 == OverlayState::Asked;
    let decide = asked && may_decide(&mut read, actor, &file, &case).await?;
    let timeline = timeline::of_overlay(portal, &mut read, actor, &file).await?;
    let names = timeline::names(
        portal,
        &mut read,
        actor,
        file.decisions.iter().map(|one| one.person_id).collect(),
    )
    .await?;
    let tally = case.tally(&file);
    let mut votes: Vec<Vote> = file
        .standing()
        .filter(|one| one.verdict.0 == DecisionVerdict::Approve)
        .filter(|one| !asked || tally.given.contains(&one.person_id))
        .map(|one| Vote {
            by: names.get(&one.person_id).cloned(),
            detail: format!("approved {}", Moment::new(one.at, now).relative),
        })
        .collect();
    if asked {
        votes.extend((0..tally.missing()).map(|_| Vote {
            by: None,
            detail: "still to come".to_owned(),
        }));
    }
    let hindered = match (asked, within(&file, &case, now)) {
        (true, Err(Refusal::Conflict { sentence, .. })) => sentence,
        (_, Ok(()) | Err(Refusal::Conflict { .. })) => String::new(),
        (_, Err(other)) => return Err(other),
    };
    let mut lines: Vec<Line> = overlay_lines(&file, &case)
        .into_iter()
        .map(|(label, value)| Line::new(label, value))
        .collect();
    if asked {
        let digests = digest_lines(&case.subject);
        lines.extend(
            digests
                .into_iter()
                .map(|(label, value)| Line::new(label, value).mono()),
        );
    }
    let contact = matches!(actor.side(), Side::Contact { .. });
    Ok(Temporary {
        id: id.to_string(),
        partner: file.around.file.partner.name.clone(),
        place: format!(
            "{}, {}",
            file.around.file.service.name,
            file.around.environment()
        ),
        request_id: file.around.grant.request_id.to_string(),
        state: shown(&file.row, now),
        until: until(&file.row).map(|at| Moment::new(at, now)),
        lines,
        quorum: if asked {
            format!("{} of {}", tally.given.len(), tally.needed)
        } else {
            String::new()
        },
        votes,
        follows: match tally.missing() {
            0 | 1 => "With your approval it is complete, and open at once.".to_owned(),
            2 => "One more approval is needed after yours.".to_owned(),
            more => format!("{} more approvals are needed after yours.", more - 1),
        },
        hindered: if contact { String::new() } else { hindered },
        reason: reason(&file),
        stamp: hex(&case.subject.digest()),
        timeline,
        may: TemporaryMay {
            decide,
            end: actor.revoker().is_ok() && file.is_open(now),
            withdraw: asked && actor.contact().is_ok(),
        },
        filled,
    })
}

/// What a key's page says of its grant's temporary access, the newest first.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn lines_of_grant(
    read: &mut Read,
    grant: GrantId,
    now: Timestamp,
) -> Result<Vec<TemporaryLine>, Refusal> {
    let mut lines = Vec::new();
    for row in read.overlays_of(grant).await?.iter().rev() {
        let overlay: Overlay = serde_json::from_str(&row.document).map_err(Refusal::internal)?;
        lines.push(TemporaryLine {
            id: row.id.to_string(),
            calls: calls(&overlay),
            state: shown(row, now),
            lasts: format!("for {}", span(overlay.minutes())),
            until: until(row).map(|at| Moment::new(at, now)),
        });
    }
    Ok(lines)
}

/// `GET /labels/{rest...}`, and how many more.
fn calls(overlay: &Overlay) -> String {
    let first = overlay.rules().first().map_or_else(String::new, |rule| {
        format!("{} {}", rule.method, rule.pattern)
    });
    match overlay.rules().len() {
        0 | 1 => first,
        many => format!("{first} and {} more", many - 1),
    }
}

fn shown(row: &OverlayRow, now: Timestamp) -> TemporaryState {
    match row.state.0 {
        OverlayState::Asked => TemporaryState::Asked,
        OverlayState::Approved if overlays::is_open(row, now) => TemporaryState::Open,
        OverlayState::Rejected => TemporaryState::Rejected,
        OverlayState::Withdrawn => TemporaryState::Withdrawn,
        OverlayState::Approved | OverlayState::Ended => TemporaryState::Ended,
    }
}

/// When it ends or ended, once it was approved.
fn until(row: &OverlayRow) -> Option<Timestamp> {
    let ends = row.ends_at?;
    Some(row.ended_at.map_or(ends, |ended| ended.min(ends)))
}

fn reason(file: &OverlayFile) -> String {
    let rejected = file
        .standing()
        .find(|one| one.verdict.0 == DecisionVerdict::Reject);
    match (rejected, &file.row.end_reason) {
        (Some(rejected), _) => rejected.reason.clone(),
        (None, Some(why)) => why.clone(),
        (None, None) => String::new(),
    }
}

fn within(file: &OverlayFile, case: &OverlayCase, now: Timestamp) -> Result<(), Refusal> {
    live::check_open(&file.around.grant, now)?;
    case.check_within(file)
}

async fn may_decide(
    read: &mut Read,
    actor: &Actor,
    file: &OverlayFile,
    case: &OverlayCase,
) -> Result<bool, Refusal> {
    if actor.reviewer().is_err() || case.tally(file).given.contains(&actor.person()) {
        return Ok(false);
    }
    let reviewer = decisions::reviewer(read, &file.around.file.recusals, actor.person()).await?;
    Ok(reviewer.is_some_and(|reviewer| {
        reviewer
            .may_judge(&case.requester, file.row.asked_at)
            .is_ok()
    }))
}
