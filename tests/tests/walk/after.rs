//! After the hand-over: a call tried at the gateway, a replacement, the end, and the look back.

use anyhow::{Context as _, Result, ensure};

use crate::cast::{CONTACT_MAIL, Cast, OWNER};
use crate::delivery::{Key, claim};
use crate::partner::PARTNER;

const SHIPMENT: &str = "/v2/shipments/1";

pub(crate) async fn a_call_is_tried(cast: &Cast, key: &Key) -> Result<()> {
    let owner = &cast.owner;
    owner.go("Gateways").await?;
    owner.go("edge, region north").await?;
    for (source, code) in [("203.0.113.4", "ok"), ("192.0.2.1", "source_network")] {
        owner.fill("Key", &key.secret).await?;
        owner.pick("Method", "GET").await?;
        owner.pick("Scheme", "https").await?;
        owner.fill("Source address", source).await?;
        owner.fill("Path", SHIPMENT).await?;
        owner.go("Ask").await?;
        owner.sees(code).await?;
        ensure!(
            !owner.source().await?.contains(&key.secret),
            "the console shows the key again"
        );
        cast.look(owner, &format!("47-try-{code}")).await?;
    }
    owner.press("Rotate the credential…").await?;
    owner.go("Rotate the credential").await?;
    owner.confirm().await?;
    owner.go("Show it").await?;
    owner.sees("The gateway’s credential").await?;
    let present = cast.verify(&key.secret, SHIPMENT).await?;
    ensure!(
        present == "ok",
        "the old credential counts for a day: {present}"
    );
    Ok(())
}

pub(crate) async fn replaced(cast: &mut Cast, first: &Key) -> Result<Key> {
    let contact = &cast.contact;
    contact.goto(cast.portal.url(&first.page)).await?;
    contact.go("Ask for a replacement key…").await?;
    cast.look(contact, "48-confirm-replace").await?;
    contact.confirm().await?;
    let link = cast.mailed_link(CONTACT_MAIL, "d").await?;
    let second = claim(cast, &link, "49").await?;
    ensure!(second.secret != first.secret, "the same key again");
    let old = cast.verify(&first.secret, SHIPMENT).await?;
    ensure!(old == "ok", "both work for a while, but: {old}");
    Ok(second)
}

pub(crate) async fn revoked(cast: &mut Cast, first: &Key, second: &Key) -> Result<()> {
    let owner = &cast.owner;
    owner.goto(cast.portal.url(&first.page)).await?;
    owner.press("Revoke…").await?;
    let form = owner.form_of("Revoke this key");
    let reason = "Replaced, and found in a build log.";
    form.fill("Reason", reason).await?;
    cast.look(owner, "50-key-revoke").await?;
    form.go("Revoke this key").await?;
    owner.sees("What this breaks").await?;
    cast.look(owner, "51-confirm-revoke").await?;
    owner.confirm().await?;
    owner.sees("Ended").await?;
    cast.look(owner, "52-key-revoked").await?;
    let answer = cast.verify(&first.secret, SHIPMENT).await?;
    ensure!(answer == "revoked", "the revoked key: {answer}");
    let answer = cast.verify(&second.secret, SHIPMENT).await?;
    ensure!(answer == "ok", "the other key: {answer}");
    cast.mailed(CONTACT_MAIL, "revoked").await?;

    let owner = &cast.owner;
    owner.goto(cast.portal.url(&second.page)).await?;
    owner.press("Revoke the grant…").await?;
    let form = owner.form_of("Revoke this grant");
    form.fill("Reason", "The contract ended.").await?;
    form.go("Revoke this grant").await?;
    owner.confirm().await?;
    let answer = cast.verify(&second.secret, SHIPMENT).await?;
    ensure!(answer == "revoked", "under a revoked grant: {answer}");

    owner.go("Partners").await?;
    cast.look(owner, "53-partners").await?;
    owner.go(PARTNER).await?;
    cast.look(owner, "54-partner").await
}

pub(crate) async fn looked_back_on(cast: &Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.goto(cast.portal.url(&cast.request)).await?;
    let history = owner.card("Time line");
    for step in ["Revision 2", "Revision 1"] {
        history.sees(step).await?;
    }
    owner.go("Audit").await?;
    cast.look(owner, "55-audit").await?;
    owner.pick("Act", "decide").await?;
    owner.go("Filter").await?;
    owner.sees(OWNER).await?;
    cast.look(owner, "56-audit-filtered").await?;
    let entry = thirtyfour::By::Css("table a[href^='/audit/']");
    let entry = owner.find(entry).await.context("no entry to read")?;
    let path = entry.attr("href").await?.context("a link")?;
    owner.goto(cast.portal.url(&path)).await?;
    owner.sees("clientDataJSON").await?;
    cast.look(owner, "57-audit-entry").await?;
    owner.go("Audit").await?;
    owner.go("Export…").await?;
    owner.confirm().await?;
    owner.sees("The export is ready").await?;
    cast.look(owner, "58-audit-export").await?;
    owner.press("Download").await?;
    let file = owner.download("latchkey-audit.jsonl").await?;
    let lines = file.lines().count();
    ensure!(lines > 40, "only {lines} entries were exported");
    Ok(())
}
