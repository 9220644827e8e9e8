//! The request as its partner sees it: where it stands, and whom to ask.

use app::components::{Filled, Moment, Step};
use app::pages::request::Status;
use domain::delivery::DeliveryCode;
use domain::key::KeyState;
use domain::request::{LineState, RequestState};
use domain::state::GrantState;
use store::{KeyRow, Read};

use super::{grants, history, sections, shown};
use crate::auth::actor::Actor;
use crate::http::page::View;
use crate::refusal::Refusal;
use crate::service::requests::RequestFile;

pub(super) async fn status(
    view: &View,
    read: &mut Read,
    actor: &Actor,
    file: RequestFile,
    filled: Filled,
) -> Result<Status, Refusal> {
    let now = view.portal.now();
    let timeline = history::timeline(&view.portal, read, actor, &file, now).await?;
    let revision = file.current()?;
    let (mut sections, _) = sections::sections(&file, revision, false, now);
    if file.request.state.0 == RequestState::ChangesAsked
        && let Some(first) = sections.first_mut()
    {
        first
            .comments
            .extend(sections::asked_with_decisions(&file, now));
    }
    let state = file.request.state.0;
    let credentials = read.credentials(actor.person()).await?;
    let can_receive = credentials
        .iter()
        .any(|credential| credential.can_receive());
    Ok(Status {
        id: file.request.id.to_string(),
        service: file.service.name.clone(),
        state: shown(state),
        revision: revision.document.number.into(),
        submitted: Moment::new(revision.row.submitted_at, now),
        way: way(&file, hand_over(read, &file).await?),
        sections,
        grants: grants::for_partner(read, &file).await?,
        timeline,
        ask: format!("The reviewers at {}", view.portal.config.host_name),
        ask_address: view.portal.config.security_contact.clone(),
        may_edit: state == RequestState::ChangesAsked,
        may_withdraw: matches!(state, RequestState::InReview | RequestState::ChangesAsked),
        needs_passkey: !can_receive && !state.is_final(),
        filled,
    })
}

/// How far the keys of what was approved have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HandOver {
    Stored,
    /// A key was stored, and none works any more.
    Over,
    /// The last delivery ended before its key was stored.
    Lapsed,
    Mailed,
}

/// Of several environments, the one on which there is most to do.
async fn hand_over(read: &mut Read, file: &RequestFile) -> Result<HandOver, Refusal> {
    let mut stands = HandOver::Stored;
    for (_, proposed) in file.standing() {
        let grant = &proposed.row;
        if grant.state.0 != GrantState::Approved {
            continue;
        }
        let deliveries = read.deliveries_of_grant(grant.id).await?;
        let newest = deliveries.last().map(|delivery| delivery.state.0);
        let keys = read.keys_of_grant(grant.id).await?;
        let live = |key: &KeyRow| matches!(key.state.0, KeyState::Active | KeyState::Suspended);
        stands = stands.max(match newest {
            None | Some(DeliveryCode::Sealed | DeliveryCode::Claimed) => HandOver::Mailed,
            Some(_) if keys.iter().any(|key| live(key)) => HandOver::Stored,
            Some(DeliveryCode::Receipted) => HandOver::Over,
            Some(DeliveryCode::Expired | DeliveryCode::Cancelled) => HandOver::Lapsed,
        });
    }
    Ok(stands)
}

/// The last step of an approved request.
const fn key_step(stands: HandOver) -> (Step, &'static str) {
    match stands {
        HandOver::Mailed => (
            Step::Now,
            "A one-time link was mailed. Only its recipient’s passkey opens it.",
        ),
        HandOver::Stored => (
            Step::Done,
            "Its recipient has it stored. The key’s page shows its use.",
        ),
        HandOver::Over => (
            Step::Now,
            "It has ended. The key’s page says why, and how to have another one.",
        ),
        HandOver::Lapsed => (
            Step::Now,
            "The delivery ended before the key was stored. The key’s page says how to have a new one.",
        ),
    }
}

/// The way of a request, with where it is now.
fn way(file: &RequestFile, stands: HandOver) -> Vec<(Step, String, String)> {
    let step = |step, title: &str, text: &str| (step, title.to_owned(), text.to_owned());
    let approved = grants::any(file, LineState::Approved);
    let handed_in = step(
        Step::Done,
        "Handed in",
        "Your answers are frozen as a revision, and the reviewers know.",
    );
    let (review, decision, key) = match file.request.state.0 {
        RequestState::ChangesAsked => (
            step(
                Step::Now,
                "Changes asked",
                "Change what was asked for and hand in again.",
            ),
            step(
                Step::Later,
                "Decision",
                "Each environment is decided on its own.",
            ),
            step(Step::Later, "Key", "A one-time link comes by mail."),
        ),
        RequestState::InReview | RequestState::Draft => (
            step(
                Step::Now,
                "In review",
                "Reviewers read your answers, comment on them and decide.",
            ),
            step(
                if approved { Step::Now } else { Step::Later },
                "Decision",
                "Each environment is decided on its own.",
            ),
            step(Step::Later, "Key", "A one-time link comes by mail."),
        ),
        RequestState::WaitingForPasskey => (
            step(Step::Done, "Reviewed", ""),
            step(Step::Done, "Approved", ""),
            step(
                Step::Now,
                "Key",
                "It is sent as soon as its recipient has a passkey that can open it.",
            ),
        ),
        RequestState::Approved => {
            let (now, text) = key_step(stands);
            (
                step(Step::Done, "Reviewed", ""),
                step(Step::Done, "Approved", ""),
                step(now, "Key", text),
            )
        }
        RequestState::Rejected => (
            step(Step::Done, "Reviewed", ""),
            step(
                Step::Now,
                "Rejected",
                "The reason is in the mail. A new request can be made at any time.",
            ),
            step(Step::Later, "Key", "None."),
        ),
        RequestState::Withdrawn => (
            step(
                Step::Done,
                "Withdrawn",
                "By your organisation. Nothing is reviewed any more.",
            ),
            step(Step::Later, "Decision", "None."),
            step(Step::Later, "Key", "None."),
        ),
        RequestState::Closed => (
            step(Step::Done, "Reviewed", ""),
            step(Step::Done, "Approved", ""),
            step(Step::Done, "Ended", "Every key under it has ended."),
        ),
    };
    vec![handed_in, review, decision, key]
}
