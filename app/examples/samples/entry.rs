//! The pages before anybody is known, the confirm page, the refusals.

use app::components::Line;
use app::pages::claim::{Claim, claim_page};
use app::pages::confirm::{Confirm, confirm_page};
use app::pages::error::{Refusal, error_page};
use app::pages::link::{Enrolled, Link, enrolled_page, link_page};
use app::pages::sign_in::{SignIn, sign_in_page};
use app::shell::Area;

use super::access::signed;
use super::{Sample, State, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    let mut pages = vec![
        named("claim", move || {
            claim_page(Claim {
                host: s.t("Alder Works"),
                delivery_id: s.t("d1"),
                security_contact: s.t("security@alder.example"),
            })
        }),
        named("link", move || {
            link_page(Link {
                host: s.t("Alder Works"),
                link_id: s.t("l1"),
                security_contact: s.t("security@alder.example"),
            })
        }),
        named("enrolled", move || enrolled_page(enrolled(s))),
        named("sign-in", move || {
            let reason = if s.is_empty() {
                String::new()
            } else {
                s.t("You were signed out after an hour without use.")
            };
            sign_in_page(SignIn {
                host: s.t("Alder Works"),
                return_to: s.t("/requests"),
                reason,
            })
        }),
        named("confirm", move || {
            confirm_page(staff(s, Area::Keys), confirm(s))
        }),
    ];
    for (name, refusal) in [
        ("error-404", Refusal::NotFound),
        ("error-403", Refusal::Forbidden),
        ("error-cross-site", Refusal::CrossSite),
        ("error-unreadable", Refusal::Unreadable),
        ("error-429", Refusal::TooMany(240)),
        ("error-expired", Refusal::Expired),
        ("error-500", Refusal::Failed(Some(s.t("9f2c41d07be3a865")))),
        ("error-503", Refusal::Unavailable),
    ] {
        pages.push(named(name, move || {
            error_page(&s.t("Alder Works"), refusal)
        }));
    }
    pages
}

fn enrolled(s: State) -> Enrolled {
    Enrolled {
        host: s.t("Alder Works"),
        name: s.t("Blue Desk"),
        roles: s.t("Owner, Operator, Reviewer, Auditor"),
        passkey: s.t("work laptop"),
        can_receive: s != State::Failing,
        holds_every_role: s == State::Full,
        receives_keys: true,
    }
}

fn confirm(s: State) -> Confirm {
    let breaks = "Every call to the Shipments API in production with this key is refused from then on, for good. What Brightwater Logistics runs with it stops.";
    Confirm {
        title: s.t("Revoke a key"),
        does: s.t("The key lk_live_7Fq2mZ0a… ends now. The partner is told, with your reason."),
        breaks: if s.is_empty() {
            String::new()
        } else {
            s.t(breaks)
        },
        lines: [
            vec![
                Line::new("Act", s.t("revoke")),
                Line::new("By", s.t("Blue Desk")),
            ],
            signed(s),
        ]
        .concat(),
        act_json: s.t("{\"act\":\"revoke\"}"),
        button: s.t("Revoke the key"),
        finish_url: "/confirm/c1".to_owned(),
        back: "/keys/k1".to_owned(),
    }
}
