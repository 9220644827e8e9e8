//! Home, partners, people, profile.

use app::components::{Choice, Filled, Line, Pill, Step, Tone};
use app::pages::home::{PartnerHome, StaffHome, Tile, Waiting, partner_home, staff_home};
use app::pages::partner::{
    InviteForm, PartnerDetail, PartnerList, PartnerRow, invite_page, partner_page, partners_page,
};
use app::pages::people::{
    Invited, People, Person, PersonForm, PersonRow, Proposal, invite_person_page, invited_page,
    people_page, person_page,
};
use app::pages::profile::{
    AddPasskey, PasskeyRow, Profile, SessionRow, add_passkey_page, profile_page,
};
use app::pages::state::Standing;
use app::shell::Area;

use super::access::{chips_of, paging};
use super::{DAY, HOUR, Sample, State, at, contact, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("home", move || staff_home(staff(s, Area::Home), home(s))),
        named("home-partner", move || {
            partner_home(contact(s, Area::Home), partners_home(s))
        }),
        named("partners", move || {
            partners_page(staff(s, Area::Partners), partners(s))
        }),
        named("partner", move || {
            partner_page(staff(s, Area::Partners), partner(s))
        }),
        named("partner-revoke", move || {
            // A reviewer's page: they may revoke, and do nothing else here.
            let shown = PartnerDetail {
                may_manage: false,
                filled: refused(s, &[("reason", "Say why.")]).of_form("revoke"),
                ..partner(s)
            };
            partner_page(staff(s, Area::Partners), shown)
        }),
        named("partner-invite", move || {
            let filled = refused(
                s,
                &[
                    ("organisation", "Name the organisation."),
                    ("email", "“quay@” is not an e-mail address."),
                ],
            );
            invite_page(staff(s, Area::Partners), InviteForm { filled })
        }),
        named("people", move || {
            people_page(staff(s, Area::People), people(s))
        }),
        named("people-invite", move || {
            invite_person_page(staff(s, Area::People), person_form(s))
        }),
        named("person", move || {
            person_page(staff(s, Area::People), person(s))
        }),
        named("invited", move || {
            invited_page(Invited {
                host: s.t("Alder Works"),
                name: s.t("Quay Desk"),
                address: s.t("quay@brightwater.example"),
                code: s.t("7F2K-M9QX"),
                back: "/people".to_owned(),
            })
        }),
        named("profile", move || {
            profile_page(staff(s, Area::Profile), profile(s))
        }),
        named("profile-add", move || {
            add_passkey_page(
                staff(s, Area::Profile),
                AddPasskey {
                    name: s.t("blue key"),
                },
            )
        }),
    ]
}

pub(crate) fn refused(s: State, fields: &[(&str, &str)]) -> Filled {
    let mut filled = Filled::default();
    for (name, sentence) in fields {
        if !s.is_empty() {
            filled = filled.with(name, s.t("What was typed"));
        }
        if s == State::Failing {
            filled.refuse(name, *sentence);
        }
    }
    filled
}

fn waiting(s: State, entries: &[(&str, &str, &str, Tone)]) -> Vec<Waiting> {
    if s.is_empty() {
        return Vec::new();
    }
    entries
        .iter()
        .map(|(title, detail, state, tone)| Waiting {
            title: s.t(title),
            detail: s.t(detail),
            state: Some(Pill::new(s.t(state), *tone)),
            href: "/requests/7f3a".to_owned(),
            button: "Open".to_owned(),
        })
        .collect()
}

