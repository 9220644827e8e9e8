//! What stands behind a key: its grant, the approvals that the grant rests on, its partner.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::enc::Digest;
use domain::grant::{Grant, LiveGrant};
use domain::id::{GrantId, PartnerId, PersonId, PolicyId};
use domain::key::KeyState;
use domain::overlay::Overlay;
use domain::policy::Policy;
use domain::quorum::Quorum;
use domain::state::{GrantState, PartnerState};
use domain::time::Timestamp;
use store::{DecisionRow, GrantRow, KeyRow, OverlayRow, Stamped};

use super::Loader;
use crate::service::decisions::Decision;

/// What a grant says to each of its keys.
#[derive(Clone)]
pub(super) struct Behind {
    pub(super) grant: Arc<LiveGrant>,
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

/// What is known of a grant's approvals; `None` where they are not genuine.
type Decided = Option<Vec<Stamped<DecisionRow>>>;

/// Grants that are read at a time.
const AT_A_TIME: usize = 500;

impl Loader<'_> {
    /// Reads what stands behind keys of these grants, where that was not read before.
    pub(super) async fn read_behind(
        &mut self,
        grants: impl Iterator<Item = GrantId>,
    ) -> Result<(), store::Error> {
        let unread: HashSet<GrantId> = grants
            .filter(|grant| !self.grants.contains_key(grant))
            .collect();
        let unread: Vec<GrantId> = unread.into_iter().collect();
        for ids in unread.chunks(AT_A_TIME) {
            let mut rows = Vec::with_capacity(ids.len());
            for row in self.read.grants_by_id(ids).await? {
                rows.extend(self.if_genuine(row.map(Some))?);
            }
            // What the others rest on is not asked: they make no key work.
            let usable = rows.iter().filter(|row| may_be_used(row.state.0));
            let usable: Vec<GrantId> = usable.map(|row| row.id).collect();
            let mut decided = self.decided(&usable).await?;
            for row in rows {
                let id = row.id;
                let behind = self.behind_of(row, decided.remove(&id).flatten()).await?;
                self.grants.insert(id, behind);
            }
            for id in ids {
                self.grants.entry(*id).or_default();
            }
        }
        Ok(())
    }

    async fn decided(
        &mut self,
        grants: &[GrantId],
    ) -> Result<HashMap<GrantId, Decided>, store::Error> {
        let none_yet = grants.iter().map(|grant| (*grant, Some(Vec::new())));
        let mut decided: HashMap<GrantId, Decided> = none_yet.collect();
        let all = self.read.decisions_on(grants).await;
        if let Some(all) = self.if_genuine(all.map(Some))? {
            for row in all {
                if let Some(Some(of)) = decided.get_mut(&row.grant_id) {
                    of.push(row);
                }
            }
            return Ok(decided);
        }
        // One that is not genuine must not cost the other grants theirs.
        for grant in grants {
            let rows = self.read.decisions(*grant).await;
            decided.insert(*grant, self.if_genuine(rows.map(Some))?);
        }
        Ok(decided)
    }

    async fn behind_of(
        &mut self,
        row: Stamped<GrantRow>,
        decided: Decided,
    ) -> Result<Option<Behind>, store::Error> {
        let id = row.id;
        let Some(partner_state) = self.partner(row.partner_id).await? else {
            return Ok(None);
        };
        let Some(approved) = document(&row) else {
            self.report("access_grant", id.uuid());
            return Ok(None);
        };
        if may_be_used(row.state.0)
            && !self
                .is_approved(row.policy_id, &row.digest, decided)
                .await?
        {
            self.report("access_grant", id.uuid());
            return Ok(None);
        }
        let Some(grant) = self.in_force(&row, approved).await? else {
            return Ok(None);
        };
        let overlays = match row.state.0 {
            GrantState::Approved => self.overlays(id).await?,
            _ => Vec::new(),
        };
        let valid_until = ends(&row, &grant);
        Ok(Some(Behind {
            grant: self.engine.share(id, LiveGrant::new(grant, overlays)),
            partner: row.partner_id,
            partner_state,
            state: row.state.0,
            valid_until,
        }))
    }

