//! Taking the audit log out of the portal.

use domain::act::Act;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AuditFilter, Evidence, Read, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::evidence;

/// Lets the session fetch the entries that fit, for minutes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportAudit {
    pub asked: evidence::Asked,
}

impl Privileged for ExportAudit {
    const ACT: Act = Act::Export;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let found = evidence::filter(read, actor.auditor()?, &self.asked).await?;
        if found.is_none() {
            return Err(Refusal::field("q", "No person or subject is called so."));
        }
        let or_any = |text: &str| {
            if text.is_empty() {
                "any".to_owned()
            } else {
                text.to_owned()
            }
        };
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: actor.person().uuid(),
                stamp: 0,
                lines: vec![
                    ("Log", "audit".to_owned()),
                    ("Person or subject", or_any(&self.asked.q)),
                    ("Act", or_any(&self.asked.act)),
                    ("Outcome", or_any(&self.asked.outcome)),
                    ("From", or_any(&self.asked.from)),
                    ("To", or_any(&self.asked.to)),
                ],
            },
            title: "Export the audit log".to_owned(),
            does: "You get a file of JSON lines, one entry a line, in order, with its hashes: it can be checked without this server. It holds what people did; keep it as you would keep the log.".to_owned(),
            breaks: String::new(),
            button: "Export".to_owned(),
            back: "/audit".to_owned(),
        })
    }

    async fn perform(
        self,
        _: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        actor.auditor()?;
        let newest = AuditFilter {
            limit: 1,
            ..AuditFilter::default()
        };
        let until = work.audit(&newest).await?.first().map_or(0, |row| row.seq);
        let details = json!({ "asked": self.asked, "until": until });
        let permission = evidence::permit(actor, self.asked, until, proof.at)?;
        work.add_ceremony(&permission).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("person", actor.person().uuid(), details)),
            location: format!("/audit/export/{}", permission.id),
            told: None,
        })
    }
}
