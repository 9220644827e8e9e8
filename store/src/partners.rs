//! Partner organisations.

use domain::id::PartnerId;
use domain::state::PartnerState;
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::requests::contains;
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

/// Which partners are listed. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct PartnerFilter {
    /// A state's code.
    pub state: String,
    /// Part of the partner's name, or of a contact's name or address, in any case.
    pub search: String,
    pub limit: i64,
    pub offset: i64,
}

/// A partner, and how much there is of it.
#[derive(Clone, Debug)]
pub struct PartnerLine {
    pub partner: Stamped<Partner>,
    pub count: PartnerCount,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PartnerCount {
    /// Invited or active.
    pub contacts: i64,
    /// Handed in.
    pub requests: i64,
    pub live_keys: i64,
    /// Of whom is first by name.
    pub email: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ListedPartner {
    #[sqlx(flatten)]
    partner: Sealed<Partner>,
    #[sqlx(flatten)]
    count: PartnerCount,
}

impl Read {
    /// Partners by name, with their counts.
    pub async fn list_partners(
        &mut self,
        filter: &PartnerFilter,
    ) -> Result<Vec<PartnerLine>, Error> {
        let search = contains(&filter.search);
        let rows = run!(
            &mut self.conn,
            LISTED,
            [filter.state, search, filter.limit, filter.offset],
            fetch_all as ListedPartner
        )?;
        rows.into_iter()
            .map(|row| {
                Ok(PartnerLine {
                    partner: row.partner.open(&self.row_key)?,
                    count: row.count,
                })
            })
            .collect()
    }

    /// How many partners are in each state, of those that a search finds.
    pub async fn partner_counts(&mut self, search: &str) -> Result<Vec<(String, i64)>, Error> {
        let search = contains(search);
        Ok(run!(
            &mut self.conn,
            COUNTS,
            [search],
            fetch_all as (String, i64)
        )?)
    }

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
    LISTED(4) = r"SELECT partner.*,
            (SELECT COUNT(*) FROM person WHERE person.partner_id = partner.id AND person.state <> 'removed') AS contacts,
            (SELECT COUNT(*) FROM access_request WHERE access_request.partner_id = partner.id AND access_request.submitted_at IS NOT NULL) AS requests,
            (SELECT COUNT(*) FROM api_key JOIN access_grant ON access_grant.id = api_key.grant_id
                WHERE access_grant.partner_id = partner.id AND api_key.state = 'active') AS live_keys,
            (SELECT address.email FROM person JOIN address ON address.id = person.id
                WHERE person.partner_id = partner.id AND person.state <> 'removed' ORDER BY person.name, person.id LIMIT 1) AS email
        FROM partner
        WHERE ($1 = '' OR partner.state = $1)
          AND (LOWER(partner.name) LIKE $2 ESCAPE '\' OR EXISTS (SELECT 1 FROM person JOIN address ON address.id = person.id
            WHERE person.partner_id = partner.id AND person.state <> 'removed'
              AND (LOWER(person.name) LIKE $2 ESCAPE '\' OR LOWER(address.email) LIKE $2 ESCAPE '\')))
        ORDER BY partner.name, partner.id LIMIT $3 OFFSET $4";
    COUNTS(1) = r"SELECT partner.state, COUNT(*) AS count FROM partner
        WHERE LOWER(partner.name) LIKE $1 ESCAPE '\' OR EXISTS (SELECT 1 FROM person JOIN address ON address.id = person.id
            WHERE person.partner_id = partner.id AND person.state <> 'removed'
              AND (LOWER(person.name) LIKE $1 ESCAPE '\' OR LOWER(address.email) LIKE $1 ESCAPE '\'))
        GROUP BY partner.state ORDER BY partner.state";
}
