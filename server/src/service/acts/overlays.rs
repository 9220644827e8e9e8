//! A decision on temporary access, signed over all that it opens; and its end before its time. The
//! quorum is recomputed in the transaction that records the decision; the approval that completes it
//! opens the endpoints for every key of the grant, and the time counts from then.

use domain::act::Act;
use domain::decision::{self, DecisionOutcome, DecisionRefused, DecisionVerdict};
use domain::id::{DecisionId, OverlayId};
use domain::quorum::DecisionSubject;
use domain::review::{ReviewRefused, Reviewer};
use domain::state::{OverlayState, PartnerState};
use domain::text::Paragraph;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Code, Evidence, OverlayDecision, OverlayRow, Read, Work};

use super::decide::{digest_lines, in_words, refused, signed_subject};
use super::people::Reason;
use super::propose::listed;
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::page::Told;
use crate::mail::Letter;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions::{self, hex};
use crate::service::live;
use crate::service::overlays::{self, OverlayCase, OverlayFile, span};

/// A verdict on temporary access: one is enough to say no, with a reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideOverlay {
    pub overlay: OverlayId,
    pub verdict: DecisionVerdict,
    pub reason: Option<Paragraph<2000>>,
}

/// Ends temporary access before its time, with a reason that the partner is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndOverlay {
    pub overlay: OverlayId,
    pub reason: Reason,
}

/// What people read of temporary access, and sign: what would be open, for how long, to whom, why.
pub fn overlay_lines(file: &OverlayFile, case: &OverlayCase) -> Vec<(&'static str, String)> {
    let overlay = &file.overlay;
    let calls: Vec<String> = overlay
        .rules()
        .iter()
        .map(|rule| format!("{} {}", rule.method, rule.pattern))
        .collect();
    let writes = overlay
        .rules()
        .iter()
        .any(|rule| !rule.method.is_read_only());
    let scopes = match overlay.scopes().is_empty() {
        true => "none".to_owned(),
        false => listed(overlay.scopes()),
    };
    let (service, environment) = file.place();
    vec![
        ("Partner", file.around.file.partner.name.clone()),
        ("Service", service),
        ("Environment", environment),
        ("Calls", calls.join(", ")),
        ("Scopes added", scopes),
        (
            "Changes things",
            if writes { "yes" } else { "no, it only reads" }.to_owned(),
        ),
        (
            "For",
            format!("{} from the last approval", span(overlay.minutes())),
        ),
        (
            "Asked for by",
            format!(
                "{} <{}>",
                file.around.file.name_of(file.row.requester_id),
                case.requester.email.as_str()
            ),
        ),
        ("Why", file.row.reason.clone()),
        ("Approvals needed", case.policy.approvals.to_string()),
        ("grant in force", hex(&file.around.in_force.digest())),
    ]
}

struct Loaded {
    file: OverlayFile,
    case: OverlayCase,
    reviewer: Reviewer,
}

impl Privileged for DecideOverlay {
    const ACT: Act = Act::DecideOverlay;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let loaded = self.load(read, actor).await?;
        self.outcome(&loaded, &loaded.case.subject, portal.now())?;
        let mut lines = overlay_lines(&loaded.file, &loaded.case);
        if let Some(reason) = &self.reason {
            lines.push(("Reason", reason.to_string()));
        }
        lines.push(("verdict", self.verdict.code().to_owned()));
        lines.extend(digest_lines(&loaded.case.subject));
        let (title, does, button) = match self.verdict {
            DecisionVerdict::Approve => (
                "Approve temporary access",
                "Your approval counts for exactly these lines. With the last one that is needed, it is open at once for every key of the grant, and ends by itself.",
                "Approve",
            ),
            _ => (
                "Reject temporary access",
                "The partner is told, with your reason. Its keys work as before.",
                "Reject",
            ),
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.overlay.uuid(),
                stamp: loaded.file.row.stamp(),
                lines,
            },
            title: title.to_owned(),
            does: does.to_owned(),
            breaks: String::new(),
            button: button.to_owned(),
            back: format!("/temporary/{}", self.overlay),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let loaded = self.load(work, actor).await?;
        let signed = signed_subject(proof.statement())
            .ok_or_else(|| Refusal::internal("a decision was signed without its digests"))?;
        let outcome = self.outcome(&loaded, &signed, proof.at)?;
        let Loaded { file, case, .. } = loaded;
        case.void_others(portal, work, &file, proof.person())
            .await?;
        work.add_overlay_decision(self.row(&case, proof)).await?;
        let settled = match outcome {
            DecisionOutcome::Recorded(_) => None,
            DecisionOutcome::QuorumComplete(_) => {
                approve(portal, work, &file, &case, proof.at).await?;
                Some(OverlayState::Approved)
            }
            DecisionOutcome::Rejected | DecisionOutcome::ChangesAsked => {
                self.reject(portal, work, &file, proof.at).await?;
                Some(OverlayState::Rejected)
            }
        };
        let about = json!({
            "overlay": self.overlay,
            "verdict": self.verdict.code(),
            "settled": settled.map(OverlayState::code),
            "reason": self.reason,
        });
        let entry = proof.entry("grant", file.row.grant_id.uuid(), about);
        Ok(Done {
            evidence: Evidence::of(entry),
            location: format!("/temporary/{}", self.overlay),
            told: Some(Told::Done),
        })
    }
}

