//! Whether the process lives, whether it can answer, and what the host publishes of itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::seal::HostPublicKey;
use serde::Serialize;
use utoipa::ToSchema;

use crate::portal::Portal;

/// `GET /healthz`: the process answers.
pub async fn healthz() -> &'static str {
    "ok"
}

/// `GET /readyz`: the snapshot is loaded and fresh, and the database answers. A database that hangs
/// is known by the snapshot's age, and not waited for.
pub async fn readyz(State(portal): State<Portal>) -> (StatusCode, &'static str) {
    let is_ready =
        portal.engine.is_ready(portal.now()) && portal.store.database().key_counter().await.is_ok();
    if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    }
}

/// What the host publishes of itself.
#[derive(Serialize, ToSchema)]
pub struct WellKnown {
    /// Where people reach the portal: scheme, host and port.
    #[schema(format = Uri)]
    origin: String,
    /// The host's name.
    host: String,
    /// The version of the protocol of sealed deliveries.
    protocol: &'static str,
    /// The Ed25519 key that deliveries are signed with: 32 bytes in unpadded base64url.
    #[schema(value_type = String, min_length = 43, max_length = 43)]
    signing_key: HostPublicKey,
    /// Whom to write to when something is wrong.
    security_contact: String,
}

/// `GET /.well-known/latchkey.json`
pub async fn well_known(State(portal): State<Portal>) -> Json<WellKnown> {
    Json(WellKnown {
        origin: portal.config.origin_text(),
        host: portal.config.host_name.clone(),
        protocol: "latchkey/delivery/v1",
        signing_key: portal.keyring.host_signing_key.public(),
        security_contact: portal.config.security_contact.clone(),
    })
}
