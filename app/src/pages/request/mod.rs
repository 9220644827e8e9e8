//! An access request: the conversation about it, the decision, the narrowing, the editor.

mod decide;
mod edit;
mod narrow;
mod questions;
mod review;
mod section;
mod status;

pub use decide::{Decide, decide_page};
pub use edit::{EditChoice, RequestForm, StartForm, edit_page, start_page};
pub(in crate::pages) use narrow::narrow_fields;
pub use narrow::{NarrowForm, narrow_page};
pub use questions::{QUESTIONS, Question, is_mono};
pub use review::{DecidedBy, GrantView, Review, review_page};
pub use section::{Section, SectionView, Verdict};
pub use status::{Status, StatusGrant, status_page};
