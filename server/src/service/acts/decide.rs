//! A decision on one environment of a request, signed over all that is decided on. The quorum is
//! recomputed in the transaction that records the decision; the approval that completes it mints.

mod lines;

pub use lines::{digest_lines, hours, signed_lines};

use domain::act::Act;
use domain::decision::{self, DecisionOutcome, DecisionRefused, DecisionVerdict};
use domain::id::{DecisionId, EnvironmentId, GrantId, RequestId};
use domain::quorum::DecisionSubject;
use domain::request::{LineState, RequestState, RequestStep};
use domain::review::{ReviewRefused, Reviewer};
use domain::state::{GrantState, PartnerState};
use domain::text::Paragraph;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AccessRequest, Code, DecisionRow, Entry, Evidence, GrantRow, Read, Stamped, Work};

pub(super) use lines::signed_subject;

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::page::Told;
use crate::mail::{self, Letter};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions::{self, LineCase};
use crate::service::delivery::mint_for_grant;
use crate::service::requests::{Proposed, RequestFile, partner_side};

/// A verdict on one proposal. A rejection or a wish for changes says why.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub request: RequestId,
    pub environment: EnvironmentId,
    pub grant: GrantId,
    pub verdict: DecisionVerdict,
    pub reason: Option<Paragraph<2000>>,
}

/// The act with all that it is about.
struct Loaded {
    file: RequestFile,
    case: LineCase,
    reviewer: Reviewer,
}

impl Privileged for Decide {
    const ACT: Act = Act::Decide;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let loaded = self.load(read, actor).await?;
        let proposed = self.proposed(&loaded.file)?;
        self.outcome(&loaded, &loaded.case.subject)?;
        let mut lines = signed_lines(&loaded.file, &loaded.case, proposed);
        if let Some(reason) = &self.reason {
            lines.push(("Reason", reason.to_string()));
        }
        lines.push(("verdict", self.verdict.code().to_owned()));
        lines.extend(digest_lines(&loaded.case.subject));
        let (title, does, button) = self.words();
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.grant.uuid(),
                stamp: proposed.row.stamp(),
                lines,
            },
            title: title.to_owned(),
            does: does.to_owned(),
            breaks: String::new(),
            button: button.to_owned(),
            back: format!("/requests/{}", self.request),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let Loaded {
            file,
            case,
            reviewer,
        } = self.load(work, actor).await?;
        let signed = signed_subject(proof.statement())
            .ok_or_else(|| Refusal::internal("a decision was signed without its digests"))?;
        let loaded = Loaded {
            file,
            case,
            reviewer,
        };
        let outcome = self.outcome(&loaded, &signed)?;
        let Loaded { file, case, .. } = loaded;
        let proposed = self.proposed(&file)?;
        let why = "What you approved was changed since: the policy, or who receives the key.";
        decisions::void(portal, work, &file, proposed, case.stale(proposed), why).await?;
        decisions::take_back(work, proposed, proof.person(), &case.subject, proof.at).await?;
        self.record(work, &case, proof).await?;
        let step = match outcome {
            DecisionOutcome::Recorded(_) => Step::default(),
            DecisionOutcome::QuorumComplete(_) => {
                approve(portal, work, &file, &case, proposed, proof).await?
            }
            DecisionOutcome::Rejected => self.reject(portal, work, &file, proposed, proof).await?,
            DecisionOutcome::ChangesAsked => self.ask_for_changes(portal, work, &file).await?,
        };
        let state = step
            .request
            .unwrap_or_else(|| settled(&file, proposed, step.grant));
        let request = AccessRequest {
            state: Code(state),
            updated_at: proof.at,
            ..file.request.clone()
        };
        work.update_request(&request).await?;
        let details = json!({
            "grant": self.grant,
            "environment": self.environment,
            "verdict": self.verdict.code(),
            "settled": step.grant.map(GrantState::code),
        });
        let entry = proof.entry("request", self.request.uuid(), details);
        Ok(Done {
            evidence: step
                .entries
                .into_iter()
                .fold(Evidence::of(entry), Evidence::and),
            location: format!("/requests/{}", self.request),
            told: Some(Told::Done),
        })
    }
}

