//! View models of the pages of use.

use app::components::{Bar, Chip, Line, Moment};
use app::pages::usage::{
    EndpointRow, FitCard, FitState, KeyRow, ReasonRow, RefusedRow, SourceRow, Standing, UsageDetail,
};
use domain::grant::{Fit, Grant, Rule};
use domain::id::{GrantId, KeyId, PartnerId, ServiceId};
use domain::network::Sources;
use domain::time::Timestamp;
use domain::usage::EndpointName;
use domain::verification::Reason;
use store::{CallsBy, CallsOf, CallsTo};
use url::form_urlencoded::Serializer;

use crate::auth::actor::{Actor, Side};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::Context;
use crate::service::usage::{self, Fitted, Granted, Period, Report};
use crate::service::{keys, partners};

/// What a page is about.
struct Subject {
    above: Vec<(String, String)>,
    title: String,
    about: String,
    /// The page's own address.
    path: String,
    ways: Vec<(String, String)>,
    of: CallsOf,
    granted: Granted,
}

pub(super) async fn key(
    portal: &Portal,
    actor: &Actor,
    id: KeyId,
    period: Period,
) -> Result<UsageDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let file = keys::seen(&mut read, actor, id).await?;
    let shown = keys::shown(&file.key);
    let context = &file.context;
    let subject = Subject {
        above: above_keys(actor, context, Some((format!("/keys/{id}"), shown.clone()))),
        title: shown,
        about: place(context),
        path: format!("/keys/{id}/usage"),
        ways: vec![(
            format!("/grants/{}/usage", context.grant.id),
            "All keys of its grant".to_owned(),
        )],
        of: CallsOf::Key(id),
        granted: usage::granted_by(&mut read, context).await?,
    };
    Ok(page(portal, &mut read, subject, period).await?.0)
}

pub(super) async fn grant(
    portal: &Portal,
    actor: &Actor,
    id: GrantId,
    period: Period,
) -> Result<UsageDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let context = Context::load(&mut read, id).await?;
    partners::seen(&mut read, actor, context.grant.partner_id).await?;
    let request = format!("/requests/{}", context.grant.request_id);
    let subject = Subject {
        above: above_keys(actor, &context, None),
        title: format!("the grant for {}", context.environment.name),
        about: place(&context),
        path: format!("/grants/{id}/usage"),
        ways: vec![
            (request, "The request".to_owned()),
            (
                format!("/partners/{}/usage", context.grant.partner_id),
                format!("All use by {}", context.partner.name),
            ),
        ],
        of: CallsOf::Grant(id),
        granted: usage::granted_by(&mut read, &context).await?,
    };
    let (mut vm, report) = page(portal, &mut read, subject, period).await?;
    if actor.staff().is_ok() {
        let now = portal.now();
        let fitted = usage::fit(&portal.store, &mut read, &context, report.since, now).await?;
        let mut card = fit_card(&fitted);
        if let Fit::Narrower(proposal) = &fitted.fit
            && actor.revoker().is_ok()
        {
            card.narrow = narrow_form(id, proposal);
        }
        vm.fit = Some(card);
    }
    Ok(vm)
}

pub(super) async fn partner(
    portal: &Portal,
    actor: &Actor,
    id: PartnerId,
    period: Period,
) -> Result<UsageDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let partner = partners::seen(&mut read, actor, id).await?;
    let above = match actor.side() {
        Side::Staff(_) => vec![
            link("/partners", "Partners"),
            (format!("/partners/{id}"), partner.name.clone()),
        ],
        Side::Contact { .. } => vec![link("/keys", "Keys")],
    };
    let subject = Subject {
        above,
        title: partner.name.clone(),
        about: "All its keys, in every service".to_owned(),
        path: format!("/partners/{id}/usage"),
        ways: Vec::new(),
        of: CallsOf::Partner(id),
        granted: usage::granted_to(&mut read, id, None).await?,
    };
    Ok(page(portal, &mut read, subject, period).await?.0)
}

pub(super) async fn service(
    portal: &Portal,
    actor: &Actor,
    id: ServiceId,
    period: Period,
) -> Result<UsageDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let name = read.service(id).await?.ok_or(Refusal::NotFound)?.name;
    let (partner, about, granted) = match actor.side() {
        Side::Staff(_) => {
            let granted = usage::granted_of(&mut read, id, &name).await?;
            (None, "By every partner", granted)
        }
        Side::Contact { partner, .. } => {
            let granted = usage::granted_to(&mut read, *partner, Some(id)).await?;
            (Some(*partner), "By your organisation", granted)
        }
    };
    let subject = Subject {
        above: vec![
            link("/services", "Services"),
            (format!("/services/{id}"), name.clone()),
        ],
        title: name,
        about: about.to_owned(),
        path: format!("/services/{id}/usage"),
        ways: Vec::new(),
        of: CallsOf::Service(id, partner),
        granted,
    };
    Ok(page(portal, &mut read, subject, period).await?.0)
}

