//! Writes every page in each of its states to a folder, to look at and to check:
//! `cargo run -p app --features ssr --example gallery -- FOLDER`.

mod samples;

use std::fs;
use std::path::PathBuf;

use app::render::{Assets, Document, render};

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .unwrap_or_else(|| "gallery".to_owned()),
    );
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("app.css"), app::style::sheet())?;
    fs::write(folder.join("icon.svg"), app::style::ICON)?;
    let document = Document {
        nonce: "gallery".to_owned(),
        lang: "en".to_owned(),
        brand: "Alder Works".to_owned(),
        assets: Assets {
            css: "app.css".to_owned(),
            js: "app.js".to_owned(),
            wasm: "app.wasm".to_owned(),
            icon: "icon.svg".to_owned(),
        },
    };
    for (name, make) in samples::all() {
        fs::write(folder.join(format!("{name}.html")), render(make, &document))?;
    }
    Ok(())
}
