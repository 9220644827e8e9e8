//! More of what people have to do now and then: a colleague's proposals confirmed and refused, a
//! passkey renamed, an address corrected, a mail sent again, a colleague invited, a request
//! withdrawn, and a host that lost its last owner.

use anyhow::{Context as _, Result, ensure};
use tests::browser::{Authenticator, Browser};
use tests::company::{CONTACT, linked, text, words};
use tests::scene::{PATIENCE, value_of};
use tests::server::Latchkey;
use tests::smtp::{Mailbox, Treatment};
use tests::visitor::Visitor;

use crate::cast::{code_shown, enrol, house, mailed_link, somebody};
use crate::duties::{Duty, MAIL, PARTNER};

pub(crate) const CORRECTED: &str = "first@new.example";

impl Duty {
    pub(crate) async fn renames_a_passkey(&self) -> Result<()> {
        let staff = self.open("/profile").await?;
        staff.sees("You have one passkey").await?;
        staff.press("Rename").await?;
        let page = staff.source().await?;
        let (_, after) = page.split_once("New name of ").context("no name")?;
        let old = after.split('"').next().unwrap_or_default().to_owned();
        staff
            .fill(&format!("New name of {old}"), "amber tablet")
            .await?;
        staff.go("Save").await?;
        staff.sees("amber tablet").await?;
        staff.sees_no(&old).await
    }

