//! Day 60 to day 9: keys that were delivered, and what became of them.

use anyhow::Result;
use domain::decision::DecisionVerdict;
use domain::grant::Narrowing;
use domain::id::{KeyId, RequestId};
use domain::verification::Reason;

use super::{World, retire_gateway};
use crate::demo::answers::answers;
use crate::demo::persona::Persona;
use crate::demo::requests::Wish;
use crate::demo::stage::{Stage, Use};
use crate::service::acts::RevokeKey;

pub(super) const ASTER_NETWORK: &str = "203.0.113.0/28";
pub(super) const BIRCH_NETWORK: &str = "203.0.113.64/27";
pub(super) const CEDAR_NETWORK: &str = "203.0.113.128/26, 2001:db8:40::/48";

/// The keys that were called with.
pub(super) struct Delivered {
    sandbox: KeyId,
    production: KeyId,
    shop: KeyId,
    trial: KeyId,
    reports: KeyId,
    short: KeyId,
}

pub(super) async fn tell(stage: &Stage, world: &World) -> Result<Delivered> {
    let sandbox = first_key(stage, world).await?;
    let trial = trial(stage, world).await?;
    let production = production(stage, world).await?;
    let shop = shop(stage, world).await?;
    let reports = reports(stage, world).await?;
    rejected(stage, world).await?;
    never_opened(stage, world).await?;
    withdrawn(stage, world).await?;
    retire_gateway(stage, world).await?;
    stage.day(12, 16, 20).await?;
    let act = RevokeKey {
        key: reports,
        reason: "It was found in a public repository. Ask for a new one once that is cleared."
            .parse()?,
    };
    world.one.act(stage, act).await?;
    waiting_for_passkey(stage, world).await?;
    let short = short(stage, world).await?;
    Ok(Delivered {
        sandbox,
        production,
        shop,
        trial,
        reports,
        short,
    })
}

impl Delivered {
    /// What the gateways were asked about them.
    pub(super) async fn use_them(&self, stage: &Stage) -> Result<()> {
        let used = |since, until, calls_a_day, from, refused| Use {
            since,
            until,
            calls_a_day,
            from,
            refused,
        };
        let (aster, birch, cedar) = ([203, 0, 113, 4], [203, 0, 113, 70], [203, 0, 113, 140]);
        let plaintext = Some((12, Reason::PlaintextTransport));
        stage
            .used(self.trial, used(57, 45, 60, birch, None))
            .await?;
        stage
            .used(
                self.sandbox,
                used(59, 1, 240, aster, Some((9, Reason::Endpoint))),
            )
            .await?;
        stage
            .used(
                self.production,
                used(51, 1, 5200, aster, Some((37, Reason::SourceNetwork))),
            )
            .await?;
        stage
            .used(self.shop, used(44, 1, 410, birch, plaintext))
            .await?;
        stage
            .used(self.reports, used(39, 13, 90, cedar, None))
            .await?;
        stage.used(self.short, used(8, 1, 25, cedar, None)).await
    }
}

/// One approval, and the key goes to a member.
async fn first_key(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(60, 9, 0).await?;
    let purpose = "Show our customers where their parcel is. We try it in the sandbox first.";
    let wish = Wish {
        service: &world.shipments,
        environments: &["sandbox"],
        scopes: &["shipments:read"],
        answers: answers("aster", purpose, "")?,
    };
    let request = world.member.ask(stage, wish).await?;
    sandbox_key(stage, world, &world.member, request, &world.shipments).await
}

async fn sandbox_key(
    stage: &Stage,
    world: &World,
    to: &Persona,
    request: RequestId,
    service: &crate::demo::catalogue::Offered,
) -> Result<KeyId> {
    stage.later(95);
    world.one.accept_all(stage, request).await?;
    let environment = service.environment("sandbox")?;
    world.one.approve(stage, request, environment).await?;
    Ok(to.receive(stage).await?.1)
}

/// Narrowed to two weeks, and over since.
async fn trial(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(58, 10, 10).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox"],
        scopes: &["invoices:read"],
        answers: answers("birch", "Try whether invoices fit into our shop.", "")?,
    };
    let request = world.birch.ask(stage, wish).await?;
    let narrowing = Narrowing {
        life: Some(14.try_into()?),
        ..Narrowing::default()
    };
    let sandbox = world.invoices.environment("sandbox")?;
    world
        .two
        .narrow(
            stage,
            request,
            sandbox,
            narrowing,
            "Two weeks are enough for a trial.",
        )
        .await?;
    sandbox_key(stage, world, &world.birch, request, &world.invoices).await
}