fn home(s: State) -> StaffHome {
    let tile = |count: &str, label: &str, href: &str| Tile {
        count: count.to_owned(),
        label: s.t(label),
        href: href.to_owned(),
    };
    StaffHome {
        summary: if s.is_empty() {
            "Nothing waits for you.".to_owned()
        } else {
            s.t("Four things wait for you.")
        },
        waiting: waiting(
            s,
            &[
                (
                    "Shipments API for Brightwater Logistics",
                    "production, waiting for you for 2 days",
                    "In review",
                    Tone::Info,
                ),
                (
                    "Reports API for Quill Analytics",
                    "your approval was voided by an edit",
                    "Revision 3",
                    Tone::Warn,
                ),
                (
                    "Policy of Shipments API, production",
                    "a weakening waits for a second person",
                    "Proposed",
                    Tone::Warn,
                ),
                (
                    "Delivery link for Moss and Reed",
                    "the mail could not be delivered",
                    "Not delivered",
                    Tone::Stop,
                ),
            ],
        ),
        tiles: if s.is_empty() {
            vec![
                tile("0", "requests in review", "/requests"),
                tile("0", "live keys", "/keys"),
                tile("0", "partners", "/partners"),
            ]
        } else {
            vec![
                tile("8", "requests in review", "/requests"),
                tile("31", "live keys", "/keys"),
                tile("4", "keys end this month", "/keys?state=ending"),
                tile("12", "partners", "/partners"),
            ]
        },
        setup: if s.is_empty() {
            vec![
                (
                    Step::Done,
                    "Become the owner".to_owned(),
                    s.t("Your passkey is set up."),
                    String::new(),
                ),
                (
                    Step::Now,
                    "Add a service".to_owned(),
                    s.t("What can be asked for: environments, scopes, endpoints."),
                    "/services/new".to_owned(),
                ),
                (
                    Step::Later,
                    "Invite a colleague".to_owned(),
                    s.t("Production asks for two approvals."),
                    "/people/invite".to_owned(),
                ),
                (
                    Step::Later,
                    "Register a gateway".to_owned(),
                    s.t("It asks Latchkey about every call."),
                    "/gateways/new".to_owned(),
                ),
                (
                    Step::Later,
                    "Invite a partner".to_owned(),
                    s.t("Through one person there."),
                    "/partners/invite".to_owned(),
                ),
            ]
        } else {
            Vec::new()
        },
    }
}

fn partners_home(s: State) -> PartnerHome {
    PartnerHome {
        host: s.t("Alder Works"),
        summary: if s.is_empty() {
            "Welcome.".to_owned()
        } else {
            s.t("One request is in review, one key is active.")
        },
        next: if s.is_empty() {
            vec![
                (
                    Step::Done,
                    "Set up your passkey".to_owned(),
                    s.t("It can receive keys."),
                    String::new(),
                ),
                (
                    Step::Now,
                    "Ask for access".to_owned(),
                    s.t("Pick a service and answer three sections."),
                    "/requests/new".to_owned(),
                ),
                (
                    Step::Later,
                    "Get your key".to_owned(),
                    s.t("By a link that only your passkey opens."),
                    String::new(),
                ),
            ]
        } else {
            Vec::new()
        },
        requests: waiting(
            s,
            &[(
                "Shipments API",
                "production · 1 of 2 approvals",
                "In review",
                Tone::Info,
            )],
        ),
        keys: waiting(
            s,
            &[(
                "lk_live_7Fq2mZ0a…",
                "Shipments API, production · ends in 62 days",
                "Active",
                Tone::Ok,
            )],
        ),
    }
}

fn partners(s: State) -> PartnerList {
    let rows = [
        (
            "Brightwater Logistics",
            "brightwater.example",
            Standing::Active,
            3,
            2,
            1,
        ),
        (
            "Quill Analytics",
            "quill.example",
            Standing::Active,
            5,
            4,
            2,
        ),
        ("Tern Robotics", "tern.example", Standing::Invited, 1, 0, 0),
        (
            "Moss and Reed",
            "mossreed.example",
            Standing::Suspended,
            2,
            1,
            0,
        ),
    ];
    PartnerList {
        summary: if s.is_empty() {
            String::new()
        } else {
            s.t("Twelve partners, one of them suspended.")
        },
        query: s.t(""),
        chips: chips_of(&[
            ("All", 12),
            ("Active", 10),
            ("Invited", 1),
            ("Suspended", 1),
        ]),
        rows: if matches!(s, State::Empty | State::Failing) {
            Vec::new()
        } else {
            rows.into_iter()
                .map(
                    |(name, domain, standing, contacts, requests, live_keys)| PartnerRow {
                        id: "b1".to_owned(),
                        name: s.t(name),
                        domain: s.t(domain),
                        standing,
                        contacts,
                        requests,
                        live_keys,
                        since: at(-90 * DAY),
                    },
                )
                .collect()
        },
        paging: if s == State::Failing {
            Default::default()
        } else {
            paging(s)
        },
        filtered: s == State::Failing,
        may_invite: true,
    }
}

fn person_rows(s: State) -> Vec<PersonRow> {
    if s.is_empty() {
        return Vec::new();
    }
    [
        (
            "Quay Desk",
            "quay@brightwater.example",
            "Admin",
            Standing::Active,
            "2 passkeys",
            Some(-HOUR),
        ),
        (
            "Night Desk",
            "night@brightwater.example",
            "Member",
            Standing::Invited,
            "no passkey yet",
            None,
        ),
    ]
    .into_iter()
    .map(
        |(name, address, roles, standing, passkeys, seen)| PersonRow {
            id: "p1".to_owned(),
            name: s.t(name),
            address: s.t(address),
            roles: s.t(roles),
            standing,
            passkeys: s.t(passkeys),
            last_seen: seen.map(at),
        },
    )
    .collect()
}

