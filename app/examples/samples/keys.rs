//! Keys.

use app::components::{Filled, Line, Paging};
use app::pages::key::{KeyDetail, KeyList, KeyMay, KeyRow, key_page, keys_page};
use app::pages::state::KeyState;
use app::shell::Area;

use super::access::{chips_of, grant_lines, paging, refused};
use super::temporary::temporary_lines;
use super::{DAY, HOUR, Sample, State, at, contact, entries, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("keys", move || keys_page(staff(s, Area::Keys), keys(s))),
        named("key", move || key_page(staff(s, Area::Keys), key(s))),
        named("key-partner", move || {
            key_page(contact(s, Area::Keys), partner_key(s))
        }),
    ]
}

fn key_rows(s: State) -> Vec<KeyRow> {
    [
        (
            "lk_live_7Fq2mZ0a…",
            "Brightwater Logistics",
            KeyState::Active,
            Some(-40),
            62 * DAY,
        ),
        (
            "lk_live_Xy81bQ4t…",
            "Quill Analytics",
            KeyState::NotActive,
            None,
            90 * DAY,
        ),
        (
            "lk_test_0aPq77Lm…",
            "Tern Robotics",
            KeyState::Suspended,
            Some(-3 * DAY),
            12 * DAY,
        ),
        (
            "lk_live_Zz00aa11…",
            "Moss and Reed",
            KeyState::Compromised,
            Some(-DAY),
            -HOUR,
        ),
    ]
    .into_iter()
    .map(|(shown, partner, state, used, ends)| KeyRow {
        id: "k1".to_owned(),
        shown: s.t(shown),
        partner: s.t(partner),
        service: s.t("Shipments API"),
        environment: s.t("production"),
        state,
        last_used: used.map(at),
        ends: at(ends),
    })
    .collect()
}

fn keys(s: State) -> KeyList {
    KeyList {
        summary: if s.is_empty() {
            "No key is live.".to_owned()
        } else {
            s.t("Four keys, one of them active.")
        },
        query: if s == State::Failing {
            "lk_live_nothing".to_owned()
        } else {
            s.t("")
        },
        kept: Vec::new(),
        chips: chips_of(&[("All", 4), ("Active", 1), ("Ending soon", 1), ("Ended", 0)]),
        rows: if matches!(s, State::Empty | State::Failing) {
            Vec::new()
        } else {
            key_rows(s)
        },
        paging: if s == State::Failing {
            Paging::default()
        } else {
            paging(s)
        },
        filtered: s == State::Failing,
        usage: if s == State::Full {
            "/partners/b1/usage".to_owned()
        } else {
            String::new()
        },
    }
}

fn key(s: State) -> KeyDetail {
    let live = !s.is_empty();
    let state = match s {
        State::Empty => KeyState::Sent,
        State::Failing => KeyState::Suspended,
        _ => KeyState::Active,
    };
    KeyDetail {
        id: "k1".to_owned(),
        shown: s.t("lk_live_7Fq2mZ0a…"),
        partner: s.t("Brightwater Logistics"),
        partner_id: "b1".to_owned(),
        service: s.t("Shipments API"),
        environment: s.t("production"),
        state,
        ends: at(if state.is_live() { 62 * DAY } else { -DAY }),
        last_used: live.then(|| (at(-40), s.t("203.0.113.0"))),
        last_refused: live.then(|| {
            (
                at(-3 * HOUR),
                s.t("the call came from a network that is not granted"),
                s.t("source_network"),
            )
        }),
        accepted: if live { 41_204 } else { 0 },
        refused: if live { 12 } else { 0 },
        hours: if live {
            (0_u64..24)
                .map(|hour| {
                    (
                        200 + hour * (24 - hour) * 22,
                        if hour == 20 { 40 } else { 0 },
                    )
                })
                .collect()
        } else {
            Vec::new()
        },
        grant: grant_lines(s),
        facts: vec![
            Line::new("Recipient", s.t("Quay Desk")),
            Line::new("Made", s.t("28 days ago")),
            Line::new("Delivery", s.t("claimed after 14 minutes, receipt signed")),
            Line::new(
                "Grant",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            )
            .mono(),
        ],
        request_id: "7f3a".to_owned(),
        grant_id: "9a1c".to_owned(),
        temporary: temporary_lines(s),
        timeline: entries(s),
        may: KeyMay {
            narrow: state.is_live(),
            revoke: state.is_live(),
            revoke_grant: state.is_live(),
            suspend: state == KeyState::Active,
            resume: state == KeyState::Suspended,
            redeliver: state == KeyState::Sent,
            ..KeyMay::default()
        },
        filled: refused(
            s,
            &[("reason", "Say why, so that the partner can act on it.")],
        )
        .of_form("key"),
    }
}

fn partner_key(s: State) -> KeyDetail {
    KeyDetail {
        partner_id: String::new(),
        state: if s == State::Failing {
            KeyState::Compromised
        } else {
            KeyState::Active
        },
        may: KeyMay {
            ask_temporary: s != State::Failing,
            replace: true,
            ..KeyMay::default()
        },
        filled: Filled::default(),
        ..key(s)
    }
}
