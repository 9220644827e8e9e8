//! What a person does with a page: finds things by what is written on them, presses, types, waits.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use tokio::time::sleep;

use super::Browser;

/// How long a page may take to do what a person waits for.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(40);

/// Marks the document that is about to be left.
const MARK: &str = "window.latchkeyLeft = true";
const LEFT: &str = "window.latchkeyLeft !== true && document.readyState === 'complete'";

/// A part of the page, for where the same words stand on it twice.
pub struct Part<'a> {
    browser: &'a Browser,
    path: String,
}

impl Browser {
    /// The whole page.
    pub fn page(&self) -> Part<'_> {
        Part {
            browser: self,
            path: String::new(),
        }
    }

    /// The card with this heading.
    pub fn card(&self, heading: &str) -> Part<'_> {
        Part {
            browser: self,
            path: format!("//section[.//h2[normalize-space(.)={}]]", quoted(heading)),
        }
    }

    /// The form whose button has this text.
    pub fn form_of(&self, button: &str) -> Part<'_> {
        Part {
            browser: self,
            path: format!("//form[.//button[normalize-space(.)={}]]", quoted(button)),
        }
    }

    /// The entry of a list that contains this text.
    pub fn entry(&self, text: &str) -> Part<'_> {
        Part {
            browser: self,
            path: format!("//li[contains(normalize-space(.), {})]", quoted(text)),
        }
    }

    /// Presses what has this text, and stays on the page.
    pub async fn press(&self, text: &str) -> Result<()> {
        self.page().press(text).await
    }

    /// Presses what has this text, and waits for the page that it leads to.
    pub async fn go(&self, text: &str) -> Result<()> {
        self.page().go(text).await
    }

    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        self.page().fill(label, text).await
    }

    pub async fn tick(&self, label: &str) -> Result<()> {
        self.page().tick(label).await
    }

    pub async fn pick(&self, label: &str, option: &str) -> Result<()> {
        self.page().pick(label, option).await
    }

    /// What a person sees of the page, as text.
    pub async fn text(&self) -> Result<String> {
        let text = self.evaluate("document.body?.innerText ?? ''").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) -> Result<()> {
        let seen = until(async || Ok(plain(&self.text().await.unwrap_or_default()).contains(text)));
        match seen.await? {
            true => Ok(()),
            false => self.lost(&format!("does not show “{text}”")).await,
        }
    }

    /// # Errors
    /// When the page shows this text now.
    pub async fn sees_no(&self, text: &str) -> Result<()> {
        match plain(&self.text().await?).contains(text) {
            false => Ok(()),
            true => self.lost(&format!("shows “{text}”")).await,
        }
    }

    /// Loads the page again and again until it shows this text: what is written in batches.
    pub async fn sees_in_time(&self, text: &str) -> Result<()> {
        for _ in 0..40 {
            if plain(&self.text().await?).contains(text) {
                return Ok(());
            }
            sleep(Duration::from_millis(250)).await;
            self.refresh().await?;
        }
        self.lost(&format!("never shows “{text}”")).await
    }

    /// Waits until the address has a path that starts like this, and the page is there.
    pub async fn arrive(&self, path: &str) -> Result<()> {
        let there = until(async || {
            Ok(self.current_url().await?.path().starts_with(path)
                && self.is_so("document.readyState === 'complete'").await)
        });
        match there.await? {
            true => Ok(()),
            false => self.lost(&format!("never came to {path}")).await,
        }
    }

    /// The path of the address.
    pub async fn path(&self) -> Result<String> {
        Ok(self.current_url().await?.path().to_owned())
    }

    /// Signs the act that the page shows, and waits for where that leads.
    pub async fn confirm(&self) -> Result<()> {
        self.arrive("/confirm/").await?;
        let button = self
            .wait_for_one("//leptos-island[contains(@data-component, 'ActConfirm')]//button")
            .await?;
        self.leave_by(&button).await?;
        match self.path().await?.starts_with("/confirm/") {
            false => Ok(()),
            true => self.lost("was not confirmed").await,
        }
    }

    async fn leave_by(&self, element: &WebElement) -> Result<()> {
        self.evaluate(MARK).await?;
        element.click().await?;
        match until(async || Ok(self.is_so(LEFT).await)).await? {
            true => Ok(()),
            false => self.lost("was not left").await,
        }
    }

    /// While a page is being left, there may be nothing to ask.
    async fn is_so(&self, expression: &str) -> bool {
        let said = self.evaluate(expression).await;
        said.is_ok_and(|said| said.as_bool() == Some(true))
    }

    /// Unlike WebDriver's own way, this works where the page may run no scripts.
    async fn evaluate(&self, expression: &str) -> Result<Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let said = self.cdp_send("Runtime.evaluate", parameters).await?;
        Ok(said.pointer("/result/value").cloned().unwrap_or_default())
    }

    /// The first one that is there to be used. An island that starts puts its own elements in
    /// place of the server's, so one that was found may be gone a moment later.
    async fn wait_for_one(&self, path: &str) -> Result<WebElement> {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            for element in self.find_all(By::XPath(path)).await.unwrap_or_default() {
                let shown = element.is_displayed().await.unwrap_or_default();
                if shown && element.is_enabled().await.unwrap_or_default() {
                    return Ok(element);
                }
            }
            sleep(TICK).await;
        }
        self.lost(&format!("has no {path}")).await
    }

    /// Says where the person is, who wonders.
    async fn lost<T>(&self, why: &str) -> Result<T> {
        let (url, console) = (self.current_url().await?, self.console().await?.join("\n"));
        let text = self.text().await.unwrap_or_default();
        bail!("{url} {why}. It shows:\n{text}\n{console}")
    }
}

