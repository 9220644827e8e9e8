//! For `cargo xtask bench` alone: never in a release.

use axum::Json as Answer;
use axum::extract::{Path, State};
use domain::id::GrantId;
use serde_json::{Value, json};

use crate::http::answer::Problem;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::{evidence, mint_for_grant};

/// `POST /v1/seal/{id}`: the last step of an approval by itself. Mints a key under a grant that was
/// approved, seals it to the recipient's passkeys and queues the mail with its link.
pub async fn seal(
    State(portal): State<Portal>,
    Path(id): Path<GrantId>,
) -> Result<Answer<Value>, Problem> {
    let mut work = portal.store.work().await.map_err(Refusal::from)?;
    let grant = work.grant(id).await.map_err(Refusal::from)?;
    let grant = grant.ok_or(Refusal::NotFound)?;
    let minted = mint_for_grant(&portal, &mut work, &grant, None, portal.now()).await?;
    portal.commit(work, evidence(minted.entries)?).await?;
    Ok(Answer(json!({})))
}
