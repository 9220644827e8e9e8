//! What was erased is not left in the database's files.

use domain::delivery::DeliveryCode;
use domain::id::{KeyId, MailId};
use uuid::Uuid;

use super::bench::{Bench, Engine, at, on_each_engine};
use super::claims::{DELIVERY, MINE, seal};
use super::samples::{ONE, Sample};
use crate::{Mail, Unaudited, Work};

/// 256 bytes that occur nowhere else.
fn ciphertext() -> Vec<u8> {
    let digest = |n: u8| domain::enc::sha256(&[n]);
    (0..8).flat_map(digest).collect()
}

/// Any eighth of it, so that a page boundary within it hides nothing.
fn holds(bytes: &[u8]) -> bool {
    ciphertext()
        .chunks(32)
        .any(|part| bytes.windows(part.len()).any(|window| window == part))
}

async fn assert_erased_by(erase: impl AsyncFn(&mut Work)) {
    on_each_engine(async |bench: &Bench| {
        seal(bench, &ciphertext()).await;
        let mail = Mail {
            id: MailId::new(Uuid::from_u128(3)),
            sealed: Some(ciphertext()),
            ..Mail::bare(ONE)
        };
        bench
            .write(async |work| {
                work.queue_mail(&mail).await.unwrap();
                assert!(work.claim(DELIVERY, MINE, at(1), at(11)).await.unwrap());
            })
            .await;
        if bench.engine == Engine::Sqlite {
            assert!(holds(&bench.files()), "planted and not found");
        }
        bench.write(async |work| erase(work).await).await;
        if bench.engine == Engine::Sqlite {
            bench.settle(|bytes| !holds(bytes)).await;
        }
        let left = "SELECT 'left' FROM envelope WHERE sealed IS NOT NULL
            UNION ALL SELECT 'left' FROM outbox WHERE LENGTH(sealed) = 256";
        assert!(bench.hand.texts(left).await.is_empty());
    })
    .await;
}

async fn wipe_mail(work: &mut Work) {
    let mail = MailId::new(Uuid::from_u128(3));
    work.mail_sent(mail, at(2)).await.unwrap();
}

#[tokio::test]
async fn a_receipted_ciphertext_and_a_sent_link_are_in_no_file() {
    assert_erased_by(async |work: &mut Work| {
        wipe_mail(work).await;
        assert!(work.receipt(DELIVERY, MINE, at(2), "{}").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_ciphertext_and_a_link_that_was_given_up_are_in_no_file() {
    assert_erased_by(async |work: &mut Work| {
        let mail = MailId::new(Uuid::from_u128(3));
        work.mail_given_up(mail, at(2), "no such mailbox")
            .await
            .unwrap();
        let stage = DeliveryCode::Cancelled;
        assert!(work.end_delivery(DELIVERY, stage, at(2), "").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_log_that_somebody_reads_is_emptied_later() {
    on_each_engine(async |bench: &Bench| {
        if bench.engine != Engine::Sqlite {
            assert!(bench.store.database().forget_erased().await.unwrap());
            return;
        }
        seal(bench, &ciphertext()).await;
        let mut read = bench.store.read().await.unwrap();
        assert!(read.key(KeyId::new(ONE)).await.unwrap().is_some());
        bench
            .write(async |work| {
                let stage = DeliveryCode::Cancelled;
                assert!(work.end_delivery(DELIVERY, stage, at(2), "").await.unwrap());
            })
            .await;
        assert!(!bench.store.database().forget_erased().await.unwrap());
        drop(read);
        // The reader's roll-back is on its way.
        while !bench.store.database().forget_erased().await.unwrap() {
            tokio::task::yield_now().await;
        }
        assert!(!holds(&bench.files()));
    })
    .await;
}

/// A unit of work that changes much writes what the pages held before beside the database, unless it
/// is told not to: and nothing empties that file.
#[tokio::test]
async fn what_was_erased_is_written_to_no_file_beside_the_database() {
    on_each_engine(async |bench: &Bench| {
        let mails = (10..200).map(|n| Mail {
            id: MailId::new(Uuid::from_u128(n)),
            sealed: Some(ciphertext()),
            ..Mail::bare(ONE)
        });
        let mails: Vec<Mail> = mails.collect();
        bench
            .write(async |work| {
                for mail in &mails {
                    work.queue_mail(mail).await.unwrap();
                }
            })
            .await;
        let mut work = bench.store.minor_work().await.unwrap();
        for mail in &mails {
            work.mail_sent(mail.id, at(2)).await.unwrap();
        }
        let temporary = open_files().filter(|name| name.contains("etilqs_"));
        assert_eq!(temporary.count(), 0);
        work.commit_unaudited(Unaudited::Outbox).await.unwrap();
    })
    .await;
}

/// By name, of this process.
fn open_files() -> impl Iterator<Item = String> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .map(|name| name.to_string_lossy().into_owned())
}
