//! `/keys` and `/keys/{id}`.

mod calls;
mod detail;
mod list;

pub use detail::{KeyDetail, KeyMay, key_page};
pub use list::{KeyList, KeyRow, keys_page};