fn partner(s: State) -> PartnerDetail {
    PartnerDetail {
        id: "b1".to_owned(),
        name: s.t("Brightwater Logistics"),
        standing: if s == State::Failing {
            Standing::Suspended
        } else {
            Standing::Active
        },
        facts: vec![
            Line::new("Domain", s.t("brightwater.example")).remark(s.t("proven")),
            Line::new("Invited by", s.t("Blue Desk")),
            Line::new("Since", s.t("24 October 2026")),
        ],
        contacts: person_rows(s),
        requests: waiting(
            s,
            &[(
                "Shipments API",
                "production · revision 2",
                "In review",
                Tone::Info,
            )],
        ),
        keys: waiting(
            s,
            &[("lk_live_7Fq2mZ0a…", "ends in 62 days", "Active", Tone::Ok)],
        ),
        live_keys: 2,
        may_manage: true,
        may_revoke: true,
        filled: refused(s, &[("email", "“quay@” is not an e-mail address.")]).of_form("contact"),
    }
}

fn people(s: State) -> People {
    People {
        whose: s.t("Alder Works"),
        summary: s.t("Owners decide who may do what."),
        people: person_rows(s),
        proposals: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                Proposal {
                    id: "o1".to_owned(),
                    what: s.t("Give Night Desk the role Reviewer"),
                    by: s.t("Blue Desk"),
                    at: at(-HOUR),
                    may_confirm: true,
                },
                Proposal {
                    id: "o2".to_owned(),
                    what: s.t("Lower the approvals for Reports API, production, from 2 to 1"),
                    by: s.t("Amber Office"),
                    at: at(-DAY),
                    may_confirm: false,
                },
            ]
        },
        may_invite: true,
    }
}

fn roles(s: State) -> Vec<Choice> {
    [
        ("owner", "Owner", "People and settings."),
        (
            "operator",
            "Operator",
            "Catalogue, partners, gateways, recovery, mail, revoke.",
        ),
        ("reviewer", "Reviewer", "Verdicts, decisions, revoke."),
        ("auditor", "Auditor", "Reads and exports."),
    ]
    .into_iter()
    .map(|(value, label, help)| Choice::new(value, s.t(label)).help(s.t(help)))
    .collect()
}

fn person_form(s: State) -> PersonForm {
    PersonForm {
        roles: roles(s),
        filled: refused(
            s,
            &[
                ("name", "Name the person."),
                ("role", "Pick at least one role."),
            ],
        ),
    }
}

fn person(s: State) -> Person {
    Person {
        id: "p1".to_owned(),
        name: s.t("Night Desk"),
        standing: Standing::Active,
        facts: vec![
            Line::new("Address", s.t("night@alder.example")),
            Line::new("Passkeys", s.t("2, one of them bound to its device")),
        ],
        roles: roles(s),
        last_owner: s.is_empty(),
        may_manage: true,
        may_recover: true,
        filled: refused(
            s,
            &[
                ("email", "This address belongs to somebody else."),
                ("reason", "Say why."),
            ],
        )
        .of_form("address")
        .with("role", "reviewer"),
    }
}

fn profile(s: State) -> Profile {
    let passkey = |name: &str, can_receive, stays: &str| PasskeyRow {
        id: "c1".to_owned(),
        name: s.t(name),
        added: at(-30 * DAY),
        last_used: Some(at(-HOUR)),
        can_receive,
        device_bound: !can_receive,
        stays: stays.to_owned(),
    };
    Profile {
        name: s.t("Blue Desk"),
        facts: vec![
            Line::new("Address", s.t("blue@alder.example")),
            Line::new("Roles", s.t("Owner, Reviewer")),
        ],
        passkeys: if s.is_empty() {
            vec![passkey("work laptop", false, "Your only passkey")]
        } else {
            vec![
                passkey("work laptop", true, ""),
                passkey("blue key", false, ""),
            ]
        },
        sessions: [("Firefox on Linux", true), ("Chrome on Android", false)]
            .into_iter()
            .take(if s.is_empty() { 1 } else { 2 })
            .map(|(browser, here)| SessionRow {
                id: "s1".to_owned(),
                browser: s.t(browser),
                since: at(-5 * HOUR),
                last_seen: at(-60),
                here,
            })
            .collect(),
        receives_keys: s.is_empty(),
        filled: refused(s, &[("name", "Give it a name of its own.")]),
    }
}
