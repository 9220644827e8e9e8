//! The calls of a key, grant, partner or service in a period, as its page shows them.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{KeyId, PartnerId, ServiceId};
use domain::state::GrantState;
use domain::time::Timestamp;
use domain::usage::EndpointName;
use store::{CallsBy, CallsFrom, CallsOf, CallsTo, GrantRow, LastCalls, Read, Store};

use super::{ACCEPTED, Period, SINCE};
use crate::refusal::Refusal;
use crate::service::delivery::Context;
use crate::service::live;

/// No page lists more networks or keys than this.
const NETWORKS: i64 = 20;
const KEYS: i64 = 20;

pub struct Report {
    pub period: Period,
    pub since: Timestamp,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// By the reason's code, most first.
    pub reasons: Vec<(String, u64)>,
    pub endpoints: Vec<CallsTo>,
    pub sources: Vec<CallsFrom>,
    pub keys: Vec<CallsBy>,
    pub last: LastCalls,
    /// When counting began, if that was within the period.
    pub counted_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub name: String,
    pub accepted: u64,
    pub refused: u64,
}

impl Report {
    pub fn accepted(&self) -> u64 {
        self.bars.iter().map(|bar| bar.accepted).sum()
    }

    pub fn refused(&self) -> u64 {
        self.bars.iter().map(|bar| bar.refused).sum()
    }
}

/// What is granted: the name of a service, and a rule's method and pattern.
pub type Granted = BTreeSet<(String, EndpointName)>;

/// # Errors
/// [`Refusal::Store`], [`Refusal::Internal`].
pub async fn granted_by(read: &mut Read, context: &Context) -> Result<Granted, Refusal> {
    opened(read, &context.service.name, &context.grant).await
}

async fn opened(read: &mut Read, service: &str, row: &GrantRow) -> Result<Granted, Refusal> {
    let grant = live::in_force(read, row).await?;
    let names = grant.rules().iter().map(EndpointName::from);
    Ok(names.map(|name| (service.to_owned(), name)).collect())
}

/// All that live grants of a service open, whoever has them.
///
/// # Errors
/// [`Refusal::Store`], [`Refusal::Internal`].
pub async fn granted_of(
    read: &mut Read,
    service: ServiceId,
    name: &str,
) -> Result<Granted, Refusal> {
    let mut all = Granted::new();
    let state = GrantState::Approved;
    for grant in read.grants_of_service(service, state).await? {
        all.extend(opened(read, name, &grant).await?);
    }
    Ok(all)
}

/// All that live grants of a partner open, or those of them for one service.
///
/// # Errors
/// [`Refusal::Store`], [`Refusal::Internal`].
pub async fn granted_to(
    read: &mut Read,
    partner: PartnerId,
    service: Option<ServiceId>,
) -> Result<Granted, Refusal> {
    let mut all = Granted::new();
    for grant in read.grants_of_partner(partner).await? {
        let is_of = service.is_none_or(|service| service == grant.service_id);
        if is_of && grant.state.0 == GrantState::Approved {
            let context = Context::around(read, grant).await?;
            all.extend(granted_by(read, &context).await?);
        }
    }
    Ok(all)
}

/// # Errors
/// [`Refusal::Store`].
pub async fn report(
    store: &Store,
    read: &mut Read,
    of: CallsOf,
    period: Period,
    now: Timestamp,
) -> Result<Report, Refusal> {
    let starts = period.starts(now);
    let since = starts.first().copied().unwrap_or(now);
    let mut bars: Vec<Bar> = starts
        .iter()
        .map(|start| Bar {
            name: period.name(*start),
            accepted: 0,
            refused: 0,
        })
        .collect();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for row in read.calls_by_time(of, since).await? {
        let at = Timestamp::from_micros(row.starts_at);
        let place = starts.partition_point(|start| *start <= at);
        let Some(bar) = place.checked_sub(1).and_then(|place| bars.get_mut(place)) else {
            continue;
        };
        let calls = u64::try_from(row.calls).unwrap_or_default();
        if row.outcome == ACCEPTED {
            bar.accepted = bar.accepted.saturating_add(calls);
        } else {
            bar.refused = bar.refused.saturating_add(calls);
            *reasons.entry(row.outcome).or_default() += calls;
        }
    }
    let mut reasons: Vec<(String, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    Ok(Report {
        period,
        since,
        bars,
        reasons,
        endpoints: read.calls_by_endpoint(of, since).await?,
        sources: read.calls_by_source(of, since, NETWORKS).await?,
        keys: read.calls_by_key(of, since, KEYS).await?,
        last: read.last_calls(of).await?,
        counted_since: Some(counted_since(store, now).await?).filter(|at| *at > since),
    })
}

pub(super) async fn counted_since(store: &Store, now: Timestamp) -> Result<Timestamp, Refusal> {
    let noted = store.database().setting(SINCE).await?;
    let micros = noted.and_then(|micros| micros.parse().ok());
    Ok(micros.map_or(now, Timestamp::from_micros))
}

/// A key's calls in each of the last 24 hours, oldest first: accepted and refused. Empty where none
/// was counted.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn hours(
    store: &Store,
    read: &mut Read,
    key: KeyId,
    now: Timestamp,
) -> Result<Vec<(u64, u64)>, Refusal> {
    let report = report(store, read, CallsOf::Key(key), Period::Day, now).await?;
    if report.accepted() + report.refused() == 0 {
        return Ok(Vec::new());
    }
    let counts = report.bars.iter().map(|bar| (bar.accepted, bar.refused));
    Ok(counts.collect())
}
