//! Databases of their own in the cluster that `cargo xtask test` started.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const CLUSTER: &str = "LATCHKEY_TEST_POSTGRES";

/// An empty database. It goes with the cluster.
///
/// # Errors
/// Without a cluster: no test is skipped for the want of one.
pub async fn create_database() -> Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let cluster = env::var(CLUSTER)
        .with_context(|| format!("{CLUSTER} is not set: run the tests by `cargo xtask test`"))?;
    let name = format!(
        "latchkey_{}_{}",
        process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect(&cluster).await?;
    connection
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await?;
    connection.close().await?;
    let mut url = Url::parse(&cluster)?;
    url.set_path(&name);
    Ok(url.into())
}
