//! Use-cases: one verb a file or small family. Authorise, load, decide (in `domain`), record.

pub mod acts;
pub mod delivery;
pub mod enrol;
pub mod limits;
pub mod links;
pub mod owner;
pub mod people;
pub mod proposals;
pub mod reveal;
pub mod sign_in;
pub mod snapshot;
pub mod usage;
