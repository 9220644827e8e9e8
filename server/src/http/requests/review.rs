//! The request as staff see it.

use app::components::{Filled, Moment};
use app::pages::request::Review;
use domain::request::RequestState;
use domain::state::Role;
use store::Read;

use super::{Which, grants, history, sections, shown};
use crate::auth::actor::Actor;
use crate::http::page::View;
use crate::refusal::Refusal;
use crate::service::decisions;
use crate::service::requests::{self, RequestFile};

pub(super) async fn review(
    view: &View,
    read: &mut Read,
    actor: &Actor,
    mut file: RequestFile,
    which: Which,
    filled: Filled,
) -> Result<Review, Refusal> {
    let now = view.portal.now();
    // Names of those whom a quorum waits for.
    let reviewers = read
        .staff_roles()
        .await?
        .iter()
        .filter(|held| held.role.0 == Role::Reviewer)
        .map(|held| held.person_id)
        .collect();
    file.learn(read, reviewers).await?;
    let timeline = history::timeline(&view.portal, read, actor, &file, now).await?;
    let newest = file.current()?.document.number;
    let revision = file
        .revisions
        .iter()
        .find(|frozen| frozen.document.number == which.revision.unwrap_or(newest))
        .ok_or(Refusal::NotFound)?;
    let is_newest = revision.document.number == newest;
    let (sections, compared_with) = sections::sections(&file, revision, is_newest, now);
    let viewer = decisions::reviewer(read, &file.recusals, actor.person()).await?;
    let why_not = if is_newest {
        why_not(read, &file, viewer.as_ref()).await?
    } else {
        format!("This is an earlier revision. Revision {newest} is the one under review.")
    };
    let may_review =
        viewer.is_some() && why_not.is_empty() && file.request.state.0 == RequestState::InReview;
    Ok(Review {
        id: file.request.id.to_string(),
        partner: file.partner.name.clone(),
        partner_id: file.partner.id.to_string(),
        service: file.service.name.clone(),
        state: shown(file.request.state.0),
        revision: revision.document.number.into(),
        submitted: Moment::new(revision.row.submitted_at, now),
        submitted_by: file.name_of(revision.row.submitted_by).to_owned(),
        compared_with,
        sections,
        grants: if is_newest {
            grants::under_review(read, &file, viewer.as_ref(), now).await?
        } else {
            Vec::new()
        },
        timeline,
        may_review,
        why_not,
        filled,
    })
}

/// Empty for who may, and for staff who are no reviewers.
async fn why_not(
    read: &mut Read,
    file: &RequestFile,
    viewer: Option<&domain::review::Reviewer>,
) -> Result<String, Refusal> {
    let Some(viewer) = viewer else {
        return Ok(String::new());
    };
    let requester = domain::request::Requester {
        person: file.request.requester_id,
        email: requests::email(read, file.request.requester_id).await?,
    };
    let submitted = file.current()?.row.submitted_at;
    Ok(match viewer.may_judge(&requester, submitted) {
        Ok(()) => String::new(),
        Err(refused) => refused.to_string(),
    })
}
