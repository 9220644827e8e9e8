//! What an act on a key or a partner comes to for the next call with the key.

use domain::id::GatewayId;
use domain::network::Networks;
use domain::state::{GatewayKind, Role};
use domain::verification::{RawCall, Reason};

use super::keys::Keyed;
use super::reason;
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::service::acts::{
    AnyAct, RegisterGateway, ResumeKey, ResumePartner, RevokePartner, SuspendKey, SuspendPartner,
};
use crate::service::gateways::Registration;
use crate::verify::{Question, Subject};

struct Calling {
    keyed: Keyed,
    operator: Actor,
    gateway: GatewayId,
}

impl Calling {
    async fn new() -> Self {
        let keyed = Keyed::new().await;
        let fixture = &keyed.world.fixture;
        let operator = fixture.staff("Olga", &[Role::Operator]).await;
        let registration = Registration {
            id: GatewayId::random(&mut system_rng()),
            name: "edge".parse().unwrap(),
            kind: GatewayKind::Api,
            reach: vec!["parcels/sandbox".to_owned()],
            proxies: Networks::default(),
            signs: false,
        };
        let gateway = registration.id;
        fixture
            .act(&operator, RegisterGateway { registration })
            .await
            .unwrap();
        Self {
            keyed,
            operator,
            gateway,
        }
    }

    async fn act(&self, by: &Actor, act: impl Into<AnyAct>) {
        self.keyed.world.fixture.act(by, act).await.unwrap();
    }

    /// Why a call with the key itself is refused now.
    fn refused(&self) -> Option<Reason> {
        let portal = &self.keyed.world.fixture.portal;
        let question = Question {
            call: RawCall {
                method: "GET",
                path: "/parcels/7",
                source_ip: "192.0.2.7",
                scheme: "https",
                scope: None,
            },
            service: None,
            environment: None,
        };
        let subject = Subject::Text(&self.keyed.text);
        let decision = portal
            .engine
            .try_call(self.gateway, subject, &question, portal.now())
            .unwrap();
        decision.reason()
    }
}

#[tokio::test]
async fn the_first_call_after_a_key_is_suspended_is_refused_and_after_it_is_resumed_accepted() {
    let calling = Calling::new().await;
    let (key, rita) = (calling.keyed.key, &calling.keyed.world.rita);
    assert_eq!(calling.refused(), None);
    calling.act(rita, SuspendKey { key }).await;
    assert_eq!(calling.refused(), Some(Reason::NotActive));
    calling.act(rita, ResumeKey { key }).await;
    assert_eq!(calling.refused(), None);
}

#[tokio::test]
async fn the_first_call_after_a_partner_is_suspended_is_refused_and_after_it_is_resumed_accepted() {
    let calling = Calling::new().await;
    let partner = calling.keyed.world.ada.contact().unwrap().partner();
    let suspend = SuspendPartner {
        partner,
        reason: reason(),
    };
    calling.act(&calling.operator, suspend).await;
    assert_eq!(calling.refused(), Some(Reason::NotActive));
    calling
        .act(&calling.operator, ResumePartner { partner })
        .await;
    assert_eq!(calling.refused(), None);
}

#[tokio::test]
async fn a_key_that_is_suspended_itself_stays_so_when_its_partner_is_resumed() {
    let calling = Calling::new().await;
    let partner = calling.keyed.world.ada.contact().unwrap().partner();
    let key = calling.keyed.key;
    calling
        .act(&calling.keyed.world.rita, SuspendKey { key })
        .await;
    let suspend = SuspendPartner {
        partner,
        reason: reason(),
    };
    calling.act(&calling.operator, suspend).await;
    calling
        .act(&calling.operator, ResumePartner { partner })
        .await;
    assert_eq!(calling.refused(), Some(Reason::NotActive));
}

#[tokio::test]
async fn the_first_call_after_a_partner_is_revoked_is_refused() {
    let calling = Calling::new().await;
    let revoke = RevokePartner {
        partner: calling.keyed.world.ada.contact().unwrap().partner(),
        reason: reason(),
    };
    calling.act(&calling.keyed.world.rita, revoke).await;
    assert_eq!(calling.refused(), Some(Reason::Revoked));
}
