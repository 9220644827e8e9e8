//! What stands behind a key: its grant, the approvals that the grant rests on, its partner.

use std::collections::HashSet;
use std::sync::Arc;

use domain::decision::DecisionVerdict;
use domain::enc::Digest;
use domain::grant::Grant;
use domain::id::{GrantId, PartnerId, PersonId, PolicyId};
use domain::key::KeyState;
use domain::policy::Policy;
use domain::quorum::Quorum;
use domain::state::{GrantState, PartnerState};
use domain::time::Timestamp;
use store::{DecisionRow, GrantRow, KeyRow};

use super::Loader;

/// What a grant says to each of its keys.
#[derive(Clone)]
pub(super) struct Behind {
    pub(super) grant: Arc<Grant>,
    pub(super) partner: PartnerId,
    pub(super) partner_state: PartnerState,
    state: GrantState,
    valid_until: Option<Timestamp>,
}

/// What a policy version asked of its approvers.
#[derive(Clone, Copy)]
pub(super) struct Required {
    quorum: Quorum,
    policy: Digest,
}

impl Loader<'_> {
    pub(super) async fn read_behind(
        &mut self,
        id: GrantId,
    ) -> Result<Option<Behind>, store::Error> {
        let row = self.read.grant(id).await;
        let Some(row) = self.if_genuine(row)? else {
            return Ok(None);
        };
        let Some(partner_state) = self.partner(row.partner_id).await? else {
            return Ok(None);
        };
        let Some(grant) = document(&row) else {
            self.report("access_grant", id.uuid());
            return Ok(None);
        };
        if may_be_used(row.state.0) && !self.has_quorum(&row).await? {
            self.report("access_grant", id.uuid());
            return Ok(None);
        }
        Ok(Some(Behind {
            grant: self.engine.share(id, grant),
            partner: row.partner_id,
            partner_state,
            state: row.state.0,
            valid_until: row.valid_until,
        }))
    }

    async fn partner(&mut self, id: PartnerId) -> Result<Option<PartnerState>, store::Error> {
        if let Some(state) = self.partners.get(&id) {
            return Ok(*state);
        }
        let row = self.read.partner(id).await;
        let state = self.if_genuine(row)?.map(|row| row.state.0);
        self.partners.insert(id, state);
        Ok(state)
    }

    /// Whether the approvals that a grant rests on are all there still. Who the approvers were is
    /// looked at when they decide; here the rows are: each genuine, by another person, over this
    /// very grant and the policy version that it was approved under.
    async fn has_quorum(&mut self, row: &GrantRow) -> Result<bool, store::Error> {
        let Some(required) = self.required(row.policy_id).await? else {
            return Ok(false);
        };
        match self.read.decisions(row.id).await {
            Ok(decisions) => Ok(is_complete(
                required,
                row,
                decisions.iter().map(|row| &**row),
            )),
            Err(store::Error::Tampered { table, id }) => {
                self.report(table, id);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn required(&mut self, id: PolicyId) -> Result<Option<Required>, store::Error> {
        if let Some(required) = self.quorums.get(&id) {
            return Ok(*required);
        }
        let row = self.read.policy_version(id).await;
        let required = self.if_genuine(row)?.and_then(|row| {
            let policy: Policy = serde_json::from_str(&row.document).ok()?;
            Some(Required {
                quorum: Quorum::of(&policy),
                policy: policy.digest(),
            })
        });
        self.quorums.insert(id, required);
        Ok(required)
    }
}

fn is_complete<'a>(
    required: Required,
    grant: &GrantRow,
    decisions: impl Iterator<Item = &'a DecisionRow>,
) -> bool {
    let approvers: HashSet<PersonId> = decisions
        .filter(|decision| decision.voided_at.is_none())
        .filter(|decision| decision.verdict.0 == DecisionVerdict::Approve)
        .filter(|decision| decision.grant_digest == grant.digest)
        .filter(|decision| decision.policy_digest == required.policy)
        .map(|decision| decision.person_id)
        .collect();
    u32::try_from(approvers.len()).unwrap_or(u32::MAX) >= required.quorum.needed()
}

/// A grant in another state makes no key work, whatever it rests on.
const fn may_be_used(state: GrantState) -> bool {
    matches!(state, GrantState::Approved | GrantState::Expired)
}

impl Behind {
    /// A key works no longer than its grant and its partner do, whatever its own row says. One that
    /// ran out stays expired and does not turn into a revoked one when a job ends its row: callers
    /// act on the reason.
    pub(super) fn key_state(&self, key: &KeyRow) -> KeyState {
        let stands = may_be_used(self.state) && self.partner_state != PartnerState::Ended;
        match key.state.0 {
            KeyState::Deactivated if stands && ran_out(key) => KeyState::Active,
            state if stands || state.is_ended() => state,
            _ => KeyState::Deactivated,
        }
    }

    /// A grant that says no end has none that could be relied on: its keys have expired. So has,
    /// whatever the clock says, a key that ran out.
    pub(super) fn key_expires(&self, key: &KeyRow) -> Timestamp {
        const LONG_AGO: Timestamp = Timestamp::from_micros(i64::MIN);
        match (self.state, self.valid_until) {
            _ if ran_out(key) => LONG_AGO,
            (GrantState::Expired, _) | (_, None) => LONG_AGO,
            (_, Some(valid_until)) => key.expires_at.min(valid_until),
        }
    }
}

/// Ended because its time was over.
fn ran_out(key: &KeyRow) -> bool {
    key.ended_at.is_some_and(|ended| key.expires_at <= ended)
}

/// The grant that was approved: what the digest says, for where the row says.
fn document(row: &GrantRow) -> Option<Grant> {
    let grant: Grant = serde_json::from_str(&row.document).ok()?;
    let is_whole = grant.digest() == row.digest
        && grant.service() == row.service_id
        && grant.environment() == row.environment_id;
    is_whole.then_some(grant)
}
