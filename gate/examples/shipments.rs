//! A service behind a gate: `LATCHKEY_GATEWAY=lkg_… cargo run --example shipments`.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum::{Extension, Router};
use latchkey_gate::{Caller, Credential, Gate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credential = Credential::try_from(std::env::var("LATCHKEY_GATEWAY")?)?;
    let gate = Gate::new("http://127.0.0.1:3000", credential)?
        .peer_from(|noted| Some(noted.get::<ConnectInfo<SocketAddr>>()?.0.ip()))
        // The proxy on this machine ends TLS, and nothing else reaches this port.
        .proxies("127.0.0.1".parse()?)
        .over_tls();
    let service = Router::new()
        .route("/v2/shipments/{id}", get(shipment))
        .layer(gate)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, service).await?;
    Ok(())
}

async fn shipment(Path(id): Path<String>, Extension(caller): Extension<Caller>) -> String {
    format!("Shipment {id}, for partner {}\n", caller.partner_id)
}
