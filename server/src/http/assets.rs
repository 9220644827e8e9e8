//! The built browser part: read once at start, served from memory under names that follow the
//! content, so that browsers may keep them for ever.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use app::render::Assets;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::portal::Portal;

/// The files, and what pages call them.
#[derive(Clone, Debug)]
pub struct Site {
    files: BTreeMap<String, (Bytes, &'static str)>,
    pub assets: Assets,
}

impl Site {
    /// Reads `manifest.json` and the files that it names; style and icon are in the program.
    ///
    /// # Errors
    /// When the browser part was not built, or not wholly.
    pub fn load(folder: &Path) -> Result<Self> {
        let manifest = std::fs::read(folder.join("manifest.json")).with_context(|| {
            format!(
                "The browser part is not in {}. Build it with `cargo xtask wasm`, or say with \
                 `site` where it is",
                folder.display()
            )
        })?;
        let names: BTreeMap<String, String> = serde_json::from_slice(&manifest)?;
        let mut files = BTreeMap::new();
        let mut add = |name: String, bytes: Bytes, kind: &'static str| {
            let url = format!("/assets/{name}");
            files.insert(name, (bytes, kind));
            url
        };
        let built = |logical: &str| -> Result<(String, Bytes)> {
            let name = names
                .get(logical)
                .with_context(|| format!("the manifest does not name {logical}"))?;
            let path = folder.join("pkg").join(name);
            let bytes =
                std::fs::read(&path).with_context(|| format!("{} is missing", path.display()))?;
            Ok((name.clone(), Bytes::from(bytes)))
        };
        let (js, js_bytes) = built("app.js")?;
        let (wasm, wasm_bytes) = built("app_bg.wasm")?;
        let css = Bytes::from(app::style::sheet());
        let icon = Bytes::from_static(app::style::ICON.as_bytes());
        let assets = Assets {
            css: add(
                hashed("latchkey", &css, "css"),
                css,
                "text/css; charset=utf-8",
            ),
            icon: add(hashed("icon", &icon, "svg"), icon, "image/svg+xml"),
            js: add(js, js_bytes, "text/javascript; charset=utf-8"),
            wasm: add(wasm, wasm_bytes, "application/wasm"),
        };
        Ok(Self { files, assets })
    }
}

/// A name that follows the content. It only tells one build from another.
fn hashed(stem: &str, bytes: &[u8], extension: &str) -> String {
    let digest = domain::enc::sha256(bytes);
    let hash: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{stem}.{hash}.{extension}")
}

/// `GET /assets/{name}`
pub async fn asset(State(portal): State<Portal>, UrlPath(name): UrlPath<String>) -> Response {
    match portal.site.files.get(&name) {
        Some((bytes, kind)) => (
            [
                (CONTENT_TYPE, *kind),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            bytes.clone(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
