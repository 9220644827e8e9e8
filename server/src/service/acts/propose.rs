//! A narrower grant, as a new proposal: it takes the place of the present one, whose approvals are
//! void, and those who gave them are told.

use domain::act::Act;
use domain::grant::{Grant, Narrowing};
use domain::id::{EnvironmentId, GrantId, RequestId};
use domain::request::RequestState;
use domain::review::ReviewRefused;
use domain::state::GrantState;
use domain::text::Paragraph;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Code, Evidence, GrantRow, Read, Work};

use super::{Asking, Done, Privileged, hours};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions::{self, LineCase, hex};
use crate::service::requests::{Proposed, RequestFile};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeGrant {
    pub request: RequestId,
    pub environment: EnvironmentId,
    /// The proposal that is narrowed.
    pub grant: GrantId,
    pub narrowing: Narrowing,
    pub why: Paragraph<1000>,
}

impl Privileged for ProposeGrant {
    const ACT: Act = Act::ProposeGrant;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let file = RequestFile::load(read, actor, self.request).await?;
        let (proposed, narrowed) = self.narrow(read, actor, &file).await?;
        let approvals = proposed.standing().count();
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.grant.uuid(),
                stamp: proposed.row.stamp(),
                lines: self.lines(&file, proposed, &narrowed),
            },
            title: "Narrow a grant".to_owned(),
            does: "This becomes the proposal that is decided on. The partner and the other reviewers see what was taken away.".to_owned(),
            breaks: match approvals {
                0 => String::new(),
                1 => "The approval of the present proposal is void; who gave it is told.".to_owned(),
                many => format!("{many} approvals of the present proposal are void; those who gave them are told."),
            },
            button: "Propose this grant".to_owned(),
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
        let file = RequestFile::load(work, actor, self.request).await?;
        let (proposed, narrowed) = self.narrow(work, actor, &file).await?;
        let why = format!("{} narrowed the grant: {}", actor.name(), self.why);
        let voided =
            decisions::void(portal, work, &file, proposed, proposed.standing(), &why).await?;
        let policy = LineCase::load(work, &file, proposed).await?.policy_id;
        decisions::settle_grant(work, proposed, GrantState::Superseded, proof.at).await?;
        let row = GrantRow {
            id: GrantId::random(&mut system_rng()),
            policy_id: policy,
            number: proposed.row.number.saturating_add(1),
            document: serde_json::to_string(&narrowed).map_err(Refusal::internal)?,
            digest: narrowed.digest(),
            state: Code(GrantState::Proposed),
            proposed_by: Some(proof.person()),
            proposed_at: proof.at,
            settled_at: None,
            ..proposed.row.clone().into_row()
        };
        let row = work.add_grant(row).await?;
        let request = store::AccessRequest {
            updated_at: proof.at,
            ..file.request.clone()
        };
        work.update_request(&request).await?;
        let details = json!({
            "grant": row.id,
            "replaces": self.grant,
            "environment": self.environment,
            "voided": voided,
        });
        Ok(Done {
            evidence: Evidence::of(proof.entry("request", self.request.uuid(), details)),
            location: format!("/requests/{}", self.request),
            told: Some(Told::Done),
        })
    }
}

impl ProposeGrant {
    /// What is narrowed, and to what.
    async fn narrow<'a>(
        &self,
        read: &mut Read,
        actor: &Actor,
        file: &'a RequestFile,
    ) -> Result<(&'a Proposed, Grant), Refusal> {
        let by = actor.reviewer()?.person();
        let proposed = file
            .proposal(self.environment)
            .filter(|proposed| proposed.row.id == self.grant && proposed.is_open())
            .filter(|_| file.request.state.0 == RequestState::InReview)
            .ok_or_else(|| {
                Refusal::conflict(
                    "changed",
                    "This proposal is not open any more. Look at it again.",
                )
            })?;
        let case = LineCase::load(read, file, proposed).await?;
        decisions::reviewer(read, &file.recusals, by)
            .await?
            .ok_or(ReviewRefused::NotReviewer)
            .and_then(|reviewer| reviewer.may_judge(&case.requester, case.submitted))
            .map_err(|refused| Refusal::conflict("may-not-judge", refused.to_string()))?;
        let narrowed = proposed
            .grant
            .narrow(&self.narrowing)
            .map_err(|refused| Refusal::field(field_of(refused), refused))?;
        Ok((proposed, narrowed))
    }

    fn lines(
        &self,
        file: &RequestFile,
        proposed: &Proposed,
        narrowed: &Grant,
    ) -> Vec<(&'static str, String)> {
        let was = &proposed.grant;
        let mut lines = vec![
            ("Partner", file.partner.name.clone()),
            ("Service", file.service.name.clone()),
            (
                "Environment",
                file.environment_name(self.environment).to_owned(),
            ),
        ];
        lines.extend(changes(was, narrowed));
        lines.push(("Why", self.why.to_string()));
        lines.push(("present grant", hex(&was.digest())));
        lines.push(("grant", hex(&narrowed.digest())));
        lines
    }
}

/// Every part of a grant: what it becomes, with what it was where they differ.
pub(super) fn changes(was: &Grant, now: &Grant) -> Vec<(&'static str, String)> {
    vec![
        changed("Scopes", &listed(was.scopes()), &listed(now.scopes())),
        changed("Calls", &rules(was), &rules(now)),
        changed(
            "Source networks",
            &was.sources().to_string(),
            &now.sources().to_string(),
        ),
        changed(
            "Calls a second",
            &was.rate().to_string(),
            &now.rate().to_string(),
        ),
        changed(
            "Further limits",
            &was.limits().to_string(),
            &now.limits().to_string(),
        ),
        changed("Hours", &hours(was), &hours(now)),
        changed("Days", &was.life().to_string(), &now.life().to_string()),
    ]
}

/// The new value, with the old one where they differ.
fn changed(label: &'static str, was: &str, now: &str) -> (&'static str, String) {
    let value = if was == now {
        format!("{now} (as before)")
    } else {
        format!("{now} (before: {was})")
    };
    (label, value)
}

pub(super) fn listed<'a>(
    names: impl IntoIterator<Item = &'a domain::service::ScopeName>,
) -> String {
    let names: Vec<&str> = names
        .into_iter()
        .map(domain::service::ScopeName::as_str)
        .collect();
    names.join(", ")
}

fn rules(grant: &Grant) -> String {
    let rules: Vec<String> = grant
        .rules()
        .iter()
        .map(|rule| format!("{} {}", rule.method, rule.pattern))
        .collect();
    rules.join(", ")
}

pub(super) const fn field_of(refused: domain::grant::NarrowRefused) -> &'static str {
    use domain::grant::NarrowRefused as Refused;
    match refused {
        Refused::NothingLeft | Refused::Scopes | Refused::Unchanged => "scope",
        Refused::Rules => "rule",
        Refused::Sources => "networks",
        Refused::Rate => "rate",
        Refused::Limits => "limits_grant",
        Refused::Hours => "hours",
        Refused::Life => "days",
    }
}
