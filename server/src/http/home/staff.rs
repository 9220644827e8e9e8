//! What waits for a member of staff.

use std::time::Duration;

use app::components::{Moment, Pill, Tone};
use app::pages::home::{StaffHome, Tile, Waiting};
use domain::act::Act;
use domain::request::RequestState;
use domain::state::{OverlayState, Role};
use domain::time::Timestamp;
use store::{AuditFilter, QueueFilter, QueueSort, Read};

use super::{Steps, steps, waits};
use crate::auth::actor::Actor;
use crate::http::queue::{counted, in_state};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::overlays::{OverlayCase, OverlayFile, span};
use crate::service::{delivery, evidence, proposals, queue};

/// Of each kind that is named; the pages behind have them all.
const MOST: i64 = 5;
/// A report stays on the page for so long.
const REPORTS: Duration = Duration::from_hours(14 * 24);

pub(super) async fn home(portal: &Portal, actor: &Actor) -> Result<StaffHome, Refusal> {
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let mut waiting = reports(&mut read, actor, now).await?;
    waiting.extend(changes(&mut read, actor, now).await?);
    waiting.extend(mails(&mut read, actor).await?);
    waiting.extend(requests(&mut read, actor, now).await?);
    waiting.extend(temporary(&mut read, actor, now).await?);
    let tiles = tiles(&mut read, actor).await?;
    let setup = if actor.has(Role::Operator) {
        setup(&mut read).await?
    } else {
        Vec::new()
    };
    Ok(StaffHome {
        summary: waits(waiting.len()),
        waiting,
        tiles,
        setup,
    })
}

/// "This was not me", said of late, with a passkey or without.
async fn reports(read: &mut Read, actor: &Actor, now: Timestamp) -> Result<Vec<Waiting>, Refusal> {
    if actor.revoker().is_err() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for act in [Act::Report.as_str(), delivery::ALERT] {
        let filter = AuditFilter {
            act: act.to_owned(),
            from: Some(now.minus(REPORTS)),
            limit: MOST,
            ..AuditFilter::default()
        };
        rows.extend(read.audit(&filter).await?);
    }
    let mut reports = Vec::new();
    for row in rows {
        let key = read
            .delivery(domain::id::DeliveryId::new(row.subject_id))
            .await?
            .map(|delivery| delivery.key_id);
        reports.push(Waiting {
            title: match row.act == delivery::ALERT {
                true => "“This was not me”, said without a passkey".to_owned(),
                false => "“This was not me”".to_owned(),
            },
            detail: format!(
                "{}, {}",
                evidence::subject(read, &row).await?,
                Moment::new(row.at, now).relative
            ),
            state: Some(Pill::new("Reported", Tone::Stop)),
            href: key.map_or_else(|| "/keys".to_owned(), |key| format!("/keys/{key}")),
            button: "Look".to_owned(),
        });
    }
    Ok(reports)
}

/// Changes that this actor can confirm.
async fn changes(read: &mut Read, actor: &Actor, now: Timestamp) -> Result<Vec<Waiting>, Refusal> {
    let open = read.open_proposals().await?;
    open.iter()
        .filter(|proposal| proposals::may_confirm(actor, proposal))
        .map(|proposal| {
            let (what, _) = proposals::worded(proposal)?;
            Ok(Waiting {
                title: what,
                detail: format!(
                    "Proposed {}",
                    Moment::new(proposal.proposed_at, now).relative
                ),
                state: Some(Pill::new("Second person", Tone::Info)),
                href: "/people".to_owned(),
                button: "Confirm".to_owned(),
            })
        })
        .collect()
}

async fn mails(read: &mut Read, actor: &Actor) -> Result<Vec<Waiting>, Refusal> {
    let dead = read.outbox_counts().await?.dead;
    if dead == 0 || !actor.has(Role::Operator) {
        return Ok(Vec::new());
    }
    let title = match dead {
        1 => "One mail could not be delivered".to_owned(),
        many => format!("{many} mails could not be delivered"),
    };
    Ok(vec![Waiting {
        title,
        detail: "Nobody has read what is in them.".to_owned(),
        state: Some(Pill::new("Not delivered", Tone::Warn)),
        href: "/mail?state=dead".to_owned(),
        button: "Open".to_owned(),
    }])
}

