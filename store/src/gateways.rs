//! Registered callers of the verify API.

use domain::enc::Digest;
use domain::id::GatewayId;
use domain::state::{GatewayKind, GatewayState};
use domain::time::Timestamp;

use crate::column::{Added, Code};
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// A gateway: its credential only as a MAC under the pepper.
    sealed struct Gateway in "gateway" {
        id: GatewayId,
        name: String,
        kind: Code<GatewayKind>,
        /// The environments that it may ask about, as JSON.
        reach: String,
        /// The networks of its own proxies, as text.
        proxies: String,
        credential_mac: Digest,
        old_credential_mac: Option<Digest>,
        old_credential_until: Option<Timestamp>,
        state: Code<GatewayState>,
        created_at: Timestamp,
        /// Whether its answers carry a signed assertion of who calls.
        signs: Added<bool>,
    }
}

impl Read {
    pub async fn gateway(&mut self, id: GatewayId) -> Result<Option<Stamped<Gateway>>, Error> {
        let row = run!(
            &mut self.conn,
            GATEWAY,
            [id],
            fetch_optional as Sealed<Gateway>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    pub async fn gateways(&mut self) -> Result<Vec<Stamped<Gateway>>, Error> {
        let rows = run!(&mut self.conn, GATEWAYS, [], fetch_all as Sealed<Gateway>)?;
        self.open_all(rows)
    }

    /// As [`Read::gateways`]; a row whose MAC is wrong comes as its error, in its place: the others
    /// must not wait for it.
    pub async fn gateways_one_by_one(
        &mut self,
    ) -> Result<Vec<Result<Stamped<Gateway>, Error>>, Error> {
        let rows = run!(&mut self.conn, GATEWAYS, [], fetch_all as Sealed<Gateway>)?;
        Ok(self.open_each(rows).collect())
    }
}

impl Work {
    /// Raises the counter too: gateways are in the snapshot, beside the keys.
    pub async fn add_gateway(&mut self, gateway: Gateway) -> Result<Stamped<Gateway>, Error> {
        self.raise_key_counter().await?;
        self.insert_sealed(gateway).await
    }

    pub async fn update_gateway(
        &mut self,
        gateway: Gateway,
        read_at: i64,
    ) -> Result<Stamped<Gateway>, Error> {
        self.raise_key_counter().await?;
        self.update_sealed(gateway, read_at).await
    }
}

statements! {
    GATEWAY(1) = "SELECT * FROM gateway WHERE id = $1";
    GATEWAYS(0) = "SELECT * FROM gateway ORDER BY name, id";
}
