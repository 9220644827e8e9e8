//! Requests, decisions, keys, claims.

use app::components::{Answer, Change, Chip, Choice, Filled, Line, Paging, Pill, Sort, Step, Tone};
use app::pages::queue::{Queue, QueueRow, queue_page};
use app::pages::request::{
    Decide, DecidedBy, GrantView, NarrowForm, QUESTIONS, Question, RequestForm, Review, Section,
    SectionView, StartForm, Status, StatusGrant, Verdict, decide_page, edit_page, is_mono,
    narrow_page, review_page, start_page, status_page,
};
use app::pages::state::RequestState;
use app::shell::Area;

use super::{DAY, HOUR, Sample, State, at, comments, contact, entries, named, staff, votes};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("request", move || {
            review_page(staff(s, Area::Requests), review(s))
        }),
        named("decide", move || {
            decide_page(staff(s, Area::Requests), decide(s))
        }),
        named("narrow", move || {
            narrow_page(staff(s, Area::Requests), narrow(s))
        }),
        named("request-status", move || {
            status_page(contact(s, Area::Requests), status(s))
        }),
        named("request-edit", move || {
            edit_page(contact(s, Area::Requests), edit(s))
        }),
        named("request-new", move || {
            start_page(contact(s, Area::Requests), start(s))
        }),
        named("queue", move || {
            queue_page(staff(s, Area::Requests), queue(s))
        }),
        named("queue-partner", move || {
            let unknown = match s {
                State::Failing => "waiting".to_owned(),
                _ => String::new(),
            };
            let vm = Queue {
                unknown,
                ..queue(s)
            };
            queue_page(contact(s, Area::Requests), vm)
        }),
    ]
}

pub(crate) fn refused(s: State, fields: &[(&str, &str)]) -> Filled {
    let mut filled = Filled::default();
    for (name, sentence) in fields {
        filled = filled.with(name, s.t("What was typed"));
        if s == State::Failing {
            filled.refuse(name, *sentence);
        }
    }
    filled
}

pub(crate) fn grant_lines(s: State) -> Vec<Line> {
    vec![
        Line::new("Scopes", s.t("shipments:read"))
            .mono()
            .removed(s.t("shipments:write")),
        Line::new(
            "Endpoints",
            s.t("GET /v2/shipments/{id}\nGET /v2/shipments/{id}/events"),
        )
        .mono(),
        Line::new("Networks", s.t("203.0.113.0/28\n198.51.100.16/29")).mono(),
        Line::new("Rate", s.t("50 a second")).remark(s.t("policy allows 100")),
        Line::new("Life", s.t("90 days")).remark(s.t("asked for 365")),
    ]
}

fn sections(s: State) -> Vec<SectionView> {
    let none = s.is_empty();
    let verdicts = if none {
        [Verdict::None; 3]
    } else {
        [Verdict::Accepted, Verdict::ChangesAsked, Verdict::None]
    };
    Section::ALL
        .into_iter()
        .zip(verdicts)
        .map(|(section, verdict)| SectionView {
            section,
            verdict,
            answers: answers(s, section),
            comments: if verdict == Verdict::ChangesAsked {
                comments(s)
            } else {
                Vec::new()
            },
        })
        .collect()
}

fn answers(s: State, section: Section) -> Vec<Answer> {
    QUESTIONS
        .iter()
        .filter(|question| Section::from(question.section) == section)
        .map(|question| {
            if s.is_empty() {
                return Answer::new(question.label, "");
            }
            let answer = match question.id.code() {
                "data" => Answer::changed(
                    question.label,
                    vec![
                        Change::Same(s.t("Shipment status and postal code of customers who gave consent. ")),
                        Change::Removed(s.t("Names and street addresses.")),
                    ],
                ),
                "networks" => Answer::changed(
                    question.label,
                    vec![Change::Same(s.t("203.0.113.0/28\n")), Change::Added(s.t("198.51.100.16/29"))],
                ),
                "endpoints" => Answer::new(question.label, s.t("GET /v2/shipments/{id}\nGET /v2/shipments/{id}/events")),
                "purpose" => Answer::new(question.label, s.t("Show our customers where their parcel is, without asking them to leave our app.")),
                _ => Answer::new(question.label, s.t("One service in two regions, read by no person; see the runbook.")),
            };
            if is_mono(question) { answer.mono() } else { answer }
        })
        .collect()
}

