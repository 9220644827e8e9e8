//! What people have to do now and then: a second passkey, other sessions, standing back from a
//! request, a partner suspended and let go, a gateway revoked, a lost passkey recovered.

use anyhow::{Context as _, Result, ensure};
use tests::browser::{Authenticator, Browser};
use tests::company::{Held, action, code_at, text};
use tests::scene::Scene;

use crate::cast::{enrol, mailed_link, somebody};
use crate::errands::CORRECTED;
use crate::stage::{Side, invited};

pub(crate) const PARTNER: &str = "Brightwater Logistics";
pub(crate) const MAIL: &str = "amber@host.example";

/// A host with a key in use, and a member of its staff in a browser.
pub(crate) struct Duty {
    pub(crate) scene: Scene,
    pub(crate) staff: Browser,
    held: Held,
}

impl Duty {
    pub(crate) async fn set(database: Option<String>) -> Result<Self> {
        let mut scene = Scene::set(database).await?;
        let fields = [
            ("name", "Amber Office"),
            ("role", "operator"),
            ("role", "reviewer"),
        ];
        let (link, code) = invited(&mut scene, Side::Host, &fields, MAIL).await?;
        let staff = somebody(&scene.portal, Authenticator::PrfAtCreate).await?;
        enrol(&staff, &link, Some(&code)).await?;
        let held = scene.key().await?;
        Ok(Self { scene, staff, held })
    }

    pub(crate) async fn open(&self, path: &str) -> Result<&Browser> {
        self.staff.goto(self.scene.portal.url(path)).await?;
        Ok(&self.staff)
    }

    pub(crate) async fn stands_back(&mut self) -> Result<()> {
        let request = self.scene.ask_for_access().await?;
        let staff = self.open(&request).await?;
        staff.press("I should not decide this").await?;
        staff.fill("Why", "My brother works there.").await?;
        staff.go("Recuse myself").await?;
        staff.sees_no("Review and approve…").await?;
        self.scene.decide(&request).await
    }

    pub(crate) async fn suspends_and_resumes_a_partner(&self) -> Result<()> {
        let staff = self.open("/partners").await?;
        staff.go(PARTNER).await?;
        staff.press("Suspend…").await?;
        let form = staff.form_of("Suspend this partner");
        form.fill("Reason", "Their invoices are in dispute.")
            .await?;
        form.go("Suspend this partner").await?;
        staff.sees("What this breaks").await?;
        staff.confirm().await?;
        staff.sees("Suspended").await?;
        self.answers("not_active").await?;
        staff.go("Resume this partner…").await?;
        staff.confirm().await?;
        staff.sees_no("Suspended: every call").await?;
        self.answers("ok").await
    }

    pub(crate) async fn has_a_second_passkey_and_ends_other_sessions(&self) -> Result<()> {
        let staff = self.open("/profile").await?;
        staff.sees("You have one passkey").await?;
        staff.fill("Name of the new passkey", "amber phone").await?;
        staff.go("Add a passkey…").await?;
        staff.confirm().await?;
        staff.sees("Make the new passkey").await?;
        // Another device: what is on the first one must not be used for it.
        let phone = staff.another_authenticator().await?;
        staff.go("Create a passkey").await?;
        let staff = self.open("/profile").await?;
        staff.sees("amber phone").await?;
        staff.sees_no("You have one passkey").await?;

        staff.remove_authenticator(&phone).await?;
        staff.delete_all_cookies().await?;
        let staff = self.open("/profile").await?;
        staff.go("Sign in with a passkey").await?;
        staff.sees("Sign out all others").await?;
        staff.go("Sign out all others").await?;
        staff.sees_no("Sign out all others").await?;
        staff.sees("This one").await?;

        staff.press("Remove amber phone").await?;
        staff.confirm().await?;
        staff.sees("You have one passkey").await?;
        staff.sees_no("amber phone").await
    }

    /// Started in the browser, and confirmed by the owner; who is back, in a browser.
    pub(crate) async fn recovers_who_lost_a_passkey(&mut self) -> Result<Browser> {
        let staff = self.open("/partners").await?;
        staff.go(PARTNER).await?;
        staff.go("First contact").await?;
        staff.press("Start a recovery…").await?;
        let form = staff.form_of("Start the recovery");
        let reason = "They called from the number in their contract.";
        form.fill("How you know that it is them", reason).await?;
        form.go("Start the recovery").await?;
        staff.confirm().await?;
        staff.sees("Waits for a second operator").await?;
        let people = text(&self.scene.owner, "/people").await?;
        let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
        let reveal = self.scene.owner.act(&confirm, &[]).await?;
        let code = code_at(&self.scene.owner, &reveal).await?;
        let origin = self.scene.portal.origin().to_owned();
        let link = mailed_link(&mut self.scene.mailbox, CORRECTED, &origin, "l").await?;
        let contact = somebody(&self.scene.portal, Authenticator::PrfAtCreate).await?;
        enrol(&contact, &link, Some(&code)).await?;
        contact.go("Go to the portal").await?;
        contact.goto(self.scene.portal.url("/profile")).await?;
        contact.sees("You have one passkey").await?;
        Ok(contact)
    }

    pub(crate) async fn lets_a_partner_go(&self) -> Result<()> {
        let staff = self.open("/partners").await?;
        staff.go(PARTNER).await?;
        staff.press("Revoke…").await?;
        let form = staff.form_of("Revoke this partner");
        form.fill("Reason", "The contract with them has ended.")
            .await?;
        form.go("Revoke this partner").await?;
        staff.confirm().await?;
        self.answers("revoked").await
    }

    pub(crate) async fn revokes_a_gateway(self) -> Result<()> {
        let staff = self.open("/gateways").await?;
        staff.go("api").await?;
        staff.press("Revoke…").await?;
        let form = staff.form_of("Revoke this gateway");
        form.fill("Reason", "The machine was sold.").await?;
        form.go("Revoke this gateway").await?;
        staff.confirm().await?;
        self.answers("unknown-gateway").await?;
        self.staff.assert_quiet().await?;
        self.staff.quit().await
    }

    async fn answers(&self, code: &str) -> Result<()> {
        let is = self.scene.verify(&self.held.key).await?;
        ensure!(is == code, "the key is {is}, and not {code}");
        Ok(())
    }
}
