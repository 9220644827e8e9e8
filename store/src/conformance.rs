//! What the store promises, held against both engines by one body each. SQLite runs always;
//! PostgreSQL where `LATCHKEY_TEST_POSTGRES` names a server in which databases may be created.

mod audit;
mod bench;
mod bulk;
mod calls;
mod claims;
mod copy;
mod decisions;
mod door;
mod ends;
mod erasure;
mod kept;
mod keys;
mod live;
mod migrations;
mod outbox;
mod partners;
mod queue;
mod rows;
mod samples;
mod schema;
mod spent;
mod stamps;
mod statements;
mod tampering;
mod turns;
mod work;
