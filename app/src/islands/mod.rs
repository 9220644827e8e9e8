//! The places where the browser must think. Each is rendered on the server, whole: as a body that
//! does nothing yet, with every phase that it can come to. In the browser the wasm module, which
//! knows no Leptos, takes hold of those nodes ([`start`]). The page around an island says what to do
//! where scripts do not run (`components::needs_scripts`).
//!
//! What decides or words something is pure and tested without a browser; `browser` and `webauthn`
//! are the only files that speak to it for more than showing something. Secrets are held in
//! [`domain::secret::Secret`] or `Zeroizing` and never in a view, an attribute or a prop.

pub mod act_confirm;
pub mod autosave;
#[cfg(feature = "ssr")]
mod body;
mod browser;
pub mod claim;
pub mod copy;
pub mod enrol;
mod failure;
mod json;
mod part;
mod progress;
pub mod row_keys;
pub mod sign_in;
mod statement;
mod webauthn;

#[cfg(feature = "ssr")]
pub use self::{
    act_confirm::ActConfirm, autosave::Autosave, claim::Claim, copy::Copy, enrol::Enrol,
    row_keys::RowKeys, sign_in::SignIn,
};

use part::Root;
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts one island; the document's script calls it for each in turn.
#[wasm_bindgen]
pub fn start(island: web_sys::HtmlElement) {
    let name = island.get_attribute("data-component").unwrap_or_default();
    let root = &Root::new(island);
    match name.as_str() {
        "ActConfirm" => act_confirm::start(root),
        "Autosave" => autosave::start(root),
        "Claim" => claim::start(root),
        "Copy" => copy::start(root),
        "Enrol" => enrol::start(root),
        "RowKeys" => row_keys::start(root),
        "SignIn" => sign_in::start(root),
        _ => (),
    }
}