fn link(href: &str, label: &str) -> (String, String) {
    (href.to_owned(), label.to_owned())
}

fn place(context: &Context) -> String {
    format!("{}, {}", context.service.name, context.environment.name)
}

fn above_keys(
    actor: &Actor,
    context: &Context,
    key: Option<(String, String)>,
) -> Vec<(String, String)> {
    let mut above = vec![link("/keys", "Keys")];
    if actor.staff().is_ok() {
        let partner = format!("/partners/{}", context.partner.id);
        above.push((partner, context.partner.name.clone()));
    }
    above.extend(key);
    above
}

async fn page(
    portal: &Portal,
    read: &mut store::Read,
    subject: Subject,
    period: Period,
) -> Result<(UsageDetail, Report), Refusal> {
    let now = portal.now();
    let report = usage::report(&portal.store, read, subject.of, period, now).await?;
    let moment = |at| Moment::new(Timestamp::from_micros(at), now);
    let periods = Period::ALL.map(|other| Chip {
        href: format!("{}?period={}", subject.path, other.code()),
        label: other.label().to_owned(),
        count: None,
        here: other == period,
    });
    let bars = report.bars.iter().map(|bar| Bar {
        name: bar.name.clone(),
        accepted: bar.accepted,
        refused: bar.refused,
    });
    let vm = UsageDetail {
        above: subject.above,
        title: subject.title,
        about: subject.about,
        periods: periods.to_vec(),
        period: period.label().to_owned(),
        step: period.step().to_owned(),
        bars: bars.collect(),
        accepted: report.accepted(),
        refused: report.refused(),
        last_accepted: report.last.accepted_at.map(moment),
        last_refused: report.last.refused_at.map(moment),
        counted_since: report.counted_since.map(|at| Moment::new(at, now)),
        reasons: report.reasons.iter().map(reason).collect(),
        endpoints: endpoints(&subject.granted, &report.endpoints),
        sources: report.sources.iter().map(source).collect(),
        keys: match subject.of {
            CallsOf::Key(_) => Vec::new(),
            of => report.keys.iter().map(|by| key_row(by, of)).collect(),
        },
        fit: None,
        ways: subject.ways,
    };
    Ok((vm, report))
}

fn reason((code, calls): &(String, u64)) -> ReasonRow {
    let sentence = code
        .parse::<Reason>()
        .map_or_else(|_| String::new(), |reason| reason.sentence().to_owned());
    ReasonRow {
        sentence,
        code: code.clone(),
        calls: *calls,
    }
}

fn source(from: &store::CallsFrom) -> SourceRow {
    SourceRow {
        network: from.source.clone(),
        accepted: count(from.accepted),
        refused: count(from.refused),
    }
}

/// What was used, most first, and then what was granted and never used.
fn endpoints(granted: &Granted, used: &[CallsTo]) -> Vec<EndpointRow> {
    let mut services: Vec<&str> = granted
        .iter()
        .map(|(service, _)| service.as_str())
        .collect();
    services.extend(used.iter().map(|to| to.service_name.as_str()));
    services.sort_unstable();
    services.dedup();
    let of = |service: &str| match services.len() {
        0 | 1 => String::new(),
        _ => service.to_owned(),
    };
    let mut rows: Vec<EndpointRow> = used
        .iter()
        .map(|to| {
            let standing = match to.endpoint.parse::<EndpointName>() {
                Err(_) => Standing::Others,
                Ok(name) => match granted.contains(&(to.service_name.clone(), name)) {
                    true => Standing::Granted,
                    false => Standing::NoLonger,
                },
            };
            EndpointRow {
                service: of(&to.service_name),
                name: to.endpoint.clone(),
                accepted: count(to.accepted),
                refused: count(to.refused),
                standing,
            }
        })
        .collect();
    let unused = granted.iter().filter(|(service, name)| {
        let name = name.to_string();
        !used
            .iter()
            .any(|to| to.service_name == *service && to.endpoint == name)
    });
    rows.extend(unused.map(|(service, name)| EndpointRow {
        service: of(service),
        name: name.to_string(),
        accepted: 0,
        refused: 0,
        standing: Standing::Unused,
    }));
    rows
}

