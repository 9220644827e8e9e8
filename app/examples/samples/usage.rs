//! Use of keys, grants, partners and services.

use app::components::{Bar, Chip, Line};
use app::pages::usage::{
    EndpointRow, FitCard, FitState, KeyRow, ReasonRow, RefusedRow, SourceRow, Standing,
    UsageDetail, usage_page,
};
use app::shell::Area;

use super::{DAY, HOUR, Sample, State, at, contact, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("usage-key", move || {
            usage_page(staff(s, Area::Keys), of_key(s))
        }),
        named("usage-grant", move || {
            usage_page(staff(s, Area::Keys), of_grant(s))
        }),
        named("usage-partner", move || {
            usage_page(contact(s, Area::Keys), of_partner(s))
        }),
        named("usage-service", move || {
            usage_page(staff(s, Area::Services), of_service(s))
        }),
    ]
}

fn link(s: State, href: &str, label: &str) -> (String, String) {
    (href.to_owned(), s.t(label))
}

fn bars(names: impl Iterator<Item = String>) -> Vec<Bar> {
    names
        .enumerate()
        .map(|(at, name)| {
            let at = u64::try_from(at).unwrap_or_default();
            Bar {
                name,
                accepted: 900 + at * 37 % 11 * 140,
                refused: if at % 9 == 4 { 37 } else { 0 },
            }
        })
        .collect()
}

fn endpoint(s: State, name: &str, accepted: u64, refused: u64, standing: Standing) -> EndpointRow {
    EndpointRow {
        service: String::new(),
        name: s.t(name),
        accepted,
        refused,
        standing,
    }
}

fn of_key(s: State) -> UsageDetail {
    let none = s.is_empty();
    let all = |rows: Vec<EndpointRow>| if none { Vec::new() } else { rows };
    UsageDetail {
        above: vec![
            ("/keys".to_owned(), "Keys".to_owned()),
            link(s, "/partners/b1", "Brightwater Logistics"),
            link(s, "/keys/k1", "lk_live_7Fq2mZ0a…"),
        ],
        title: s.t("lk_live_7Fq2mZ0a…"),
        about: s.t("Shipments API, production"),
        periods: ["24 hours", "7 days", "30 days", "90 days"]
            .map(|label| Chip {
                href: "/keys/k1/usage".to_owned(),
                label: label.to_owned(),
                count: None,
                here: label == "30 days",
            })
            .to_vec(),
        period: "30 days".to_owned(),
        step: "Day".to_owned(),
        bars: if none {
            Vec::new()
        } else {
            bars((1..=30).map(|day| s.t(&format!("{day} November 2026"))))
        },
        accepted: if none { 0 } else { 41_204 },
        refused: if none { 0 } else { 111 },
        last_accepted: (!none).then(|| at(-40)),
        last_refused: (!none).then(|| at(-3 * HOUR)),
        counted_since: (s == State::Failing).then(|| at(-12 * DAY)),
        reasons: if none {
            Vec::new()
        } else {
            vec![
                ReasonRow {
                    sentence: s.t("This key may not be used from this network."),
                    code: "source_network".to_owned(),
                    calls: 74,
                },
                ReasonRow {
                    sentence: s.t("This key makes too many calls. Slow down and try again."),
                    code: "rate_limit".to_owned(),
                    calls: 37,
                },
            ]
        },
        endpoints: all(vec![
            endpoint(s, "GET /v2/shipments/{id}", 36_054, 37, Standing::Granted),
            endpoint(s, "GET /v2/shipments", 5_150, 0, Standing::Granted),
            endpoint(s, "GET /v1/shipments/{id}", 12, 0, Standing::NoLonger),
            endpoint(s, "GET /v2/shipments/{id}/events", 0, 0, Standing::Unused),
        ]),
        sources: if none {
            Vec::new()
        } else {
            [
                ("203.0.113.0/24", 41_200, 0),
                ("2001:db8:7::/48", 4, 30),
                ("other", 0, 44),
            ]
            .map(|(network, accepted, refused)| SourceRow {
                network: network.to_owned(),
                accepted,
                refused,
            })
            .to_vec()
        },
        keys: Vec::new(),
        fit: None,
        ways: vec![link(s, "/grants/g1/usage", "All keys of its grant")],
    }
}

