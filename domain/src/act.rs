//! Acts: what a person does with a passkey. The assertion's challenge is the digest of the act, and
//! the page shows the very lines that are in it, so what is shown is what is signed
//! (`docs/protocol.md`, "Acts").

mod kind;
mod statement;

pub use kind::{Act, UnknownAct};
pub use statement::{ActStatement, DecisionDigests, Nonce, Parameter};
