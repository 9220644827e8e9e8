//! The one-time hand-over of a key: mint, claim, receipt, report, lapse (`docs/protocol.md`).

mod claim;
mod context;
mod lapse;
mod mint;
mod notice;
mod receipt;
mod report;

pub use claim::{Claimed, Details, begin, claim};
pub use context::{Context, by_system, evidence, staff_with};
pub use lapse::{end_open, end_unmailed, lapse_overdue};
pub use mint::{Minted, mint_for_grant, mint_waiting, remake_for};
pub use receipt::{Receipt, receipt};
pub use report::{ALERT, alert, report};
