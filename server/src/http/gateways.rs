//! `/gateways`: who may ask about calls, and the console that tries one. Operators only.

use std::net::IpAddr;

use app::components::{Choice, Filled, Line, Moment};
use app::pages::gateway::{
    GatewayDetail, GatewayList, GatewayRow, NewGateway, Tried, gateway_page, gateways_page,
    new_gateway_page,
};
use app::pages::state::Standing;
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::GatewayId;
use domain::service::Method;
use domain::state::{GatewayKind, GatewayState};
use domain::verification::{RawCall, Reason, Scheme};
use store::{Gateway, Stamped};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::people::ask;
use crate::http::typed::{Typed, filled};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::{RegisterGateway, RevokeGateway, RotateGateway};
use crate::service::gateways::{self, NamedPlace, Registration};

/// `GET /gateways`
pub async fn list(view: View) -> Response {
    match list_of(&view.portal).await {
        Ok(vm) => view.page(Area::Gateways, |shell| gateways_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /gateways/new`
pub async fn new(view: View) -> Response {
    let filled = Filled::default().with("kind", GatewayKind::Nginx.code());
    match new_form(&view.portal, filled).await {
        Ok(vm) => view.page(Area::Gateways, |shell| new_gateway_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /gateways/new`
pub async fn begin_new(view: View, actor: Actor, form: Form) -> Response {
    let begun = async {
        let registration = read_registration(&form)?;
        ask(&view, &actor, RegisterGateway { registration }).await
    };
    let refused = match begun.await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let Some(typed) = filled(&form, &refused, "name") else {
        return view.refuse(refused);
    };
    match new_form(&view.portal, typed).await {
        Ok(vm) => view.page_again(Area::Gateways, |shell| new_gateway_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

fn read_registration(form: &Form) -> Result<Registration, Refusal> {
    form.only(&["name", "kind", "pair", "proxies"])?;
    let mut typed = Typed::of(form);
    let (name, kind) = (typed.field("name"), typed.field("kind"));
    let reach: Vec<String> = form.all("pair").map(str::to_owned).collect();
    if reach.is_empty() {
        typed.refuse("pair", "Pick at least one environment that it serves.");
    }
    let proxies = typed.field("proxies");
    let ((name, kind), proxies) = typed.done(name.zip(kind).zip(proxies))?;
    let id = GatewayId::random(&mut system_rng());
    Ok(Registration { id, name, kind, reach, proxies })
}

/// `GET /gateways/{id}`
pub async fn one(view: View, Path(id): Path<GatewayId>) -> Response {
    match detail(&view.portal, id, Filled::default()).await {
        Ok(vm) => view.page(Area::Gateways, |shell| gateway_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// The page after a registration or rotation, with the credential that is shown this once.
pub(super) async fn with_credential(
    view: &View,
    actor: &Actor,
    id: GatewayId,
    credential: &str,
) -> Response {
    let vm = async {
        actor.operator()?;
        detail(&view.portal, id, Filled::default()).await
    };
    match vm.await {
        Ok(mut vm) => view.page(Area::Gateways, |shell| {
            vm.credential = Some(credential.to_owned());
            gateway_page(shell, vm)
        }),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /gateways/{id}/rotate`
pub async fn rotate(view: View, actor: Actor, Path(gateway): Path<GatewayId>, form: Form) -> Response {
    let begun = async {
        form.only(&[])?;
        ask(&view, &actor, RotateGateway { gateway }).await
    };
    match begun.await {
        Ok(response) => response,
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /gateways/{id}/revoke`
pub async fn revoke(view: View, actor: Actor, Path(gateway): Path<GatewayId>, form: Form) -> Response {
    let begun = async {
        form.only(&["reason"])?;
        let mut typed = Typed::of(&form);
        let reason = typed.field("reason");
        let reason = typed.done(reason)?;
        ask(&view, &actor, RevokeGateway { gateway, reason }).await
    };
    match begun.await {
        Ok(response) => response,
        Err(refused) => again(&view, gateway, &form, refused, "reason").await,
    }
}

/// `POST /gateways/{id}/try`: a question, not a change; a POST so that the key is in no address.
pub async fn try_call(view: View, actor: Actor, Path(id): Path<GatewayId>, form: Form) -> Response {
    let tried = async {
        check_call(&form)?;
        let call = RawCall {
            method: form.text("method"),
            path: form.text("path").trim(),
            source_ip: form.text("source_ip").trim(),
            scheme: form.text("scheme"),
            scope: None,
        };
        let key = form.text("key").trim();
        let tried = gateways::try_call(&view.portal, actor.operator()?, id, key, call).await?;
        let mut vm = detail(&view.portal, id, typed_call(&form)).await?;
        vm.tried = Some(worded(tried));
        Ok(vm)
    };
    match tried.await {
        Ok(vm) => view.page(Area::Gateways, |shell| gateway_page(shell, vm)),
        Err(refused) => again(&view, id, &form, refused, "key").await,
    }
}

/// What could not be done is said beside its field. A key that was typed is not shown again.
async fn again(view: &View, id: GatewayId, form: &Form, refused: Refusal, field: &str) -> Response {
    let Some(typed) = filled(form, &refused, field) else {
        return view.refuse(refused);
    };
    let mut shown = typed_call(form);
    for (field, sentence) in typed.errors() {
        shown.refuse(field, sentence);
    }
    match detail(&view.portal, id, shown).await {
        Ok(vm) => view.page_again(Area::Gateways, |shell| gateway_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// Says at the fields what a gateway would be told as *malformed*.
fn check_call(form: &Form) -> Result<(), Refusal> {
    form.only(&["key", "method", "path", "source_ip", "scheme"])?;
    let mut typed = Typed::of(form);
    if form.text("key").trim().is_empty() {
        typed.refuse("key", "Paste a key.");
    }
    let method: Option<Method> = typed.field("method");
    let scheme: Option<Scheme> = typed.field("scheme");
    if form.text("source_ip").trim().parse::<IpAddr>().is_err() {
        typed.refuse("source_ip", "Write an address, such as 203.0.113.4.");
    }
    if !form.text("path").trim().starts_with('/') {
        typed.refuse("path", "A path begins with a slash.");
    }
    typed.done(method.zip(scheme)).map(drop)
}

fn typed_call(form: &Form) -> Filled {
    Filled::from_pairs(form.0.iter().filter(|(name, _)| name != "key").cloned())
}

fn worded(tried: gateways::Tried) -> Tried {
    let (accepted, code, words) = match tried.reason {
        None => (true, "allowed", "The call would be let through."),
        Some(reason) => (false, reason.code(), advice(reason)),
    };
    let lines = match tried.key {
        Some((kid, partner)) => vec![Line::new("Key", kid).mono(), Line::new("Partner", partner)],
        None => Vec::new(),
    };
    Tried { accepted, code: code.to_owned(), words: words.to_owned(), lines }
}

/// For the operator: what it means, and what to change.
const fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => "The key does not have the form of a key, its checksum is wrong, or the path can be read in more than one way. Look for a cut or changed character.",
        Reason::Unknown => "No key of this portal is this one.",
        Reason::NotActive => "The key is known, but its holder has not said yet that it is stored, or it or its partner is suspended.",
        Reason::Revoked => "The key was revoked. Its page says when and why.",
        Reason::Expired => "The key’s life is over. Its holder can ask for a replacement while the grant lives.",
        Reason::WrongEnvironment => "The key is good, but for an environment that this gateway does not serve.",
        Reason::PlaintextTransport => "The key is good, but the call did not come over https, so it may have been read on the way.",
        Reason::SourceNetwork => "The key is good, but the call came from a network that its grant does not name.",
        Reason::Endpoint => "The key is good, but its grant opens no endpoint with this method and path.",
        Reason::Scope => "The key is good, but its grant lacks the scope that the call needs.",
        Reason::RateLimit => "The key is good, but it makes more calls than its grant allows.",
        Reason::Quota => "The key is good, but its quota is used up.",
    }
}

async fn list_of(portal: &Portal) -> Result<GatewayList, Refusal> {
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

async fn new_form(portal: &Portal, filled: Filled) -> Result<NewGateway, Refusal> {
    let places = gateways::places(&mut portal.store.read().await?).await?;
    let kinds = GatewayKind::ALL.iter().map(|kind| {
        let (name, help) = kind_words(*kind);
        Choice::new(kind.code(), name).help(help)
    });
    let pair = |named: NamedPlace| {
        Choice::new(named.code, format!("{}, {}", named.service, named.environment))
    };
    Ok(NewGateway {
        kinds: kinds.collect(),
        pairs: places.into_iter().map(pair).collect(),
        filled,
    })
}

async fn detail(portal: &Portal, id: GatewayId, filled: Filled) -> Result<GatewayDetail, Refusal> {
    let mut read = portal.store.read().await?;
    let gateway = gateways::load(&mut read, id).await?;
    let places = gateways::places(&mut read).await?;
    Ok(GatewayDetail {
        id: id.to_string(),
        name: gateway.name.clone(),
        standing: standing(&gateway),
        facts: facts(portal, &gateway, &places)?,
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
        Line::new("Registered", gateway.created_at.minute()),
        Line::new("Last asked", asked),
    ];
    if let Some(until) = gateway.old_credential_until.filter(|until| portal.now() < *until) {
        facts.push(Line::new("Old credential", format!("counts until {}", until.minute())));
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
        GatewayKind::Api => ("Verify API", "Posts the call as JSON to /v1/verify and names everything itself."),
        GatewayKind::Nginx => ("nginx", "auth_request, with X-Original-URI and X-Original-Method."),
        GatewayKind::Caddy => ("Caddy", "forward_auth, with X-Forwarded-Method and X-Forwarded-Uri."),
        GatewayKind::Traefik => ("Traefik", "ForwardAuth, with X-Forwarded-Method and X-Forwarded-Uri."),
        GatewayKind::Envoy => ("Envoy", "ext_authz over HTTP, with the call’s own method and path."),
        GatewayKind::Apisix => ("APISIX", "forward-auth, with X-Forwarded-Method and X-Forwarded-Uri."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn call(changed: &str, value: &str) -> Form {
        let pairs = [
            ("key", "lk_live_x"),
            ("method", "GET"),
            ("path", "/v2/x"),
            ("source_ip", "203.0.113.4"),
            ("scheme", "https"),
        ];
        form(&pairs.map(|(name, usual)| (name, if name == changed { value } else { usual })))
    }

    #[test]
    fn a_call_that_cannot_be_tried_is_refused_beside_its_field() {
        assert!(check_call(&call("", "")).is_ok());
        let wrong = [("key", " "), ("method", "get"), ("path", "v2"), ("source_ip", "x"), ("scheme", "ftp")];
        for (field, value) in wrong {
            let Err(Refusal::Invalid(faults)) = check_call(&call(field, value)) else { panic!("{field}") };
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn a_key_that_was_tried_is_not_put_into_the_page_again() {
        let shown = typed_call(&call("", ""));
        assert_eq!(shown.value("key"), "");
        assert_eq!(shown.value("path"), "/v2/x");
        assert!(!format!("{shown:?}").contains("lk_live_x"));
    }

    #[test]
    fn a_gateway_that_serves_nothing_is_refused_beside_the_choice() {
        let typed = form(&[("name", "edge"), ("kind", "nginx"), ("proxies", "")]);
        let Err(Refusal::Invalid(faults)) = read_registration(&typed) else { panic!() };
        assert_eq!(faults[0].field, "pair");
    }

    #[test]
    fn proxies_that_are_no_networks_are_refused_and_none_are_none() {
        let of = |proxies| {
            let pairs = [("name", "edge"), ("kind", "nginx"), ("pair", "a/b"), ("proxies", proxies)];
            read_registration(&form(&pairs))
        };
        assert!(of("10.0.0.0/40").is_err());
        assert!(of("").unwrap().proxies.is_empty());
        assert_eq!(of("10.0.0.0/8\r\n192.0.2.1").unwrap().proxies.iter().count(), 2);
    }
}