/// What a decision changed beside its own row.
#[derive(Default)]
struct Step {
    /// The grant's new state; nothing while approvals are missing.
    grant: Option<GrantState>,
    /// The request's new state, where it does not follow from its environments.
    request: Option<RequestState>,
    entries: Vec<Entry>,
}

impl Decide {
    async fn load(&self, read: &mut Read, actor: &Actor) -> Result<Loaded, Refusal> {
        let by = actor.reviewer()?.person();
        let file = RequestFile::load(read, actor, self.request).await?;
        let proposed = self.proposed(&file)?;
        let case = LineCase::load(read, &file, proposed).await?;
        let reviewer = decisions::reviewer(read, &file.recusals, by)
            .await?
            .ok_or_else(|| refused(DecisionRefused::MayNotJudge(ReviewRefused::NotReviewer)))?;
        Ok(Loaded {
            file,
            case,
            reviewer,
        })
    }

    /// The proposal that counts, if it is still the one that was looked at.
    fn proposed<'a>(&self, file: &'a RequestFile) -> Result<&'a Proposed, Refusal> {
        file.proposal(self.environment)
            .filter(|proposed| proposed.row.id == self.grant)
            .ok_or_else(|| refused(DecisionRefused::SubjectChanged))
    }

    fn outcome(
        &self,
        loaded: &Loaded,
        signed: &DecisionSubject,
    ) -> Result<DecisionOutcome, Refusal> {
        let proposed = self.proposed(&loaded.file)?;
        if self.verdict == DecisionVerdict::Approve {
            loaded.case.check_policy(&proposed.grant)?;
            if loaded.file.partner.state.0 != PartnerState::Active {
                return Err(Refusal::conflict(
                    "partner-suspended",
                    "This partner is suspended. Resume it before you approve anything.",
                ));
            }
        } else if self.reason.is_none() {
            return Err(Refusal::field(
                "reason",
                "Say what would have to be different.",
            ));
        }
        let line = match proposed.row.state.0 {
            GrantState::Proposed => LineState::Proposed,
            GrantState::Rejected => LineState::Rejected,
            GrantState::WaitingForPasskey => LineState::WaitingForPasskey,
            _ => LineState::Approved,
        };
        decision::decide(
            &loaded.reviewer,
            self.verdict,
            signed,
            &loaded.case.case(line),
        )
        .map_err(refused)
    }

    const fn words(&self) -> (&'static str, &'static str, &'static str) {
        match self.verdict {
            DecisionVerdict::Approve => (
                "Approve access",
                "Your approval counts for exactly these lines. With the last one that is needed, a key is made and sent.",
                "Approve",
            ),
            DecisionVerdict::Reject => (
                "Reject access",
                "The partner is told, with your reason. Other environments are decided on their own.",
                "Reject",
            ),
            DecisionVerdict::AskForChanges => (
                "Ask for changes",
                "The whole request goes back to the partner, with your reason.",
                "Ask for changes",
            ),
        }
    }

    async fn record(&self, work: &mut Work, case: &LineCase, proof: &Proof) -> Result<(), Refusal> {
        let row = DecisionRow {
            id: DecisionId::random(&mut system_rng()),
            grant_id: self.grant,
            person_id: proof.person(),
            credential_id: proof.credential(),
            verdict: Code(self.verdict),
            reason: in_words(self.reason.as_ref()),
            revision_digest: case.subject.revision,
            grant_digest: case.subject.grant,
            policy_digest: case.subject.policy,
            recipient_digest: case.subject.recipient,
            evidence: proof.evidence().to_string(),
            at: proof.at,
            voided_at: None,
            voided_why: None,
        };
        work.add_decision(row).await?;
        Ok(())
    }

    async fn reject(
        &self,
        portal: &Portal,
        work: &mut Work,
        file: &RequestFile,
        proposed: &Proposed,
        proof: &Proof,
    ) -> Result<Step, Refusal> {
        decisions::settle_grant(work, proposed, GrantState::Rejected, proof.at).await?;
        for to in partner_side(work, file).await? {
            let letter = Letter::RequestRejected {
                request: self.request,
                service: file.service.name.clone(),
                environment: file.environment_name(self.environment).to_owned(),
                reason: in_words(self.reason.as_ref()),
            };
            mail::queue(portal, work, letter, &to).await?;
        }
        Ok(Step {
            grant: Some(GrantState::Rejected),
            ..Step::default()
        })
    }

    async fn ask_for_changes(
        &self,
        portal: &Portal,
        work: &mut Work,
        file: &RequestFile,
    ) -> Result<Step, Refusal> {
        let back = file
            .request
            .state
            .0
            .step(RequestStep::AskForChanges)
            .map_err(|refused| Refusal::conflict("not-in-review", refused.to_string()))?;
        for to in partner_side(work, file).await? {
            let letter = Letter::ChangesAsked {
                request: self.request,
                service: file.service.name.clone(),
                note: in_words(self.reason.as_ref()),
            };
            mail::queue(portal, work, letter, &to).await?;
        }
        Ok(Step {
            request: Some(back),
            ..Step::default()
        })
    }
}

