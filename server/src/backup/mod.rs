//! Backups: every table that matters, in one file that either engine takes back. Made while the
//! portal serves, from one consistent view of the database.
//!
//! What was erased is in none of its rows, so it is not in the file; sessions, ceremonies and tries
//! are left out. The file says nothing that the database does not say: keys are MACs, secrets that
//! wait are sealed. Without the root key it opens nothing, and nobody can make another that is
//! taken for it: it ends in a MAC under the row key.

mod format;
mod restore;
mod write;

pub use restore::{Restored, restore};
pub use write::{Written, write};