async fn requests(read: &mut Read, actor: &Actor, now: Timestamp) -> Result<Vec<Waiting>, Refusal> {
    if !actor.has(Role::Reviewer) {
        return Ok(Vec::new());
    }
    let filter = QueueFilter {
        state: RequestState::InReview.code().to_owned(),
        sort: QueueSort::Oldest,
        limit: MOST,
        ..QueueFilter::default()
    };
    let lines = queue::for_staff(read, actor.staff()?, &filter).await?;
    Ok(lines
        .into_iter()
        .map(|line| {
            let since = line.request.submitted_at.unwrap_or(line.request.updated_at);
            Waiting {
                title: format!("{}: {}", line.partner, line.service),
                detail: format!(
                    "{} · handed in {}",
                    line.asks,
                    Moment::new(since, now).relative
                ),
                state: Some(Pill::new(
                    format!("{} of {}", line.given, line.needed),
                    Tone::Info,
                )),
                href: format!("/requests/{}", line.request.id),
                button: "Review".to_owned(),
            }
        })
        .collect())
}

/// Temporary access that waits for its quorum: minutes count, so all of it is named.
async fn temporary(
    read: &mut Read,
    actor: &Actor,
    now: Timestamp,
) -> Result<Vec<Waiting>, Refusal> {
    if !actor.has(Role::Reviewer) {
        return Ok(Vec::new());
    }
    let mut waiting = Vec::new();
    for row in read.overlays_in(OverlayState::Asked).await? {
        let file = OverlayFile::load(read, actor, row.id).await?;
        let tally = OverlayCase::load(read, &file).await?.tally(&file);
        let (service, environment) = file.place();
        waiting.push(Waiting {
            title: format!(
                "{}: temporary access to {service}",
                file.around.file.partner.name
            ),
            detail: format!(
                "{environment}, for {} · asked {}",
                span(file.overlay.minutes()),
                Moment::new(row.asked_at, now).relative
            ),
            state: Some(Pill::new(
                format!("{} of {}", tally.given.len(), tally.needed),
                Tone::Info,
            )),
            href: format!("/temporary/{}", row.id),
            button: "Decide".to_owned(),
        });
    }
    Ok(waiting)
}

async fn tiles(read: &mut Read, actor: &Actor) -> Result<Vec<Tile>, Refusal> {
    let counts = read.queue_counts().await?;
    let tile = |count: String, label: &str, href: &str| Tile {
        count,
        label: label.to_owned(),
        href: href.to_owned(),
    };
    let waiting = |state: RequestState| counted(in_state(&counts, state.code()));
    let partners = read.partners().await?.len().to_string();
    let mut tiles = vec![
        tile(
            waiting(RequestState::InReview),
            "In review",
            "/requests?state=in_review",
        ),
        tile(
            waiting(RequestState::WaitingForPasskey),
            "Wait for a passkey",
            "/requests?state=waiting_for_passkey",
        ),
        tile(partners, "Partners", "/partners"),
    ];
    if actor.has(Role::Operator) {
        let waiting = read.outbox_counts().await?.waiting;
        tiles.push(tile(waiting.to_string(), "Mails to send", "/mail"));
    }
    Ok(tiles)
}

async fn setup(read: &mut Read) -> Result<Steps, Refusal> {
    let services = read.services().await?;
    let environments = !read.all_environments().await?.is_empty();
    let partners = !read.partners().await?.is_empty();
    let gateways = !read.gateways().await?.is_empty();
    let service = services.first().map_or_else(
        || "/services/new".to_owned(),
        |service| format!("/services/{}", service.id),
    );
    Ok(steps([
        (
            !services.is_empty(),
            "Describe a service",
            "What you offer, its scopes and its endpoints.",
            "/services/new",
        ),
        (
            environments,
            "Add an environment",
            "A sandbox is a good first one. Each has its own policy.",
            &service,
        ),
        (
            partners,
            "Invite a partner",
            "Through its first contact, by mail and a code.",
            "/partners/invite",
        ),
        (
            gateways,
            "Register a gateway",
            "It asks Latchkey about every call.",
            "/gateways/new",
        ),
    ]))
}