fn key_row(by: &CallsBy, of: CallsOf) -> KeyRow {
    let around = &by.around;
    let place = format!("{}, {}", around.service_name, around.environment_name);
    KeyRow {
        href: format!("/keys/{}/usage", by.key.id),
        shown: keys::shown(&by.key),
        whose: match of {
            CallsOf::Service(_, None) => format!("{}, {}", around.partner_name, place),
            CallsOf::Grant(_) => String::new(),
            _ => place,
        },
        grant: match of {
            CallsOf::Grant(_) => String::new(),
            _ => format!("/grants/{}/usage", by.key.grant_id),
        },
        accepted: count(around.accepted),
        refused: count(around.refused),
    }
}

fn count(calls: i64) -> u64 {
    u64::try_from(calls).unwrap_or_default()
}

fn fit_card(fitted: &Fitted) -> FitCard {
    let used = fitted.grant.used(&fitted.record);
    let (state, proposal) = match &fitted.fit {
        Fit::Unused => (FitState::Unused, Vec::new()),
        Fit::Unknown => (FitState::Unknown, Vec::new()),
        Fit::Fits => (FitState::Fits, Vec::new()),
        Fit::Narrower(proposal) => (FitState::Narrower, differences(&fitted.grant, proposal)),
    };
    let gaps = fitted.record.gaps();
    FitCard {
        state,
        endpoints_unsure: gaps.endpoints,
        sources_unsure: gaps.sources,
        scopes: used
            .scopes
            .iter()
            .map(|(scope, calls)| (scope.to_string(), *calls))
            .collect(),
        networks: used
            .networks
            .iter()
            .map(|(network, calls)| (network.to_string(), *calls))
            .collect(),
        proposal,
        replayed: fitted.replay.calls,
        no_longer: fitted.replay.no_longer,
        refused: fitted
            .replay
            .refused
            .iter()
            .map(|(calls, why)| RefusedRow {
                endpoint: calls
                    .endpoint
                    .as_ref()
                    .map_or_else(|| "other".to_owned(), EndpointName::to_string),
                source: calls
                    .source
                    .map_or_else(|| "other".to_owned(), |source| source.to_string()),
                code: why.to_string(),
                calls: calls.calls,
            })
            .collect(),
        narrow: String::new(),
    }
}

/// The form that narrows a live grant, filled in with a proposal.
fn narrow_form(id: GrantId, proposal: &Grant) -> String {
    let mut query = Serializer::new(String::new());
    for scope in proposal.scopes() {
        query.append_pair("scope", scope.as_str());
    }
    for rule in proposal.rules() {
        query.append_pair("rule", &EndpointName::from(rule).to_string());
    }
    if let Sources::Only(networks) = proposal.sources() {
        query.append_pair("networks", &networks.to_string());
    }
    format!("/grants/{id}/narrow?{}", query.finish())
}

/// What the proposal keeps of each part that it changes, and what it takes away.
fn differences(grant: &Grant, proposal: &Grant) -> Vec<Line> {
    let mut lines = Vec::new();
    if grant.rules() != proposal.rules() {
        let name = |rule: &Rule| EndpointName::from(rule).to_string();
        let kept: Vec<String> = proposal.rules().iter().map(name).collect();
        let gone: Vec<String> = grant
            .rules()
            .difference(proposal.rules())
            .map(name)
            .collect();
        let line = Line::new("Calls", kept.join("\n") + "\n");
        lines.push(line.removed(gone.join("\n")).mono());
    }
    if grant.scopes() != proposal.scopes() {
        let gone = grant.scopes().difference(proposal.scopes());
        let gone: Vec<&str> = gone.map(|scope| scope.as_str()).collect();
        let kept: Vec<&str> = proposal
            .scopes()
            .iter()
            .map(|scope| scope.as_str())
            .collect();
        lines.push(Line::new("Scopes", kept.join(", ")).removed(gone.join(", ")));
    }
    if grant.sources() != proposal.sources() {
        let kept = networks(proposal);
        let mut gone = networks(grant);
        gone.retain(|network| !kept.contains(network));
        let line = Line::new("From networks", kept.join("\n") + "\n");
        lines.push(line.removed(gone.join("\n")).mono());
    }
    lines
}

fn networks(grant: &Grant) -> Vec<String> {
    match grant.sources() {
        Sources::Anywhere => vec!["anywhere".to_owned()],
        Sources::Only(networks) => networks.iter().map(ToString::to_string).collect(),
    }
}
