//! Who takes part, each with a browser and a passkey of their own.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::browser::{Authenticator, Browser};
use tests::scene::{PATIENCE, code_in};
use tests::server::{Config, Latchkey};
use tests::smtp::Mailbox;
use tests::tally;

pub(crate) const OWNER: &str = "Blue Desk";
pub(crate) const OWNER_MAIL: &str = "blue@alder.example";
pub(crate) const REVIEWER: &str = "Amber Office";
pub(crate) const REVIEWER_MAIL: &str = "amber@alder.example";
pub(crate) const CONTACT: &str = "Quay Desk";
pub(crate) const CONTACT_MAIL: &str = "quay@brightwater.example";

pub(crate) struct Cast {
    pub(crate) portal: Latchkey,
    pub(crate) mailbox: Mailbox,
    pub(crate) owner: Browser,
    pub(crate) reviewer: Browser,
    pub(crate) contact: Browser,
    /// The gateway's credential.
    pub(crate) gateway: String,
    /// The path of the request.
    pub(crate) request: String,
    closely: bool,
}

impl Cast {
    pub(crate) async fn meet(database_url: Option<String>) -> Result<Self> {
        let mailbox = Mailbox::start().await?;
        let portal = Latchkey::start(house(&mailbox, database_url)).await?;
        Ok(Self {
            owner: somebody(&portal, Authenticator::PrfAtCreate).await?,
            reviewer: somebody(&portal, Authenticator::PrfAtCreate).await?,
            contact: somebody(&portal, Authenticator::PrfAtCreate).await?,
            portal,
            mailbox,
            gateway: String::new(),
            request: String::new(),
            closely: false,
        })
    }

    /// Each page that is shown is checked and, where pictures are wanted, pictured.
    pub(crate) fn looking_closely(self) -> Self {
        Self {
            closely: true,
            ..self
        }
    }

    /// The page that this person has before them holds to what every page promises.
    pub(crate) async fn look(&self, browser: &Browser, name: &str) -> Result<()> {
        self.look_past(browser, name, &[]).await
    }

    /// The same, where a refusal by the server is an error to the console.
    pub(crate) async fn look_past(
        &self,
        browser: &Browser,
        name: &str,
        expected: &[&str],
    ) -> Result<()> {
        if !self.closely {
            return Ok(());
        }
        browser.picture(name).await?;
        browser.assert_accessible().await?;
        browser.assert_it_fits().await?;
        tally::count("pages", 1);
        browser.assert_quiet_but_for(expected).await
    }

    /// The link with this beginning in the next mail to `address` that has one.
    pub(crate) async fn mailed_link(&mut self, address: &str, kind: &str) -> Result<String> {
        mailed_link(&mut self.mailbox, address, self.portal.origin(), kind).await
    }

    /// Waits for a mail to `address` whose subject contains this.
    pub(crate) async fn mailed(&mut self, address: &str, subject: &str) -> Result<()> {
        for _ in 0..12 {
            let mail = self.mailbox.next_to(address, PATIENCE).await?;
            if mail.subject.contains(subject) {
                return Ok(());
            }
        }
        anyhow::bail!("no mail to {address} about {subject}")
    }

    /// What the gateway is told of a call with this key.
    pub(crate) async fn verify(&self, key: &str, path: &str) -> Result<String> {
        let call = json!({
            "key": key, "method": "GET", "path": path,
            "source_ip": "203.0.113.4", "scheme": "https",
        });
        let answer = reqwest::Client::new()
            .post(self.portal.url("/v1/verify"))
            .header("latchkey-gateway", &self.gateway)
            .json(&call)
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        let code = answer.get("code").and_then(Value::as_str);
        Ok(code.context("an answer without a code")?.to_owned())
    }

    pub(crate) async fn part(self) -> Result<()> {
        for browser in [self.owner, self.reviewer, self.contact] {
            browser.assert_quiet().await?;
            browser.quit().await?;
        }
        Ok(())
    }
}

/// A portal with a name and real mail.
pub(crate) fn house(mailbox: &Mailbox, database_url: Option<String>) -> Config {
    let named = [
        ("LATCHKEY_HOST_NAME", "Alder Works"),
        ("LATCHKEY_SECURITY_CONTACT", "security@alder.example"),
    ];
    Config {
        database_url,
        smtp_url: Some(mailbox.url()),
        environment: named.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        ..Config::default()
    }
}

/// A browser with a passkey device, at the portal's door.
pub(crate) async fn somebody(portal: &Latchkey, kind: Authenticator) -> Result<Browser> {
    let browser = Browser::start().await?;
    browser.usual_window().await?;
    browser.goto(portal.url("/sign-in")).await?;
    browser.add_authenticator(kind).await?;
    Ok(browser)
}

pub(crate) async fn mailed_link(
    mailbox: &mut Mailbox,
    address: &str,
    origin: &str,
    kind: &str,
) -> Result<String> {
    let prefix = format!("{origin}/{kind}/");
    for _ in 0..12 {
        let mail = mailbox.next_to(address, PATIENCE).await?;
        if let Some(link) = mail.link(&prefix) {
            return Ok(link.to_owned());
        }
    }
    anyhow::bail!("no mail to {address} has a link to {prefix}")
}

/// Shows what is shown once, and reads the code from it.
pub(crate) async fn code_shown(browser: &Browser) -> Result<String> {
    browser.arrive("/reveal/").await?;
    browser.go("Show it").await?;
    browser.sees("Pass on this code").await?;
    let code = code_in(&browser.text().await?);
    code.context("no code is shown")
}

/// Makes a passkey by a link; the code came another way.
pub(crate) async fn enrol(browser: &Browser, link: &str, code: Option<&str>) -> Result<()> {
    browser.goto(link).await?;
    if let Some(code) = code {
        browser.fill("Code (if you were given one)", code).await?;
    }
    browser.go("Create a passkey").await?;
    browser.arrive("/welcome").await?;
    let url = browser.current_url().await?;
    ensure!(url.fragment().is_none(), "{url}");
    browser.sees("You are in").await
}
