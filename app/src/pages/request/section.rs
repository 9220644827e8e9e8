//! One of the three sections of a request, with its verdict and what was said about it.

use leptos::prelude::*;

use crate::components::{Answer, Comment, Field, Filled, Pill, Tone, answers, comment, pill};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Justification,
    Workflow,
    Safeguards,
}

impl Section {
    pub const ALL: [Self; 3] = [Self::Justification, Self::Workflow, Self::Safeguards];

    /// As it stands in URLs and form fields.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Justification => "justification",
            Self::Workflow => "workflow",
            Self::Safeguards => "safeguards",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Justification => "Justification",
            Self::Workflow => "Workflow",
            Self::Safeguards => "Safeguards",
        }
    }
}

impl From<domain::review::Section> for Section {
    fn from(section: domain::review::Section) -> Self {
        use domain::review::Section as Asked;
        match section {
            Asked::Justification => Self::Justification,
            Asked::Workflow => Self::Workflow,
            Asked::Safeguards => Self::Safeguards,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    None,
    Accepted,
    ChangesAsked,
}

impl Verdict {
    pub fn pill(self) -> Pill {
        match self {
            Self::None => Pill::new("No verdict yet", Tone::Plain),
            Self::Accepted => Pill::new("Accepted", Tone::Ok),
            Self::ChangesAsked => Pill::new("Changes asked", Tone::Warn),
        }
    }
}

#[derive(Clone, Debug)]
pub struct SectionView {
    pub section: Section,
    pub verdict: Verdict,
    /// With what changed since the last verdict marked.
    pub answers: Vec<Answer>,
    pub comments: Vec<Comment>,
}

/// What the viewer may add to a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    Nothing,
    /// A contact answers.
    Reply,
    /// A reviewer comments and gives a verdict.
    Verdict,
}

pub(super) fn section_card(request: &str, view: SectionView, say: Say, filled: &Filled) -> AnyView {
    let SectionView {
        section,
        verdict,
        answers: given,
        comments,
    } = view;
    let comments = comments.into_iter().map(comment).collect_view();
    let form = match say {
        Say::Nothing => ().into_any(),
        Say::Reply => reply_form(request, section, filled),
        Say::Verdict => verdict_form(request, section, verdict, filled),
    };
    view! {
        <section class="card" id=section.slug()>
            <header><h2>{section.title()}</h2>{pill(verdict.pill())}</header>
            <div class="body">{answers(given)}{comments}{form}</div>
        </section>
    }
    .into_any()
}

fn verdict_form(request: &str, section: Section, verdict: Verdict, filled: &Filled) -> AnyView {
    let open = filled.form() == section.slug() || verdict == Verdict::None;
    let body = view! {
        <form class="tight" method="post" action=format!("/requests/{request}/verdict")>
            <input type="hidden" name="section" value=section.slug()/>
            {said_here(filled, section, "Comment", "The partner reads it. Needed when you ask for changes.")}
            <div class="actions">
                <button class="btn small" name="verdict" value="accepted">"Accept section"</button>
                <button class="btn small" name="verdict" value="changes">"Ask for changes"</button>
                <button class="btn small quiet" name="verdict" value="">"Only comment"</button>
            </div>
        </form>
    };
    view! {
        <details class="verdicts" open=open>
            <summary>{if verdict == Verdict::None { "Give a verdict" } else { "Comment or change the verdict" }}</summary>
            {body}
        </details>
    }
    .into_any()
}

fn reply_form(request: &str, section: Section, filled: &Filled) -> AnyView {
    let open = filled.form() == section.slug();
    view! {
        <details class="verdicts" open=open>
            <summary>"Reply"</summary>
            <form class="tight" method="post" action=format!("/requests/{request}/comments")>
                <input type="hidden" name="section" value=section.slug()/>
                {said_here(filled, section, "Your reply", "Answers change only with a new revision; a reply explains.")}
                <div class="actions"><button class="btn small">"Send reply"</button></div>
            </form>
        </details>
    }
    .into_any()
}

fn said_here(filled: &Filled, section: Section, label: &str, help: &str) -> AnyView {
    Field::area(filled, "comment", label, 2)
        .help(help)
        .within(section.slug())
        .view()
}
