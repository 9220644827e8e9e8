//! Temporary access: what a partner asks for beside a live grant, and what of it is on file.

mod case;

#[cfg(test)]
mod tests;

use domain::audit::{ActorKind, Outcome, UserAgent};
use domain::grant::Grant;
use domain::id::{GrantId, OverlayId};
use domain::overlay::{MOST_OPEN, Overlay, Wish};
use domain::policy::OverlayMinutes;
use domain::service::Catalogue;
use domain::state::{OverlayState, PartnerState};
use domain::text::Paragraph;
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::{Code, Entry, Evidence, GrantRow, OverlayDecision, OverlayRow, Read, Stamped, Work};

pub use case::{OverlayCase, line_of};

use crate::auth::actor::{Actor, Side};
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::by_system;
use crate::service::requests::{self, RequestFile};
use crate::service::{decisions, live, revoke};

/// Why it is asked for. "." is no reason (Teleport issue 20164).
pub type Why = Paragraph<1000>;

/// A live grant with the request that it came from.
pub struct Around {
    pub grant: Stamped<GrantRow>,
    pub in_force: Grant,
    /// Whose it is, for what; who stepped aside.
    pub file: RequestFile,
}

/// All that is on file about one, each sealed row with its MAC checked.
pub struct OverlayFile {
    pub row: Stamped<OverlayRow>,
    pub overlay: Overlay,
    /// Voided ones too, the oldest first.
    pub decisions: Vec<Stamped<OverlayDecision>>,
    pub around: Around,
}

impl Around {
    /// What this person may see: staff all, a contact their organisation's own (never 10).
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn load(read: &mut Read, actor: &Actor, id: GrantId) -> Result<Self, Refusal> {
        let grant = read.grant(id).await?.ok_or(Refusal::NotFound)?;
        if let Side::Contact { partner, .. } = actor.side()
            && *partner != grant.partner_id
        {
            return Err(Refusal::NotFound);
        }
        let file = RequestFile::load(read, actor, grant.request_id).await?;
        Ok(Self {
            in_force: live::in_force(read, &grant).await?,
            grant,
            file,
        })
    }

    pub fn environment(&self) -> &str {
        self.file.environment_name(self.grant.environment_id)
    }

    /// # Errors
    /// [`Refusal::Internal`] when it cannot be read.
    pub fn catalogue(&self) -> Result<Catalogue, Refusal> {
        serde_json::from_str(&self.file.service.catalogue).map_err(Refusal::internal)
    }
}

impl OverlayFile {
    /// As [`Around::load`].
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn load(read: &mut Read, actor: &Actor, id: OverlayId) -> Result<Self, Refusal> {
        let row = read.overlay(id).await?.ok_or(Refusal::NotFound)?;
        let mut around = Around::load(read, actor, row.grant_id).await?;
        let decisions = read.overlay_decisions(id).await?;
        let overlay: Overlay = serde_json::from_str(&row.document).map_err(Refusal::internal)?;
        if overlay.digest() != row.digest || overlay.grant() != row.grant_id {
            return Err(Refusal::internal(
                "temporary access is not what was asked for",
            ));
        }
        let mut people = vec![row.requester_id, around.grant.recipient_id];
        people.extend(decisions.iter().map(|decision| decision.person_id));
        around.file.learn(read, people).await?;
        Ok(Self {
            row,
            overlay,
            decisions,
            around,
        })
    }

    /// Decisions that were not voided.
    pub fn standing(&self) -> impl Iterator<Item = &Stamped<OverlayDecision>> {
        self.decisions
            .iter()
            .filter(|decision| decision.voided_at.is_none())
    }

    /// Whether it opens endpoints at this moment, as far as its own row says.
    pub fn is_open(&self, now: Timestamp) -> bool {
        is_open(&self.row, now)
    }

    /// Its service and environment, for mails.
    pub fn place(&self) -> (String, String) {
        (
            self.around.file.service.name.clone(),
            self.around.environment().to_owned(),
        )
    }
}

/// Whether it is approved and its time is not over.
pub fn is_open(row: &OverlayRow, now: Timestamp) -> bool {
    row.state.0 == OverlayState::Approved && row.ends_at.is_some_and(|ends| now < ends)
}