impl DecideOverlay {
    async fn load(&self, read: &mut Read, actor: &Actor) -> Result<Loaded, Refusal> {
        let by = actor.reviewer()?.person();
        let file = OverlayFile::load(read, actor, self.overlay).await?;
        let case = OverlayCase::load(read, &file).await?;
        let reviewer = decisions::reviewer(read, &file.around.file.recusals, by)
            .await?
            .ok_or_else(|| refused(DecisionRefused::MayNotJudge(ReviewRefused::NotReviewer)))?;
        Ok(Loaded {
            file,
            case,
            reviewer,
        })
    }

    fn outcome(
        &self,
        loaded: &Loaded,
        signed: &DecisionSubject,
        now: Timestamp,
    ) -> Result<DecisionOutcome, Refusal> {
        let Loaded {
            file,
            case,
            reviewer,
        } = loaded;
        match self.verdict {
            DecisionVerdict::Approve => {
                live::check_open(&file.around.grant, now)?;
                case.check_within(file)?;
                if file.around.file.partner.state.0 != PartnerState::Active {
                    return Err(Refusal::conflict(
                        "partner-suspended",
                        "This partner is suspended. Resume it before you approve anything.",
                    ));
                }
            }
            DecisionVerdict::Reject if self.reason.is_none() => {
                return Err(Refusal::field("reason", "Say why not."));
            }
            DecisionVerdict::Reject => {}
            DecisionVerdict::AskForChanges => {
                return Err(Refusal::BadRequest("There is no such decision."));
            }
        }
        decision::decide(reviewer, self.verdict, signed, &case.case(file)).map_err(refused)
    }

    fn row(&self, case: &OverlayCase, proof: &Proof) -> OverlayDecision {
        OverlayDecision {
            id: DecisionId::random(&mut system_rng()),
            overlay_id: self.overlay,
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
        }
    }

    async fn reject(
        &self,
        portal: &Portal,
        work: &mut Work,
        file: &OverlayFile,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let rejected = OverlayRow {
            state: Code(OverlayState::Rejected),
            settled_at: Some(at),
            ..file.row.clone().into_row()
        };
        work.update_overlay(rejected, file.row.stamp()).await?;
        let (service, environment) = file.place();
        let letter = Letter::OverlayRejected {
            overlay: self.overlay,
            service,
            environment,
            reason: in_words(self.reason.as_ref()),
        };
        overlays::tell(portal, work, file, letter).await
    }
}

/// The quorum is complete: the time counts from now, under the policy that was signed, and never
/// beyond the grant's.
async fn approve(
    portal: &Portal,
    work: &mut Work,
    file: &OverlayFile,
    case: &OverlayCase,
    at: Timestamp,
) -> Result<(), Refusal> {
    let until = file.overlay.valid_until(at);
    let expires = file
        .around
        .grant
        .valid_until
        .map_or(until, |grant| grant.min(until));
    let approved = OverlayRow {
        state: Code(OverlayState::Approved),
        policy_id: case.policy_id,
        settled_at: Some(at),
        ends_at: Some(expires),
        ..file.row.clone().into_row()
    };
    work.update_overlay(approved, file.row.stamp()).await?;
    live::touch_keys(work, file.row.grant_id, None).await?;
    let (service, environment) = file.place();
    let letter = Letter::OverlayApproved {
        overlay: file.row.id,
        service,
        environment,
        expires,
    };
    overlays::tell(portal, work, file, letter).await
}

impl EndOverlay {
    async fn open(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<OverlayFile, Refusal> {
        actor.revoker()?;
        let file = OverlayFile::load(read, actor, self.overlay).await?;
        if file.is_open(portal.now()) {
            Ok(file)
        } else {
            Err(Refusal::conflict("not-open", "This is not open any more."))
        }
    }
}

impl Privileged for EndOverlay {
    const ACT: Act = Act::EndOverlay;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let file = self.open(portal, read, actor).await?;
        let case = OverlayCase::load(read, &file).await?;
        let mut lines = overlay_lines(&file, &case);
        lines.push(("Reason", self.reason.to_string()));
        let (service, environment) = file.place();
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.overlay.uuid(),
                stamp: file.row.stamp(),
                lines,
            },
            title: "End temporary access".to_owned(),
            does: "The partner is told, with the reason. Its keys go on for everything that the grant itself opens.".to_owned(),
            breaks: format!(
                "Every call of {} to these endpoints of {service} in {environment} is refused from then on.",
                file.around.file.partner.name
            ),
            button: "End it now".to_owned(),
            back: format!("/temporary/{}", self.overlay),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let file = self.open(portal, work, actor).await?;
        let (service, environment) = file.place();
        let letter = Letter::OverlayEnded {
            overlay: self.overlay,
            service,
            environment,
            reason: self.reason.to_string(),
            when: proof.at,
        };
        overlays::tell(portal, work, &file, letter).await?;
        overlays::end(work, file.row.clone(), proof.at, self.reason.as_str()).await?;
        crate::fault::point("revoke");
        let about = json!({ "overlay": self.overlay, "reason": self.reason });
        let entry = proof.entry("grant", file.row.grant_id.uuid(), about);
        Ok(Done {
            evidence: Evidence::of(entry),
            location: format!("/temporary/{}", self.overlay),
            told: Some(Told::Sent),
        })
    }
}
