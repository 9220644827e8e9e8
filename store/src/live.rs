//! What is changed of a live grant: temporary access with the decisions on it, and narrowings.

use std::collections::HashSet;

use domain::decision::DecisionVerdict;
use domain::enc::Digest;
use domain::id::{CredentialId, DecisionId, GrantId, NarrowingId, OverlayId, PersonId, PolicyId};
use domain::state::OverlayState;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// Temporary access, asked for or approved. Every one is kept.
    sealed struct OverlayRow in "grant_overlay" {
        id: OverlayId,
        grant_id: GrantId,
        requester_id: PersonId,
        /// The policy in force when it was asked for; once approved, the one that it was approved
        /// under.
        policy_id: PolicyId,
        document: String,
        digest: Digest,
        reason: String,
        state: Code<OverlayState>,
        asked_at: Timestamp,
        settled_at: Option<Timestamp>,
        /// When it ends, since it is approved.
        ends_at: Option<Timestamp>,
        ended_at: Option<Timestamp>,
        end_reason: Option<String>,
    }
}

row! {
    /// One person's signed decision on temporary access. Voided ones are kept.
    sealed struct OverlayDecision in "overlay_decision" {
        id: DecisionId,
        overlay_id: OverlayId,
        person_id: PersonId,
        credential_id: CredentialId,
        verdict: Code<DecisionVerdict>,
        reason: String,
        revision_digest: Digest,
        grant_digest: Digest,
        policy_digest: Digest,
        recipient_digest: Digest,
        evidence: String,
        at: Timestamp,
        voided_at: Option<Timestamp>,
        voided_why: Option<String>,
    }
}

row! {
    /// What a live grant was narrowed to, by whom, signed. Never changed.
    sealed struct NarrowingRow in "narrowing" {
        id: NarrowingId,
        grant_id: GrantId,
        /// Counts up from one within a grant.
        number: i64,
        /// The whole grant as it is from then on.
        document: String,
        digest: Digest,
        reason: String,
        narrowed_by: PersonId,
        credential_id: CredentialId,
        evidence: String,
        at: Timestamp,
    }
}

#[derive(sqlx::FromRow)]
struct Overlaid {
    grant_id: Uuid,
}

impl Read {
    pub async fn overlay(&mut self, id: OverlayId) -> Result<Option<Stamped<OverlayRow>>, Error> {
        let row = run!(
            &mut self.conn,
            OVERLAY,
            [id],
            fetch_optional as Sealed<OverlayRow>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// All of a grant, the oldest first.
    pub async fn overlays_of(&mut self, grant: GrantId) -> Result<Vec<Stamped<OverlayRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_GRANT,
            [grant],
            fetch_all as Sealed<OverlayRow>
        )?;
        self.open_all(rows)
    }

    /// Those of a grant that are approved, each on its own: one that was edited does not hide the
    /// others.
    pub async fn approved_overlays(
        &mut self,
        grant: GrantId,
    ) -> Result<Vec<Result<Stamped<OverlayRow>, Error>>, Error> {
        let state = Code(OverlayState::Approved);
        let rows = run!(
            &mut self.conn,
            OF_GRANT_IN,
            [grant, state],
            fetch_all as Sealed<OverlayRow>
        )?;
        Ok(self.open_each(rows).collect())
    }

    /// Grants that have approved temporary access, so that the many that have none are not asked.
    /// No MAC is looked at: a grant that is missing here has less, never more.
    pub async fn grants_with_overlays(&mut self) -> Result<HashSet<GrantId>, Error> {
        let state = Code(OverlayState::Approved);
        let rows = run!(
            &mut self.conn,
            WITH_OVERLAYS,
            [state],
            fetch_all as Overlaid
        )?;
        Ok(rows
            .into_iter()
            .map(|row| GrantId::new(row.grant_id))
            .collect())
    }

    /// Those in a state, the oldest first.
    pub async fn overlays_in(
        &mut self,
        state: OverlayState,
    ) -> Result<Vec<Stamped<OverlayRow>>, Error> {
        let state = Code(state);
        let rows = run!(
            &mut self.conn,
            IN_STATE,
            [state],
            fetch_all as Sealed<OverlayRow>
        )?;
        self.open_all(rows)
    }

    /// All decisions on one, voided ones too, oldest first.
    pub async fn overlay_decisions(
        &mut self,
        overlay: OverlayId,
    ) -> Result<Vec<Stamped<OverlayDecision>>, Error> {
        let rows = run!(
            &mut self.conn,
            DECISIONS,
            [overlay],
            fetch_all as Sealed<OverlayDecision>
        )?;
        self.open_all(rows)
    }

    /// The narrowing of a grant with this number.
    pub async fn narrowing(
        &mut self,
        grant: GrantId,
        number: i64,
    ) -> Result<Option<Stamped<NarrowingRow>>, Error> {
        let row = run!(
            &mut self.conn,
            NARROWING,
            [grant, number],
            fetch_optional as Sealed<NarrowingRow>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }
}

impl Work {
    pub async fn add_overlay(&mut self, overlay: OverlayRow) -> Result<Stamped<OverlayRow>, Error> {
        self.insert_sealed(overlay).await
    }

    pub async fn update_overlay(
        &mut self,
        overlay: OverlayRow,
        read_at: i64,
    ) -> Result<Stamped<OverlayRow>, Error> {
        self.update_sealed(overlay, read_at).await
    }

    /// The database refuses a second standing decision of the same person.
    pub async fn add_overlay_decision(
        &mut self,
        decision: OverlayDecision,
    ) -> Result<Stamped<OverlayDecision>, Error> {
        self.insert_sealed(decision).await
    }

    pub async fn update_overlay_decision(
        &mut self,
        decision: OverlayDecision,
        read_at: i64,
    ) -> Result<Stamped<OverlayDecision>, Error> {
        self.update_sealed(decision, read_at).await
    }

    /// The database refuses a second one of the same number.
    pub async fn add_narrowing(
        &mut self,
        narrowing: NarrowingRow,
    ) -> Result<Stamped<NarrowingRow>, Error> {
        self.insert_sealed(narrowing).await
    }
}

statements! {
    OVERLAY(1) = "SELECT * FROM grant_overlay WHERE id = $1";
    OF_GRANT(1) = "SELECT * FROM grant_overlay WHERE grant_id = $1 ORDER BY asked_at, id";
    OF_GRANT_IN(2) = "SELECT * FROM grant_overlay WHERE grant_id = $1 AND state = $2 ORDER BY asked_at, id";
    WITH_OVERLAYS(1) = "SELECT DISTINCT grant_id FROM grant_overlay WHERE state = $1";
    IN_STATE(1) = "SELECT * FROM grant_overlay WHERE state = $1 ORDER BY asked_at, id";
    DECISIONS(1) = "SELECT * FROM overlay_decision WHERE overlay_id = $1 ORDER BY at, id";
    NARROWING(2) = "SELECT * FROM narrowing WHERE grant_id = $1 AND number = $2";
}
