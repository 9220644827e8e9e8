//! Each mail goes to one worker at a time, and none is lost.

use domain::id::MailId;
use uuid::Uuid;

use super::bench::{Bench, at, on_each_engine};
use super::samples::{ONE, Sample};
use crate::{Mail, Store, Unaudited};

fn mail(number: u128, next_at: i64) -> Mail {
    Mail {
        id: MailId::new(Uuid::from_u128(number)),
        next_at: Some(at(next_at)),
        ..Mail::bare(ONE)
    }
}

async fn queue(bench: &Bench, mails: &[Mail]) {
    bench
        .write(async |work| {
            for mail in mails {
                work.queue_mail(mail).await.unwrap();
            }
        })
        .await;
}

async fn lease(store: Store, now: i64, retry_at: i64) -> Option<u128> {
    lease_but_to(store, now, retry_at, &[]).await
}

async fn lease_but_to(store: Store, now: i64, retry_at: i64, but_to: &[String]) -> Option<u128> {
    let mut work = store.minor_work().await.unwrap();
    let mail = work
        .lease_mail(at(now), at(retry_at), but_to)
        .await
        .unwrap();
    work.commit_unaudited(Unaudited::Outbox).await.unwrap();
    mail.map(|mail| mail.id.uuid().as_u128())
}

async fn find(bench: &Bench, number: u128) -> Mail {
    let mut read = bench.store.read().await.unwrap();
    let id = MailId::new(Uuid::from_u128(number));
    read.mail(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mail_goes_to_one_of_several_workers() {
    on_each_engine(async |bench: &Bench| {
        let mails: Vec<Mail> = (1..=40).map(|number| mail(number, 1)).collect();
        queue(bench, &mails).await;
        let work = |store: Store, _| async move {
            let mut leased = Vec::new();
            while let Some(mail) = lease(store.clone(), 1, 60).await {
                leased.push(mail);
            }
            leased
        };
        let mut leased = bench.race(8, work).await.concat();
        leased.sort_unstable();
        assert_eq!(leased, (1..=40).collect::<Vec<u128>>());
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_not_leased_before_it_is_due_and_the_most_overdue_is_first() {
    on_each_engine(async |bench: &Bench| {
        queue(bench, &[mail(1, 20), mail(2, 10)]).await;
        assert_eq!(lease(bench.store.clone(), 9, 60).await, None);
        assert_eq!(lease(bench.store.clone(), 20, 60).await, Some(2));
        assert_eq!(lease(bench.store.clone(), 20, 60).await, Some(1));
        assert_eq!(lease(bench.store.clone(), 20, 60).await, None);
    })
    .await;
}

#[tokio::test]
async fn mails_to_some_addresses_are_passed_over() {
    on_each_engine(async |bench: &Bench| {
        let to = |number, address: &str| Mail {
            address: address.to_owned(),
            ..mail(number, i64::try_from(number).unwrap())
        };
        queue(bench, &[to(1, "a@x"), to(2, "b'\"@x"), to(3, "c@x")]).await;
        let but_to = ["b'\"@x".to_owned(), "a@x".to_owned()];
        let passing = || lease_but_to(bench.store.clone(), 9, 60, &but_to);
        assert_eq!(passing().await, Some(3));
        assert_eq!(passing().await, None);
        assert_eq!(lease(bench.store.clone(), 9, 60).await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_worker_died_is_due_again() {
    on_each_engine(async |bench: &Bench| {
        queue(bench, &[mail(1, 1)]).await;
        assert_eq!(lease(bench.store.clone(), 1, 60).await, Some(1));
        assert_eq!(lease(bench.store.clone(), 59, 120).await, None);
        assert_eq!(lease(bench.store.clone(), 60, 120).await, Some(1));
        assert_eq!(find(bench, 1).await.attempts, 2);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_failed_is_due_again_and_one_that_was_sent_is_not() {
    on_each_engine(async |bench: &Bench| {
        queue(bench, &[mail(1, 1)]).await;
        let id = mail(1, 1).id;
        assert_eq!(lease(bench.store.clone(), 1, 60).await, Some(1));
        bench
            .write_minor(async |work| work.mail_failed(id, at(5), "busy").await.unwrap())
            .await;
        assert_eq!(find(bench, 1).await.last_error.as_deref(), Some("busy"));
        assert_eq!(lease(bench.store.clone(), 5, 60).await, Some(1));
        bench
            .write_minor(async |work| work.mail_sent(id, at(6)).await.unwrap())
            .await;
        // A worker that comes late with its failure does not bring the mail back.
        bench
            .write_minor(async |work| work.mail_failed(id, at(5), "late").await.unwrap())
            .await;
        assert_eq!(lease(bench.store.clone(), 1_000, 2_000).await, None);
        let sent = find(bench, 1).await;
        assert_eq!((sent.sent_at, sent.last_error), (Some(at(6)), None));
    })
    .await;
}

async fn give_up(bench: &Bench, id: MailId) {
    bench
        .write_minor(async |work| work.mail_given_up(id, at(9), "no").await.unwrap())
        .await;
}

async fn revive(bench: &Bench, id: MailId) -> bool {
    let mut revived = false;
    bench
        .write(async |work| revived = work.revive_mail(id, at(10)).await.unwrap())
        .await;
    revived
}

#[tokio::test]
async fn a_mail_that_was_given_up_is_sent_only_once_it_is_revived() {
    on_each_engine(async |bench: &Bench| {
        queue(bench, &[mail(1, 1)]).await;
        let id = mail(1, 1).id;
        assert!(!revive(bench, id).await, "it is not dead");
        give_up(bench, id).await;
        bench
            .write_minor(async |work| work.mail_failed(id, at(5), "late").await.unwrap())
            .await;
        assert_eq!(lease(bench.store.clone(), 1_000, 2_000).await, None);
        let mut read = bench.store.read().await.unwrap();
        let counts = read.outbox_counts().await.unwrap();
        assert_eq!((counts.waiting, counts.dead), (0, 1));
        drop(read);
        assert!(revive(bench, id).await);
        assert!(!revive(bench, id).await, "again");
        assert_eq!(lease(bench.store.clone(), 10, 60).await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_link_is_wiped_is_not_revived() {
    on_each_engine(async |bench: &Bench| {
        let with_link = Mail {
            sealed: Some(vec![1; 256]),
            ..mail(1, 1)
        };
        queue(bench, &[with_link]).await;
        let id = mail(1, 1).id;
        give_up(bench, id).await;
        assert_eq!(find(bench, 1).await.sealed, Some(Vec::new()));
        assert!(!revive(bench, id).await);
        assert_eq!(lease(bench.store.clone(), 1_000, 2_000).await, None);
    })
    .await;
}
