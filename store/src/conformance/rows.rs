//! Every row comes back as it was stored.

use domain::audit::TruncatedAddress;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::bench::{Bench, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, envelope, fill, for_every_row};
use crate::conn::Conn;
use crate::row::Sealed;
use crate::{Error, Evidence};

#[tokio::test]
async fn every_row_comes_back_with_every_field_at_its_extremes() {
    on_each_engine(async |bench: &Bench| {
        for_every_row!(round_trip(bench));
    })
    .await;
}

async fn round_trip<T: Sample>(bench: &Bench) {
    store(bench, T::full(ONE), None).await;
    store(bench, T::bare(ONE), Some(1)).await;
    store(bench, T::full(ONE), Some(2)).await;
    store(bench, T::bare(TWO), None).await;
}

async fn store<T: Sample>(bench: &Bench, row: T, old_stamp: Option<i64>) {
    let (id, shown) = (row.id(), format!("{row:?}"));
    bench
        .write(async |work| match (T::SEALED, old_stamp) {
            (true, None) => drop(work.insert_sealed(row).await.unwrap()),
            (true, Some(stamp)) => drop(work.update_sealed(row, stamp).await.unwrap()),
            (false, None) => work.insert(&row).await.unwrap(),
            (false, Some(_)) => work.update(&row).await.unwrap(),
        })
        .await;
    let found = read::<T>(bench, id).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), shown, "{}", T::TABLE);
}

/// Reads any row by its id, a sealed one with its MAC checked.
pub(super) async fn read<T: Sample>(bench: &Bench, id: Uuid) -> Result<Option<T>, Error> {
    let sql = AssertSqlSafe(format!("SELECT * FROM {} WHERE id = $1", T::TABLE));
    let mut read = bench.store.read().await?;
    if T::SEALED {
        let sealed: Option<Sealed<T>> = match &mut read.conn {
            Conn::Sqlite(tx) => {
                sqlx::query_as(sql)
                    .bind(id)
                    .fetch_optional(&mut **tx)
                    .await?
            }
            Conn::Postgres(tx) => {
                sqlx::query_as(sql)
                    .bind(id)
                    .fetch_optional(&mut **tx)
                    .await?
            }
        };
        let row = sealed.map(|row| row.open(&read.row_key)).transpose()?;
        return Ok(row.map(crate::Stamped::into_row));
    }
    Ok(match &mut read.conn {
        Conn::Sqlite(tx) => {
            sqlx::query_as(sql)
                .bind(id)
                .fetch_optional(&mut **tx)
                .await?
        }
        Conn::Postgres(tx) => {
            sqlx::query_as(sql)
                .bind(id)
                .fetch_optional(&mut **tx)
                .await?
        }
    })
}

#[tokio::test]
async fn an_update_of_a_row_that_is_not_there_is_an_error() {
    on_each_engine(async |bench: &Bench| {
        for_every_row!(update_nothing(bench));
    })
    .await;
}

async fn update_nothing<T: Sample>(bench: &Bench) {
    let mut work = bench.store.work().await.unwrap();
    let refused = if T::SEALED {
        work.update_sealed(T::bare(ONE), 1).await.map(drop)
    } else {
        work.update(&T::bare(ONE)).await
    };
    let Err(Error::Changed { table, id }) = refused else {
        panic!("{}: {refused:?}", T::TABLE);
    };
    assert_eq!((table, id), (T::TABLE, ONE));
}

#[tokio::test]
async fn envelopes_come_back() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let delivery = crate::Delivery {
            id: domain::id::DeliveryId::new(Uuid::from_u128(3)),
            ..crate::Delivery::bare(TWO)
        };
        let id = delivery.id.uuid();
        let envelopes = [envelope(id, ONE, &[]), envelope(id, TWO, &[0xff; 70_000])];
        bench
            .write(async |work| work.add_delivery(&delivery, &envelopes).await.unwrap())
            .await;
        let mut read = bench.store.read().await.unwrap();
        let found = read.envelopes(delivery.id).await.unwrap();
        assert_eq!(format!("{found:?}"), format!("{envelopes:?}"));
    })
    .await;
}

#[tokio::test]
async fn an_audit_entry_comes_back_with_every_field() {
    on_each_engine(async |bench: &Bench| {
        let mut wide = entry("wide");
        wide.at = super::samples::LAST;
        wide.actor = Some(domain::id::PersonId::new(ONE));
        wide.credential = Some(domain::id::CredentialId::new(TWO));
        wide.subject = TWO;
        wide.evidence = super::samples::document();
        wide.address = Some(TruncatedAddress::of([192, 0, 2, 7].into()));
        wide.user_agent = Some(domain::audit::UserAgent::of("curl/8"));
        let work = bench.store.work().await.unwrap();
        work.commit(Evidence::of(wide.clone())).await.unwrap();
        let mut read = bench.store.read().await.unwrap();
        let rows = read.audit_from(1, 10).await.unwrap();
        let [row] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!((row.at, &row.act), (wide.at, &wide.act));
        assert_eq!(
            (row.actor_id, row.credential_id),
            (wide.actor, wide.credential)
        );
        assert_eq!((row.subject_id, &row.evidence), (TWO, &wide.evidence));
        assert_eq!(row.address.map(|address| address.0), wide.address);
        assert_eq!(row.agent.as_deref(), Some("curl/8"));
        assert_eq!(row.previous, domain::audit::GENESIS);
    })
    .await;
}
