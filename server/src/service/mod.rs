//! Use-cases: one verb a file or small family. Authorise, load, decide (in `domain`), record.

pub mod acts;
pub mod catalogue;
pub mod decisions;
pub mod delivery;
pub mod enrol;
pub mod gateways;
pub mod keys;
pub mod limits;
pub mod links;
pub mod notices;
pub mod owner;
pub mod partners;
pub mod people;
pub mod policies;
pub mod profile;
pub mod proposals;
pub mod queue;
pub mod recovery;
pub mod requests;
pub mod reveal;
pub mod reviews;
pub mod revoke;
pub mod sign_in;
pub mod snapshot;
pub mod timeline;
pub mod usage;