/// The quorum is complete: the grant's life counts from now, under the policy that was signed, and
/// its first key is minted.
async fn approve(
    portal: &Portal,
    work: &mut Work,
    file: &RequestFile,
    case: &LineCase,
    proposed: &Proposed,
    proof: &Proof,
) -> Result<Step, Refusal> {
    let expires = proposed.grant.valid_until(proof.at);
    let row = GrantRow {
        state: Code(GrantState::Approved),
        policy_id: case.policy_id,
        settled_at: Some(proof.at),
        valid_until: Some(expires),
        ..proposed.row.clone().into_row()
    };
    let row = work.update_grant(row, proposed.row.stamp()).await?;
    for to in partner_side(work, file).await? {
        let letter = Letter::GrantApproved {
            request: file.request.id,
            service: file.service.name.clone(),
            environment: file.environment_name(row.environment_id).to_owned(),
            expires,
        };
        mail::queue(portal, work, letter, &to).await?;
    }
    let minted = mint_for_grant(portal, work, &row, None, proof.at).await?;
    keep_state(work, row, minted.state).await?;
    Ok(Step {
        grant: Some(minted.state),
        request: None,
        entries: minted.entries,
    })
}

async fn keep_state(
    work: &mut Work,
    row: Stamped<GrantRow>,
    state: GrantState,
) -> Result<(), Refusal> {
    let row = work.grant(row.id).await?.ok_or(Refusal::NotFound)?;
    if row.state.0 != state {
        let stamp = row.stamp();
        let changed = GrantRow {
            state: Code(state),
            ..row.into_row()
        };
        work.update_grant(changed, stamp).await?;
    }
    Ok(())
}

fn settled(file: &RequestFile, proposed: &Proposed, grant: Option<GrantState>) -> RequestState {
    let changed: Vec<_> = grant
        .map(|state| (proposed.row.id, state))
        .into_iter()
        .collect();
    RequestState::settle(&file.line_states(&changed))
}

pub(super) fn refused(refused: DecisionRefused) -> Refusal {
    let code = match refused {
        DecisionRefused::MayNotJudge(_) => "may-not-judge",
        DecisionRefused::NotInReview => "not-in-review",
        DecisionRefused::AlreadyDecided => "decided-already",
        DecisionRefused::SubjectChanged => "changed",
        DecisionRefused::ApprovedAlready => "approved-already",
    };
    Refusal::conflict(code, refused.to_string())
}

/// Nothing, where no reason was given.
pub(super) fn in_words(reason: Option<&Paragraph<2000>>) -> String {
    reason.map(ToString::to_string).unwrap_or_default()
}
