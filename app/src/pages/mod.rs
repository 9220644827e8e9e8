//! One module a page or small family of pages: the view model, then the page.
//!
//! Forms are ordinary: `method="post"`, fields named as each module's documentation says. A form
//! with `data-act` begins a privileged act; its handler answers 303 to `/confirm/{id}`
//! ([`confirm`]). Where a form is shown again after a refusal, its [`Filled`](crate::components::Filled)
//! holds what was typed and what was wrong.

pub mod api;
pub mod audit;
pub mod claim;
pub mod confirm;
pub mod error;
pub mod gateway;
pub mod home;
pub mod key;
pub mod link;
pub mod mail;
pub mod mailbox;
pub mod narrow;
pub mod partner;
pub mod people;
pub mod policy;
pub mod profile;
pub mod queue;
pub mod request;
pub mod reveal;
pub mod service;
pub mod sign_in;
pub mod state;
pub mod temporary;
pub mod usage;
