//! Starts what whole-program tests need, on free loopback ports, and stops it again: the portal
//! itself, a browser with virtual authenticators, a mail server, databases.
//!
//! What a test starts is killed by the kernel when the *thread* that started it ends, so that a
//! crashed test leaves nothing behind. Nothing of this may be shared between tests.

pub mod authenticator;
pub mod browser;
pub mod postgres;
mod process;
pub mod scene;
pub mod server;
pub mod smtp;
pub mod tally;
pub mod visitor;