impl Part<'_> {
    pub async fn press(&self, text: &str) -> Result<()> {
        Ok(self.control(text).await?.click().await?)
    }

    pub async fn go(&self, text: &str) -> Result<()> {
        let control = self.control(text).await?;
        self.browser.leave_by(&control).await
    }

    /// Types into the field with this label, in place of what is there.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let field = self.field(label).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Waits until this part shows this text.
    pub async fn sees(&self, text: &str) -> Result<()> {
        let seen = until(async || {
            let found = self.browser.find(By::XPath(&self.path)).await;
            let Ok(found) = found else { return Ok(false) };
            Ok(plain(&found.text().await.unwrap_or_default()).contains(text))
        });
        match seen.await? {
            true => Ok(()),
            false => {
                self.browser
                    .lost(&format!("has no “{text}” in {}", self.path))
                    .await
            }
        }
    }

    /// What the field with this label holds.
    pub async fn value(&self, label: &str) -> Result<String> {
        let field = self.field(label).await?;
        Ok(field.prop("value").await?.unwrap_or_default())
    }

    /// Chooses the box or radio button with this label.
    pub async fn tick(&self, label: &str) -> Result<()> {
        let field = self.field(label).await?;
        if !field.is_selected().await? {
            field.click().await?;
        }
        ensure!(field.is_selected().await?, "“{label}” cannot be chosen");
        Ok(())
    }

    pub async fn untick(&self, label: &str) -> Result<()> {
        let field = self.field(label).await?;
        if field.is_selected().await? {
            field.click().await?;
        }
        ensure!(!field.is_selected().await?, "“{label}” stays chosen");
        Ok(())
    }

    /// Chooses from the list with this label.
    pub async fn pick(&self, label: &str, option: &str) -> Result<()> {
        let path = format!(".//option[normalize-space(.)={}]", quoted(option));
        let field = self.field(label).await?;
        let found = field.find(By::XPath(path)).await;
        let found = found.with_context(|| format!("“{label}” has no “{option}”"))?;
        Ok(found.click().await?)
    }

    /// What has this text, or is read out with it: a button, a link or what opens a part.
    async fn control(&self, text: &str) -> Result<WebElement> {
        let text = quoted(text);
        let path = format!(
            "{}//*[self::button or self::a or self::summary]\
             [normalize-space(.)={text} or @aria-label={text}]",
            self.path
        );
        self.browser.wait_for_one(&path).await
    }

    /// The control of a label. A choice's label may end with a remark.
    async fn field(&self, label: &str) -> Result<WebElement> {
        let (root, label) = (&self.path, quoted(label));
        let path = format!(
            "{root}//*[self::input or self::select or self::textarea][@aria-label={label} or \
             @id={root}//label[normalize-space(text()[1])={label} or \
             normalize-space(.)={label}]/@for]"
        );
        self.browser.wait_for_one(&path).await
    }
}

/// As a string in XPath 1.0, which has no escapes.
fn quoted(text: &str) -> String {
    match text.contains('\'') {
        true => format!("\"{text}\""),
        false => format!("'{text}'"),
    }
}

/// Without line ends and runs of blanks.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn until(is_so: impl AsyncFn() -> Result<bool>) -> Result<bool> {
    for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
        if is_so().await? {
            return Ok(true);
        }
        sleep(TICK).await;
    }
    Ok(false)
}
