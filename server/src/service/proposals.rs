//! Changes that wait for a second person. The row carries a MAC: what is confirmed is what was
//! proposed, by whom it was proposed.

use std::time::Duration;

use domain::act::Act;
use domain::audit::Outcome;
use domain::id::{PersonId, ProposalId};
use domain::state::{ProposalState, Role};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::{Entry, Evidence, Proposal, Read, Stamped, Work};
use uuid::Uuid;

use crate::auth::actor::Actor;
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::people;

/// What nobody confirmed in this time has to be proposed again.
pub const OPEN_FOR: Duration = Duration::from_secs(14 * 24 * 3600);

/// A change, on whose behalf it is proposed, and who can confirm it.
#[derive(Debug)]
pub struct Proposing<'a, T> {
    pub act: Act,
    pub subject: Uuid,
    pub input: &'a T,
    /// As the People page names it.
    pub what: String,
    pub by: &'a Actor,
    pub confirmed_by: Role,
}

/// What a proposal row holds beside the change: how it reads, and the role that confirms it.
#[derive(Serialize, serde::Deserialize)]
struct Kept<T> {
    what: String,
    role: Role,
    input: T,
}

/// Keeps a change and tells everybody who can confirm it.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn open<T: Serialize>(
    portal: &Portal,
    work: &mut Work,
    proposing: Proposing<'_, T>,
) -> Result<ProposalId, Refusal> {
    let Proposing {
        act,
        subject,
        input,
        what,
        by,
        confirmed_by,
    } = proposing;
    let (id, now) = (ProposalId::random(&mut system_rng()), portal.now());
    let kept = json!(Kept {
        what: what.clone(),
        role: confirmed_by,
        input
    });
    work.add_proposal(Proposal {
        id,
        act: act.to_string(),
        subject_id: subject,
        input: kept.to_string(),
        state: ProposalState::Open.to_string(),
        proposed_by: by.person(),
        proposed_at: now,
        settled_by: None,
        settled_at: None,
    })
    .await?;
    let letter = Letter::SecondPersonNeeded {
        what,
        asked_by: by.name().to_owned(),
        expires: Some(now.plus(OPEN_FOR)),
    };
    for other in people::holders(work, confirmed_by).await? {
        if other != by.person() {
            let to = To::person(work, other).await?;
            mail::queue(portal, work, letter.clone(), &to).await?;
        }
    }
    Ok(id)
}

/// How a proposal reads, and the role that confirms it.
///
/// # Errors
/// [`Refusal::Internal`] for a row that this program did not write.
pub fn worded(proposal: &Proposal) -> Result<(String, Role), Refusal> {
    let kept: Kept<serde_json::Value> =
        serde_json::from_str(&proposal.input).map_err(Refusal::internal)?;
    Ok((kept.what, kept.role))
}

/// The change itself.
///
/// # Errors
/// As [`worded`].
pub fn input<T: DeserializeOwned>(proposal: &Proposal) -> Result<T, Refusal> {
    let kept: Kept<T> = serde_json::from_str(&proposal.input).map_err(Refusal::internal)?;
    Ok(kept.input)
}

/// Whether the actor is another person with the role that confirms it.
pub fn may_confirm(actor: &Actor, proposal: &Proposal) -> bool {
    let role = worded(proposal).map(|(_, role)| role);
    actor.staff().is_ok()
        && actor.person() != proposal.proposed_by
        && actor.person().uuid() != proposal.subject_id
        && role.is_ok_and(|role| actor.has(role))
}

/// An open proposal that this actor may confirm now.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::Conflict`] when it is settled or old.
pub async fn confirmable(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    id: ProposalId,
) -> Result<Stamped<Proposal>, Refusal> {
    actor.staff()?;
    let proposal = read.proposal(id).await?.ok_or(Refusal::NotFound)?;
    if !is_open(&proposal) || portal.now() >= proposal.proposed_at.plus(OPEN_FOR) {
        return Err(Refusal::conflict(
            "settled",
            "This does not wait any more: it was confirmed, refused, or has run out.",
        ));
    }
    if !may_confirm(actor, &proposal) {
        return Err(Refusal::Forbidden(
            "This takes a second person with the role for it, who is neither who proposed it nor \
             whom it is about.",
        ));
    }
    Ok(proposal)
}

/// Closes a proposal, in the unit of work that does what it says, or refuses it.
///
/// # Errors
/// [`Refusal::Conflict`] when somebody else settled it meanwhile.
pub async fn settle(
    portal: &Portal,
    work: &mut Work,
    proposal: Stamped<Proposal>,
    state: ProposalState,
    by: PersonId,
) -> Result<(), Refusal> {
    let stamp = proposal.stamp();
    let settled = Proposal {
        state: state.to_string(),
        settled_by: Some(by),
        settled_at: Some(portal.now()),
        ..proposal.into_row()
    };
    work.update_proposal(settled, stamp).await?;
    Ok(())
}

/// Refuses a proposal, or takes one's own back.
///
/// # Errors
/// As [`confirmable`].
pub async fn refuse(
    portal: &Portal,
    actor: &Actor,
    id: ProposalId,
    from: &Origin,
) -> Result<(), Refusal> {
    actor.staff()?;
    let mut work = portal.store.work().await?;
    let proposal = work.proposal(id).await?.ok_or(Refusal::NotFound)?;
    let own = proposal.proposed_by == actor.person() && is_open(&proposal);
    let proposal = if own {
        proposal
    } else {
        confirmable(portal, &mut work, actor, id).await?
    };
    let entry = Entry {
        at: portal.now(),
        actor_kind: actor.kind(),
        actor: Some(actor.person()),
        credential: Some(actor.credential()),
        act: "refuse-proposal".to_owned(),
        subject_kind: "proposal",
        subject: id.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "act": proposal.act, "subject": proposal.subject_id }).to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    };
    settle(
        portal,
        &mut work,
        proposal,
        ProposalState::Declined,
        actor.person(),
    )
    .await?;
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Closes every open proposal about somebody who goes.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn drop_about(
    portal: &Portal,
    work: &mut Work,
    subject: Uuid,
    by: PersonId,
) -> Result<(), Refusal> {
    for proposal in work.open_proposals().await? {
        if proposal.subject_id == subject {
            settle(portal, work, proposal, ProposalState::Declined, by).await?;
        }
    }
    Ok(())
}

pub fn is_open(proposal: &Proposal) -> bool {
    proposal.state == ProposalState::Open.code()
}
