//! Starts what whole-program tests need, on free loopback ports, and stops it again: the portal
//! itself, a browser with virtual authenticators, a mail server, databases.
//!
//! What a test starts is killed by the kernel when the *thread* that started it ends, so that a
//! crashed test leaves nothing behind. Nothing of this may be shared between tests.

pub mod authenticator;
pub mod browser;
pub mod company;
pub mod gateways;
pub mod hand;
pub mod live;
pub mod loaded;
pub mod needles;
pub mod postgres;
mod process;
pub mod raw;
pub mod rows;
pub mod scene;
pub mod server;
pub mod smtp;
pub mod tally;
pub mod visitor;
pub mod wire;

/// Each promise as a test on SQLite and as one on PostgreSQL, in modules named so. A promise is an
/// `async fn(database_url: Option<String>) -> anyhow::Result<()>`.
#[macro_export]
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise(None).await
            })+
        }

        mod on_postgresql {
            $(#[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise(Some($crate::postgres::create_database().await?)).await
            })+
        }
    };
}
