//! The pieces that pages are made of. Each takes owned values and returns a view.

mod act;
mod card;
mod chart;
mod control;
mod field;
mod filled;
mod list;
mod moment;
mod notice;
mod review;
mod table;
mod text;

pub use act::{ConfirmPanel, confirm_panel};
pub use card::{aside, card, flush_card, plain_card};
pub use chart::{Bar, bars_table, busiest, chart, thousands};
pub use field::{Choice, Field, error_summary, field, long_error_summary};
pub use filled::Filled;
pub use list::{Answer, Line, Step, TimelineEntry, answers, facts, lines, steps, timeline};
pub use moment::Moment;
pub use notice::{empty, needs_scripts, notice};
pub use review::{Comment, Vote, comment, votes};
pub use table::{Chip, Column, Paging, Sort, Table, chips, pagination, search, table};
pub use text::{Change, Pill, Tone, changes, copyable, crumbs, face, head, pill};
