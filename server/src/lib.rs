//! The portal. A request goes one way: `http` extracts, authorises (which yields a capability) and
//! calls a verb of `service`; the rule is a function of `domain`; the unit of work commits with its
//! evidence; a view model becomes a page of `app`.

pub mod auth;
pub mod backup;
pub mod boot;
pub mod chance;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod fault;
pub mod http;
pub mod jobs;
mod listen;
pub mod mail;
pub mod portal;
pub mod refusal;
pub mod service;
mod sockets;
#[cfg(test)]
mod testing;
pub mod verify;