/// `2 hours`, `90 minutes`.
pub fn span(minutes: OverlayMinutes) -> String {
    match u32::from(minutes) {
        60 => "1 hour".to_owned(),
        whole if whole % 60 == 0 => format!("{} hours", whole / 60),
        minutes => format!("{minutes} minutes"),
    }
}

/// Asks for temporary access. It waits for the quorum of its environment's policy.
///
/// # Errors
/// [`Refusal::NotFound`] for another partner's grant, [`Refusal::Invalid`] for what cannot be asked
/// for, [`Refusal::Conflict`] when the grant has ended or too much is open already.
pub async fn ask(
    portal: &Portal,
    actor: &Actor,
    grant: GrantId,
    wish: Wish,
    why: &Why,
    from: &Origin,
) -> Result<OverlayId, Refusal> {
    let contact = actor.contact()?;
    let now = portal.now();
    let mut work = portal.store.work().await?;
    let around = Around::load(&mut work, actor, grant).await?;
    may_ask(&mut work, &around, now).await?;
    let overlay = Overlay::propose(grant, &around.in_force, &around.catalogue()?, wish)
        .map_err(|refused| Refusal::field("endpoint", refused))?;
    let policy = work
        .policy(around.grant.environment_id)
        .await?
        .ok_or(Refusal::NotFound)?;
    let id = OverlayId::random(&mut system_rng());
    let row = OverlayRow {
        id,
        grant_id: grant,
        requester_id: contact.person(),
        policy_id: policy.id,
        document: serde_json::to_string(&overlay).map_err(Refusal::internal)?,
        digest: overlay.digest(),
        reason: why.to_string(),
        state: Code(OverlayState::Asked),
        asked_at: now,
        settled_at: None,
        ends_at: None,
        ended_at: None,
        end_reason: None,
    };
    work.add_overlay(row).await?;
    let letter = Letter::OverlayAsked {
        overlay: id,
        partner: around.file.partner.name.clone(),
        service: around.file.service.name.clone(),
        environment: around.environment().to_owned(),
        lasts: span(overlay.minutes()),
    };
    for to in requests::reviewers(&mut work).await? {
        mail::queue(portal, &mut work, letter.clone(), &to).await?;
    }
    let about = json!({
        "overlay": id,
        "digest": decisions::hex(&overlay.digest()),
        "minutes": u32::from(overlay.minutes()),
        "reason": why,
    });
    let entry = entry(actor, from, now, "ask-overlay", grant, &about);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(id)
}

