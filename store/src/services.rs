//! The catalogue: services, their environments, and each environment's versioned policy.

use domain::id::{EnvironmentId, PersonId, PolicyId, ProposalId, ServiceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// An API product. Its scopes and endpoints are one document with one version. No authority
    /// rests on it: a grant carries its own resolved rules.
    struct Service in "service" {
        id: ServiceId,
        slug: String,
        name: String,
        description: String,
        catalogue: String,
        version: i64,
        created_at: Timestamp,
        retired_at: Option<Timestamp>,
    }
}

row! {
    /// One environment of one service. `tag` stands in its keys, and the recipient of a key is told to
    /// send it to `base_url`: a database writer must not be able to name another.
    sealed struct Environment in "environment" {
        id: EnvironmentId,
        service_id: ServiceId,
        name: String,
        kind: String,
        tag: String,
        base_url: String,
        created_at: Timestamp,
    }
}

row! {
    /// One version of an environment's policy.
    sealed struct PolicyVersion in "policy" {
        id: PolicyId,
        environment_id: EnvironmentId,
        version: i64,
        document: String,
        created_at: Timestamp,
        created_by: Option<PersonId>,
    }
}

row! {
    /// A change of settings that waits for a second person.
    sealed struct Proposal in "proposal" {
        id: ProposalId,
        act: String,
        subject_id: Uuid,
        input: String,
        state: String,
        proposed_by: PersonId,
        proposed_at: Timestamp,
        settled_by: Option<PersonId>,
        settled_at: Option<Timestamp>,
    }
}

impl Read {
    pub async fn service(&mut self, id: ServiceId) -> Result<Option<Service>, Error> {
        Ok(run!(
            &mut self.conn,
            SERVICE,
            [id],
            fetch_optional as Service
        )?)
    }

    pub async fn services(&mut self) -> Result<Vec<Service>, Error> {
        Ok(run!(&mut self.conn, SERVICES, [], fetch_all as Service)?)
    }

    pub async fn environment(&mut self, id: EnvironmentId) -> Result<Option<Environment>, Error> {
        let row = run!(
            &mut self.conn,
            ENVIRONMENT,
            [id],
            fetch_optional as Sealed<Environment>
        )?;
        row.map(|row| row.open(&self.row_key).map(Stamped::into_row))
            .transpose()
    }

    pub async fn environments(&mut self, service: ServiceId) -> Result<Vec<Environment>, Error> {
        let rows = run!(
            &mut self.conn,
            ENVIRONMENTS,
            [service],
            fetch_all as Sealed<Environment>
        )?;
        self.environments_in(rows)
    }

    /// Those of a service's environments in which a key was ever made.
    pub async fn environments_with_keys(
        &mut self,
        service: ServiceId,
    ) -> Result<Vec<Environment>, Error> {
        let rows = run!(
            &mut self.conn,
            WITH_KEYS,
            [service],
            fetch_all as Sealed<Environment>
        )?;
        self.environments_in(rows)
    }

    pub async fn all_environments(&mut self) -> Result<Vec<Environment>, Error> {
        let rows = run!(
            &mut self.conn,
            ALL_ENVIRONMENTS,
            [],
            fetch_all as Sealed<Environment>
        )?;
        self.environments_in(rows)
    }

    fn environments_in(&self, rows: Vec<Sealed<Environment>>) -> Result<Vec<Environment>, Error> {
        let rows = self.open_all(rows)?;
        Ok(rows.into_iter().map(Stamped::into_row).collect())
    }

