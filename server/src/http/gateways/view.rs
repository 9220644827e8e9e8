//! Gateways as their pages show them.

use app::components::{Choice, Filled, Line, Moment};
use app::pages::gateway::{GatewayDetail, GatewayList, GatewayRow, NewGateway, Tried};
use app::pages::state::Standing;
use domain::id::GatewayId;
use domain::state::{GatewayKind, GatewayState};
use domain::verification::Reason;
use store::{Gateway, Stamped};

use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::gateways::{self, NamedPlace};

pub(super) fn worded(tried: gateways::Tried) -> Tried {
    let (accepted, code, words) = match tried.reason {
        None => (true, "ok", "The call would be let through."),
        Some(reason) => (false, reason.code(), advice(reason)),
    };
    let lines = match tried.key {
        Some((kid, partner)) => vec![Line::new("Key", kid).mono(), Line::new("Partner", partner)],
        None => Vec::new(),
    };
    Tried {
        accepted,
        code: code.to_owned(),
        words: words.to_owned(),
        lines,
    }
}

/// For the operator: what it means, and what to change.
const fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => {
            "The key does not have the form of a key, its checksum is wrong, or the path can be read in more than one way. Look for a cut or changed character."
        }
        Reason::Unknown => "No key of this portal is this one.",
        Reason::NotActive => {
            "The key is known, but its holder has not said yet that it is stored, or it or its partner is suspended."
        }
        Reason::Revoked => "The key was revoked. Its page says when and why.",
        Reason::Expired => {
            "The key’s life is over. Its holder can ask for a replacement while the grant lives."
        }
        Reason::WrongEnvironment => {
            "The key is good, but for an environment that this gateway does not serve."
        }
        Reason::PlaintextTransport => {
            "The key is good, but the call did not come over https, so it may have been read on the way."
        }
        Reason::SourceNetwork => {
            "The key is good, but the call came from a network that its grant does not name."
        }
        Reason::TimeWindow => {
            "The key is good, but its grant does not work at this time of the week (in UTC)."
        }
        Reason::Endpoint => {
            "The key is good, but its grant opens no endpoint with this method and path."
        }
        Reason::Scope => "The key is good, but its grant lacks the scope that the call needs.",
        Reason::RateLimit => "The key is good, but it makes more calls than its grant allows.",
        Reason::Quota => "The key is good, but its quota is used up.",
    }
}

pub(super) async fn list_of(portal: &Portal) -> Result<GatewayList, Refusal> {
    let mut read = portal.store.read().await?;
    let places = gateways::places(&mut read).await?;
    let rows = read
        .gateways()
        .await?
        .iter()
        .map(|row| {
            Ok(GatewayRow {
                id: row.id.to_string(),
                name: row.name.clone(),
                kind: kind_words(row.kind.0).0.to_owned(),
                serves: gateways::serves(row, &places)?,
                standing: standing(row),
                last_asked: asked(portal, row.id),
            })
        })
        .collect::<Result<_, Refusal>>()?;
    Ok(GatewayList { rows })
}

pub(super) async fn new_form(portal: &Portal, filled: Filled) -> Result<NewGateway, Refusal> {
    let places = gateways::places(&mut portal.store.read().await?).await?;
    let kinds = GatewayKind::ALL.iter().map(|kind| {
        let (name, help) = kind_words(*kind);
        Choice::new(kind.code(), name).help(help)
    });
    Ok(NewGateway {
        kinds: kinds.collect(),
        pairs: pairs(&places),
        filled,
    })
}

fn pairs(places: &[NamedPlace]) -> Vec<Choice> {
    places
        .iter()
        .map(|named| {
            Choice::new(
                named.code.clone(),
                format!("{}, {}", named.service, named.environment),
            )
        })
        .collect()
}

pub(super) async fn detail(
    portal: &Portal,
    id: GatewayId,
    filled: Filled,
) -> Result<GatewayDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let gateway = gateways::load(&mut read, id).await?;
    let places = gateways::places(&mut read).await?;
    Ok(GatewayDetail {
        id: id.to_string(),
        name: gateway.name.clone(),
        standing: standing(&gateway),
        facts: facts(portal, &gateway, &places)?,
        serves: gateways::codes(&gateway, &places)?
            .into_iter()
            .fold(Filled::default(), |filled, code| filled.with("pair", code))
            .with("proxies", gateway.proxies.clone())
            .with("signs", if gateway.signs.0 { "yes" } else { "" }),
        pairs: pairs(&places),
        credential: None,
        tried: None,
        filled,
    })
}

fn facts(
    portal: &Portal,
    gateway: &Stamped<Gateway>,
    places: &[NamedPlace],
) -> Result<Vec<Line>, Refusal> {
    let proxies = match gateway.proxies.as_str() {
        "" => "none",
        proxies => proxies,
    };
    let asked = asked(portal, gateway.id).map_or_else(
        || "not since this process started".to_owned(),
        |at| format!("{} ({})", at.relative, at.exact),
    );
    let mut facts = vec![
        Line::new("Kind", kind_words(gateway.kind.0).0),
        Line::new("Serves", gateways::serves(gateway, places)?),
        Line::new("Proxies", proxies).mono(),
        Line::new(
            "Signs who calls",
            if gateway.signs.0 { "yes" } else { "no" },
        ),
        Line::new("Registered", gateway.created_at.minute()),
        Line::new("Last asked", asked),
    ];
    if let Some(until) = gateway
        .old_credential_until
        .filter(|until| portal.now() < *until)
    {
        facts.push(Line::new(
            "Old credential",
            format!("counts until {}", until.minute()),
        ));
    }
    Ok(facts)
}

fn asked(portal: &Portal, id: GatewayId) -> Option<Moment> {
    let at = portal.engine.gateway_asked(id)?;
    Some(Moment::new(at, portal.now()))
}

fn standing(gateway: &Gateway) -> Standing {
    match gateway.state.0 {
        GatewayState::Active => Standing::Active,
        GatewayState::Revoked => Standing::Ended,
    }
}

/// A kind's name, and how the call is read from its question.
const fn kind_words(kind: GatewayKind) -> (&'static str, &'static str) {
    match kind {
        GatewayKind::Api => (
            "Verify API",
            "Posts the call as JSON to /v1/verify and names everything itself.",
        ),
        GatewayKind::Nginx => (
            "nginx",
            "auth_request, with X-Original-URI and X-Original-Method.",
        ),
        GatewayKind::Caddy => (
            "Caddy",
            "forward_auth, with X-Forwarded-Method and X-Forwarded-Uri.",
        ),
        GatewayKind::Traefik => (
            "Traefik",
            "ForwardAuth, with X-Forwarded-Method and X-Forwarded-Uri.",
        ),
        GatewayKind::Envoy => (
            "Envoy",
            "ext_authz over HTTP, with the call’s own method and path.",
        ),
        GatewayKind::Apisix => (
            "APISIX",
            "forward-auth, with X-Forwarded-Method and X-Forwarded-Uri.",
        ),
    }
}
