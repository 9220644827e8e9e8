//! Every page in each of its states, with invented organisations: for the gallery and the tests.

mod access;
mod catalogue;
mod entry;
mod evidence;
mod keys;
mod people;
mod reference;
mod temporary;
mod usage;

use app::components::{Comment, Moment, TimelineEntry, Tone, Vote};
use app::render::Page;
use app::shell::{Area, Flash, Roles, Shell, Side, Viewer};
use domain::time::Timestamp;

/// What a page has to bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Empty,
    Full,
    /// A form that was refused, or something that went wrong.
    Failing,
    /// Markup and endless words in every text.
    Hostile,
}

/// Text that must stay text wherever it is put.
pub(crate) const HOSTILE: &str = "</textarea></title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt; onload='x' Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

const NOW: i64 = 1_800_000_000_000_000;
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

/// A page to be made: its name as a file, and how to make it.
pub(crate) type Sample = (String, Box<dyn FnOnce() -> Page + Send>);

pub(crate) fn all() -> Vec<Sample> {
    [State::Empty, State::Full, State::Failing, State::Hostile]
        .into_iter()
        .flat_map(|state| {
            let mut pages = access::pages(state);
            pages.extend(entry::pages(state));
            pages.extend(keys::pages(state));
            pages.extend(people::pages(state));
            pages.extend(catalogue::pages(state));
            pages.extend(evidence::pages(state));
            pages.extend(reference::pages(state));
            pages.extend(usage::pages(state));
            pages.extend(temporary::pages(state));
            pages.into_iter().map(move |(name, make)| {
                (
                    format!("{name}-{}", format!("{state:?}").to_lowercase()),
                    make,
                )
            })
        })
        .collect()
}

impl State {
    /// The text, or in a hostile sample the payload behind it.
    pub(crate) fn t(self, text: &str) -> String {
        match self {
            Self::Hostile => format!("{text} {HOSTILE}"),
            _ => text.to_owned(),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::Empty
    }
}

pub(crate) fn named<F: FnOnce() -> Page + Send + 'static>(name: &str, make: F) -> Sample {
    (name.to_owned(), Box::new(make))
}

pub(crate) fn at(seconds: i64) -> Moment {
    Moment::new(
        Timestamp::from_micros(NOW + seconds * 1_000_000),
        Timestamp::from_micros(NOW),
    )
}

pub(crate) fn staff(state: State, here: Area) -> Shell {
    Shell {
        host: state.t("Alder Works"),
        viewer: Viewer {
            name: state.t("Blue Desk"),
            side: Side::Staff(Roles {
                owner: true,
                operator: true,
                reviewer: true,
                auditor: true,
            }),
        },
        here,
        flash: (state == State::Failing).then(|| Flash {
            tone: Tone::Ok,
            text: state.t("The request was sent back."),
        }),
    }
}

pub(crate) fn contact(state: State, here: Area) -> Shell {
    Shell {
        viewer: Viewer {
            name: state.t("Quay Desk"),
            side: Side::Contact {
                partner: state.t("Brightwater Logistics"),
                admin: true,
            },
        },
        ..staff(state, here)
    }
}

pub(crate) fn entries(s: State) -> Vec<TimelineEntry> {
    if s.is_empty() {
        return vec![TimelineEntry {
            title: "Draft begun".to_owned(),
            detail: String::new(),
            at: Some(at(-60)),
            tone: Tone::Plain,
        }];
    }
    [
        (
            "Approved by one of two",
            "passkey “blue key”",
            -2 * HOUR,
            Tone::Ok,
        ),
        ("Changes asked in Workflow", "", -20 * HOUR, Tone::Warn),
        (
            "Revision 2 handed in",
            "3 answers changed",
            -DAY,
            Tone::Info,
        ),
        (
            "Revision 1 handed in",
            "by a partner admin",
            -3 * DAY,
            Tone::Plain,
        ),
    ]
    .into_iter()
    .map(|(title, detail, when, tone)| TimelineEntry {
        title: s.t(title),
        detail: s.t(detail),
        at: Some(at(when)),
        tone,
    })
    .collect()
}

pub(crate) fn votes(s: State) -> Vec<Vote> {
    vec![
        Vote {
            by: Some(s.t("Amber Office")),
            detail: s.t("approved 2 hours ago, passkey “blue key”"),
        },
        Vote {
            by: None,
            detail: s.t("you can give this one"),
        },
    ]
}

pub(crate) fn comments(s: State) -> Vec<Comment> {
    if s.is_empty() {
        return Vec::new();
    }
    vec![Comment {
        by: s.t("Blue Desk"),
        at: at(-2 * HOUR),
        verdict: s.t("asked for changes"),
        text: s.t("Why does the second region need write access? The endpoints are both reads; I suggest shipments:read only."),
    }]
}
