//! Temporary access, and less for a live grant.

use app::components::{Choice, Filled, Line, Vote};
use app::pages::narrow::{NarrowLive, narrow_live_page};
use app::pages::temporary::{
    AskTemporary, Temporary, TemporaryLine, TemporaryMay, TemporaryState, ask_temporary_page,
    temporary_page,
};
use app::shell::Area;

use super::access::refused;
use super::{HOUR, Sample, State, at, contact, entries, named, staff, votes};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("temporary", move || {
            temporary_page(staff(s, Area::Requests), temporary(s))
        }),
        named("temporary-partner", move || {
            temporary_page(contact(s, Area::Requests), partners(s))
        }),
        named("temporary-ask", move || {
            ask_temporary_page(contact(s, Area::Keys), ask(s))
        }),
        named("narrow-live", move || {
            narrow_live_page(staff(s, Area::Keys), narrow(s))
        }),
    ]
}

pub(crate) fn temporary_lines(s: State) -> Vec<TemporaryLine> {
    if s.is_empty() {
        return Vec::new();
    }
    [
        (TemporaryState::Asked, None),
        (TemporaryState::Open, Some(HOUR)),
        (TemporaryState::Ended, Some(-30 * HOUR)),
    ]
    .into_iter()
    .map(|(state, until)| TemporaryLine {
        id: "o1".to_owned(),
        calls: s.t("GET /labels/{rest...} and 1 more"),
        state,
        lasts: s.t("for 2 hours"),
        until: until.map(at),
    })
    .collect()
}

fn temporary(s: State) -> Temporary {
    let asked = matches!(s, State::Empty | State::Failing);
    Temporary {
        id: "o1".to_owned(),
        partner: s.t("Brightwater Logistics"),
        place: s.t("Shipments API, production"),
        request_id: "7f3a".to_owned(),
        state: if asked {
            TemporaryState::Asked
        } else {
            TemporaryState::Open
        },
        until: (!asked).then(|| at(HOUR)),
        lines: vec![
            Line::new("Partner", s.t("Brightwater Logistics")),
            Line::new("Service", s.t("Shipments API")),
            Line::new("Environment", s.t("production")),
            Line::new("Calls", s.t("GET /labels/{rest...}")),
            Line::new("Scopes added", s.t("labels:read")),
            Line::new("Changes things", "no, it only reads"),
            Line::new("For", "2 hours from the last approval"),
            Line::new("Asked for by", s.t("Ada Quay <ada@brightwater.example>")),
            Line::new(
                "Why",
                s.t("We look for the labels of 40 parcels that were lost in the storm."),
            ),
            Line::new("Approvals needed", "2"),
            Line::new(
                "grant",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            )
            .mono(),
        ],
        votes: if s.is_empty() {
            vec![Vote {
                by: None,
                detail: "still to come".to_owned(),
            }]
        } else {
            votes(s)
        },
        quorum: "1 of 2".to_owned(),
        follows: s.t("With your approval it is complete, and open at once."),
        hindered: if s == State::Failing {
            "The service does not offer these endpoints as they were asked for any more. Reject this, so that it is asked for anew.".to_owned()
        } else {
            String::new()
        },
        reason: String::new(),
        stamp: "00".to_owned(),
        timeline: entries(s),
        may: TemporaryMay {
            decide: asked,
            end: !asked,
            withdraw: false,
        },
        filled: refused(s, &[("reason", "Say why not.")]).of_form("decide"),
    }
}

fn partners(s: State) -> Temporary {
    Temporary {
        state: match s {
            State::Failing => TemporaryState::Rejected,
            State::Empty => TemporaryState::Asked,
            _ => TemporaryState::Ended,
        },
        reason: if s.is_empty() {
            String::new()
        } else {
            s.t("The parcels were found.")
        },
        hindered: String::new(),
        may: TemporaryMay {
            withdraw: s.is_empty(),
            ..TemporaryMay::default()
        },
        filled: Filled::default(),
        ..temporary(s)
    }
}

fn ask(s: State) -> AskTemporary {
    let choice = |name: &str, needs: &str| Choice::new(name, s.t(name)).help(s.t(needs));
    AskTemporary {
        grant: "9a1c".to_owned(),
        back: ("/keys/k1".to_owned(), "The key".to_owned()),
        place: s.t("Shipments API, production"),
        endpoints: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                choice(
                    "GET /labels/{rest...}",
                    "Needs labels:read, shipments:read.",
                ),
                choice("GET /returns/{id}", "Needs returns:read."),
            ]
        },
        writes: s == State::Failing,
        has_writes: true,
        end: s.t("It never lasts longer than the grant, which ends 2027-03-14 09:00 UTC."),
        filled: refused(
            s,
            &[
                ("lasts", "At least 5 minutes and at most 72 hours."),
                ("why", "Answer in words that a reviewer can judge."),
            ],
        )
        .with("endpoint", "GET /labels/{rest...}")
        .with("unit", "hours"),
    }
}

fn narrow(s: State) -> NarrowLive {
    let choice = |name: &str| Choice::new(name, s.t(name));
    NarrowLive {
        grant: "9a1c".to_owned(),
        request: "7f3a".to_owned(),
        title: s.t("Shipments API for Brightwater Logistics"),
        environment: s.t("production"),
        scopes: vec![choice("shipments:read"), choice("shipments:write")],
        rules: vec![
            choice("GET /v2/shipments/{id}"),
            choice("GET /v2/shipments/{id}/events"),
            choice("POST /v2/shipments"),
        ],
        rate_limit: s.t("At most 100."),
        life_limit: s.t("At most 180, counted from the approval."),
        keys: if s.is_empty() { 0 } else { 2 },
        proposed: s == State::Full,
        filled: refused(
            s,
            &[
                (
                    "networks",
                    "The networks must lie within those of the grant.",
                ),
                ("why", "Say why."),
            ],
        )
        .with("scope", "shipments:read")
        .with("rule", "GET /v2/shipments/{id}"),
    }
}
