//! Latchkey's SQL: one unit of work, one file an aggregate, two engines. Nothing outside of this
//! crate holds SQL, and nothing in it decides.

mod column;
mod conn;
mod error;
mod migrate;
mod row;
mod sql;
mod work;
mod writer;

mod audit;
#[cfg(any(test, feature = "demo"))]
mod bulk;
mod calls;
mod copy;
mod credentials;
mod deliveries;
mod gateways;
mod grants;
mod keyring;
mod keys;
mod links;
mod live;
mod outbox;
mod partners;
mod people;
mod requests;
mod services;
mod sessions;
mod spent;

#[cfg(test)]
mod conformance;

pub use audit::{AuditFilter, AuditRow, Entry};
pub use calls::{
    CallCount, CallsAlike, CallsAround, CallsAt, CallsBy, CallsFrom, CallsOf, CallsTo, LastCalls,
};
pub use column::{Added, Code};
pub use conn::{Conn, Database, Read, SqliteConn};
pub use copy::{Cell, CellKind, TABLES, Table};
pub use credentials::Credential;
pub use deliveries::{Delivery, EnvelopeRow};
pub use error::Error;
pub use gateways::Gateway;
pub use grants::{DecisionRow, GrantRow};
pub use keyring::WrappedKey;
pub use keys::{KeyFilter, KeyLine, KeyNames, KeyRow, KeyUse};
pub use links::PersonLink;
pub use live::{NarrowingRow, OverlayDecision, OverlayRow};
pub use outbox::{Mail, OutboxCounts};
pub use partners::{Partner, PartnerCount, PartnerFilter, PartnerLine};
pub use people::{Address, Appointment, Person, mailbox};
pub use requests::{
    AccessRequest, COUNTED, QueueFilter, QueueLine, QueueSort, Recusal, Review, Revision,
};
pub use row::Stamped;
pub use services::{Environment, PolicyVersion, Proposal, Service};
pub use sessions::{Ceremony, PendingAct, Session};
pub use spent::Spent;
pub use work::{Committed, Evidence, Store, Unaudited, Work};
pub use writer::{Turn, Writer};