/// Takes a wish back before it is decided. What was decided stays.
///
/// # Errors
/// [`Refusal::NotFound`] for another partner's, [`Refusal::Conflict`] when it is decided.
pub async fn withdraw(
    portal: &Portal,
    actor: &Actor,
    id: OverlayId,
    from: &Origin,
) -> Result<(), Refusal> {
    actor.contact()?;
    let now = portal.now();
    let mut work = portal.store.work().await?;
    let file = OverlayFile::load(&mut work, actor, id).await?;
    if file.row.state.0 != OverlayState::Asked {
        return Err(decided_already());
    }
    let grant = file.row.grant_id;
    let (row, stamp) = (file.row.clone().into_row(), file.row.stamp());
    let withdrawn = OverlayRow {
        state: Code(OverlayState::Withdrawn),
        settled_at: Some(now),
        ..row
    };
    work.update_overlay(withdrawn, stamp).await?;
    let about = json!({ "overlay": id });
    let entry = entry(actor, from, now, "withdraw-overlay", grant, &about);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Whether temporary access can be asked for beside a grant.
///
/// # Errors
/// [`Refusal::Conflict`] with why not.
pub async fn may_ask(read: &mut Read, around: &Around, now: Timestamp) -> Result<(), Refusal> {
    live::check_open(&around.grant, now)?;
    if around.file.partner.state.0 != PartnerState::Active {
        return Err(Refusal::conflict(
            "partner-suspended",
            "The partner is suspended. Ask the staff.",
        ));
    }
    if around.file.service.retired_at.is_some() {
        return Err(Refusal::conflict(
            "retired",
            "This service cannot be asked for any more.",
        ));
    }
    let overlays = read.overlays_of(around.grant.id).await?;
    let open = overlays
        .iter()
        .filter(|row| row.state.0 == OverlayState::Asked || is_open(row, now))
        .count();
    if open >= MOST_OPEN {
        return Err(Refusal::conflict(
            "too-many",
            format!("{MOST_OPEN} are open or wait already. Withdraw one, or wait for its end."),
        ));
    }
    Ok(())
}

/// Ends what is approved and not over, or waits, with a reason. The keys of the grant are read again.
///
/// # Errors
/// [`Refusal::Conflict`] when it was changed meanwhile, [`Refusal::Store`].
pub async fn end(
    work: &mut Work,
    row: Stamped<OverlayRow>,
    at: Timestamp,
    why: &str,
) -> Result<(), Refusal> {
    let (grant, stamp) = (row.grant_id, row.stamp());
    let was_open = row.state.0 == OverlayState::Approved;
    let ended = OverlayRow {
        state: Code(OverlayState::Ended),
        ended_at: Some(at),
        end_reason: Some(why.to_owned()),
        ..row.into_row()
    };
    work.update_overlay(ended, stamp).await?;
    if was_open {
        live::touch_keys(work, grant, None).await?;
    }
    Ok(())
}

/// Ends all that is open or waits beside a grant that ends. Its keys end with it.
///
/// # Errors
/// As [`end`].
pub async fn end_all(
    work: &mut Work,
    grant: GrantId,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    for row in work.overlays_of(grant).await? {
        if !matches!(row.state.0, OverlayState::Asked | OverlayState::Approved) {
            continue;
        }
        let about = json!({ "overlay": row.id, "why": why });
        end(work, row, at, why).await?;
        entries.push(by_system(
            at,
            "end-overlay",
            ("grant", grant.uuid()),
            &about,
        ));
    }
    Ok(entries)
}

/// Notes the ends of those whose time is over. No call waits for it: each looks at the clock.
///
/// # Errors
/// [`Refusal::Store`]. What was done before it stays done.
pub async fn run_out(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let approved = portal
        .store
        .read()
        .await?
        .overlays_in(OverlayState::Approved)
        .await?;
    let is_over = |row: &OverlayRow| {
        row.state.0 == OverlayState::Approved && row.ends_at.is_some_and(|ends| ends <= at)
    };
    let mut ended = 0;
    for row in approved.iter().filter(|row| is_over(row)) {
        let mut work = portal.store.work().await?;
        let Some(row) = work.overlay(row.id).await?.filter(|row| is_over(row)) else {
            continue;
        };
        let about = json!({ "overlay": row.id, "ended": row.ends_at });
        let entry = by_system(at, "end-overlay", ("grant", row.grant_id.uuid()), &about);
        end(&mut work, row, at, "its time was over").await?;
        portal.commit(work, Evidence::of(entry)).await?;
        ended += 1;
    }
    Ok(ended)
}

/// Tells who asked, and whom the grant concerns at the partner.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn tell(
    portal: &Portal,
    work: &mut Work,
    file: &OverlayFile,
    letter: Letter,
) -> Result<(), Refusal> {
    let mut people = revoke::concerned(work, &file.around.grant).await?;
    let asked_by = file.row.requester_id;
    if !people.contains(&asked_by) && requests::is_active(work, asked_by).await? {
        people.push(asked_by);
    }
    for person in people {
        let to = To::person(work, person).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

pub(super) fn decided_already() -> Refusal {
    Refusal::conflict("decided-already", "This is already decided.")
}

fn entry(
    actor: &Actor,
    from: &Origin,
    at: Timestamp,
    act: &str,
    grant: GrantId,
    about: &Value,
) -> Entry {
    Entry {
        at,
        actor_kind: ActorKind::Contact,
        actor: Some(actor.person()),
        credential: Some(actor.credential()),
        act: act.to_owned(),
        subject_kind: "grant",
        subject: grant.uuid(),
        outcome: Outcome::Done,
        evidence: about.to_string(),
        address: from.address,
        user_agent: Some(UserAgent::of(&from.agent)),
    }
}
