//! Taking a request back. What was decided stays; nothing is deleted.

use domain::id::RequestId;
use domain::request::{RequestState, RequestStep};
use domain::state::GrantState;
use serde_json::json;
use store::{AccessRequest, Code, Evidence};

use super::{RequestFile, entry, reviewers};
use crate::auth::actor::Actor;
use crate::auth::session::Origin;
use crate::mail::{self, Letter};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions;

/// Says whether it had ever been handed in: a draft leaves nothing to look at.
///
/// # Errors
/// [`Refusal::NotFound`] for another partner's, [`Refusal::Conflict`] when it is decided already.
pub async fn withdraw(
    portal: &Portal,
    actor: &Actor,
    id: RequestId,
    from: &Origin,
) -> Result<bool, Refusal> {
    actor.contact()?;
    let mut work = portal.store.work().await?;
    let file = RequestFile::load(&mut work, actor, id).await?;
    let withdrawn = file
        .request
        .state
        .0
        .step(RequestStep::Withdraw)
        .map_err(|refused| Refusal::conflict("not-open", refused.to_string()))?;
    let now = portal.now();
    let mut changed = Vec::new();
    for proposed in file.proposals.iter().filter(|proposed| proposed.is_open()) {
        decisions::settle_grant(&mut work, proposed, GrantState::Withdrawn, now).await?;
        changed.push((proposed.row.id, GrantState::Withdrawn));
    }
    // An environment that was approved before stays approved, and so the request is.
    let left = file.line_states(&changed);
    let state = if left.is_empty() {
        withdrawn
    } else {
        match RequestState::settle(&left) {
            RequestState::Rejected => withdrawn,
            settled => settled,
        }
    };
    let request = AccessRequest {
        state: Code(state),
        updated_at: now,
        ..file.request.clone()
    };
    work.update_request(&request).await?;
    let was_handed_in = request.submitted_at.is_some();
    if was_handed_in {
        for to in reviewers(&mut work).await? {
            let letter = Letter::RequestWithdrawn {
                request: id,
                partner: file.partner.name.clone(),
                service: file.service.name.clone(),
            };
            mail::queue(portal, &mut work, letter, &to).await?;
        }
    }
    let entry = entry(actor, from, now, "withdraw-request", id, &json!({}));
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(was_handed_in)
}
