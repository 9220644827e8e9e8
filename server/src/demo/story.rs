//! The story: ninety days of a host with two services and three partners, told in the order in which
//! they happened, up to yesterday.

mod keys;
mod waiting;

use anyhow::Result;
use domain::id::{GatewayId, PartnerId};
use domain::state::{GatewayKind, Role};

use super::catalogue::{self, INVOICES, Offered, SHIPMENTS};
use super::persona::{Guest, Persona};
use super::said;
use super::stage::Stage;
use crate::chance::system_rng;
use crate::service::acts::{ChangeRoles, RegisterGateway, RevokeGateway};
use crate::service::gateways::Registration;
use crate::service::owner;

const OWNER: Guest = staff("Owner One", "owner@host.example");
const OPERATOR: Guest = staff("Operator One", "operator@host.example");
const REVIEWER_ONE: Guest = staff("Reviewer One", "reviewer.one@host.example");
const REVIEWER_TWO: Guest = staff("Reviewer Two", "reviewer.two@host.example");
const AUDITOR: Guest = staff("Auditor One", "auditor@host.example");
/// Their passkey cannot open keys: what was approved for them waits, until whoever tries the demo
/// enrols one that can.
const ASTER_ADMIN: Guest = Guest {
    name: "Aster Admin",
    email: "admin@aster.example",
    receives: false,
};
const ASTER_MEMBER: Guest = staff("Aster Member", "member@aster.example");
const BIRCH_ADMIN: Guest = staff("Birch Admin", "admin@birch.example");
const CEDAR_ADMIN: Guest = staff("Cedar Admin", "admin@cedar.example");

/// Whom the demo lets in.
pub(super) const CAST: [Guest; 7] = [
    OWNER,
    OPERATOR,
    REVIEWER_ONE,
    REVIEWER_TWO,
    AUDITOR,
    ASTER_ADMIN,
    ASTER_MEMBER,
];

const fn staff(name: &'static str, email: &'static str) -> Guest {
    Guest {
        name,
        email,
        receives: true,
    }
}

/// Everybody and everything that the later chapters need.
struct World {
    operator: Persona,
    one: Persona,
    two: Persona,
    aster: Persona,
    member: Persona,
    birch: Persona,
    cedar: Persona,
    shipments: Offered,
    invoices: Offered,
    /// A gateway that was replaced since.
    old_gateway: GatewayId,
}

pub(super) async fn tell(stage: &Stage) -> Result<()> {
    let world = begin(stage).await?;
    let keys = keys::tell(stage, &world).await?;
    waiting::tell(stage, &world).await?;
    stage.post().await?;
    keys.use_them(stage).await
}

/// Day 90 to day 70: the house is set up, and partners are invited.
async fn begin(stage: &Stage) -> Result<World> {
    stage.day(90, 8, 30).await?;
    let owner = first_owner(stage).await?;
    stage.later(25);
    let operator = owner
        .invite_staff(stage, &OPERATOR, &[Role::Operator])
        .await?;
    let one = owner
        .invite_staff(stage, &REVIEWER_ONE, &[Role::Reviewer])
        .await?;
    let two = owner
        .invite_staff(stage, &REVIEWER_TWO, &[Role::Reviewer])
        .await?;
    owner
        .invite_staff(stage, &AUDITOR, &[Role::Auditor])
        .await?;
    stage.later(30);
    let roles = ChangeRoles {
        person: owner.id,
        roles: vec![Role::Owner],
    };
    owner.act(stage, roles).await?;

    stage.day(88, 9, 10).await?;
    let shipments = catalogue::add(stage, &operator, &SHIPMENTS).await?;
    let invoices = catalogue::add(stage, &operator, &INVOICES).await?;
    stage.day(87, 14, 5).await?;
    let old_gateway = gateways(stage, &operator).await?;
    stage.day(86, 10, 45).await?;
    shorten(stage, &owner, &invoices).await?;

    stage.day(84, 11, 20).await?;
    let why = "They deliver our parcels in the north.";
    let (partner, aster) = operator
        .invite_partner(stage, "Aster Freight", why, &ASTER_ADMIN)
        .await?;
    let member = invite_member(stage, &aster, partner).await?;
    stage.day(80, 13, 0).await?;
    let why = "Their shops show our customers where a parcel is.";
    let (_, birch) = operator
        .invite_partner(stage, "Birch Commerce", why, &BIRCH_ADMIN)
        .await?;
    stage.day(70, 9, 40).await?;
    let why = "They write our quarterly reports.";
    let (_, cedar) = operator
        .invite_partner(stage, "Cedar Analytics", why, &CEDAR_ADMIN)
        .await?;
    Ok(World {
        operator,
        one,
        two,
        aster,
        member,
        birch,
        cedar,
        shipments,
        invoices,
        old_gateway,
    })
}

async fn first_owner(stage: &Stage) -> Result<Persona> {
    let (name, email) = (OWNER.name.parse()?, OWNER.email.parse()?);
    let link = owner::link(&stage.portal, &name, &email, false)
        .await
        .map_err(said)?;
    stage.later(2);
    Persona::enrol(stage, &OWNER, &link, None).await
}

async fn invite_member(stage: &Stage, admin: &Persona, partner: PartnerId) -> Result<Persona> {
    stage.day(82, 15, 15).await?;
    admin.invite_member(stage, partner, &ASTER_MEMBER).await
}

async fn gateways(stage: &Stage, operator: &Persona) -> Result<GatewayId> {
    let both = ["shipments/production", "invoices/production"];
    let sandboxes = ["shipments/sandbox", "invoices/sandbox"];
    let register = async |name: &str, kind, reach: &[&str]| {
        stage.later(12);
        let id = GatewayId::random(&mut system_rng());
        let registration = Registration {
            id,
            name: name.parse()?,
            kind,
            reach: reach.iter().map(|place| (*place).to_owned()).collect(),
            proxies: "10.20.0.0/24".parse()?,
            signs: false,
        };
        operator
            .act(stage, RegisterGateway { registration })
            .await?;
        Ok::<_, anyhow::Error>(id)
    };
    register("edge-production", GatewayKind::Nginx, &both).await?;
    register("edge-sandbox", GatewayKind::Api, &sandboxes).await?;
    register("edge-before-the-move", GatewayKind::Caddy, &both).await
}

/// Invoices are confidential: keys for them live for half a year at most.
async fn shorten(stage: &Stage, owner: &Persona, invoices: &Offered) -> Result<()> {
    let environment = invoices.environment("production")?;
    let (longest_life, link_open_for) = (180.try_into()?, 48.try_into()?);
    owner
        .set_policy(stage, environment, |policy| {
            policy.longest_life = longest_life;
            policy.link_open_for = link_open_for;
        })
        .await
}

/// Day 16: the gateway from before the move goes.
async fn retire_gateway(stage: &Stage, world: &World) -> Result<()> {
    stage.day(16, 17, 30).await?;
    let act = RevokeGateway {
        gateway: world.old_gateway,
        reason: "We moved to the new edge; nothing calls through this one.".parse()?,
    };
    world.operator.act(stage, act).await.map(drop)
}
