//! Whether the process lives, whether it can answer, and what the host publishes of itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

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

/// `GET /.well-known/latchkey.json`: the key that deliveries are signed with.
pub async fn well_known(State(portal): State<Portal>) -> Json<Value> {
    Json(json!({
        "origin": portal.config.origin_text(),
        "host": portal.config.host_name,
        "protocol": "latchkey/delivery/v1",
        "signing_key": portal.keyring.host_signing_key.public(),
        "security_contact": portal.config.security_contact,
    }))
}
