//! A host full of examples, to be tried in a minute, and databases full of keys, to be measured.
//!
//! Nothing here writes a row of its own: everybody acts through the verbs that pages and islands
//! call, signs with a passkey in software, gets mail and opens links. The clock stands where the
//! story is told, and no production path knows of it.

mod answers;
mod catalogue;
mod links;
mod load;
mod passkey;
mod persona;
mod requests;
mod stage;
mod story;

use anyhow::Result;
use zeroize::Zeroizing;

pub use load::{Load, Loaded, load};

use crate::config::Config;
use crate::refusal::Refusal;
use stage::Stage;

/// Fills an empty database with a host, and answers with a fresh one-time link for each role. A
/// host that is there already is left as it is.
///
/// # Errors
/// A sentence that says what to do.
pub async fn host(config: Config) -> Result<Vec<(&'static str, Zeroizing<String>)>> {
    let stage = Stage::set(config).await?;
    if stage.is_empty().await? {
        story::tell(&stage).await?;
    }
    stage.today();
    let links = links::fresh(&stage).await?;
    stage.portal.store.database().close().await;
    Ok(links)
}

/// A refusal with all that it says: here nobody sees a page.
fn said(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Invalid(faults) => anyhow::anyhow!("{faults:?}"),
        other => other.into(),
    }
}
