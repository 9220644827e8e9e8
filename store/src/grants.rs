//! Grants (every proposal is kept) and the decisions on them.

use domain::decision::DecisionVerdict;
use domain::enc::Digest;
use domain::id::{
    CredentialId, DecisionId, EnvironmentId, GrantId, PartnerId, PersonId, PolicyId, RequestId,
    RevisionId, ServiceId,
};
use domain::state::GrantState;
use domain::time::Timestamp;

use crate::column::{Added, Code};
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{json, run, statements};
use crate::work::Work;

row! {
    /// What is proposed or approved for one environment.
    sealed struct GrantRow in "access_grant" {
        id: GrantId,
        request_id: RequestId,
        revision_id: RevisionId,
        partner_id: PartnerId,
        service_id: ServiceId,
        environment_id: EnvironmentId,
        policy_id: PolicyId,
        recipient_id: PersonId,
        number: i64,
        document: String,
        digest: Digest,
        state: Code<GrantState>,
        proposed_by: Option<PersonId>,
        proposed_at: Timestamp,
        settled_at: Option<Timestamp>,
        valid_until: Option<Timestamp>,
        ended_at: Option<Timestamp>,
        end_reason: Option<String>,
        /// The number of the narrowing in force.
        narrowed: Added<Option<i64>>,
    }
}

row! {
    /// One person's signed decision. Voided ones are kept.
    sealed struct DecisionRow in "decision" {
        id: DecisionId,
        grant_id: GrantId,
        person_id: PersonId,
        credential_id: CredentialId,
        verdict: Code<DecisionVerdict>,
        reason: String,
        revision_digest: Digest,
        grant_digest: Digest,
        policy_digest: Digest,
        recipient_digest: Digest,
        /// The raw assertion, as JSON.
        evidence: String,
        at: Timestamp,
        voided_at: Option<Timestamp>,
        voided_why: Option<String>,
    }
}

impl Read {
    pub async fn grant(&mut self, id: GrantId) -> Result<Option<Stamped<GrantRow>>, Error> {
        let row = run!(
            &mut self.conn,
            GRANT,
            [id],
            fetch_optional as Sealed<GrantRow>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// Those of these ids that there are, in any order. A row whose MAC is wrong stands for itself.
    pub async fn grants_by_id(
        &mut self,
        ids: &[GrantId],
    ) -> Result<Vec<Result<Stamped<GrantRow>, Error>>, Error> {
        let ids = json(ids)?;
        let rows = run!(&mut self.conn, BY_ID, [ids], fetch_all as Sealed<GrantRow>)?;
        Ok(self.open_each(rows).collect())
    }

    /// Every proposal of a request, by environment and number.
    pub async fn grants_of_request(
        &mut self,
        request: RequestId,
    ) -> Result<Vec<Stamped<GrantRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_REQUEST,
            [request],
            fetch_all as Sealed<GrantRow>
        )?;
        self.open_all(rows)
    }

    pub async fn grants_of_partner(
        &mut self,
        partner: PartnerId,
    ) -> Result<Vec<Stamped<GrantRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_PARTNER,
            [partner],
            fetch_all as Sealed<GrantRow>
        )?;
        self.open_all(rows)
    }

    /// Grants in a state whose time was over at `at`: those that ended first, and no more than
    /// `limit`.
    pub async fn grants_over(
        &mut self,
        state: GrantState,
        at: Timestamp,
        limit: i64,
    ) -> Result<Vec<Stamped<GrantRow>>, Error> {
        let state = Code(state);
        let rows = run!(
            &mut self.conn,
            OVER,
            [state, at, limit],
            fetch_all as Sealed<GrantRow>
        )?;
        self.open_all(rows)
    }

    /// Grants in a state, the oldest first.
    pub async fn grants_in(&mut self, state: GrantState) -> Result<Vec<Stamped<GrantRow>>, Error> {
        let state = Code(state);
        let rows = run!(
            &mut self.conn,
            IN_STATE,
            [state],
            fetch_all as Sealed<GrantRow>
        )?;
        self.open_all(rows)
    }

    /// Grants of a service in a state.
    pub async fn grants_of_service(
        &mut self,
        service: ServiceId,
        state: GrantState,
    ) -> Result<Vec<Stamped<GrantRow>>, Error> {
        let state = Code(state);
        let rows = run!(
            &mut self.conn,
            OF_SERVICE_IN,
            [service, state],
            fetch_all as Sealed<GrantRow>
        )?;
        self.open_all(rows)
    }

    /// All decisions on a grant, voided ones too, oldest first.
    pub async fn decisions(&mut self, grant: GrantId) -> Result<Vec<Stamped<DecisionRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            DECISIONS,
            [grant],
            fetch_all as Sealed<DecisionRow>
        )?;
        self.open_all(rows)
    }

    /// All decisions on these grants, as [`Read::decisions`]; one whose MAC is wrong refuses them
    /// all.
    pub async fn decisions_on(
        &mut self,
        grants: &[GrantId],
    ) -> Result<Vec<Stamped<DecisionRow>>, Error> {
        let grants = json(grants)?;
        let rows = run!(
            &mut self.conn,
            DECISIONS_ON,
            [grants],
            fetch_all as Sealed<DecisionRow>
        )?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_grant(&mut self, grant: GrantRow) -> Result<Stamped<GrantRow>, Error> {
        self.insert_sealed(grant).await
    }

    pub async fn update_grant(
        &mut self,
        grant: GrantRow,
        read_at: i64,
    ) -> Result<Stamped<GrantRow>, Error> {
        self.update_sealed(grant, read_at).await
    }

    /// The database refuses a second standing decision of the same person.
    pub async fn add_decision(
        &mut self,
        decision: DecisionRow,
    ) -> Result<Stamped<DecisionRow>, Error> {
        self.insert_sealed(decision).await
    }

    pub async fn update_decision(
        &mut self,
        decision: DecisionRow,
        read_at: i64,
    ) -> Result<Stamped<DecisionRow>, Error> {
        self.update_sealed(decision, read_at).await
    }
}

statements! {
    GRANT(1) = "SELECT * FROM access_grant WHERE id = $1";
    BY_ID(1) = sqlite "SELECT * FROM access_grant WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        postgres "SELECT * FROM access_grant WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1::text::jsonb))";
    OF_REQUEST(1) = "SELECT * FROM access_grant WHERE request_id = $1 ORDER BY environment_id, number";
    OF_PARTNER(1) = "SELECT * FROM access_grant WHERE partner_id = $1 ORDER BY proposed_at DESC, id";
    IN_STATE(1) = "SELECT * FROM access_grant WHERE state = $1 ORDER BY proposed_at, id";
    OVER(3) = "SELECT * FROM access_grant WHERE state = $1 AND valid_until <= $2 ORDER BY valid_until, id LIMIT $3";
    OF_SERVICE_IN(2) = "SELECT * FROM access_grant WHERE service_id = $1 AND state = $2";
    DECISIONS(1) = "SELECT * FROM decision WHERE grant_id = $1 ORDER BY at, id";
    DECISIONS_ON(1) = sqlite "SELECT * FROM decision WHERE grant_id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY at, id",
        postgres "SELECT * FROM decision WHERE grant_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1::text::jsonb)) ORDER BY at, id";
}
