//! The list of partners.

use domain::id::PartnerId;
use domain::state::PartnerState;
use uuid::Uuid;

use super::bench::{Bench, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{Code, Partner, PartnerFilter};

/// The samples' two, and one without anybody.
async fn fill_partners(bench: &Bench) {
    fill(bench).await;
    let lonely = Partner {
        id: PartnerId::new(Uuid::from_u128(10)),
        name: "C_D".to_owned(),
        state: Code(PartnerState::Suspended),
        ..Partner::full(TWO)
    };
    bench
        .write(async |work| {
            for (id, name) in [(ONE, "Ab%"), (TWO, "abc")] {
                let row = work.partner(PartnerId::new(id)).await.unwrap().unwrap();
                let stamp = row.stamp();
                let named = Partner {
                    name: name.to_owned(),
                    state: Code(PartnerState::Active),
                    ..row.into_row()
                };
                work.update_partner(named, stamp).await.unwrap();
            }
            work.add_partner(lonely).await.unwrap();
        })
        .await;
    let one = bench.literal(ONE);
    for change in [
        "UPDATE person SET state = 'active', name = 'Ada Quay', partner_id = id WHERE id =",
        "UPDATE address SET email = 'ada@quay.example' WHERE id =",
        "UPDATE api_key SET state = 'active' WHERE id =",
        "UPDATE access_request SET submitted_at = 1 WHERE id =",
    ] {
        bench.hand.run(&format!("{change} {one}")).await;
    }
    let two = bench.literal(TWO);
    for change in [
        "UPDATE person SET state = 'removed', name = 'Bo', partner_id = id WHERE id =",
        "UPDATE api_key SET state = 'destroyed' WHERE id =",
        "UPDATE access_request SET submitted_at = NULL WHERE id =",
    ] {
        bench.hand.run(&format!("{change} {two}")).await;
    }
}

fn all() -> PartnerFilter {
    PartnerFilter {
        limit: 100,
        ..PartnerFilter::default()
    }
}

async fn names(bench: &Bench, filter: PartnerFilter) -> Vec<String> {
    let mut read = bench.store.read().await.unwrap();
    let lines = read.list_partners(&filter).await.unwrap();
    let mut names: Vec<String> = lines
        .into_iter()
        .map(|line| line.partner.name.clone())
        .collect();
    // Where capitals stand is the engine's own.
    names.sort();
    names
}

#[tokio::test]
async fn partners_are_found_by_name_contact_and_state() {
    on_each_engine(async |bench: &Bench| {
        fill_partners(bench).await;
        let cases: [(&str, &[&str]); 7] = [
            ("", &["Ab%", "C_D", "abc"]),
            ("AB", &["Ab%", "abc"]),
            ("%", &["Ab%"]),
            ("_", &["C_D"]),
            ("ada q", &["Ab%"]),
            ("@QUAY", &["Ab%"]),
            // Who was removed finds nobody.
            ("bo", &[]),
        ];
        for (search, expected) in cases {
            let filter = PartnerFilter {
                search: search.to_owned(),
                ..all()
            };
            assert_eq!(names(bench, filter).await, expected, "{search}");
        }
        let suspended = PartnerFilter {
            state: "suspended".to_owned(),
            ..all()
        };
        assert_eq!(names(bench, suspended).await, ["C_D"]);
        let beyond = PartnerFilter { offset: 3, ..all() };
        assert!(names(bench, beyond).await.is_empty());
        let mut read = bench.store.read().await.unwrap();
        let counts = read.partner_counts("").await.unwrap();
        let expected = [("active", 2), ("suspended", 1)];
        assert_eq!(
            counts,
            expected.map(|(state, count)| (state.to_owned(), count))
        );
        assert_eq!(
            read.partner_counts("ada").await.unwrap(),
            [("active".to_owned(), 1)]
        );
    })
    .await;
}

#[tokio::test]
async fn a_partners_line_counts_its_people_its_requests_and_its_live_keys() {
    on_each_engine(async |bench: &Bench| {
        fill_partners(bench).await;
        let mut read = bench.store.read().await.unwrap();
        let lines = read.list_partners(&all()).await.unwrap();
        let of = |name: &str| {
            let line = lines.iter().find(|line| line.partner.name == name).unwrap();
            let count = &line.count;
            (
                [count.contacts, count.requests, count.live_keys],
                count.email.as_deref(),
            )
        };
        assert_eq!(of("Ab%"), ([1, 1, 1], Some("ada@quay.example")));
        assert_eq!(of("abc"), ([0, 0, 0], None));
        assert_eq!(of("C_D"), ([0, 0, 0], None));
    })
    .await;
}
