//! The list of requests: all that were handed in, for staff; their own, for a partner.

use std::collections::HashMap;

use domain::decision::DecisionVerdict;
use domain::grant::Grant;
use domain::id::{EnvironmentId, RequestId};
use domain::policy::Policy;
use domain::request::RequestState;
use domain::state::GrantState;
use domain::text::Line;
use store::{AccessRequest, DecisionRow, GrantRow, QueueFilter, QueueLine, Read, Stamped};

use crate::auth::actor::{Contact, Staff};
use crate::refusal::Refusal;
use crate::service::decisions::LineCase;
use crate::service::requests::{Frozen, Proposed};

/// Requests on one page.
pub const PAGE: i64 = 20;

/// A partner's requests that are looked through; one with more finds the older ones by search.
const OWN: i64 = 500;

/// One line, with what its environments come to.
pub struct Listed {
    pub request: AccessRequest,
    pub partner: String,
    pub service: String,
    /// `production, sandbox · 2 scopes`.
    pub asks: String,
    /// Approvals given and needed, of what waits for approvals.
    pub given: usize,
    pub needed: u32,
    /// Environments that wait for approvals.
    pub waiting: usize,
}

/// # Errors
/// [`Refusal::Store`].
pub async fn for_staff(
    read: &mut Read,
    _: Staff,
    filter: &QueueFilter,
) -> Result<Vec<Listed>, Refusal> {
    let mut policies = HashMap::new();
    let mut listed = Vec::new();
    for QueueLine {
        request,
        partner_name,
        service_name,
        ..
    } in read.queue(filter).await?
    {
        listed.push(line(read, &mut policies, request, partner_name, service_name).await?);
    }
    Ok(listed)
}

/// # Errors
/// [`Refusal::Store`].
pub async fn for_contact(
    read: &mut Read,
    contact: Contact,
    filter: &QueueFilter,
) -> Result<Vec<Listed>, Refusal> {
    let partner = read
        .partner(contact.partner())
        .await?
        .ok_or(Refusal::NotFound)?;
    let search = filter.search.to_lowercase();
    let mut services = HashMap::new();
    for service in read.services().await? {
        services.insert(service.id, service.name);
    }
    let name = |request: &AccessRequest| {
        services
            .get(&request.service_id)
            .cloned()
            .unwrap_or_default()
    };
    let mut asked_by = HashMap::new();
    for person in read.contacts(contact.partner()).await? {
        let email = read.address(person.id).await?.map(|row| row.email.clone());
        let words = format!("{}\n{}", person.name, email.unwrap_or_default());
        asked_by.insert(person.id, words.to_lowercase());
    }
    let fits = |request: &AccessRequest| {
        let by = asked_by.get(&request.requester_id);
        name(request).to_lowercase().contains(&search)
            || by.is_some_and(|words| words.contains(&search))
    };
    let found: Vec<AccessRequest> = read
        .requests_of(contact.partner(), OWN, 0)
        .await?
        .into_iter()
        .filter(|request| request.state.0 != RequestState::Withdrawn || request.revisions > 0)
        .filter(|request| filter.state.is_empty() || request.state.0.code() == filter.state)
        .filter(fits)
        .skip(usize::try_from(filter.offset).unwrap_or_default())
        .take(usize::try_from(filter.limit).unwrap_or_default())
        .collect();
    let mut policies = HashMap::new();
    let mut listed = Vec::new();
    for request in found {
        let service = name(&request);
        listed.push(line(read, &mut policies, request, partner.name.clone(), service).await?);
    }
    Ok(listed)
}

type Policies = HashMap<EnvironmentId, (String, u32)>;

async fn line(
    read: &mut Read,
    policies: &mut Policies,
    request: AccessRequest,
    partner: String,
    service: String,
) -> Result<Listed, Refusal> {
    let grants = standing(read, request.id).await?;
    let (mut given, mut needed, mut waiting) = (0, 0, 0);
    let mut names = Vec::new();
    let mut scopes = 0;
    for row in grants {
        let (name, approvals) = environment(read, policies, row.environment_id).await?;
        names.push(name);
        let grant: Grant = serde_json::from_str(&row.document).map_err(Refusal::internal)?;
        scopes = scopes.max(grant.scopes().len());
        if row.state.0 == GrantState::Proposed {
            waiting += 1;
            needed += approvals;
            given += approvals_of(read, &request, row, grant).await?;
        }
    }
    let asks = match (names.is_empty(), scopes) {
        (true, _) => String::new(),
        (false, 1) => format!("{} · 1 scope", names.join(", ")),
        (false, _) => format!("{} · {scopes} scopes", names.join(", ")),
    };
    Ok(Listed {
        request,
        partner,
        service,
        asks,
        given,
        needed,
        waiting,
    })
}

/// The newest proposal of each environment.
async fn standing(read: &mut Read, id: RequestId) -> Result<Vec<Stamped<GrantRow>>, Refusal> {
    let mut newest: Vec<Stamped<GrantRow>> = Vec::new();
    for row in read.grants_of_request(id).await? {
        if row.state.0 != GrantState::Superseded {
            newest.retain(|other| other.environment_id != row.environment_id);
            newest.push(row);
        }
    }
    Ok(newest)
}

/// The approvals that count, as the request's page counts them. Only what has any is looked into.
async fn approvals_of(
    read: &mut Read,
    request: &AccessRequest,
    row: Stamped<GrantRow>,
    grant: Grant,
) -> Result<usize, Refusal> {
    let proposed = Proposed {
        decisions: read.decisions(row.id).await?,
        row,
        grant,
    };
    let approves = |decision: &Stamped<DecisionRow>| decision.verdict.0 == DecisionVerdict::Approve;
    if !proposed.standing().any(approves) {
        return Ok(0);
    }
    let revision = read.revision(proposed.row.revision_id).await?;
    let revision = Frozen::parse(revision.ok_or(Refusal::NotFound)?)?;
    let recusals = read.recusals(request.id).await?;
    let case = LineCase::over(read, request, &revision, &recusals, &proposed).await?;
    Ok(case.tally().given.len())
}

async fn environment(
    read: &mut Read,
    policies: &mut Policies,
    id: EnvironmentId,
) -> Result<(String, u32), Refusal> {
    if let Some(known) = policies.get(&id) {
        return Ok(known.clone());
    }
    let name = read
        .environment(id)
        .await?
        .map(|row| row.name)
        .unwrap_or_default();
    let policy = read.policy(id).await?.ok_or(Refusal::NotFound)?;
    let policy: Policy = serde_json::from_str(&policy.document).map_err(Refusal::internal)?;
    let known = (name, policy.approvals.into());
    policies.insert(id, known.clone());
    Ok(known)
}

/// What was typed into the search, cut to what a name can hold.
pub fn search_text(typed: &str) -> String {
    typed
        .parse::<Line<80>>()
        .map(String::from)
        .unwrap_or_default()
}
