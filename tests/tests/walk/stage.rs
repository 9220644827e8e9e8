//! A host that is ready, set up without a browser, and one person in a browser who is to receive
//! a key.

use anyhow::{Context as _, Result};
use tests::browser::{Authenticator, Browser};
use tests::scene::{ANSWERS, PATIENCE, Scene, code_in};
use tests::visitor::Visitor;

use crate::cast::{enrol, mailed_link, somebody};
use crate::partner::answer_to;

pub(crate) const MAIL: &str = "member@partner.example";

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) recipient: Browser,
}

impl Stage {
    /// The recipient's device is of this kind; they are a member of the partner, and signed in.
    pub(crate) async fn set(kind: Authenticator) -> Result<Self> {
        let mut scene = Scene::set(None).await?;
        let fields = [("name", "Quay Desk"), ("role", "member")];
        let (link, code) = invited(&mut scene, Side::Partner, &fields, MAIL).await?;
        let recipient = somebody(&scene.portal, kind).await?;
        enrol(&recipient, &link, Some(&code)).await?;
        Ok(Self { scene, recipient })
    }

    /// The recipient asks for access to the sandbox; the request's path.
    pub(crate) async fn asks(&self) -> Result<String> {
        let recipient = &self.recipient;
        recipient
            .goto(self.scene.portal.url("/requests/new"))
            .await?;
        recipient.tick("Shipments API").await?;
        recipient.go("Start the request").await?;
        recipient.tick("sandbox").await?;
        recipient.tick("shipments:read").await?;
        for (code, answer) in ANSWERS {
            answer_to(recipient, code, answer).await?;
        }
        recipient.go("Hand in for review").await?;
        recipient.sees("Handed in").await?;
        recipient.path().await
    }

    /// What they asked for was approved, and the link is in their mail.
    pub(crate) async fn delivered(&mut self) -> Result<String> {
        let request = self.asks().await?;
        self.scene.decide(&request).await?;
        let origin = self.scene.portal.origin().to_owned();
        mailed_link(&mut self.scene.mailbox, MAIL, &origin, "d").await
    }
}

/// Who invites.
pub(crate) enum Side {
    Host,
    Partner,
}

/// An invitation's link and code.
pub(crate) async fn invited(
    scene: &mut Scene,
    side: Side,
    fields: &[(&str, &str)],
    email: &str,
) -> Result<(String, String)> {
    let by: &Visitor = match side {
        Side::Host => &scene.owner,
        Side::Partner => &scene.contact,
    };
    let fields = [fields, &[("email", email)]].concat();
    let reveal = by.act("/people/invite", &fields).await?;
    let shown = by.form(&reveal, &[]).await?.text().await?;
    let code = code_in(&shown).context("no code is shown")?;
    let mail = scene.mailbox.next_to(email, PATIENCE).await?;
    let prefix = format!("{}/l/", scene.portal.origin());
    let link = mail.link(&prefix).context("no link in the invitation")?;
    Ok((link.to_owned(), code))
}
