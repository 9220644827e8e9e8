//! What browsers load besides the style sheet, which the server has: `target/site/pkg`, and
//! `target/site/manifest.json` with the name under which each file may be cached for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{wasm, workspace};

pub(crate) fn build() -> Result<()> {
    let module = wasm::compile()?;
    let site = workspace::site();
    let pkg = site.join("pkg");
    if bound_after(&pkg.join("app.js"), &module) {
        remove_hashed(&pkg)?;
    } else {
        if pkg.exists() {
            fs::remove_dir_all(&pkg)?;
        }
        fs::create_dir_all(&pkg)?;
        wasm::bind(&module, &pkg)?;
    }
    let manifest = hashed_copies(&pkg, &["app.js", "app_bg.wasm"])?;
    fs::write(
        site.join("manifest.json"),
        serde_json::to_vec_pretty(&manifest)?,
    )?;
    Ok(())
}

fn bound_after(output: &Path, module: &Path) -> bool {
    let changed = |file: &Path| fs::metadata(file).and_then(|found| found.modified());
    matches!((changed(output), changed(module)), (Ok(output), Ok(module)) if output > module)
}

/// Copies each file beside itself as `stem.HASH.extension`; returns those names by the plain ones.
fn hashed_copies(pkg: &Path, names: &[&'static str]) -> Result<BTreeMap<&'static str, String>> {
    names
        .iter()
        .map(|name| {
            let bytes = fs::read(pkg.join(name)).with_context(|| format!("no {name} was built"))?;
            let hashed = hashed_name(name, &bytes);
            fs::write(pkg.join(&hashed), bytes)?;
            Ok((*name, hashed))
        })
        .collect()
}

/// The hash only tells one build from another; nothing is trusted for it, so 64 bits do.
fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
        None => format!("{name}.{hash}"),
    }
}

fn remove_hashed(pkg: &Path) -> Result<()> {
    for entry in fs::read_dir(pkg)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().split('.').count() == 3 && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hashed_name_keeps_its_extension_and_follows_the_content() {
        assert_eq!(hashed_name("app.js", b""), "app.e3b0c44298fc1c14.js");
        assert_ne!(hashed_name("app.js", b"a"), hashed_name("app.js", b"b"));
    }

    #[test]
    fn only_hashed_copies_of_an_older_build_go() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["app.js", "app.0123456789abcdef.js"];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_hashed(folder.path()).unwrap();
        assert_eq!(
            names.map(|name| folder.path().join(name).exists()),
            [true, false]
        );
    }
}
