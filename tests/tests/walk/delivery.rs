//! The hand-over: the mail's link, the key, the receipt, the first calls.

use anyhow::{Context as _, Result, ensure};
use thirtyfour::By;

use crate::cast::{CONTACT_MAIL, Cast};
use crate::partner::PARTNER;

const SHIPMENT: &str = "/v2/shipments/1";

/// A key as its recipient has it, and the path where its use can be watched.
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) page: String,
}

/// The sandbox's link lies in the mailbox, too; production's came last.
pub(crate) async fn claimed(cast: &mut Cast) -> Result<Key> {
    cast.mailed_link(CONTACT_MAIL, "d").await?;
    let link = cast.mailed_link(CONTACT_MAIL, "d").await?;
    claim(cast, &link, "43").await
}

/// Opens a delivery, takes the key along and says that it is stored.
pub(crate) async fn claim(cast: &Cast, link: &str, number: &str) -> Result<Key> {
    let contact = &cast.contact;
    contact.goto(link).await?;
    contact.sees("Show my key").await?;
    let url = contact.current_url().await?;
    ensure!(url.fragment().is_none(), "the secret stays in {url}");
    cast.look(contact, &format!("{number}-claim")).await?;
    contact.press("Show my key").await?;
    contact.sees("Your production key").await?;
    let key = contact.find(By::Css("[aria-label='The key']")).await?;
    let secret = key.text().await?;
    ensure!(secret.starts_with("lk_live_"), "no key is shown");
    cast.look(contact, &format!("{number}-claim-key")).await?;

    contact.press("Copy key").await?;
    contact.sees("Copied").await?;
    contact.press("Save as .env").await?;
    let file = contact.download("shipments.env").await?;
    let expected =
        format!("SHIPMENTS_KEY={secret}\nSHIPMENTS_BASE_URL=https://production.alder.example\n");
    ensure!(file == expected, "the saved file is not what it should be");
    let answer = cast.verify(&secret, SHIPMENT).await?;
    ensure!(answer == "not_active", "before the receipt: {answer}");

    contact.press("I have stored it").await?;
    contact.sees("Your production key works").await?;
    ensure!(
        !contact.source().await?.contains(&secret),
        "the key is still in the page"
    );
    cast.look(contact, &format!("{number}-claim-active"))
        .await?;
    let answer = cast.verify(&secret, SHIPMENT).await?;
    ensure!(answer == "ok", "after the receipt: {answer}");
    contact.go("Watch its use").await?;
    contact.arrive("/keys/").await?;
    let page = contact.path().await?;
    Ok(Key { secret, page })
}

/// Calls that are accepted and refused show up on both sides.
pub(crate) async fn used(cast: &Cast, key: &Key) -> Result<()> {
    let answer = cast.verify(&key.secret, "/v2/labels").await?;
    ensure!(
        answer == "endpoint",
        "a call that was not granted: {answer}"
    );
    let (contact, owner) = (&cast.contact, &cast.owner);
    contact
        .sees_in_time("This key may not call this endpoint.")
        .await?;
    contact.sees("last used").await?;
    cast.look(contact, "44-key-contact").await?;
    owner.go("Keys").await?;
    owner.sees(PARTNER).await?;
    cast.look(owner, "45-keys").await?;
    let path = format!("a[href='{}']", key.page);
    let line = owner.find(By::Css(&path)).await.context("no line")?;
    let shown = line.text().await?;
    ensure!(!shown.contains(&key.secret), "the list shows the key");
    owner.go(&shown).await?;
    owner.sees("last used").await?;
    owner.sees("This key may not call this endpoint.").await?;
    cast.look(owner, "46-key-staff").await
}