    pub async fn policy_version(
        &mut self,
        id: PolicyId,
    ) -> Result<Option<Stamped<PolicyVersion>>, Error> {
        let row = run!(
            &mut self.conn,
            POLICY,
            [id],
            fetch_optional as Sealed<PolicyVersion>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// The policy in force.
    pub async fn policy(
        &mut self,
        environment: EnvironmentId,
    ) -> Result<Option<Stamped<PolicyVersion>>, Error> {
        let row = run!(
            &mut self.conn,
            CURRENT_POLICY,
            [environment],
            fetch_optional as Sealed<PolicyVersion>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// Every version of an environment's policy, the newest first.
    pub async fn policy_versions(
        &mut self,
        environment: EnvironmentId,
    ) -> Result<Vec<Stamped<PolicyVersion>>, Error> {
        let rows = run!(
            &mut self.conn,
            POLICY_VERSIONS,
            [environment],
            fetch_all as Sealed<PolicyVersion>
        )?;
        self.open_all(rows)
    }

    pub async fn proposal(&mut self, id: ProposalId) -> Result<Option<Stamped<Proposal>>, Error> {
        let row = run!(
            &mut self.conn,
            PROPOSAL,
            [id],
            fetch_optional as Sealed<Proposal>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// Changes that wait for a second person, oldest first.
    pub async fn open_proposals(&mut self) -> Result<Vec<Stamped<Proposal>>, Error> {
        let rows = run!(
            &mut self.conn,
            OPEN_PROPOSALS,
            [],
            fetch_all as Sealed<Proposal>
        )?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_service(&mut self, service: &Service) -> Result<(), Error> {
        self.insert(service).await
    }

    /// Stores the next version of a service, unless somebody else has stored one since.
    pub async fn update_service(&mut self, service: &Service) -> Result<(), Error> {
        let before = service.version.saturating_sub(1);
        let moved = run!(
            &mut self.read.conn,
            NEXT_VERSION,
            [service.id, before, service.version],
            execute
        )?;
        if moved != 1 {
            return Err(Error::Changed {
                table: "service",
                id: service.id.uuid(),
            });
        }
        self.update(service).await
    }

    pub async fn add_environment(&mut self, environment: &Environment) -> Result<(), Error> {
        self.insert_sealed(environment.clone()).await.map(drop)
    }

    /// Who changes an environment moves its service's version first, which decides between two.
    pub async fn update_environment(&mut self, environment: &Environment) -> Result<(), Error> {
        let row = run!(
            &mut self.read.conn,
            ENVIRONMENT,
            [environment.id],
            fetch_one as Sealed<Environment>
        )?;
        let stamp = row.open(&self.read.row_key)?.stamp();
        self.update_sealed(environment.clone(), stamp)
            .await
            .map(drop)
    }

    /// The unique version decides between two who change a policy at once.
    pub async fn add_policy(
        &mut self,
        policy: PolicyVersion,
    ) -> Result<Stamped<PolicyVersion>, Error> {
        self.insert_sealed(policy).await
    }

    pub async fn add_proposal(&mut self, proposal: Proposal) -> Result<Stamped<Proposal>, Error> {
        self.insert_sealed(proposal).await
    }

    pub async fn update_proposal(
        &mut self,
        proposal: Proposal,
        read_at: i64,
    ) -> Result<Stamped<Proposal>, Error> {
        self.update_sealed(proposal, read_at).await
    }
}

statements! {
    SERVICE(1) = "SELECT * FROM service WHERE id = $1";
    SERVICES(0) = "SELECT * FROM service ORDER BY name, id";
    ENVIRONMENT(1) = "SELECT * FROM environment WHERE id = $1";
    ENVIRONMENTS(1) = "SELECT * FROM environment WHERE service_id = $1 ORDER BY created_at, id";
    ALL_ENVIRONMENTS(0) = "SELECT * FROM environment ORDER BY created_at, id";
    WITH_KEYS(1) = "SELECT * FROM environment WHERE service_id = $1 AND EXISTS
        (SELECT 1 FROM access_grant JOIN api_key ON api_key.grant_id = access_grant.id WHERE access_grant.environment_id = environment.id)
        ORDER BY created_at, id";
    POLICY(1) = "SELECT * FROM policy WHERE id = $1";
    CURRENT_POLICY(1) = "SELECT * FROM policy WHERE environment_id = $1 ORDER BY version DESC LIMIT 1";
    POLICY_VERSIONS(1) = "SELECT * FROM policy WHERE environment_id = $1 ORDER BY version DESC";
    PROPOSAL(1) = "SELECT * FROM proposal WHERE id = $1";
    OPEN_PROPOSALS(0) = "SELECT * FROM proposal WHERE state = 'open' ORDER BY proposed_at, id";
    NEXT_VERSION(3) = "UPDATE service SET version = $3 WHERE id = $1 AND version = $2";
}