    /// What was approved, or what it was narrowed to since. A narrowing that is gone, or does not
    /// lie within what was approved, leaves nothing to rely on.
    async fn in_force(
        &mut self,
        row: &GrantRow,
        approved: Grant,
    ) -> Result<Option<Grant>, store::Error> {
        let Some(number) = row.narrowed.0 else {
            return Ok(Some(approved));
        };
        let narrowing = self.read.narrowing(row.id, number).await;
        let narrowed = self
            .if_genuine(narrowing)?
            .and_then(|row| {
                let grant: Grant = serde_json::from_str(&row.document).ok()?;
                (grant.digest() == row.digest).then_some(grant)
            })
            .filter(|grant| grant.is_within(&approved));
        if narrowed.is_none() {
            self.report("narrowing", row.id.uuid());
        }
        Ok(narrowed)
    }

    /// Temporary access that is approved and not over. One that is not known to be genuine opens
    /// nothing; the grant's own endpoints do not depend on it.
    async fn overlays(&mut self, id: GrantId) -> Result<Vec<(Overlay, Timestamp)>, store::Error> {
        if self.overlaid.is_none() {
            self.overlaid = Some(self.read.grants_with_overlays().await?);
        }
        if !self
            .overlaid
            .as_ref()
            .is_some_and(|some| some.contains(&id))
        {
            return Ok(Vec::new());
        }
        let mut overlays = Vec::new();
        for row in self.read.approved_overlays(id).await? {
            let Some(row) = self.if_genuine(row.map(Some))? else {
                continue;
            };
            match overlay(&row) {
                Some((_, until)) if until <= self.now => {}
                Some(found) if self.has_overlay_quorum(&row).await? => overlays.push(found),
                _ => self.report("grant_overlay", row.id.uuid()),
            }
        }
        Ok(overlays)
    }

    async fn has_overlay_quorum(&mut self, row: &OverlayRow) -> Result<bool, store::Error> {
        let decisions = self.read.overlay_decisions(row.id).await;
        let decisions = self.if_genuine(decisions.map(Some))?;
        self.is_approved(row.policy_id, &row.digest, decisions)
            .await
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

    /// Whether the approvals that something rests on are all there still. Who the approvers were is
    /// looked at when they decide; here the rows are: each genuine, by another person, over this
    /// very document and the policy version that it was approved under.
    async fn is_approved<Row>(
        &mut self,
        policy: PolicyId,
        document: &Digest,
        decisions: Option<Vec<Row>>,
    ) -> Result<bool, store::Error>
    where
        for<'a> &'a Row: Into<Decision>,
    {
        let required = self.required(policy).await?;
        Ok(required
            .zip(decisions)
            .is_some_and(|(required, rows)| required.is_met(document, rows.iter().map(Into::into))))
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

impl Required {
    /// Whether enough people approved what has this digest, under this very policy.
    fn is_met(&self, document: &Digest, decisions: impl Iterator<Item = Decision>) -> bool {
        let approvers: HashSet<PersonId> = decisions
            .filter(Decision::approves)
            .filter(|one| one.subject.grant == *document && one.subject.policy == self.policy)
            .map(|one| one.person)
            .collect();
        u32::try_from(approvers.len()).unwrap_or(u32::MAX) >= self.quorum.needed()
    }
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

/// Until when a grant can be used: a narrowed one by its own life too, whatever its row says.
fn ends(row: &GrantRow, in_force: &Grant) -> Option<Timestamp> {
    let until = row.valid_until?;
    match row.narrowed.0 {
        None => Some(until),
        Some(_) => Some(until.min(in_force.valid_until(row.settled_at?))),
    }
}

/// Temporary access as it was approved, and its end: never later than its life allows.
fn overlay(row: &OverlayRow) -> Option<(Overlay, Timestamp)> {
    let overlay: Overlay = serde_json::from_str(&row.document).ok()?;
    let until = row.ends_at?.min(overlay.valid_until(row.settled_at?));
    let is_whole = overlay.digest() == row.digest && overlay.grant() == row.grant_id;
    is_whole.then_some((overlay, until))
}

/// The grant that was approved: what the digest says, for where the row says.
fn document(row: &GrantRow) -> Option<Grant> {
    let grant: Grant = serde_json::from_str(&row.document).ok()?;
    let is_whole = grant.digest() == row.digest
        && grant.service() == row.service_id
        && grant.environment() == row.environment_id;
    is_whole.then_some(grant)
}
