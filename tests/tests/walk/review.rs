//! The host reads, asks for changes, narrows and decides: one person for the sandbox, two for
//! production.

use anyhow::Result;
use tests::browser::Browser;

use crate::cast::{Cast, OWNER, OWNER_MAIL, REVIEWER};
use crate::partner::PARTNER;

pub(crate) async fn changes_are_asked(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.goto(cast.portal.url("/")).await?;
    cast.look(owner, "29-home-request").await?;
    owner.go("Requests").await?;
    cast.look(owner, "30-queue").await?;
    owner.go(PARTNER).await?;
    owner.sees("Waiting for 2 more of").await?;
    cast.look(owner, "31-request-review").await?;
    owner.card("Justification").go("Accept section").await?;
    owner.sees("Saved.").await?;
    let workflow = owner.card("Workflow");
    workflow
        .fill("Comment", "How long are labels kept?")
        .await?;
    workflow.go("Ask for changes").await?;
    owner.sees("Changes asked").await?;

    let approvals = owner.card("Approvals for production");
    approvals.go("Reject…").await?;
    owner.press("Reject or ask for changes").await?;
    owner
        .fill("Reason", "Say how long labels are kept, please.")
        .await?;
    owner.go("Ask for changes").await?;
    owner.confirm().await?;
    owner.sees("The request is with the partner").await?;
    cast.look(owner, "32-review-changes-asked").await
}

pub(crate) async fn sandbox_is_approved_by_one(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.goto(cast.portal.url(&cast.request)).await?;
    owner.sees("marked: what changed since revision 1").await?;
    for mark in ["//ins[contains(., 'labels for 7')]", "//h2[.='Workflow']"] {
        owner.find(thirtyfour::By::XPath(mark)).await?;
    }
    cast.look(owner, "36-review-diff").await?;
    owner.card("Workflow").go("Accept section").await?;
    owner.card("Safeguards").go("Accept section").await?;
    decide(cast, owner, "sandbox").await?;
    owner.confirm().await?;
    let approvals = owner.card("Approvals for sandbox");
    approvals.sees("Approved").await
}

pub(crate) async fn production_is_approved_by_two(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    decide(cast, owner, "production").await?;
    cast.look(owner, "38-confirm-decide").await?;
    owner.confirm().await?;
    let approvals = owner.card("Approvals for production");
    approvals.sees("1 of 2").await?;
    approvals
        .sees(&format!("Waiting for one more of {REVIEWER}."))
        .await?;
    cast.look(owner, "39-review-one-of-two").await?;

    let reviewer = &cast.reviewer;
    reviewer.goto(cast.portal.url("/requests")).await?;
    reviewer.sees("1 of 2").await?;
    reviewer.go(PARTNER).await?;
    reviewer.card("Grant for production").go("Narrow…").await?;
    reviewer
        .sees("1 approval was given for the present proposal")
        .await?;
    reviewer.page().untick("labels:write").await?;
    reviewer
        .fill("Why", "Their answers need reading alone.")
        .await?;
    cast.look(reviewer, "40-narrow").await?;
    reviewer.go("Propose this grant").await?;
    reviewer.arrive("/confirm/").await?;
    cast.look(reviewer, "41-confirm-narrow").await?;
    reviewer.confirm().await?;
    let approvals = reviewer.card("Approvals for production");
    approvals.sees("0 of 2").await?;
    cast.look(reviewer, "41-review-narrowed").await?;
    decide(cast, reviewer, "production").await?;
    reviewer.confirm().await?;
    let approvals = reviewer.card("Approvals for production");
    approvals
        .sees(&format!("Waiting for one more of {OWNER}."))
        .await?;

    cast.mailed(OWNER_MAIL, "void").await?;
    let owner = &cast.owner;
    owner.refresh().await?;
    decide(cast, owner, "production").await?;
    owner.confirm().await?;
    let approvals = owner.card("Approvals for production");
    approvals.sees("2 of 2").await?;
    cast.look(owner, "42-review-approved").await
}

async fn decide(cast: &Cast, by: &Browser, environment: &str) -> Result<()> {
    let approvals = by.card(&format!("Approvals for {environment}"));
    approvals.go("Review and approve…").await?;
    by.sees("This is what your passkey signs").await?;
    if environment == "production" {
        cast.look(by, "37-decide").await?;
    }
    by.go("Approve with your passkey").await?;
    by.arrive("/confirm/").await
}
