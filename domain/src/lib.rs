//! Latchkey's rules. Everything here is a pure function of its arguments: no I/O, no clock, no
//! ambient randomness. It compiles to wasm, so that browser and server run the same protocol.

pub mod enc;
pub mod id;
pub mod secret;
pub mod time;
