//! Partner organisations.

use domain::id::PartnerId;
use domain::state::PartnerState;
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// An organisation that asks for access.
    sealed struct Partner in "partner" {
        id: PartnerId,
        name: String,
        state: Code<PartnerState>,
        created_at: Timestamp,
    }
}

impl Read {
    pub async fn partner(&mut self, id: PartnerId) -> Result<Option<Stamped<Partner>>, Error> {
        let row = run!(
            &mut self.conn,
            PARTNER,
            [id],
            fetch_optional as Sealed<Partner>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    pub async fn partners(&mut self) -> Result<Vec<Stamped<Partner>>, Error> {
        let rows = run!(&mut self.conn, PARTNERS, [], fetch_all as Sealed<Partner>)?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_partner(&mut self, partner: Partner) -> Result<Stamped<Partner>, Error> {
        self.insert_sealed(partner).await
    }

    pub async fn update_partner(
        &mut self,
        partner: Partner,
        read_at: i64,
    ) -> Result<Stamped<Partner>, Error> {
        self.update_sealed(partner, read_at).await
    }
}

statements! {
    PARTNER(1) = "SELECT * FROM partner WHERE id = $1";
    PARTNERS(0) = "SELECT * FROM partner ORDER BY name, id";
}
