//! `/d/{id}`: a delivery. The page is the same for every id; everything else is proven.

use app::pages::claim::{Claim, claim_page};
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::act::{Act, ActStatement};
use domain::base64url;
use domain::id::{CeremonyId, DeliveryId};
use domain::link::ClaimToken;
use domain::seal::{SealingKey, Signature};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::ceremony::Begun;
use crate::http::answer::Problem;
use crate::http::form::Json;
use crate::http::guard::Client;
use crate::http::page::View;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{delivery, limits};

/// `GET /d/{id}`
pub async fn show(view: View, Path(delivery_id): Path<String>) -> Response {
    view.bare(|| {
        claim_page(Claim {
            host: view.portal.config.host_name.clone(),
            delivery_id,
            security_contact: view.portal.config.security_contact.clone(),
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    act: Act,
}

#[derive(Serialize)]
pub struct Asked {
    #[serde(flatten)]
    begun: Begun,
    statement: ActStatement,
}

/// `POST /d/{id}/begin`
pub async fn begin(
    State(portal): State<Portal>,
    client: Client,
    Path(id): Path<DeliveryId>,
    Json(body): Json<Begin>,
) -> Result<Answer<Asked>, Problem> {
    limits::count(&portal, limits::CEREMONIES, client.address).await?;
    let (statement, begun) = delivery::begin(&portal, id, body.act).await?;
    Ok(Answer(Asked { begun, statement }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    ceremony: CeremonyId,
    credential: Value,
    claim_token: ClaimToken,
    sealing_key: SealingKey,
}

/// `POST /d/{id}/claim`
pub async fn claim(
    State(portal): State<Portal>,
    client: Client,
    Path(id): Path<DeliveryId>,
    Json(body): Json<ClaimBody>,
) -> Result<Answer<delivery::Claimed>, Problem> {
    limits::count_at(&portal, limits::CLAIMS, id.uuid(), client.address).await?;
    let claimed = delivery::claim(
        &portal,
        id,
        body.ceremony,
        body.credential,
        &body.claim_token,
        &body.sealing_key,
        client.origin,
    )
    .await?;
    Ok(Answer(claimed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    credential_id: String,
    opened: String,
    signature: Signature,
}

/// `POST /d/{id}/receipt`
pub async fn receipt(
    State(portal): State<Portal>,
    client: Client,
    Path(id): Path<DeliveryId>,
    Json(body): Json<ReceiptBody>,
) -> Result<Answer<Value>, Problem> {
    limits::count_at(&portal, limits::CLAIMS, id.uuid(), client.address).await?;
    let malformed = || Refusal::BadRequest("The receipt cannot be read.");
    let receipt = delivery::Receipt {
        credential_id: base64url::decode(&body.credential_id).map_err(|_| malformed())?,
        opened: Secret::new(base64url::decode_array(&body.opened).map_err(|_| malformed())?),
        signature: body.signature,
    };
    let key = delivery::receipt(&portal, id, &receipt, &client.origin).await?;
    Ok(Answer(
        json!({ "activated": true, "portal": format!("/keys/{key}") }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    ceremony: CeremonyId,
    credential: Value,
}

/// `POST /d/{id}/report`
pub async fn report(
    State(portal): State<Portal>,
    client: Client,
    Path(id): Path<DeliveryId>,
    Json(body): Json<ReportBody>,
) -> Result<Answer<Value>, Problem> {
    limits::count_at(&portal, limits::CLAIMS, id.uuid(), client.address).await?;
    delivery::report(&portal, id, body.ceremony, body.credential, client.origin).await?;
    Ok(Answer(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertBody {
    claim_token: ClaimToken,
}

/// `POST /d/{id}/alert`: "This was not me" without a passkey.
pub async fn alert(
    State(portal): State<Portal>,
    client: Client,
    Path(id): Path<DeliveryId>,
    Json(body): Json<AlertBody>,
) -> Result<Answer<Value>, Problem> {
    limits::count(&portal, limits::ALERTS, client.address).await?;
    delivery::alert(&portal, id, &body.claim_token, &client.origin).await?;
    Ok(Answer(json!({})))
}
