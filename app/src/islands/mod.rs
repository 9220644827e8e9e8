//! The places where the browser must think. Each is rendered on the server first, as a body that
//! does nothing yet; the page around it says what to do where scripts do not run
//! (`components::needs_scripts`).
//!
//! What decides or words something is pure and tested without a browser; `browser` and `webauthn`
//! are the only files that speak to it for more than showing something. Secrets are held in
//! [`domain::secret::Secret`] or `Zeroizing` and never in a view, an attribute or a prop.

pub mod act_confirm;
pub mod autosave;
mod browser;
pub mod claim;
pub mod copy;
pub mod enrol;
mod failure;
mod progress;
pub mod row_keys;
pub mod sign_in;
mod statement;
mod webauthn;

pub use act_confirm::ActConfirm;
pub use autosave::Autosave;
pub use claim::Claim;
pub use copy::Copy;
pub use enrol::Enrol;
pub use row_keys::RowKeys;
pub use sign_in::SignIn;
