//! Drafts and the queue.

use domain::id::{PartnerId, RequestId};
use domain::request::RequestState;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::bench::{Bench, Engine, Hand, at, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use super::schema::columns;
use crate::{AccessRequest, COUNTED, Code, Partner, QueueFilter, QueueSort};

const ID: RequestId = RequestId::new(Uuid::from_u128(3));

async fn save(bench: &Bench, before: i64, draft: &str) -> bool {
    let mut saved = false;
    bench
        .write_minor(async |work| saved = work.save_draft(ID, before, draft, at(5)).await.unwrap())
        .await;
    saved
}

async fn add_draft(bench: &Bench, state: RequestState) {
    fill(bench).await;
    let request = AccessRequest {
        id: ID,
        state: Code(state),
        ..AccessRequest::bare(ONE)
    };
    bench
        .write(async |work| work.add_request(&request).await.unwrap())
        .await;
}

#[tokio::test]
async fn an_older_version_of_a_draft_does_not_overwrite_a_newer_one() {
    on_each_engine(async |bench: &Bench| {
        add_draft(bench, RequestState::Draft).await;
        assert!(save(bench, 0, "first").await);
        assert!(save(bench, 1, "second").await);
        for stale in [0, 1, 3, -1] {
            assert!(!save(bench, stale, "stale").await);
        }
        let mut read = bench.store.read().await.unwrap();
        let kept = read.request(ID).await.unwrap().unwrap();
        assert_eq!((kept.draft.as_str(), kept.draft_version), ("second", 2));
    })
    .await;
}

#[tokio::test]
async fn a_draft_is_saved_only_while_the_partner_has_the_pen() {
    use RequestState::{ChangesAsked, Draft};
    for state in RequestState::ALL {
        on_each_engine(async |bench: &Bench| {
            add_draft(bench, *state).await;
            let may = matches!(state, Draft | ChangesAsked);
            assert_eq!(save(bench, 0, "new").await, may, "{state}");
        })
        .await;
    }
}

/// Partners and one request of each, in the order of submission.
const PARTNERS: [(&str, RequestState); 5] = [
    ("100% Organic", RequestState::InReview),
    ("100x Organic", RequestState::Approved),
    ("a_b", RequestState::InReview),
    ("AXB", RequestState::Rejected),
    (r"back\slash", RequestState::InReview),
];

async fn fill_queue(bench: &Bench) {
    fill(bench).await;
    bench.hand.run("UPDATE service SET name = 'Weather'").await;
    bench.hand.run("UPDATE person SET name = 'Nobody'").await;
    bench.hand.run("UPDATE address SET email = 'nobody'").await;
    // What was never handed in is not in the queue.
    bench
        .hand
        .run("UPDATE access_request SET submitted_at = NULL")
        .await;
    bench
        .write(async |work| {
            for (number, (name, state)) in (10..).zip(PARTNERS) {
                let id = Uuid::from_u128(number);
                let partner = Partner {
                    name: name.to_owned(),
                    ..Partner::full(id)
                };
                work.add_partner(partner).await.unwrap();
                let request = AccessRequest {
                    id: RequestId::new(id),
                    partner_id: PartnerId::new(id),
                    state: Code(state),
                    submitted_at: Some(at(100 - number as i64)),
                    ..AccessRequest::bare(ONE)
                };
                work.add_request(&request).await.unwrap();
            }
        })
        .await;
}

fn all() -> QueueFilter {
    QueueFilter {
        limit: 100,
        ..QueueFilter::default()
    }
}

async fn names(bench: &Bench, filter: QueueFilter) -> Vec<String> {
    let mut read = bench.store.read().await.unwrap();
    let lines = read.queue(&filter).await.unwrap();
    lines.into_iter().map(|line| line.partner_name).collect()
}

#[tokio::test]
async fn the_queue_finds_wildcards_as_they_are_written() {
    on_each_engine(async |bench: &Bench| {
        fill_queue(bench).await;
        let cases: [(&str, &[&str]); 9] = [
            ("100%", &["100% Organic"]),
            ("a_b", &["a_b"]),
            (r"\", &[r"back\slash"]),
            ("%", &["100% Organic"]),
            ("_", &["a_b"]),
            ("ORGANIC", &["100% Organic", "100x Organic"]),
            ("xb", &["AXB"]),
            ("WEATHER", &PARTNERS.map(|(name, _)| name)),
            ("' OR '1'='1", &[]),
        ];
        for (search, expected) in cases {
            let search = search.to_owned();
            let found = names(
                bench,
                QueueFilter {
                    search: search.clone(),
                    ..all()
                },
            )
            .await;
            assert_eq!(found, expected, "{search}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_queue_finds_who_asks_by_name_and_address_in_every_order() {
    on_each_engine(async |bench: &Bench| {
        fill_queue(bench).await;
        let two = bench.literal(TWO);
        for change in [
            "UPDATE person SET name = 'Ada Quay' WHERE id =",
            "UPDATE address SET email = 'ada%lovelace@quay.example' WHERE id =",
        ] {
            bench.hand.run(&format!("{change} {two}")).await;
        }
        let asks = format!(
            "UPDATE access_request SET requester_id = {two} WHERE id = {}",
            bench.literal(Uuid::from_u128(12))
        );
        bench.hand.run(&asks).await;
        for search in ["ADA Q", "a%l", "@quay.example"] {
            for sort in [QueueSort::Newest, QueueSort::Oldest, QueueSort::Partner] {
                let filter = QueueFilter {
                    search: search.to_owned(),
                    sort,
                    ..all()
                };
                assert_eq!(names(bench, filter).await, ["a_b"], "{search}");
            }
            let elsewhere = QueueFilter {
                search: search.to_owned(),
                state: "approved".to_owned(),
                ..all()
            };
            assert!(names(bench, elsewhere).await.is_empty(), "{search}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_queue_filters_pages_and_counts() {
    on_each_engine(async |bench: &Bench| {
        fill_queue(bench).await;
        let everyone = PARTNERS.map(|(name, _)| name);
        assert_eq!(names(bench, all()).await, everyone);
        let in_review = QueueFilter {
            state: "in_review".to_owned(),
            ..all()
        };
        let waiting = names(bench, in_review.clone()).await;
        assert_eq!(waiting, ["100% Organic", "a_b", r"back\slash"]);
        let second = QueueFilter {
            limit: 2,
            offset: 2,
            ..all()
        };
        assert_eq!(names(bench, second).await, &everyone[2..4]);
        let both = QueueFilter {
            search: "organic".to_owned(),
            ..in_review
        };
        assert_eq!(names(bench, both).await, ["100% Organic"]);
        let beyond = QueueFilter { offset: 5, ..all() };
        assert!(names(bench, beyond).await.is_empty());
        let mut read = bench.store.read().await.unwrap();
        let counts = read.queue_counts().await.unwrap();
        assert_eq!(counts.len(), RequestState::ALL.len());
        for (state, count) in counts {
            let expected = match state.parse().unwrap() {
                RequestState::InReview => 3,
                RequestState::Approved | RequestState::Rejected => 1,
                _ => 0,
            };
            assert_eq!(count, expected, "{state}");
        }
    })
    .await;
}

#[tokio::test]
async fn among_10_000_requests_the_queue_reads_its_page_by_indexes() {
    on_each_engine(async |bench: &Bench| {
        fill_queue(bench).await;
        multiply(
            bench,
            "access_request",
            &[
                ("id", ID_OF_I),
                ("state", "'in_review'"),
                ("submitted_at", "-i"),
            ],
        )
        .await;
        // An embedded database has no statistics of its tables; a server gathers them by itself.
        if bench.engine == Engine::Postgres {
            bench.hand.run("ANALYZE").await;
        }
        let last = QueueFilter {
            offset: 10_000,
            ..all()
        };
        assert_eq!(names(bench, last).await.len(), PARTNERS.len());
        let plan = plan(bench, "QUEUE").await;
        println!("{:?}:\n{plan}", bench.engine);
        for full in ["SCAN access_request", "Seq Scan on access_request"] {
            let scans = plan.lines().filter(|line| line.contains(full));
            assert_eq!(
                scans.filter(|line| !line.contains("USING")).count(),
                0,
                "{plan}"
            );
        }
        assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{plan}");
        assert!(
            !plan
                .lines()
                .any(|line| line.trim_start().starts_with("->  Sort")),
            "{plan}"
        );
        let mut read = bench.store.read().await.unwrap();
        let counts = read.queue_counts().await.unwrap();
        let most = counts.iter().map(|(_, count)| *count).max();
        assert_eq!(most, Some(COUNTED + 1), "no more are counted than are told");
    })
    .await;
}

/// Stands for the engine's own way to make an id of the number `i`.
const ID_OF_I: &str = "id of i";

/// Copies the bare row of a table 10,000 times.
async fn multiply(bench: &Bench, table: &str, changed: &[(&str, &str)]) {
    let id_of_i = match bench.engine {
        Engine::Sqlite => "CAST(printf('%016d', i) AS BLOB)",
        Engine::Postgres => "(lpad(to_hex(i), 8, '0') || repeat('b', 24))::uuid",
    };
    let columns = columns(bench).await;
    let values: Vec<&str> = columns
        .iter()
        .filter(|column| column.table == table)
        .map(|column| {
            let change = changed.iter().find(|(name, _)| *name == column.name);
            match change {
                Some((_, ID_OF_I)) => id_of_i,
                Some((_, value)) => value,
                None => column.name.as_str(),
            }
        })
        .collect();
    let sql = format!(
        "INSERT INTO {table} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT {} FROM {table}, n WHERE id = {}",
        values.join(", "),
        bench.literal(TWO)
    );
    assert_eq!(bench.hand.run(&sql).await, 10_000);
}

async fn plan(bench: &Bench, name: &str) -> String {
    let statements = crate::requests::STATEMENTS;
    let statement = statements
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap()
        .1;
    let bound = |sql: &str| {
        sql.replace("$1", "''")
            .replace("$2", "25")
            .replace("$3", "0")
    };
    match &bench.hand {
        Hand::Sqlite(pool) => {
            let sql = format!("EXPLAIN QUERY PLAN {}", bound(statement.sqlite));
            let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(pool)
                .await
                .unwrap();
            let steps: Vec<String> = rows.into_iter().map(|row| row.3).collect();
            steps.join("\n")
        }
        Hand::Postgres(_) => {
            let sql = format!("EXPLAIN {}", bound(statement.postgres));
            bench.hand.texts(&sql).await.join("\n")
        }
    }
}
