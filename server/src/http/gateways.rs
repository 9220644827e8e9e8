//! `/gateways`: who may ask about calls, and the console that tries one. Operators only.

mod view;

use std::net::IpAddr;

use app::components::Filled;
use app::pages::gateway::{gateway_page, gateways_page, new_gateway_page};
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::GatewayId;
use domain::service::Method;
use domain::state::GatewayKind;
use domain::verification::{RawCall, Scheme};

use view::{detail, list_of, new_form, worded};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::begin::{ask, or_again};
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::{Typed, filled};
use crate::refusal::Refusal;
use crate::service::acts::{ChangeGateway, RegisterGateway, RevokeGateway, RotateGateway};
use crate::service::gateways::{self, Registration};

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
    or_again(&view, &form, ("", "name"), begun.await, |typed| async {
        let vm = new_form(&view.portal, typed).await?;
        Ok(view.page_again(Area::Gateways, |shell| new_gateway_page(shell, vm)))
    })
    .await
}

fn read_registration(form: &Form) -> Result<Registration, Refusal> {
    form.only(&["name", "kind", "pair", "proxies", "signs"])?;
    let mut typed = Typed::of(form);
    let (name, kind) = (typed.field("name"), typed.field("kind"));
    let reach = read_reach(form, &mut typed);
    let proxies = typed.field("proxies");
    let signs = read_signs(form, &mut typed);
    let places = reach.zip(proxies).zip(signs);
    let ((name, kind), ((reach, proxies), signs)) = typed.done(name.zip(kind).zip(places))?;
    let id = GatewayId::random(&mut system_rng());
    Ok(Registration {
        id,
        name,
        kind,
        reach,
        proxies,
        signs,
    })
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

/// `POST /gateways/{id}`
pub async fn change(
    view: View,
    actor: Actor,
    Path(gateway): Path<GatewayId>,
    form: Form,
) -> Response {
    let begun = async {
        form.only(&["pair", "proxies", "signs"])?;
        let mut typed = Typed::of(&form);
        let reach = read_reach(&form, &mut typed);
        let proxies = typed.field("proxies");
        let signs = read_signs(&form, &mut typed);
        let ((reach, proxies), signs) = typed.done(reach.zip(proxies).zip(signs))?;
        let change = ChangeGateway {
            gateway,
            reach,
            proxies,
            signs,
        };
        ask(&view, &actor, change).await
    };
    let which = ("serves", "pair");
    or_again(&view, &form, which, begun.await, |typed| async {
        let vm = detail(&view.portal, gateway, typed).await?;
        Ok(view.page_again(Area::Gateways, |shell| gateway_page(shell, vm)))
    })
    .await
}

/// The places that were picked; none is refused, never read as everything.
fn read_reach(form: &Form, typed: &mut Typed<'_>) -> Option<Vec<String>> {
    let reach: Vec<String> = form.all("pair").map(str::to_owned).collect();
    if reach.is_empty() {
        typed.refuse("pair", "Pick at least one environment that it serves.");
        return None;
    }
    Some(reach)
}

/// A box that is ticked or absent.
fn read_signs(form: &Form, typed: &mut Typed<'_>) -> Option<bool> {
    match form.text("signs") {
        "" => Some(false),
        "yes" => Some(true),
        _ => {
            typed.refuse("signs", "This is ticked or not.");
            None
        }
    }
}

/// `POST /gateways/{id}/rotate`
pub async fn rotate(
    view: View,
    actor: Actor,
    Path(gateway): Path<GatewayId>,
    form: Form,
) -> Response {
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
pub async fn revoke(
    view: View,
    actor: Actor,
    Path(gateway): Path<GatewayId>,
    form: Form,
) -> Response {
    let begun = async {
        let reason = Typed::reason(&form)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
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
        let wrong = [
            ("key", " "),
            ("method", "get"),
            ("path", "v2"),
            ("source_ip", "x"),
            ("scheme", "ftp"),
        ];
        for (field, value) in wrong {
            let Err(Refusal::Invalid(faults)) = check_call(&call(field, value)) else {
                panic!("{field}")
            };
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
        let Err(Refusal::Invalid(faults)) = read_registration(&typed) else {
            panic!()
        };
        assert_eq!(faults[0].field, "pair");
    }

    #[test]
    fn a_box_is_ticked_or_absent_and_never_anything_else() {
        let of = |value| {
            let pairs = [
                ("name", "edge"),
                ("kind", "nginx"),
                ("pair", "a/b"),
                ("proxies", ""),
                ("signs", value),
            ];
            read_registration(&form(&pairs))
        };
        assert!(of("yes").unwrap().signs && !of("").unwrap().signs);
        for value in ["no", "on", "true"] {
            let Err(Refusal::Invalid(faults)) = of(value) else {
                panic!("{value}")
            };
            assert_eq!(faults[0].field, "signs");
        }
    }

    #[test]
    fn proxies_that_are_no_networks_are_refused_and_none_are_none() {
        let of = |proxies| {
            let pairs = [
                ("name", "edge"),
                ("kind", "nginx"),
                ("pair", "a/b"),
                ("proxies", proxies),
            ];
            read_registration(&form(&pairs))
        };
        assert!(of("10.0.0.0/40").is_err());
        assert!(of("").unwrap().proxies.is_empty());
        assert_eq!(
            of("10.0.0.0/8\r\n192.0.2.1")
                .unwrap()
                .proxies
                .iter()
                .count(),
            2
        );
    }
}
