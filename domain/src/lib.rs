//! Latchkey's rules. Everything here is a pure function of its arguments: no I/O, no clock, no
//! ambient randomness. It compiles to wasm, so that browser and server run the same protocol.

pub mod act;
mod alphabet;
pub mod assertion;
pub mod audit;
pub mod base64url;
pub mod dec;
pub mod decision;
pub mod delivery;
pub mod enc;
pub mod grant;
pub mod hours;
pub mod id;
pub mod key;
pub mod keyring;
pub mod limit;
pub mod link;
pub mod mac;
pub mod network;
pub mod overlay;
pub mod person;
pub mod policy;
pub mod quorum;
pub mod request;
pub mod review;
pub mod seal;
pub mod secret;
pub mod service;
pub mod state;
pub mod text;
pub mod time;
pub mod token;
pub mod usage;
pub mod verification;

#[cfg(test)]
mod test_rng;
