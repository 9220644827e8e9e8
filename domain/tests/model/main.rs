//! The decision and the limits against implementations that are slow and obvious. `fuzz/properties`
//! takes this file in as a module, and lets the fuzzer throw the dice.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a model that cannot be set up is a failed test"
)]

pub(crate) mod decision;
mod dice;
pub(crate) mod limits;
