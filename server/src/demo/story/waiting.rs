//! The past week: what waits for whoever tries the demo.

use anyhow::Result;
use domain::decision::DecisionVerdict;
use domain::review::{Section, Verdict};

use super::World;
use super::keys::{BIRCH_NETWORK, CEDAR_NETWORK};
use crate::demo::answers::answers;
use crate::demo::requests::Wish;
use crate::demo::stage::Stage;

pub(super) async fn tell(stage: &Stage, world: &World) -> Result<()> {
    changes_asked(stage, world).await?;
    in_review(stage, world).await?;
    one_of_two(stage, world).await?;
    draft(stage, world).await?;
    submitted(stage, world).await
}

async fn changes_asked(stage: &Stage, world: &World) -> Result<()> {
    stage.day(7, 10, 25).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox", "production"],
        scopes: &["invoices:read", "payments:read", "documents:read"],
        answers: answers("cedar", "Work out the quarterly reports.", CEDAR_NETWORK)?,
    };
    let request = world.cedar.ask(stage, wish).await?;
    stage.day(6, 9, 35).await?;
    let why = "Reports need the figures, not the documents. What are they for?";
    let section = Section::Justification;
    world
        .two
        .judge(stage, request, section, Some(Verdict::ChangesAsked), why)
        .await?;
    let section = Section::Safeguards;
    world
        .two
        .judge(stage, request, section, Some(Verdict::Accepted), "")
        .await?;
    let environment = world.invoices.environment("production")?;
    let why = "Please leave the documents out, or say why a report needs them.";
    let ask = DecisionVerdict::AskForChanges;
    world
        .two
        .decide(stage, request, environment, ask, why)
        .await
}

async fn in_review(stage: &Stage, world: &World) -> Result<()> {
    stage.day(5, 13, 10).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["production"],
        scopes: &["shipments:read", "labels:create"],
        answers: answers(
            "birch",
            "Show the way of a parcel in the shop, and print its label.",
            BIRCH_NETWORK,
        )?,
    };
    let request = world.birch.ask(stage, wish).await?;
    stage.day(4, 9, 20).await?;
    let one = &world.one;
    let accepted = Some(Verdict::Accepted);
    one.judge(stage, request, Section::Justification, accepted, "")
        .await?;
    let question = "Which of the two regions prints the labels?";
    one.judge(stage, request, Section::Workflow, None, question)
        .await?;
    stage.later(55);
    let answer = "Only the one in the north; the other one reads.";
    world
        .birch
        .reply(stage, request, Section::Workflow, answer)
        .await?;
    stage.later(110);
    let objection = "Thirty days are long for postal codes. Would seven do?";
    world
        .two
        .judge(
            stage,
            request,
            Section::Workflow,
            Some(Verdict::Objection),
            objection,
        )
        .await
}

async fn one_of_two(stage: &Stage, world: &World) -> Result<()> {
    stage.day(3, 10, 0).await?;
    let wish = Wish {
        service: &world.shipments,
        environments: &["production"],
        scopes: &["shipments:read"],
        answers: answers(
            "cedar",
            "Say in the quarterly report how long parcels took.",
            CEDAR_NETWORK,
        )?,
    };
    let request = world.cedar.ask(stage, wish).await?;
    stage.later(170);
    world.one.accept_all(stage, request).await?;
    let environment = world.shipments.environment("production")?;
    world.one.approve(stage, request, environment).await
}

async fn draft(stage: &Stage, world: &World) -> Result<()> {
    stage.day(2, 15, 30).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox"],
        scopes: &["invoices:read"],
        answers: {
            let mut answers = answers("aster", "Try the check of invoices first.", "")?;
            answers.set(domain::request::QuestionId::LeakResponse, "")?;
            answers.set(domain::request::QuestionId::Rotation, "")?;
            answers
        },
    };
    world.aster.draft(stage, wish).await.map(drop)
}

async fn submitted(stage: &Stage, world: &World) -> Result<()> {
    stage.day(1, 9, 5).await?;
    let wish = Wish {
        service: &world.invoices,
        environments: &["sandbox", "production"],
        scopes: &["invoices:read", "payments:read"],
        answers: answers(
            "birch",
            "Tell our customers in the shop whether an invoice is paid.",
            BIRCH_NETWORK,
        )?,
    };
    world.birch.ask(stage, wish).await.map(drop)
}
