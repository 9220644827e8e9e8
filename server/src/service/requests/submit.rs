//! Handing in: the draft is frozen as a revision, and a grant is proposed for each environment that
//! is not decided yet. What was proposed before is superseded, and its approvals are void.

use domain::grant::Grant;
use domain::id::{EnvironmentId, GrantId, PersonId, RequestId, RevisionId};
use domain::policy::Policy;
use domain::request::{Questionnaire, RequestStep, RequestedLine};
use domain::service::Catalogue;
use domain::state::{GrantState, PersonState};
use domain::time::Timestamp;
use serde_json::json;
use store::{
    AccessRequest, Added, Code, Environment, Evidence, GrantRow, PolicyVersion, Read, Revision,
    Stamped, Work,
};

use super::{Draft, RequestFile, draft_changed, entry, refuse_suspended, reviewers, theirs};
use crate::auth::actor::Actor;
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::mail::{self, Letter};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions;

/// An environment with the policy in force.
struct Open {
    environment: Environment,
    policy: Policy,
    row: Stamped<PolicyVersion>,
}

/// Saves what was typed and hands it in. When it cannot be handed in, the draft is saved all the
/// same, before this is called.
///
/// # Errors
/// [`Refusal::Invalid`] with a sentence for each field, [`Refusal::Conflict`] when the draft was
/// changed in another window.
pub async fn submit(
    portal: &Portal,
    actor: &Actor,
    id: RequestId,
    version: i64,
    from: &Origin,
) -> Result<(), Refusal> {
    let contact = actor.contact()?;
    let mut work = portal.store.work().await?;
    let request = theirs(&mut work, contact, id).await?;
    let next = request
        .state
        .0
        .step(RequestStep::Submit)
        .map_err(|_| draft_changed())?;
    if request.draft_version != version {
        return Err(draft_changed());
    }
    let file = RequestFile::load(&mut work, actor, id).await?;
    refuse_suspended(file.partner.state.0)?;
    if file.service.retired_at.is_some() {
        return Err(Refusal::field(
            "environment",
            "This service cannot be asked for any more.",
        ));
    }
    let draft = Draft::from_json(&request.draft)?;
    let open = open(&mut work, &file).await?;
    let catalogue: Catalogue =
        serde_json::from_str(&file.service.catalogue).map_err(Refusal::internal)?;
    let choices: Vec<(Environment, Policy)> = open
        .iter()
        .map(|open| (open.environment.clone(), open.policy))
        .collect();
    let proposals = draft.proposals(file.service.id, &catalogue, &choices)?;
    let now = portal.now();
    let revision = freeze(
        &mut work,
        &request,
        draft,
        &proposals,
        contact.person(),
        now,
    )
    .await?;
    supersede(portal, &mut work, &file, actor, now).await?;
    let recipient = recipient(&mut work, &request, contact.person()).await?;
    for (line, grant) in proposals {
        let policy = open
            .iter()
            .find(|open| open.environment.id == line.environment);
        let policy = policy.ok_or_else(|| Refusal::internal("a proposal without its policy"))?;
        let number = next_number(&file, line.environment);
        let row = proposal(&revision, &file, &grant, (policy, number), recipient)?;
        work.add_grant(row).await?;
    }
    let request = AccessRequest {
        state: Code(next),
        revisions: revision.number,
        submitted_at: Some(now),
        updated_at: now,
        ..request
    };
    work.update_request(&request).await?;
    tell_reviewers(portal, &mut work, &file, revision.number).await?;
    let details =
        json!({ "revision": revision.number, "digest": decisions::hex(&revision.digest) });
    let entry = entry(actor, from, now, "submit-request", id, &details);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// The environments that are not approved already, each with its policy.
async fn open(read: &mut Read, file: &RequestFile) -> Result<Vec<Open>, Refusal> {
    let mut open = Vec::new();
    for environment in &file.environments {
        let held = file.proposal(environment.id).is_some_and(|proposed| {
            matches!(
                proposed.row.state.0,
                GrantState::Approved | GrantState::WaitingForPasskey
            )
        });
        if held {
            continue;
        }
        if let Some(row) = read.policy(environment.id).await? {
            open.push(Open {
                environment: environment.clone(),
                policy: serde_json::from_str(&row.document).map_err(Refusal::internal)?,
                row,
            });
        }
    }
    Ok(open)
}

async fn freeze(
    work: &mut Work,
    request: &AccessRequest,
    draft: Draft,
    proposals: &[(RequestedLine, Grant)],
    by: PersonId,
    now: Timestamp,
) -> Result<Stamped<Revision>, Refusal> {
    let number = request.revisions.saturating_add(1);
    let document = domain::request::Revision {
        request: request.id,
        number: u32::try_from(number).map_err(Refusal::internal)?,
        submitted: now,
        service: request.service_id,
        questionnaire: Questionnaire::CURRENT.version,
        answers: draft.answers,
        lines: proposals.iter().map(|(line, _)| line.clone()).collect(),
    };
    let row = Revision {
        id: RevisionId::random(&mut system_rng()),
        request_id: request.id,
        number,
        digest: document.digest(),
        document: serde_json::to_string(&document).map_err(Refusal::internal)?,
        submitted_by: by,
        submitted_at: now,
    };
    Ok(work.add_revision(row).await?)
}

/// Every proposal that waits is replaced, and who approved it is told.
async fn supersede(
    portal: &Portal,
    work: &mut Work,
    file: &RequestFile,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Refusal> {
    let why = format!("{} handed in a new revision.", actor.name());
    for proposed in file.proposals.iter().filter(|proposed| proposed.is_open()) {
        decisions::void(portal, work, file, proposed, proposed.standing(), &why).await?;
        decisions::settle_grant(work, proposed, GrantState::Superseded, now).await?;
    }
    Ok(())
}

/// Who began the request, as long as they can be written to; otherwise who hands it in.
async fn recipient(
    read: &mut Read,
    request: &AccessRequest,
    by: PersonId,
) -> Result<PersonId, Refusal> {
    let requester = read.person(request.requester_id).await?;
    let active = requester.is_some_and(|row| row.state.0 == PersonState::Active);
    Ok(if active { request.requester_id } else { by })
}

fn next_number(file: &RequestFile, environment: EnvironmentId) -> i64 {
    file.proposals
        .iter()
        .filter(|proposed| proposed.row.environment_id == environment)
        .map(|proposed| proposed.row.number)
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}

fn proposal(
    revision: &Stamped<Revision>,
    file: &RequestFile,
    grant: &Grant,
    (policy, number): (&Open, i64),
    recipient: PersonId,
) -> Result<GrantRow, Refusal> {
    Ok(GrantRow {
        id: GrantId::random(&mut system_rng()),
        request_id: revision.request_id,
        revision_id: revision.id,
        partner_id: file.partner.id,
        service_id: file.service.id,
        environment_id: grant.environment(),
        policy_id: policy.row.id,
        recipient_id: recipient,
        number,
        document: serde_json::to_string(grant).map_err(Refusal::internal)?,
        digest: grant.digest(),
        state: Code(GrantState::Proposed),
        proposed_by: None,
        proposed_at: revision.submitted_at,
        settled_at: None,
        valid_until: None,
        ended_at: None,
        end_reason: None,
        narrowed: Added(None),
    })
}

async fn tell_reviewers(
    portal: &Portal,
    work: &mut Work,
    file: &RequestFile,
    revision: i64,
) -> Result<(), Refusal> {
    for to in reviewers(work).await? {
        let letter = Letter::RequestSubmitted {
            request: file.request.id,
            partner: file.partner.name.clone(),
            service: file.service.name.clone(),
            revision,
        };
        mail::queue(portal, work, letter, &to).await?;
    }
    Ok(())
}