fn key_row(s: State, shown: &str, whose: &str, grant: &str, accepted: u64) -> KeyRow {
    KeyRow {
        href: "/keys/k1/usage".to_owned(),
        shown: s.t(shown),
        whose: if whose.is_empty() {
            String::new()
        } else {
            s.t(whose)
        },
        grant: grant.to_owned(),
        accepted,
        refused: 3,
    }
}

fn of_grant(s: State) -> UsageDetail {
    UsageDetail {
        title: "the grant for production".to_owned(),
        keys: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                key_row(s, "lk_live_7Fq2mZ0a…", "", "", 41_204),
                key_row(s, "lk_live_Xy81bQ4t…", "", "", 17),
            ]
        },
        fit: Some(fit(s)),
        ways: vec![
            link(s, "/requests/r1", "The request"),
            link(s, "/partners/b1/usage", "All use by Brightwater Logistics"),
        ],
        ..of_key(s)
    }
}

fn fit(s: State) -> FitCard {
    let narrower = !s.is_empty();
    FitCard {
        state: if narrower {
            FitState::Narrower
        } else {
            FitState::Unused
        },
        endpoints_unsure: false,
        sources_unsure: s == State::Failing,
        scopes: vec![
            (
                "shipments:read".to_owned(),
                if narrower { 41_204 } else { 0 },
            ),
            ("shipments:write".to_owned(), 0),
        ],
        networks: if s == State::Failing {
            Vec::new()
        } else {
            vec![
                (
                    "203.0.113.0/28".to_owned(),
                    if narrower { 41_200 } else { 0 },
                ),
                ("198.51.100.0/24".to_owned(), 0),
            ]
        },
        proposal: vec![
            Line::new("Calls", "GET /v2/shipments\nGET /v2/shipments/{id}\n")
                .removed("GET /v2/shipments/{id}/events\nPOST /v2/shipments")
                .mono(),
            Line::new("Scopes", s.t("shipments:read")).removed(s.t("shipments:write")),
            Line::new("From networks", "203.0.113.0/28\n")
                .removed("198.51.100.0/24")
                .mono(),
        ],
        replayed: 41_204,
        no_longer: if s == State::Failing { 12 } else { 0 },
        refused: if s == State::Failing {
            vec![RefusedRow {
                endpoint: s.t("POST /v2/shipments"),
                source: "203.0.113.0/24".to_owned(),
                code: "endpoint".to_owned(),
                calls: 7,
            }]
        } else {
            Vec::new()
        },
        narrow: if s == State::Full {
            "/grants/g1/narrow".to_owned()
        } else {
            String::new()
        },
    }
}

fn of_partner(s: State) -> UsageDetail {
    let production = "Shipments API, production";
    UsageDetail {
        above: vec![("/keys".to_owned(), "Keys".to_owned())],
        title: s.t("Brightwater Logistics"),
        about: "All its keys, in every service".to_owned(),
        period: "90 days".to_owned(),
        step: "Week from".to_owned(),
        bars: if s.is_empty() {
            Vec::new()
        } else {
            bars((1..=13).map(|week| format!("{week} October 2026")))
        },
        keys: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                key_row(
                    s,
                    "lk_live_7Fq2mZ0a…",
                    production,
                    "/grants/g1/usage",
                    41_204,
                ),
                key_row(
                    s,
                    "lk_test_0aPq77Lm…",
                    "Reports API, sandbox",
                    "/grants/g2/usage",
                    90,
                ),
            ]
        },
        endpoints: of_key(s)
            .endpoints
            .into_iter()
            .map(|row| EndpointRow {
                service: s.t("Shipments API"),
                ..row
            })
            .collect(),
        ways: Vec::new(),
        ..of_key(s)
    }
}

fn of_service(s: State) -> UsageDetail {
    UsageDetail {
        above: vec![
            ("/services".to_owned(), "Services".to_owned()),
            link(s, "/services/s1", "Shipments API"),
        ],
        title: s.t("Shipments API"),
        about: "By every partner".to_owned(),
        // Used before, and not in this period.
        last_accepted: Some(at(-40 * DAY)),
        ..of_partner(s)
    }
}