/// Two people sign before a key for production is made.
async fn production(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(52, 8, 20).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["production"],
        scopes: &["shipments:read", "webhooks:manage"],
        answers: answers(
            "aster",
            "Show our customers where their parcel is, as it moves.",
            ASTER_NETWORK,
        )?,
    };
    let request = world.member.ask(stage, wish).await?;
    stage.later(200);
    world.two.accept_all(stage, request).await?;
    let environment = world.shipments.environment("production")?;
    world.two.approve(stage, request, environment).await?;
    stage.day(51, 9, 30).await?;
    world.one.approve(stage, request, environment).await?;
    Ok(world.member.receive(stage).await?.1)
}

async fn shop(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(45, 11, 0).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["sandbox"],
        scopes: &["shipments:read", "labels:create"],
        answers: answers("birch", "Print labels from the shop's back office.", "")?,
    };
    let request = world.birch.ask(stage, wish).await?;
    sandbox_key(stage, world, &world.birch, request, &world.shipments).await
}

async fn reports(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(40, 14, 45).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox"],
        scopes: &["invoices:read", "payments:read"],
        answers: answers("cedar", "Work out the quarterly reports.", CEDAR_NETWORK)?,
    };
    let request = world.cedar.ask(stage, wish).await?;
    sandbox_key(stage, world, &world.cedar, request, &world.invoices).await
}

async fn rejected(stage: &Stage, world: &World) -> Result<()> {
    stage.day(33, 9, 15).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["production"],
        scopes: &["shipments:read", "labels:create"],
        answers: answers(
            "cedar",
            "Compare delivery times of several carriers.",
            CEDAR_NETWORK,
        )?,
    };
    let request = world.cedar.ask(stage, wish).await?;
    stage.day(31, 10, 5).await?;
    let why = "Comparing carriers is not what this data was given to us for, and labels are not \
               needed for it. Ask again for reading alone, for your reports.";
    let environment = world.shipments.environment("production")?;
    world
        .two
        .decide(stage, request, environment, DecisionVerdict::Reject, why)
        .await
}

/// The link runs out, and the key is destroyed unused.
async fn never_opened(stage: &Stage, world: &World) -> Result<()> {
    stage.day(26, 13, 35).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox"],
        scopes: &["documents:read"],
        answers: answers("birch", "Offer invoices as PDF in the shop.", "")?,
    };
    let request = world.birch.ask(stage, wish).await?;
    stage.later(45);
    let environment = world.invoices.environment("sandbox")?;
    world.one.approve(stage, request, environment).await
}

async fn withdrawn(stage: &Stage, world: &World) -> Result<()> {
    stage.day(21, 16, 0).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["production"],
        scopes: &["documents:read"],
        answers: answers("birch", "Offer invoices as PDF in the shop.", BIRCH_NETWORK)?,
    };
    let request = world.birch.ask(stage, wish).await?;
    stage.day(20, 9, 50).await?;
    world.birch.withdraw(stage, request).await
}

/// Approved by two, for somebody whose passkey cannot open it.
async fn waiting_for_passkey(stage: &Stage, world: &World) -> Result<()> {
    stage.day(10, 8, 55).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["production"],
        scopes: &["invoices:read"],
        answers: answers(
            "aster",
            "Check each invoice against what was delivered.",
            ASTER_NETWORK,
        )?,
    };
    let request = world.aster.ask(stage, wish).await?;
    stage.later(150);
    world.one.accept_all(stage, request).await?;
    let environment = world.invoices.environment("production")?;
    world.one.approve(stage, request, environment).await?;
    stage.later(80);
    world.two.approve(stage, request, environment).await
}

/// Ends in some days: its notices have been mailed.
async fn short(stage: &Stage, world: &World) -> Result<KeyId> {
    stage.day(9, 11, 40).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["sandbox"],
        scopes: &["shipments:read"],
        answers: answers("cedar", "Prepare the report on delivery times.", "")?,
    };
    let request = world.cedar.ask(stage, wish).await?;
    let narrowing = Narrowing {
        life: Some(14.try_into()?),
        ..Narrowing::default()
    };
    let environment = world.shipments.environment("sandbox")?;
    world
        .one
        .narrow(
            stage,
            request,
            environment,
            narrowing,
            "The report is due in two weeks.",
        )
        .await?;
    sandbox_key(stage, world, &world.cedar, request, &world.shipments).await
}