fn review(s: State) -> Review {
    Review {
        id: "7f3a".to_owned(),
        partner: s.t("Brightwater Logistics"),
        partner_id: "b1".to_owned(),
        service: s.t("Shipments API"),
        state: if s.is_empty() {
            RequestState::New
        } else {
            RequestState::InReview
        },
        revision: 2,
        submitted: at(-DAY),
        submitted_by: s.t("a partner admin"),
        compared_with: (!s.is_empty()).then_some(1),
        sections: sections(s),
        grants: vec![
            GrantView {
                environment: "production".to_owned(),
                lines: grant_lines(s),
                votes: votes(s),
                given: 1,
                needed: 2,
                waiting: s.t("Waiting for one more reviewer."),
                decided: if s == State::Failing {
                    DecidedBy::Others(s.t("You were appointed after this revision was handed in, so somebody else decides it."))
                } else {
                    DecidedBy::You
                },
            },
            GrantView {
                environment: "sandbox".to_owned(),
                lines: grant_lines(s).into_iter().take(2).collect(),
                votes: Vec::new(),
                given: 1,
                needed: 1,
                waiting: String::new(),
                decided: DecidedBy::Over(Pill::new("Approved", Tone::Ok)),
            },
        ],
        timeline: entries(s),
        may_review: true,
        why_not: String::new(),
        filled: match s {
            State::Empty | State::Full => Filled::default(),
            _ => refused(s, &[("comment", "Say what has to change.")]).of_form("safeguards"),
        },
    }
}

fn decide(s: State) -> Decide {
    Decide {
        request: "7f3a".to_owned(),
        environment: "production".to_owned(),
        partner: s.t("Brightwater Logistics"),
        service: s.t("Shipments API"),
        lines: signed(s),
        follows: s
            .t("With your approval it is complete: a key is made at once and sent to the contact."),
        stamp: s.t("4"),
        filled: refused(
            s,
            &[("reason", "Say why, in a sentence that helps the partner.")],
        ),
    }
}

