//! Who is at the door: sessions, capabilities, WebAuthn ceremonies, and the proof of an act.

pub mod act;
pub mod actor;
pub mod ceremony;
pub mod session;
