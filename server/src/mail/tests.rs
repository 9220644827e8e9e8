//! What all mails promise, and what the outbox keeps of them.

mod letters;
mod promises;
mod rows;
mod sending;
