//! The host gets ready: owner, staff, catalogue, policy, gateway.

use anyhow::{Context as _, Result, ensure};
use tests::browser::Browser;
use tests::scene::PATIENCE;

use crate::cast::{Cast, OWNER, OWNER_MAIL, REVIEWER, REVIEWER_MAIL, code_shown, enrol};

pub(crate) async fn first_owner(cast: &mut Cast) -> Result<()> {
    let arguments = ["owner-link", "--name", OWNER, "--email", OWNER_MAIL];
    let printed = cast.portal.console(&arguments)?;
    let link = printed
        .split_whitespace()
        .find(|word| word.starts_with(cast.portal.origin()))
        .context("no owner link was printed")?;
    let owner = &cast.owner;
    cast.look(owner, "01-sign-in").await?;
    owner.goto(link).await?;
    owner.sees("Set up your passkey").await?;
    cast.look(owner, "02-owner-link").await?;
    owner.fill("Name of this passkey", "blue key").await?;
    owner.go("Create a passkey").await?;
    owner.arrive("/welcome").await?;
    owner.sees("You hold every role").await?;
    cast.look(owner, "03-welcome-owner").await?;
    owner.go("Go to the portal").await?;
    owner.sees("Today").await?;
    cast.look(owner, "04-home-new-host").await
}

/// Invites a second member of staff, gives them one more role, and comes back after signing out.
pub(crate) async fn staff(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.go("People").await?;
    cast.look(owner, "05-people").await?;
    owner.go("Invite somebody").await?;
    owner.fill("Name", REVIEWER).await?;
    owner.fill("E-mail address", REVIEWER_MAIL).await?;
    owner.tick("Reviewer").await?;
    cast.look(owner, "06-people-invite").await?;
    owner.go("Invite…").await?;
    owner.arrive("/confirm/").await?;
    cast.look(owner, "07-confirm-invite").await?;
    owner.confirm().await?;
    cast.look(owner, "08-reveal").await?;
    let code = code_shown(owner).await?;
    cast.look(owner, "09-code").await?;
    owner.go("I have passed it on").await?;

    let link = cast.mailed_link(REVIEWER_MAIL, "l").await?;
    enrol(&cast.reviewer, &link, Some(&code)).await?;
    cast.reviewer.go("Go to the portal").await?;

    let owner = &cast.owner;
    owner.go("People").await?;
    owner.go(REVIEWER).await?;
    owner.tick("Auditor").await?;
    cast.look(owner, "10-person").await?;
    owner.go("Change the roles…").await?;
    owner.confirm().await?;
    owner.sees("Reviewer, Auditor").await?;

    owner.go("Sign out").await?;
    owner.sees("Sign in").await?;
    owner.goto(cast.portal.url("/services")).await?;
    owner.arrive("/sign-in").await?;
    owner.go("Sign in with a passkey").await?;
    owner.arrive("/services").await?;
    cast.mailbox.next_to(OWNER_MAIL, PATIENCE).await?;
    Ok(())
}

pub(crate) async fn catalogue(cast: &Cast) -> Result<()> {
    let owner = &cast.owner;
    cast.look(owner, "11-services-none").await?;
    owner.go("Add a service").await?;
    owner.fill("Name", "Shipments API").await?;
    let what = "Where parcels are, and labels for new ones.";
    owner.fill("Description", what).await?;
    owner.fill("Short name", "shipments").await?;
    cast.look(owner, "12-service-new").await?;
    owner.go("Add the service…").await?;
    owner.confirm().await?;
    owner.arrive("/services/").await?;
    environment(owner, "sandbox", "Sandbox: one approval").await?;
    let strict = "Production: two approvals, networks named";
    environment(owner, "production", strict).await?;
    let personal = ("shipments:read", "Read shipments and their events.");
    scope(owner, personal, "Personal data").await?;
    let goods = ("labels:write", "Make labels, which cost money.");
    scope(owner, goods, "Confidential, or moves money or goods").await?;
    for (method, pattern, scope) in [
        ("GET", "/v2/shipments", "shipments:read"),
        ("GET", "/v2/shipments/{id}", "shipments:read"),
        ("POST", "/v2/labels", "labels:write"),
    ] {
        endpoint(owner, method, pattern, scope).await?;
    }
    cast.look(owner, "13-service").await
}

async fn environment(owner: &Browser, name: &str, kind: &str) -> Result<()> {
    owner.press("Add an environment").await?;
    let form = owner.form_of("Add an environment…");
    form.fill("Name", name).await?;
    form.pick("Kind", kind).await?;
    let url = format!("https://{name}.alder.example");
    form.fill("Base URL", &url).await?;
    form.go("Add an environment…").await?;
    owner.confirm().await?;
    owner.sees(&url).await
}

async fn scope(owner: &Browser, (name, allows): (&str, &str), sensitivity: &str) -> Result<()> {
    owner.press("Add a scope").await?;
    let form = owner.form_of("Add a scope…");
    form.fill("Name", name).await?;
    form.fill("What it allows", allows).await?;
    form.pick("Sensitivity", sensitivity).await?;
    form.go("Add a scope…").await?;
    owner.confirm().await?;
    owner.sees(allows).await
}

async fn endpoint(owner: &Browser, method: &str, pattern: &str, scope: &str) -> Result<()> {
    owner.press("Add an endpoint").await?;
    let form = owner.form_of("Add an endpoint…");
    form.pick("Method", method).await?;
    form.fill("Path pattern", pattern).await?;
    form.tick(scope).await?;
    form.go("Add an endpoint…").await?;
    owner.confirm().await?;
    owner.sees(&format!("{method} {pattern}")).await
}

pub(crate) async fn policy(cast: &Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.go("Policy of production").await?;
    owner.sees("Version 1").await?;
    let days = owner.page().value("Longest life of a key, in days").await?;
    ensure!(days.parse::<u32>()? > 90, "{days} days are the least");
    owner.fill("Longest life of a key, in days", "90").await?;
    cast.look(owner, "14-policy").await?;
    owner.go("Change the policy…").await?;
    owner.confirm().await?;
    owner.refresh().await?;
    owner.sees("Version 2").await
}

pub(crate) async fn gateway(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.go("Gateways").await?;
    cast.look(owner, "15-gateways-none").await?;
    owner.go("Register a gateway").await?;
    owner.fill("Name", "edge, region north").await?;
    owner.tick("Verify API").await?;
    owner.tick("Shipments API, sandbox").await?;
    owner.tick("Shipments API, production").await?;
    cast.look(owner, "16-gateway-new").await?;
    owner.go("Register…").await?;
    owner.confirm().await?;
    owner.go("Show it").await?;
    owner.sees("The gateway’s credential").await?;
    cast.look(owner, "17-gateway-credential").await?;
    owner.press("Copy").await?;
    owner.sees("Copied").await?;
    let text = owner.text().await?;
    let credential = text
        .split_whitespace()
        .find(|word| word.starts_with("lkg_"))
        .context("no credential is shown")?;
    cast.gateway = credential.to_owned();
    Ok(())
}
