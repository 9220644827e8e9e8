//! Assertions of who calls, for gateways that are registered to have them signed
//! (`docs/protocol.md`, "Assertions").

use axum::Json;
use axum::extract::State;
use domain::assertion::LIFETIME_SECONDS;
use domain::base64url;
use domain::enc::sha256;
use domain::id::{EnvironmentId, GatewayId, KeyId, PartnerId, ServiceId};
use domain::service::ScopeName;
use domain::token::Kid;
use domain::verification::RawCall;
use serde::Serialize;
use utoipa::ToSchema;

use crate::portal::Portal;
use crate::verify::{Gateway, Known};

/// The claims, by the names of RFC 7519 and RFC 8693 where these have one.
#[derive(Serialize)]
struct Claims<'a> {
    /// The portal's origin.
    iss: String,
    /// The gateway that asked: a backend takes no assertion that was made for another.
    aud: GatewayId,
    sub: KeyId,
    kid: Kid,
    partner_id: PartnerId,
    /// Separated by spaces (RFC 8693, section 4.2).
    scope: String,
    service: ServiceId,
    environment: EnvironmentId,
    method: &'a str,
    /// Of the target as it was asked about. Itself it could be longer than gateways let a header be.
    path_sha256: String,
    iat: i64,
    exp: i64,
}

/// For a call that may pass.
pub(super) fn signed(
    portal: &Portal,
    gateway: &Gateway,
    known: &Known,
    call: &RawCall<'_>,
) -> String {
    let held = &known.held;
    let entry = &held.entry;
    let scopes: Vec<&str> = known.scopes().iter().map(ScopeName::as_str).collect();
    let now = portal.now().micros().div_euclid(1_000_000);
    let claims = Claims {
        iss: portal.config.origin_text(),
        aud: gateway.id(),
        sub: entry.key,
        kid: held.kid,
        partner_id: entry.partner,
        scope: scopes.join(" "),
        service: entry.grant.service(),
        environment: entry.grant.environment(),
        method: call.method,
        path_sha256: base64url::encode(&sha256(call.path.as_bytes())),
        iat: now,
        exp: now + LIFETIME_SECONDS,
    };
    // Texts and integers are always JSON; what is signed of nothing says nothing.
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    portal.keyring.assertion_key.sign(&claims)
}

/// The keys that assertions are signed with (RFC 7517).
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    /// One, until keys are rotated.
    keys: [Jwk; 1],
}

/// A public Ed25519 key (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct Jwk {
    /// `OKP`
    kty: &'static str,
    /// `Ed25519`
    crv: &'static str,
    /// `EdDSA`
    alg: &'static str,
    /// `sig`
    r#use: &'static str,
    /// The key's thumbprint (RFC 7638); an assertion names it.
    kid: String,
    /// The public key: 32 bytes in unpadded base64url.
    #[schema(min_length = 43, max_length = 43)]
    x: String,
}

/// `GET /.well-known/latchkey-jwks.json`
pub async fn jwks(State(portal): State<Portal>) -> Json<Jwks> {
    let key = &portal.keyring.assertion_key;
    Json(Jwks {
        keys: [Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            r#use: "sig",
            kid: key.id().to_owned(),
            x: key.public(),
        }],
    })
}
