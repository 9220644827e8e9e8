//! A real Chromium of its own for each test, driven through WebDriver.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

use crate::process::{Process, command};

mod appearance;
mod hands;
mod passkeys;

pub use appearance::{Scheme, Violation};
pub use hands::Part;
pub use passkeys::{Authenticator, AuthenticatorId};

const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // The browser ends with the pipe's other end, whatever becomes of the driver.
    "--remote-debugging-pipe",
];

/// What Chromium says itself when a machine under load is too slow for the transition between two
/// pages. It shows the next page without one.
const CUT_SHORT: &str = "Transition was aborted because of invalid state. Page already revealed";

/// Where in the profile's folder it puts what is saved.
const DOWNLOADS: &str = "downloads";

/// Dereferences to thirtyfour's driver. End it with [`Browser::quit`].
pub struct Browser {
    /// Its own drop would wait for an answer, for minutes; the processes are killed anyway.
    driver: ManuallyDrop<WebDriver>,
    _chromedriver: Process,
    profile: TempDir,
}

/// What a browser has left on disk.
pub struct Profile(TempDir);

impl Profile {
    /// Downloads are elsewhere.
    pub fn folder(&self) -> PathBuf {
        self.0.path().join("profile")
    }
}

impl Browser {
    /// With an empty profile, and no authenticator.
    ///
    /// # Errors
    /// Without Chromium and its driver: no test is skipped for the want of one.
    pub async fn start() -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("latchkey-browser-")
            .tempdir()?;
        let mut driver = command("chromedriver");
        driver.arg("--port=0").env("TMPDIR", profile.path());
        let mut chromedriver = Process::start(
            "chromedriver",
            driver,
            profile.path().join("chromedriver.log"),
        )?;
        let port: u16 = chromedriver
            .wait_for(|output| {
                let (_, rest) = output.split_once("started successfully on port ")?;
                rest.split_once('.')?.0.parse().ok()
            })
            .await?;

        let mut capabilities = DesiredCapabilities::chrome();
        for flag in FLAGS {
            capabilities.add_arg(flag)?;
        }
        let data = profile.path().join("profile");
        capabilities.add_arg(&format!("--user-data-dir={}", data.display()))?;
        let preferences = serde_json::json!({
            "download.default_directory": profile.path().join(DOWNLOADS),
            "download.prompt_for_download": false,
        });
        capabilities.add_experimental_option("prefs", preferences)?;
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("chromedriver says:\n{}", chromedriver.output()))?;
        driver.set_script_timeout(Duration::from_secs(20)).await?;
        Ok(Self {
            driver: ManuallyDrop::new(driver),
            _chromedriver: chromedriver,
            profile,
        })
    }

    pub async fn quit(self) -> Result<()> {
        Ok(WebDriver::clone(&self.driver).quit().await?)
    }

    /// Ends it, as closing its window would, and leaves its profile.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn quit_and_leave(self) -> Result<Profile> {
        WebDriver::clone(&self.driver).quit().await?;
        Ok(Profile(self.profile))
    }

    /// Takes what was saved as a file of this name, once all of it is there.
    ///
    /// # Errors
    /// When no such file comes.
    pub async fn download(&self, name: &str) -> Result<String> {
        let file = self.profile.path().join(DOWNLOADS).join(name);
        for _ in 0..200 {
            // Under another name until it is complete; an empty file may hold its place.
            let saved = std::fs::read_to_string(&file).unwrap_or_default();
            if !saved.is_empty() {
                std::fs::remove_file(&file)?;
                return Ok(saved);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{name} was never saved")
    }

    /// What the page wrote to its console since the last call, with what Chromium says there about
    /// scripts that failed, requests that were refused and the content security policy.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.driver.browser_log().await?;
        Ok(entries
            .into_iter()
            .map(|entry| {
                let source = entry.source.unwrap_or_default();
                format!("{} {source}: {}", entry.level, entry.message)
            })
            .collect())
    }

    /// # Errors
    /// When the console has an error or a report of the content security policy.
    pub async fn assert_quiet(&self) -> Result<()> {
        self.assert_quiet_but_for(&[]).await
    }

    /// The same, but a line that contains one of `expected` does not count: a refusal by the
    /// server is an error to the console.
    pub async fn assert_quiet_but_for(&self, expected: &[&str]) -> Result<()> {
        let mut lines = self.console().await?;
        lines.retain(|line| {
            (line.starts_with("SEVERE") || line.contains("Content Security Policy"))
                && !line.contains(CUT_SHORT)
                && !expected.iter().any(|part| line.contains(part))
        });
        if lines.is_empty() {
            return Ok(());
        }
        bail!(
            "the console of {} has:\n{}",
            self.driver.current_url().await?,
            lines.join("\n")
        )
    }

    /// From the next page on, no page runs a script.
    pub async fn switch_scripts_off(&self) -> Result<()> {
        let off = serde_json::json!({ "value": true });
        self.cdp_send("Emulation.setScriptExecutionDisabled", off)
            .await?;
        Ok(())
    }

    async fn cdp_send(
        &self,
        method: &str,
        parameters: serde_json::Value,
    ) -> Result<serde_json::Value> {
        Ok(self.driver.cdp().send_raw(method, parameters).await?)
    }
}

impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.driver
    }
}
