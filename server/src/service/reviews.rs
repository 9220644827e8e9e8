//! What people say about a section: verdicts and comments of reviewers, replies of the partner. And
//! stepping aside.

use domain::id::{RequestId, ReviewId};
use domain::request::RequestState;
use domain::review::{ReviewRefused, Section, Verdict, check_review};
use domain::text::{Line, Paragraph};
use serde_json::json;
use store::{Code, Evidence, Recusal, Review, Work};

use crate::auth::actor::Actor;
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions;
use crate::service::requests::{RequestFile, entry};

/// The longest comment.
const COMMENT: usize = 4000;

/// A reviewer's verdict on a section of the newest revision, or only a comment on it.
///
/// # Errors
/// [`Refusal::Invalid`] at `comment`, [`Refusal::Conflict`] when the request is not in review or
/// this person may not judge it.
pub async fn judge(
    portal: &Portal,
    actor: &Actor,
    id: RequestId,
    section: Section,
    verdict: Option<Verdict>,
    comment: &str,
    from: &Origin,
) -> Result<(), Refusal> {
    let by = actor.reviewer()?.person();
    let comment = parse(comment)?;
    check_review(verdict, comment.as_ref())
        .map_err(|refused| Refusal::field("comment", refused))?;
    let mut work = portal.store.work().await?;
    let file = RequestFile::load(&mut work, actor, id).await?;
    refuse_unless_in_review(&file)?;
    let requester = domain::request::Requester {
        person: file.request.requester_id,
        email: crate::service::requests::email(&mut work, file.request.requester_id).await?,
    };
    let submitted = file.current()?.row.submitted_at;
    decisions::reviewer(&mut work, &file.recusals, by)
        .await?
        .ok_or(ReviewRefused::NotReviewer)
        .and_then(|reviewer| reviewer.may_judge(&requester, submitted))
        .map_err(|refused| Refusal::conflict("may-not-judge", refused.to_string()))?;
    let said = add(
        portal,
        &mut work,
        &file,
        actor,
        (section, verdict),
        comment.as_ref(),
    )
    .await?;
    let details = json!({
        "review": said.id,
        "revision": said.revision_id,
        "section": section.code(),
        "verdict": verdict.map(Verdict::code),
    });
    let entry = entry(actor, from, said.at, "review", id, &details);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// A contact's answer to what was said about a section.
///
/// # Errors
/// [`Refusal::Invalid`] at `comment`, [`Refusal::NotFound`] for another partner's request,
/// [`Refusal::Conflict`] when nobody reviews it any more.
pub async fn reply(
    portal: &Portal,
    actor: &Actor,
    id: RequestId,
    section: Section,
    comment: &str,
    from: &Origin,
) -> Result<(), Refusal> {
    actor.contact()?;
    let comment =
        parse(comment)?.ok_or_else(|| Refusal::field("comment", ReviewRefused::Nothing))?;
    let mut work = portal.store.work().await?;
    let file = RequestFile::load(&mut work, actor, id).await?;
    if !matches!(
        file.request.state.0,
        RequestState::InReview | RequestState::ChangesAsked
    ) {
        return Err(not_in_review());
    }
    let said = add(
        portal,
        &mut work,
        &file,
        actor,
        (section, None),
        Some(&comment),
    )
    .await?;
    let details = json!({ "review": said.id, "section": section.code() });
    let entry = entry(actor, from, said.at, "reply", id, &details);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Steps aside: this person's approvals of what is still open no longer count, and they decide
/// nothing more here.
///
/// # Errors
/// [`Refusal::Invalid`] at `reason`, [`Refusal::Conflict`] when done already or nothing is open.
pub async fn recuse(
    portal: &Portal,
    actor: &Actor,
    id: RequestId,
    reason: &str,
    from: &Origin,
) -> Result<(), Refusal> {
    let by = actor.reviewer()?.person();
    let reason: Line<200> = reason
        .parse()
        .map_err(|refused| Refusal::field("reason", refused))?;
    let mut work = portal.store.work().await?;
    let file = RequestFile::load(&mut work, actor, id).await?;
    if file.request.state.0.is_final() {
        return Err(not_in_review());
    }
    if file.recusals.iter().any(|recusal| recusal.person_id == by) {
        return Err(Refusal::conflict(
            "recused",
            ReviewRefused::Recused.to_string(),
        ));
    }
    let now = portal.now();
    let recusal = Recusal {
        id: ReviewId::random(&mut system_rng()),
        request_id: id,
        person_id: by,
        reason: reason.to_string(),
        at: now,
    };
    work.add_recusal(&recusal).await?;
    for proposed in file.proposals.iter().filter(|proposed| proposed.is_open()) {
        let mine = proposed
            .standing()
            .filter(|decision| decision.person_id == by);
        decisions::void(
            portal,
            &mut work,
            &file,
            proposed,
            mine,
            "You stepped aside.",
        )
        .await?;
    }
    let entry = entry(
        actor,
        from,
        now,
        "recuse",
        id,
        &json!({ "recusal": recusal.id }),
    );
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

async fn add(
    portal: &Portal,
    work: &mut Work,
    file: &RequestFile,
    actor: &Actor,
    (section, verdict): (Section, Option<Verdict>),
    comment: Option<&Paragraph<COMMENT>>,
) -> Result<Review, Refusal> {
    let review = Review {
        id: ReviewId::random(&mut system_rng()),
        request_id: file.request.id,
        revision_id: file.current()?.row.id,
        section: Code(section),
        verdict: verdict.map(Code),
        comment: comment.map(ToString::to_string).unwrap_or_default(),
        person_id: actor.person(),
        at: portal.now(),
    };
    work.add_review(&review).await?;
    let request = store::AccessRequest {
        updated_at: review.at,
        ..file.request.clone()
    };
    work.update_request(&request).await?;
    Ok(review)
}

/// Nothing typed is no comment.
fn parse(comment: &str) -> Result<Option<Paragraph<COMMENT>>, Refusal> {
    if comment.trim().is_empty() {
        return Ok(None);
    }
    let parsed = comment
        .parse()
        .map_err(|refused| Refusal::field("comment", refused))?;
    Ok(Some(parsed))
}

fn refuse_unless_in_review(file: &RequestFile) -> Result<(), Refusal> {
    match file.request.state.0 {
        RequestState::InReview => Ok(()),
        _ => Err(not_in_review()),
    }
}

fn not_in_review() -> Refusal {
    Refusal::conflict(
        "not-in-review",
        "This request is not in review any more. Nothing was done.",
    )
}
