//! Two rows of each table: `full` has every column at its widest, `bare` has the least. Both refer
//! to the rows of other tables by their own id, whatever its type.

mod access;
mod catalogue;
mod live;
mod people;

use domain::id::{CredentialId, DeliveryId};
use domain::time::Timestamp;
use uuid::Uuid;

use super::bench::Bench;
use crate::deliveries::EnvelopeRow;
use crate::row::Row;

pub(super) const ONE: Uuid = Uuid::from_u128(1);
pub(super) const TWO: Uuid = Uuid::max();

pub(super) const FIRST: Timestamp = Timestamp::from_micros(i64::MIN);
pub(super) const LAST: Timestamp = Timestamp::from_micros(i64::MAX);

pub(super) trait Sample:
    Row
    + Clone
    + std::fmt::Debug
    + Send
    + Unpin
    + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
    + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
{
    const SEALED: bool;

    fn full(id: Uuid) -> Self;
    fn bare(id: Uuid) -> Self;
}

/// Calls a function for every row type, in an order in which they can be inserted.
macro_rules! for_every_row {
    ($call:ident($($argument:expr),*)) => {{
        $call::<$crate::Partner>($($argument),*).await;
        $call::<$crate::Person>($($argument),*).await;
        $call::<$crate::Address>($($argument),*).await;
        $call::<$crate::Appointment>($($argument),*).await;
        $call::<$crate::Credential>($($argument),*).await;
        $call::<$crate::PersonLink>($($argument),*).await;
        $call::<$crate::Session>($($argument),*).await;
        $call::<$crate::Ceremony>($($argument),*).await;
        $call::<$crate::PendingAct>($($argument),*).await;
        $call::<$crate::Mail>($($argument),*).await;
        $call::<$crate::Service>($($argument),*).await;
        $call::<$crate::Environment>($($argument),*).await;
        $call::<$crate::PolicyVersion>($($argument),*).await;
        $call::<$crate::Proposal>($($argument),*).await;
        $call::<$crate::AccessRequest>($($argument),*).await;
        $call::<$crate::Revision>($($argument),*).await;
        $call::<$crate::Review>($($argument),*).await;
        $call::<$crate::Recusal>($($argument),*).await;
        $call::<$crate::GrantRow>($($argument),*).await;
        $call::<$crate::DecisionRow>($($argument),*).await;
        $call::<$crate::OverlayRow>($($argument),*).await;
        $call::<$crate::OverlayDecision>($($argument),*).await;
        $call::<$crate::NarrowingRow>($($argument),*).await;
        $call::<$crate::KeyRow>($($argument),*).await;
        $call::<$crate::KeyUse>($($argument),*).await;
        $call::<$crate::Delivery>($($argument),*).await;
        $call::<$crate::Gateway>($($argument),*).await;
    }};
}
pub(super) use for_every_row;

/// Both rows of every table.
pub(super) async fn fill(bench: &Bench) {
    for_every_row!(add(bench, ONE, TWO));
}

async fn add<T: Sample>(bench: &Bench, one: Uuid, two: Uuid) {
    bench
        .write(async |work| {
            for row in [T::full(one), T::bare(two)] {
                if T::SEALED {
                    work.insert_sealed(row).await.unwrap();
                } else {
                    work.insert(&row).await.unwrap();
                }
            }
        })
        .await;
}

/// A text of some width, with what SQL and markup trip over; unique by `id`, and short enough for
/// an index.
pub(super) fn text(id: Uuid) -> String {
    format!("{}'\"\\%_;--\r\n\t<b>&amp;{id}", "\u{10ffff}é".repeat(100))
}

/// A document: no index holds it.
pub(super) fn document() -> String {
    text(ONE).repeat(100)
}

pub(super) fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 251 % 256) as u8).collect()
}

pub(super) fn envelope(delivery: Uuid, credential: Uuid, sealed: &[u8]) -> EnvelopeRow {
    EnvelopeRow {
        delivery_id: DeliveryId::new(delivery),
        credential_id: CredentialId::new(credential),
        sealed: Some(sealed.to_vec()),
        ciphertext_digest: [0xff; 32],
        opened_digest: [0; 32],
    }
}