pub(crate) fn signed(s: State) -> Vec<Line> {
    let mut lines = vec![
        Line::new("Partner", s.t("Brightwater Logistics")),
        Line::new("Service", s.t("Shipments API, production")),
        Line::new("Recipient", s.t("Quay Desk, quay@brightwater.example")),
        Line::new("Revision", s.t("2"))
            .remark("sha-256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        Line::new("Policy", s.t("version 4, two approvals, at most 180 days")),
    ];
    lines.extend(grant_lines(s));
    lines
}

fn narrow(s: State) -> NarrowForm {
    NarrowForm {
        request: "7f3a".to_owned(),
        environment: "production".to_owned(),
        title: s.t("Shipments API for Brightwater Logistics"),
        scopes: scopes(s),
        rate_limit: s.t("At most 100, as the policy allows."),
        life_limit: s.t("At most 180, as the policy allows; 365 were asked for."),
        voids: if s.is_empty() { 0 } else { 1 },
        filled: refused(
            s,
            &[
                ("networks", "10.0.0.0/8 is not part of what was asked for."),
                ("why", "Say why."),
            ],
        )
        .with("scope", "shipments:read"),
    }
}

fn scopes(s: State) -> Vec<Choice> {
    vec![
        Choice::new("shipments:read", s.t("shipments:read"))
            .help(s.t("Read the status and events of shipments."))
            .mark(s.t("personal data"), Tone::Warn),
        Choice::new("shipments:write", s.t("shipments:write"))
            .help(s.t("Create and cancel shipments."))
            .mark(s.t("costs money"), Tone::Stop),
    ]
}

fn status(s: State) -> Status {
    Status {
        id: "7f3a".to_owned(),
        service: s.t("Shipments API"),
        state: match s {
            State::Empty => RequestState::WaitingForPasskey,
            State::Failing => RequestState::ChangesAsked,
            _ => RequestState::InReview,
        },
        revision: 2,
        submitted: at(-DAY),
        way: vec![
            (Step::Done, "Handed in".to_owned(), s.t("yesterday")),
            (
                Step::Now,
                "In review".to_owned(),
                s.t("two of three sections have a verdict"),
            ),
            (
                Step::Later,
                "Decided".to_owned(),
                s.t("two approvals are needed for production"),
            ),
            (
                Step::Later,
                "Key sent".to_owned(),
                s.t("to you, as a link that only your passkey opens"),
            ),
        ],
        sections: sections(s),
        grants: vec![StatusGrant {
            environment: s.t("production"),
            state: Pill::new("1 of 2 approvals", Tone::Info),
            approvals: s.t("waiting for one more"),
            lines: grant_lines(s),
        }],
        timeline: entries(s),
        ask: s.t("Alder Works, partner desk"),
        ask_address: s.t("partners@alder.example"),
        may_edit: s == State::Failing,
        may_withdraw: !s.is_empty(),
        needs_passkey: s.is_empty(),
        filled: Filled::default(),
    }
}

fn edit(s: State) -> RequestForm {
    let mut filled = Filled::default();
    if !s.is_empty() {
        filled = filled
            .with("environment", "production")
            .with("scope", "shipments:read");
        // Who fails has answered the first section so far.
        let answered = |question: &&Question| {
            s != State::Failing || Section::from(question.section) == Section::Justification
        };
        for question in QUESTIONS.iter().filter(answered) {
            filled = filled.with(
                question.id.code(),
                s.t("Our customers’ parcels, <b>not</b> their names."),
            );
        }
    }
    if s == State::Failing {
        filled.refuse("purpose", "Say what it is for, in at least a sentence.");
        filled.refuse(
            "networks",
            "“203.0.113.300/28” is not a network. Write it like 203.0.113.0/28.",
        );
        filled.refuse("scope", "Pick at least one scope.");
    }
    RequestForm {
        id: "7f3a".to_owned(),
        service: s.t("Shipments API"),
        version: 3,
        state: if s == State::Failing {
            RequestState::ChangesAsked
        } else {
            RequestState::Draft
        },
        environments: vec![
            Choice::new("sandbox", s.t("Sandbox"))
                .help(s.t("Invented data. Decided by one person.")),
            Choice::new("production", s.t("Production"))
                .help(s.t("Real data. Decided by two people.")),
        ],
        scopes: scopes(s),
        saved: (!s.is_empty()).then(|| at(-40)),
        asked: if s == State::Failing || s == State::Hostile {
            comments(s)
                .into_iter()
                .map(|said| (Section::Workflow, said))
                .collect()
        } else {
            Vec::new()
        },
        filled,
    }
}

fn start(s: State) -> StartForm {
    let services = if s.is_empty() {
        Vec::new()
    } else {
        vec![
            Choice::new("a", s.t("Shipments API"))
                .help(s.t("Where a parcel is, and what happened to it.")),
            Choice::new("b", s.t("Reports API")).help(s.t("Monthly figures by region.")),
        ]
    };
    let mut filled = Filled::default();
    if s == State::Failing {
        filled.refuse("service", "Pick a service.");
    }
    StartForm { services, filled }
}

pub(crate) fn chips_of(names: &[(&str, u64)]) -> Vec<Chip> {
    names
        .iter()
        .enumerate()
        .map(|(at, (label, count))| Chip {
            href: format!("?state={at}"),
            label: (*label).to_owned(),
            count: (*count > 0).then(|| count.to_string()),
            here: at == 0,
        })
        .collect()
}

pub(crate) fn paging(s: State) -> Paging {
    if s.is_empty() {
        return Paging::default();
    }
    Paging {
        place: "21–40 of 248".to_owned(),
        newer: Some("?page=1".to_owned()),
        older: Some("?page=3".to_owned()),
    }
}

fn queue(s: State) -> Queue {
    let sort = |now| {
        Some(Sort {
            href: "?sort=partner".to_owned(),
            now,
        })
    };
    Queue {
        summary: if s.is_empty() {
            "Nothing waits for you.".to_owned()
        } else {
            s.t("Three wait for you. The oldest has waited two days.")
        },
        query: if s == State::Failing {
            "no such thing".to_owned()
        } else {
            s.t("")
        },
        kept: vec![("state".to_owned(), s.t("waiting"))],
        chips: chips_of(&[
            ("Waiting for me", 3),
            ("In review", 8),
            ("Changes asked", 4),
            ("Approved", 0),
            ("All", 0),
        ]),
        sorts: [sort(None), sort(None), sort(Some("descending"))],
        rows: if matches!(s, State::Empty | State::Failing) {
            Vec::new()
        } else {
            queue_rows(s)
        },
        paging: if s == State::Failing {
            Paging::default()
        } else {
            paging(s)
        },
        unknown: String::new(),
        filtered: s == State::Failing,
    }
}

fn queue_rows(s: State) -> Vec<QueueRow> {
    [
        (
            "Brightwater Logistics",
            "first request",
            "Shipments API",
            "production · 2 scopes · 3 networks",
            RequestState::InReview,
            "1 of 2",
            "waiting for one more",
            -2 * DAY,
        ),
        (
            "Quill Analytics",
            "2 live keys",
            "Reports API",
            "production · 1 scope",
            RequestState::ChangesAsked,
            "0 of 2",
            "your approval was voided by an edit",
            -5 * HOUR,
        ),
        (
            "Tern Robotics",
            "first request",
            "Telemetry API",
            "sandbox · 4 scopes",
            RequestState::New,
            "0 of 1",
            "",
            -1_200,
        ),
        (
            "Moss and Reed",
            "1 live key",
            "Reports API",
            "sandbox · 1 scope",
            RequestState::WaitingForPasskey,
            "1 of 1",
            "",
            -9 * DAY,
        ),
    ]
    .into_iter()
    // A page's worth.
    .cycle()
    .take(20)
    .map(
        |(partner, note, service, asks, state, approvals, approvals_note, since)| QueueRow {
            id: "7f3a".to_owned(),
            partner: s.t(partner),
            partner_note: s.t(note),
            service: s.t(service),
            asks: s.t(asks),
            state,
            approvals: s.t(approvals),
            approvals_note: s.t(approvals_note),
            since: at(since),
        },
    )
    .collect()
}
