//! The log is gapless, chained and only ever appended to.

use domain::audit::{AuditRecord, Broken, UserAgent, verify_chain};
use domain::enc::Digest;
use domain::id::PersonId;

use super::bench::{Bench, entry, on_each_engine};
use super::samples::{ONE, TWO};
use crate::{AuditFilter, AuditRow, Evidence};

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_32_works_at_once_make_one_gapless_chain() {
    on_each_engine(async |bench: &Bench| {
        let append = |store: crate::Store, racer| async move {
            let work = store.work().await.unwrap();
            let evidence = Evidence::of(entry(&format!("first {racer}")));
            work.commit(evidence.and(entry("second"))).await.unwrap();
        };
        bench.race(32, append).await;
        let entries = log(bench).await;
        assert_eq!(entries.len(), 64);
        // Entries of one work stand together.
        for pair in entries.chunks(2) {
            assert!(pair[0].0.act.starts_with("first") && pair[1].0.act == "second");
        }
        assert!(verify_chain(entries).is_ok());
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_edited_or_deleted_by_hand_breaks_the_chain() {
    on_each_engine(async |bench: &Bench| {
        for _ in 0..3 {
            bench.write(async |_| {}).await;
        }
        let edit = "UPDATE audit SET act = 'nothing' WHERE seq = 2";
        assert_eq!(bench.hand.run(edit).await, 1);
        assert_eq!(verify_chain(log(bench).await), Err(Broken { seq: 2 }));
        bench
            .hand
            .run("UPDATE audit SET act = 'write' WHERE seq = 2")
            .await;
        assert!(verify_chain(log(bench).await).is_ok());
        bench.hand.run("DELETE FROM audit WHERE seq = 2").await;
        assert_eq!(verify_chain(log(bench).await), Err(Broken { seq: 2 }));
    })
    .await;
}

#[tokio::test]
async fn the_reader_filters_by_each_field_and_by_none() {
    on_each_engine(async |bench: &Bench| {
        let person = PersonId::new(TWO);
        let mut by_person = entry("decide");
        by_person.actor = Some(person);
        let mut about = entry("mint");
        about.subject = TWO;
        let mut refused = entry("claim");
        refused.outcome = domain::audit::Outcome::Refused;
        let evidence = Evidence::of(by_person).and(about).and(refused);
        let work = bench.store.work().await.unwrap();
        work.commit(evidence).await.unwrap();

        let all = AuditFilter {
            limit: 10,
            ..AuditFilter::default()
        };
        let cases = [
            (all.clone(), "3 2 1"),
            (
                AuditFilter {
                    act: "mint".to_owned(),
                    ..all.clone()
                },
                "2",
            ),
            (
                AuditFilter {
                    actor: Some(person),
                    ..all.clone()
                },
                "1",
            ),
            (
                AuditFilter {
                    actor: Some(PersonId::new(ONE)),
                    ..all.clone()
                },
                "",
            ),
            (
                AuditFilter {
                    subject: Some(TWO),
                    ..all.clone()
                },
                "2",
            ),
            (
                AuditFilter {
                    subject: Some(ONE),
                    ..all.clone()
                },
                "3 1",
            ),
            (
                AuditFilter {
                    outcome: "refused".to_owned(),
                    ..all.clone()
                },
                "3",
            ),
            (
                AuditFilter {
                    before: Some(3),
                    ..all.clone()
                },
                "2 1",
            ),
            (
                AuditFilter {
                    before: Some(3),
                    limit: 1,
                    ..all.clone()
                },
                "2",
            ),
            (
                AuditFilter {
                    act: "mint".to_owned(),
                    actor: Some(person),
                    ..all
                },
                "",
            ),
        ];
        let mut read = bench.store.read().await.unwrap();
        for (filter, expected) in cases {
            let found = read.audit(&filter).await.unwrap();
            let seqs: Vec<String> = found.iter().map(|row| row.seq.to_string()).collect();
            assert_eq!(seqs.join(" "), expected, "{filter:?}");
        }
        let history = read.history(ONE, 10).await.unwrap();
        assert_eq!(
            history.iter().map(|row| row.seq).collect::<Vec<_>>(),
            [1, 3]
        );
        let two = AuditFilter {
            limit: 2,
            ..AuditFilter::default()
        };
        let newer = read.audit_after(1, &two).await.unwrap();
        assert_eq!(newer.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3]);
    })
    .await;
}

async fn log(bench: &Bench) -> Vec<(AuditRecord, Digest)> {
    let mut read = bench.store.read().await.unwrap();
    let rows = read.audit_from(1, i64::MAX).await.unwrap();
    rows.into_iter().map(record).collect()
}

fn record(row: AuditRow) -> (AuditRecord, Digest) {
    let record = AuditRecord {
        seq: row.seq.try_into().unwrap(),
        at: row.at,
        actor_kind: row.actor_kind.0,
        actor: row.actor_id,
        credential: row.credential_id,
        act: row.act,
        subject_kind: row.subject_kind,
        subject: row.subject_id,
        outcome: row.outcome.0,
        evidence: row.evidence.into_bytes(),
        address: row.address.map(|address| address.0),
        user_agent: row.agent.map(UserAgent::from),
    };
    (record, row.hash)
}
