//! How a page looks, to people and to axe.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64ct::{Base64, Encoding as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Browser;
use crate::process::web;

/// The variable that names the folder for pictures.
const SHOTS: &str = "LATCHKEY_SHOTS";
/// In CSS pixels.
const USUAL: (u32, u32) = (1280, 900);
const NARROW: (u32, u32) = (390, 844);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A rule of axe that the page breaks, and the elements that do.
#[derive(Clone, Debug, Deserialize)]
pub struct Violation {
    pub rule: String,
    pub help: String,
    pub elements: Vec<String>,
}

impl Browser {
    /// What the page gets to see as `prefers-color-scheme`. Motion is reduced: what is on its way
    /// from one page to the next is neither page.
    pub async fn colour_scheme(&self, scheme: Scheme) -> Result<()> {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme.name() },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.cdp_send(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await?;
        Ok(())
    }

    /// The size of the page's window, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.cdp_send("Emulation.setDeviceMetricsOverride", size)
            .await?;
        Ok(())
    }

    /// A desktop's window, in light.
    pub async fn usual_window(&self) -> Result<()> {
        self.resize(USUAL.0, USUAL.1).await?;
        self.colour_scheme(Scheme::Light).await
    }

    /// Pictures of the whole page, wide and narrow, in light and in dark, as
    /// `NAME-WIDTH-SCHEME.png` in the folder that `LATCHKEY_SHOTS` names; none without it.
    pub async fn picture(&self, name: &str) -> Result<()> {
        let Some(folder) = env::var_os(SHOTS) else {
            return Ok(());
        };
        for (width, height) in [USUAL, NARROW] {
            for scheme in Scheme::ALL {
                let folder = PathBuf::from(&folder);
                self.screenshot(&folder, name, width, height, scheme)
                    .await?;
            }
        }
        self.usual_window().await
    }

    /// The whole page at this width, as `NAME-WIDTH-SCHEME.png` in `folder`.
    pub async fn screenshot(
        &self,
        folder: &Path,
        name: &str,
        width: u32,
        height: u32,
        scheme: Scheme,
    ) -> Result<PathBuf> {
        self.resize(width, height).await?;
        self.colour_scheme(scheme).await?;
        let metrics = self.cdp_send("Page.getLayoutMetrics", json!({})).await?;
        let full = metrics
            .pointer("/cssContentSize/height")
            .and_then(Value::as_f64);
        let full = full.unwrap_or_default().max(f64::from(height));
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": full, "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.cdp_send("Page.captureScreenshot", parameters).await?;
        let data = shot
            .get("data")
            .and_then(Value::as_str)
            .context("no screenshot came")?;
        let png = Base64::decode_vec(data)
            .ok()
            .context("the screenshot is not base64")?;
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("{name}-{width}-{}.png", scheme.name()));
        fs::write(&file, png)?;
        Ok(file)
    }

    /// # Errors
    /// When the page is wider than its window at 320 pixels, or at twice its size in a usual one
    /// (WCAG 2.2, 1.4.4 and 1.4.10).
    pub async fn assert_it_fits(&self) -> Result<()> {
        const WIDE: &str = "
            const width = document.documentElement.clientWidth;
            return [...document.querySelectorAll('body, body *')]
                .filter((element) => element.getBoundingClientRect().right > width + 1)
                .filter((element) => !element.closest('.sr') && !inside(element))
                .map((element) => element.outerHTML.slice(0, 160));
            function inside(element) {
                for (let at = element; at; at = at.parentElement) {
                    const overflow = getComputedStyle(at).overflowX;
                    if (at !== document.documentElement && at !== document.body
                        && overflow !== 'visible') return true;
                }
                return false;
            }";
        const SCROLLS: &str = "
            const page = document.documentElement;
            return page.scrollWidth > page.clientWidth;";
        for width in [320, USUAL.0 / 2] {
            self.resize(width, USUAL.1).await?;
            let scrolls = self.execute(SCROLLS, vec![]).await?;
            if scrolls.json().as_bool() != Some(false) {
                let what = self.execute(WIDE, vec![]).await?.json().clone();
                let url = self.current_url().await?;
                bail!("{url} scrolls sideways at {width} pixels, for {what:#}");
            }
        }
        self.usual_window().await
    }

    /// What axe finds wrong with the page as it is now.
    pub async fn axe(&self) -> Result<Vec<Violation>> {
        const RUN: &str = "
            const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                ({ violations }) => done(violations.map(({ id, help, nodes }) => ({
                    rule: id, help, elements: nodes.map((node) => node.html),
                }))),
                (error) => done(String(error)),
            );";
        self.execute(
            fs::read_to_string(web("node_modules/axe-core/axe.min.js")?)?,
            vec![],
        )
        .await?;
        let found = self.execute_async(RUN, vec![]).await?;
        let found = found.json().clone();
        serde_json::from_value(found.clone()).with_context(|| format!("axe failed: {found}"))
    }

    /// # Errors
    /// When axe finds anything wrong, in light or in dark. Leaves the page in light.
    pub async fn assert_accessible(&self) -> Result<()> {
        for scheme in [Scheme::Dark, Scheme::Light] {
            self.colour_scheme(scheme).await?;
            let violations = self.axe().await?;
            if !violations.is_empty() {
                let url = self.current_url().await?;
                bail!("{url} in {} breaks: {violations:#?}", scheme.name());
            }
        }
        Ok(())
    }
}