    /// What can never arrive is seen, and sent again once it can.
    pub(crate) async fn sends_a_mail_again(&mut self) -> Result<()> {
        let mailbox = &mut self.scene.mailbox;
        mailbox.treat(MAIL, Some(Treatment::Refuse))?;
        let staff = self.open("/mail").await?;
        staff.go("Send a test mail").await?;
        let mut given_up = false;
        for _ in 0..PATIENCE.as_secs() {
            let staff = self.open("/mail").await?;
            given_up = staff.text().await?.contains("Not delivered");
            if given_up {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        ensure!(given_up, "the page never says that it was given up");
        self.staff.sees("there is no such mailbox here").await?;
        self.scene.mailbox.treat(MAIL, None)?;
        let label = format!("Send again: Test mail to {MAIL}");
        self.staff.go(&label).await?;
        self.staff.sees("The mail is on its way").await?;
        let mail = self.scene.told(MAIL, "test", 1).await?;
        ensure!(mail.to == [MAIL]);
        self.staff.sees_no(&label).await
    }

    pub(crate) async fn corrects_an_address(&mut self) -> Result<()> {
        let staff = self.open("/partners").await?;
        staff.go(PARTNER).await?;
        staff.go("First contact").await?;
        staff.fill("New e-mail address", CORRECTED).await?;
        let form = staff.form_of("Correct the address…");
        form.fill("Reason", "They told us by telephone.").await?;
        form.go("Correct the address…").await?;
        staff.sees(CORRECTED).await?;
        staff.confirm().await?;
        staff.sees(CORRECTED).await?;
        for both in [CONTACT, CORRECTED] {
            self.scene
                .told(both, "the address of First contact was changed", 1)
                .await?;
        }
        Ok(())
    }

    /// A policy that is made weaker waits for another owner, who does it in the browser.
    pub(crate) async fn confirms_a_weaker_policy(&self) -> Result<()> {
        let owner = &self.scene.owner;
        let people = text(owner, "/people").await?;
        let amber = linked(&people, "/people/", "Amber Office").context("the staff")?;
        let roles = ["owner", "operator", "reviewer"].map(|role| ("role", role));
        owner.act(&format!("{amber}/roles"), &roles).await?;
        let policy = format!("{}/policy/sandbox", self.scene.service);
        let days = async || -> Result<String> {
            value_of(&text(owner, &policy).await?, "max_days").context("the days")
        };
        let before = days().await?.parse::<u32>()?;
        let weaker = (before + 30).to_string();
        self.scene
            .set_policy("sandbox", &[("max_days", &weaker)])
            .await?;
        ensure!(days().await? == before.to_string(), "it did not wait");

        let staff = self.open(&policy).await?;
        staff.go("See what waits for a second person").await?;
        staff.sees("Waits for a second person").await?;
        staff.go("Confirm…").await?;
        staff.sees(&weaker).await?;
        staff.confirm().await?;
        ensure!(days().await? == weaker, "it was not changed");
        let staff = self.open(&policy).await?;
        staff.sees_no("See what waits for a second person").await
    }

    /// What another owner wants a colleague to be waits for who is asked.
    pub(crate) async fn confirms_one_role_and_refuses_another(&mut self) -> Result<()> {
        let rita = self
            .scene
            .hire("Rita", "rita@host.example", &["auditor"])
            .await?;
        let reads = async || anyhow::Ok(rita.get("/audit").await?.status() == 200);
        ensure!(!reads().await?, "it did not wait");
        let staff = self.open("/people").await?;
        staff.go("Confirm…").await?;
        staff.sees("Rita").await?;
        staff.sees("Auditor").await?;
        staff.confirm().await?;
        ensure!(reads().await?, "it was not confirmed");

        let people = text(&self.scene.owner, "/people").await?;
        let person = linked(&people, "/people/", "Rita").context("the colleague")?;
        let roles = ["auditor", "owner"].map(|role| ("role", role));
        let path = format!("{person}/roles");
        self.scene.owner.act(&path, &roles).await?;
        let staff = self.open("/people").await?;
        staff.sees("Waits for a second person").await?;
        staff.go("Refuse").await?;
        staff.sees_no("Waits for a second person").await?;
        let facts = words(&text(&self.scene.owner, &person).await?);
        ensure!(facts.contains("Roles Auditor"), "{facts}");
        Ok(())
    }

    /// The partner's admin, in a browser: a colleague comes in.
    pub(crate) async fn invites_a_colleague(&mut self, contact: &Browser) -> Result<()> {
        let mail = "sail@partner.example";
        contact.goto(self.scene.portal.url("/people")).await?;
        contact.go("Invite somebody").await?;
        contact.fill("Name", "Sail Desk").await?;
        contact.fill("E-mail address", mail).await?;
        contact.tick("Member").await?;
        contact.go("Invite…").await?;
        contact.confirm().await?;
        let code = code_shown(contact).await?;
        contact.go("I have passed it on").await?;
        let origin = self.scene.portal.origin().to_owned();
        let link = mailed_link(&mut self.scene.mailbox, mail, &origin, "l").await?;
        let mut sail = Visitor::new(&origin);
        sail.enrol(&link, Some(&code)).await?;
        contact.goto(self.scene.portal.url("/people")).await?;
        contact.sees("Sail Desk").await
    }

    pub(crate) async fn withdraws(&self, contact: &Browser, request: &str) -> Result<()> {
        contact.goto(self.scene.portal.url(request)).await?;
        contact.press("Withdraw this request").await?;
        contact.go("Withdraw the request").await?;
        contact
            .sees("Withdrawn. The reviewers have been told.")
            .await?;
        let staff = self.open(request).await?;
        staff.sees("Withdrawn").await?;
        staff.sees_no("Review and approve…").await
    }
}

/// Nobody can sign in as an owner any more: who has the console makes a new one.
pub(crate) async fn the_last_owner_comes_back(database: Option<String>) -> Result<()> {
    let mailbox = Mailbox::start().await?;
    let portal = Latchkey::start(house(&mailbox, database)).await?;
    let mut lost = Visitor::new(portal.origin());
    lost.enrol(&portal.owner_link()?, None).await?;
    let browser = somebody(&portal, Authenticator::PrfAtCreate).await?;
    let printed = portal.console(&["owner-link", "--recover"])?;
    let link = printed
        .split_whitespace()
        .find(|word| word.starts_with(portal.origin()))
        .context("no link was printed")?;
    enrol(&browser, link, None).await?;
    browser.sees("You hold every role").await?;
    browser.go("Go to the portal").await?;
    browser.go("Audit").await?;
    browser.sees("owner-link").await?;
    ensure!(
        lost.get("/people").await?.status() == 303,
        "still signed in"
    );
    browser.goto(portal.url("/profile")).await?;
    browser.sees("You have one passkey").await?;
    browser.assert_quiet().await?;
    browser.quit().await
}
