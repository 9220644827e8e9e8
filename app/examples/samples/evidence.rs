//! Audit log, mail, development mailbox.

use app::components::{Choice, Filled, Line};
use app::pages::audit::{
    Audit, AuditEntry, AuditRow, Export, audit_entry_page, audit_page, export_page,
};
use app::pages::mail::{MailRow, MailState, Outbox, outbox_page};
use app::pages::mailbox::{Mail, MailLine, Mailbox, mail_page, mailbox_page};
use app::shell::Area;

use super::access::{chips_of, paging};
use super::{HOUR, Sample, State, at, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("audit", move || audit_page(staff(s, Area::Audit), audit(s))),
        named("audit-entry", move || {
            audit_entry_page(staff(s, Area::Audit), entry(s))
        }),
        named("audit-export", move || {
            export_page(
                staff(s, Area::Audit),
                Export {
                    href: "/audit/export/1/entries.jsonl".to_owned(),
                    until: 1204,
                    filtered: s == State::Failing,
                },
            )
        }),
        named("mail", move || outbox_page(staff(s, Area::Mail), outbox(s))),
        named("mailbox", move || mailbox_page(mailbox(s))),
        named("mailbox-mail", move || mail_page(mail(s))),
    ]
}

fn audit(s: State) -> Audit {
    let mut filled = Filled::default().with("q", s.t("")).with("act", "decide");
    if s == State::Failing {
        filled.refuse("from", "Write a day, such as 2026-10-01.");
    }
    let rows = [
        (
            "Blue Desk",
            "passkey “blue key”",
            "decide: approve",
            "Shipments API for Brightwater Logistics",
            false,
        ),
        (
            "Quay Desk",
            "passkey “work laptop”",
            "claim",
            "delivery of lk_live_7Fq2mZ0a…",
            false,
        ),
        (
            "nobody",
            "",
            "claim",
            "a delivery, without a fitting passkey",
            true,
        ),
        ("console", "", "owner link", "the first owner", false),
    ];
    Audit {
        summary: s.t("1,204 entries, chained without a gap."),
        acts: vec![
            Choice::new("decide", s.t("decide")),
            Choice::new("claim", s.t("claim")),
        ],
        filled,
        rows: if s.is_empty() || s == State::Failing {
            Vec::new()
        } else {
            rows.into_iter()
                .map(|(actor, credential, act, subject, refused)| AuditRow {
                    id: "1204".to_owned(),
                    at: at(-HOUR),
                    actor: s.t(actor),
                    credential: s.t(credential),
                    act: s.t(act),
                    subject: s.t(subject),
                    refused,
                })
                .collect()
        },
        paging: if s == State::Failing {
            Default::default()
        } else {
            paging(s)
        },
        filtered: s == State::Failing,
        may_export: true,
    }
}

fn entry(s: State) -> AuditEntry {
    AuditEntry {
        number: 1204,
        act: s.t("decide: approve"),
        refused: s == State::Failing,
        facts: vec![
            Line::new("When", at(-HOUR).exact),
            Line::new("Who", s.t("Blue Desk, passkey “blue key”")),
            Line::new(
                "Subject",
                s.t("Shipments API for Brightwater Logistics, production"),
            ),
            Line::new(
                "Chain",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            )
            .mono(),
        ],
        evidence: if s.is_empty() {
            String::new()
        } else {
            s.t("{\"act\":\"decide\",\"nonce\":\"…\",\"assertion\":{\"id\":\"…\"}}")
        },
    }
}

fn outbox(s: State) -> Outbox {
    let rows = [
        (
            "Delivery link",
            "quay@brightwater.example",
            MailState::Sent,
            1,
            "",
        ),
        (
            "Invitation",
            "night@alder.example",
            MailState::Waiting,
            3,
            "450 4.2.0 try again later",
        ),
        (
            "Key ends in 7 days",
            "desk@quill.example",
            MailState::Dead,
            12,
            "550 5.1.1 no such mailbox",
        ),
    ];
    Outbox {
        summary: if s.is_empty() {
            "Nothing is waiting.".to_owned()
        } else {
            s.t("One mail waits, one could not be delivered.")
        },
        trouble: if s == State::Failing {
            s.t("connection to mail.alder.example:587 timed out")
        } else {
            String::new()
        },
        chips: chips_of(&[("All", 0), ("Waiting", 1), ("Not delivered", 1)]),
        rows: if s.is_empty() {
            Vec::new()
        } else {
            rows.into_iter()
                .map(|(kind, recipient, state, tries, error)| MailRow {
                    id: "m1".to_owned(),
                    kind: s.t(kind),
                    recipient: s.t(recipient),
                    state,
                    held_link: kind.contains("link"),
                    tries,
                    at: at(-HOUR),
                    last_error: s.t(error),
                })
                .collect()
        },
        paging: paging(s),
        refused: if s == State::Failing {
            s.t("This mail is on its way or sent already. Nothing was done.")
        } else {
            String::new()
        },
    }
}

fn mailbox(s: State) -> Mailbox {
    let mails = if s.is_empty() {
        Vec::new()
    } else {
        [
            "Your key for Shipments API",
            "You are invited to Alder Works",
        ]
        .into_iter()
        .map(|subject| MailLine {
            id: "m1".to_owned(),
            to: s.t("quay@brightwater.example"),
            subject: s.t(subject),
            at: at(-60),
        })
        .collect()
    };
    Mailbox {
        host: s.t("Alder Works"),
        mails,
    }
}

fn mail(s: State) -> Mail {
    Mail {
        host: s.t("Alder Works"),
        to: s.t("quay@brightwater.example"),
        subject: s.t("Your key for Shipments API"),
        at: at(-60),
        text: s.t("Alder Works sends you a key for Shipments API, production.\nThe link is open until 18 January 2027, 08:00 UTC.\n\nhttp://localhost:3000/d/0f5e#q83v\n"),
        links: vec![
            "http://localhost:3000/d/0f5e#q83v".to_owned(),
            if s == State::Hostile { "javascript:alert(1)".to_owned() } else { "http://localhost:3000/".to_owned() },
        ],
        html: s.t("<p>Alder Works sends you a key.</p>"),
    }
}
