//! What a power cut may undo, and what it may not.

use domain::id::MailId;
use uuid::Uuid;

use super::bench::{Bench, Engine, at, entry, on_each_engine, row_key};
use super::samples::{ONE, Sample};
use crate::conn::{Conn, Database};
use crate::{Evidence, Mail, Store, Unaudited, Work};

/// Whether the transaction's commit waits for the disk, as the engine itself says it.
pub(super) async fn waits(work: &mut Work) -> bool {
    match &mut work.read.conn {
        Conn::Sqlite(tx) => {
            let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&mut **tx)
                .await
                .unwrap();
            level >= 2
        }
        Conn::Postgres(tx) => {
            let setting: String = sqlx::query_scalar("SHOW synchronous_commit")
                .fetch_one(&mut **tx)
                .await
                .unwrap();
            setting == "on"
        }
    }
}

#[tokio::test]
async fn only_passing_work_does_not_wait_for_the_disk() {
    on_each_engine(async |bench: &Bench| {
        if bench.engine == Engine::Postgres {
            // The cluster of the tests is not.
            let name = bench.url.split('/').nth(3).unwrap().split('?').next();
            let name = name.unwrap();
            let sql = format!("ALTER DATABASE \"{name}\" SET synchronous_commit = on");
            bench.hand.run(&sql).await;
        }
        let store = Store::new(Database::connect(&bench.url).await.unwrap(), row_key());
        for _ in 0..2 {
            let mut passing = store.passing_work().await.unwrap();
            assert!(!waits(&mut passing).await);
            passing.commit_unaudited(Unaudited::Limit).await.unwrap();
            let mut minor = store.minor_work().await.unwrap();
            assert!(waits(&mut minor).await);
            minor.commit_unaudited(Unaudited::Usage).await.unwrap();
            let mut audited = store.work().await.unwrap();
            assert!(waits(&mut audited).await);
            audited.commit(Evidence::of(entry("kept"))).await.unwrap();
        }
    })
    .await;
}

/// 64 bytes that occur nowhere else.
fn secret(number: u8) -> Vec<u8> {
    let half = domain::enc::sha256(&[number, 77]);
    [half, half].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_erase_at_once_is_in_no_file() {
    const MANY: u8 = 16;
    on_each_engine(async |bench: &Bench| {
        let id = |number: usize| MailId::new(Uuid::from_u128(100 + number as u128));
        bench
            .write(async |work| {
                for number in 0..MANY {
                    let mail = Mail {
                        id: id(number.into()),
                        sealed: Some(secret(number)),
                        ..Mail::bare(ONE)
                    };
                    work.queue_mail(&mail).await.unwrap();
                }
            })
            .await;
        let holds = |bytes: &[u8], number| {
            let secret = domain::enc::sha256(&[number, 77]);
            bytes.windows(32).any(|window| window == secret)
        };
        if bench.engine == Engine::Sqlite {
            let bytes = bench.files();
            assert!(
                (0..MANY).all(|number| holds(&bytes, number)),
                "planted and not found"
            );
        }
        bench
            .race(MANY.into(), move |_, number| {
                let store = bench.store.clone();
                async move {
                    let mut work = store.minor_work().await.unwrap();
                    work.mail_sent(id(number), at(2)).await.unwrap();
                    work.commit_unaudited(Unaudited::Outbox).await.unwrap();
                }
            })
            .await;
        if bench.engine == Engine::Sqlite {
            bench
                .settle(|bytes| !(0..MANY).any(|number| holds(bytes, number)))
                .await;
        }
    })
    .await;
}
