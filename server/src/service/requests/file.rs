//! All that is on file about one request, each sealed row with its MAC checked.

use std::collections::HashMap;

use domain::grant::Grant;
use domain::id::{EnvironmentId, PersonId, RequestId};
use domain::request::LineState;
use domain::state::GrantState;
use store::{
    AccessRequest, DecisionRow, Environment, GrantRow, Partner, Read, Recusal, Review, Service,
    Stamped,
};

use crate::auth::actor::{Actor, Side};
use crate::refusal::Refusal;

pub struct RequestFile {
    pub request: AccessRequest,
    pub partner: Stamped<Partner>,
    pub service: Service,
    /// The service's environments, in their order.
    pub environments: Vec<Environment>,
    /// The first one first.
    pub revisions: Vec<Frozen>,
    /// Every proposal there was, by environment and number.
    pub proposals: Vec<Proposed>,
    pub reviews: Vec<Review>,
    pub recusals: Vec<Recusal>,
    names: HashMap<PersonId, String>,
}

/// A revision as it was handed in.
pub struct Frozen {
    pub row: Stamped<store::Revision>,
    pub document: domain::request::Revision,
}

/// A proposed grant and all decisions on it, voided ones too.
pub struct Proposed {
    pub row: Stamped<GrantRow>,
    pub grant: Grant,
    pub decisions: Vec<Stamped<DecisionRow>>,
}

impl RequestFile {
    /// What this person may see: staff every request that was handed in, a contact their
    /// organisation's own. Anything else is not there.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn load(read: &mut Read, actor: &Actor, id: RequestId) -> Result<Self, Refusal> {
        let request = read.request(id).await?.ok_or(Refusal::NotFound)?;
        let visible = match actor.side() {
            Side::Staff(_) => request.submitted_at.is_some(),
            Side::Contact { partner, .. } => request.partner_id == *partner,
        };
        if !visible {
            return Err(Refusal::NotFound);
        }
        let mut file = Self {
            partner: read
                .partner(request.partner_id)
                .await?
                .ok_or(Refusal::NotFound)?,
            service: read
                .service(request.service_id)
                .await?
                .ok_or(Refusal::NotFound)?,
            environments: read.environments(request.service_id).await?,
            revisions: revisions(read, id).await?,
            proposals: proposals(read, id).await?,
            reviews: read.reviews(id).await?,
            recusals: read.recusals(id).await?,
            names: HashMap::new(),
            request,
        };
        file.learn_names(read).await?;
        Ok(file)
    }

    /// The newest revision.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a request that was never handed in.
    pub fn current(&self) -> Result<&Frozen, Refusal> {
        self.revisions.last().ok_or(Refusal::NotFound)
    }

    /// The environment of this name (as it stands in paths).
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn environment(&self, name: &str) -> Result<&Environment, Refusal> {
        self.environments
            .iter()
            .find(|environment| environment.name == name)
            .ok_or(Refusal::NotFound)
    }

    pub fn environment_name(&self, id: EnvironmentId) -> &str {
        self.environments
            .iter()
            .find(|environment| environment.id == id)
            .map_or("", |environment| environment.name.as_str())
    }

    /// The proposal that counts for an environment.
    pub fn proposal(&self, environment: EnvironmentId) -> Option<&Proposed> {
        self.proposals
            .iter()
            .filter(|proposed| proposed.row.environment_id == environment)
            .filter(|proposed| proposed.row.state.0 != GrantState::Superseded)
            .max_by_key(|proposed| proposed.row.number)
    }

    /// The proposals that count, in the order of the environments.
    pub fn standing(&self) -> impl Iterator<Item = (&Environment, &Proposed)> {
        self.environments
            .iter()
            .filter_map(|environment| Some((environment, self.proposal(environment.id)?)))
    }

    /// Where each environment stands, with `changed` in the place of its grant's state.
    pub fn line_states(&self, changed: &[(domain::id::GrantId, GrantState)]) -> Vec<LineState> {
        self.standing()
            .filter_map(|(_, proposed)| {
                let now = changed.iter().find(|(id, _)| *id == proposed.row.id);
                line_state(now.map_or(proposed.row.state.0, |(_, state)| *state))
            })
            .collect()
    }

    pub fn name_of(&self, person: PersonId) -> &str {
        self.names.get(&person).map_or("Somebody", String::as_str)
    }

    async fn learn_names(&mut self, read: &mut Read) -> Result<(), Refusal> {
        let mut people = vec![self.request.requester_id];
        people.extend(self.revisions.iter().map(|frozen| frozen.row.submitted_by));
        people.extend(self.reviews.iter().map(|review| review.person_id));
        people.extend(self.recusals.iter().map(|recusal| recusal.person_id));
        for proposed in &self.proposals {
            people.push(proposed.row.recipient_id);
            people.extend(proposed.row.proposed_by);
            people.extend(proposed.decisions.iter().map(|decision| decision.person_id));
        }
        self.learn(read, people).await
    }

    /// Looks up who these are, for [`RequestFile::name_of`].
    ///
    /// # Errors
    /// [`Refusal::Store`].
    pub async fn learn(&mut self, read: &mut Read, people: Vec<PersonId>) -> Result<(), Refusal> {
        for person in people {
            if !self.names.contains_key(&person)
                && let Some(row) = read.person(person).await?
            {
                self.names.insert(person, row.name.clone());
            }
        }
        Ok(())
    }
}

impl Frozen {
    /// # Errors
    /// [`Refusal::Internal`] when the document is no revision.
    pub fn parse(row: Stamped<store::Revision>) -> Result<Self, Refusal> {
        let document = serde_json::from_str(&row.document).map_err(Refusal::internal)?;
        Ok(Self { row, document })
    }
}

impl Proposed {
    /// Decisions that were not voided.
    pub fn standing(&self) -> impl Iterator<Item = &Stamped<DecisionRow>> {
        self.decisions
            .iter()
            .filter(|decision| decision.voided_at.is_none())
    }

    pub fn is_open(&self) -> bool {
        self.row.state.0 == GrantState::Proposed
    }
}

const fn line_state(state: GrantState) -> Option<LineState> {
    match state {
        GrantState::Proposed => Some(LineState::Proposed),
        GrantState::Approved | GrantState::Revoked | GrantState::Expired => {
            Some(LineState::Approved)
        }
        GrantState::WaitingForPasskey => Some(LineState::WaitingForPasskey),
        GrantState::Rejected => Some(LineState::Rejected),
        GrantState::Superseded | GrantState::Withdrawn => None,
    }
}

async fn revisions(read: &mut Read, id: RequestId) -> Result<Vec<Frozen>, Refusal> {
    let mut frozen = Vec::new();
    for row in read.revisions(id).await? {
        frozen.push(Frozen::parse(row)?);
    }
    Ok(frozen)
}

async fn proposals(read: &mut Read, id: RequestId) -> Result<Vec<Proposed>, Refusal> {
    let mut proposed = Vec::new();
    for row in read.grants_of_request(id).await? {
        proposed.push(Proposed {
            grant: serde_json::from_str(&row.document).map_err(Refusal::internal)?,
            decisions: read.decisions(row.id).await?,
            row,
        });
    }
    Ok(proposed)
}
