//! Less for a live grant, at once: a revocation of a part, so one signature is enough. What was
//! approved stays as it is; what is left is a row of its own, and no key lives longer than it says.

use domain::act::Act;
use domain::grant::{Grant, Narrowing};
use domain::id::{GrantId, NarrowingId};
use domain::text::Paragraph;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Added, Evidence, GrantRow, NarrowingRow, Read, Work};

use super::propose::{changes, field_of};
use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::page::Told;
use crate::mail::Letter;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::decisions::hex;
use crate::service::overlays::{self, Around};
use crate::service::{live, revoke};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NarrowGrant {
    pub grant: GrantId,
    pub narrowing: Narrowing,
    pub why: Paragraph<1000>,
}

struct Loaded {
    around: Around,
    narrowed: Grant,
    /// The end of a life that is shorter now.
    until: Timestamp,
}

impl NarrowGrant {
    async fn load(
        &self,
        read: &mut Read,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Loaded, Refusal> {
        actor.revoker()?;
        let around = Around::load(read, actor, self.grant).await?;
        live::check_open(&around.grant, now)?;
        let narrowed = around
            .in_force
            .narrow(&self.narrowing)
            .map_err(|refused| Refusal::field(field_of(refused), refused))?;
        let approved = around.grant.settled_at.zip(around.grant.valid_until);
        let (approved, ends) =
            approved.ok_or_else(|| Refusal::internal("an approved grant has no end"))?;
        let until = narrowed.valid_until(approved).min(ends);
        if until <= now {
            return Err(Refusal::field(
                "days",
                "That has passed already. Revoke the grant instead.",
            ));
        }
        Ok(Loaded {
            around,
            narrowed,
            until,
        })
    }
}

impl Privileged for NarrowGrant {
    const ACT: Act = Act::NarrowGrant;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let now = portal.now();
        let Loaded {
            around,
            narrowed,
            until,
        } = self.load(read, actor, now).await?;
        let keys = revoke::live_keys(read, self.grant).await?;
        let overlays = read.overlays_of(self.grant).await?;
        let open = overlays
            .iter()
            .filter(|row| overlays::is_open(row, now))
            .count();
        let mut lines = vec![
            ("Partner", around.file.partner.name.clone()),
            ("Service", around.file.service.name.clone()),
            ("Environment", around.environment().to_owned()),
        ];
        lines.extend(changes(&around.in_force, &narrowed));
        lines.push(("Until", until.minute()));
        lines.push(("Why", self.why.to_string()));
        lines.push(("grant in force", hex(&around.in_force.digest())));
        lines.push(("grant", hex(&narrowed.digest())));
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.grant.uuid(),
                stamp: around.grant.stamp(),
                lines,
            },
            title: "Narrow a live grant".to_owned(),
            does: "It holds at once, for every key of the grant. The partner is told, with the reason. It takes a new request to have more again.".to_owned(),
            breaks: breaks(keys, open),
            button: "Narrow the grant".to_owned(),
            back: format!("/grants/{}/narrow", self.grant),
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
            around,
            narrowed,
            until,
        } = self.load(work, actor, proof.at).await?;
        let grant = &around.grant;
        let number = grant.narrowed.0.unwrap_or_default().saturating_add(1);
        let row = NarrowingRow {
            id: NarrowingId::random(&mut system_rng()),
            grant_id: self.grant,
            number,
            document: serde_json::to_string(&narrowed).map_err(Refusal::internal)?,
            digest: narrowed.digest(),
            reason: self.why.to_string(),
            narrowed_by: proof.person(),
            credential_id: proof.credential(),
            evidence: proof.evidence().to_string(),
            at: proof.at,
        };
        work.add_narrowing(row).await?;
        let changed = GrantRow {
            narrowed: Added(Some(number)),
            valid_until: Some(until),
            ..grant.clone().into_row()
        };
        work.update_grant(changed, grant.stamp()).await?;
        live::touch_keys(work, self.grant, Some(until)).await?;
        let letter = Letter::GrantNarrowed {
            request: grant.request_id,
            service: around.file.service.name.clone(),
            environment: around.environment().to_owned(),
            reason: self.why.to_string(),
            when: proof.at,
        };
        revoke::tell(portal, work, grant, letter).await?;
        crate::fault::point("revoke");
        let about = json!({
            "number": number,
            "reason": self.why,
            "grant": hex(&narrowed.digest()),
        });
        Ok(Done {
            evidence: Evidence::of(proof.entry("grant", self.grant.uuid(), about)),
            location: format!("/requests/{}", grant.request_id),
            told: Some(Told::Sent),
        })
    }
}

fn breaks(keys: usize, open: usize) -> String {
    let keys = match keys {
        1 => "One key is held to this".to_owned(),
        many => format!("{many} keys are held to this"),
    };
    let open = match open {
        0 => String::new(),
        1 => " Temporary access that is open stays open, under the narrower grant: end it on its own page.".to_owned(),
        many => format!(" Temporary access stays open {many} times, under the narrower grant: end each on its own page."),
    };
    format!("{keys}: every call beyond it is refused from then on.{open}")
}
