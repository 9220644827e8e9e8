//! Lists of facts, answers, steps and events.

use leptos::prelude::*;

use super::moment::Moment;
use super::text::{Change, Tone, changes};

/// A label and its value, as they are signed or recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub label: String,
    pub value: String,
    /// What it is compared with, such as what the policy allows.
    pub remark: String,
    /// Shown struck through: what was asked for and is not granted.
    pub removed: String,
    /// In the monospace face.
    pub mono: bool,
}

impl Line {
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    #[must_use]
    pub fn removed(mut self, removed: impl Into<String>) -> Self {
        self.removed = removed.into();
        self
    }
}

/// Ruled lines, for a grant or a statement to be signed.
pub fn lines(entries: Vec<Line>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|line| {
            let label = line.label.clone();
            view! { <div><dt>{label}</dt>{value(line)}</div> }
        })
        .collect_view();
    view! { <dl class="lines">{entries}</dl> }.into_any()
}

/// Facts in two columns.
pub fn facts(entries: Vec<Line>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|line| {
            let label = line.label.clone();
            view! { <dt>{label}</dt>{value(line)} }
        })
        .collect_view();
    view! { <dl class="facts">{entries}</dl> }.into_any()
}

fn value(line: Line) -> AnyView {
    let Line {
        value,
        remark,
        removed,
        mono,
        ..
    } = line;
    let class = if mono { "mono" } else { "" };
    let removed = (!removed.is_empty()).then(|| view! { " "<del>{removed}</del> });
    let remark = (!remark.is_empty()).then(|| view! { " "<small>{format!("({remark})")}</small> });
    view! { <dd class=class>{value}{removed}{remark}</dd> }.into_any()
}

/// A question of a section, and what was answered, with what changed since the last verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub question: String,
    pub answer: Vec<Change>,
    pub mono: bool,
}

impl Answer {
    pub fn new(question: impl Into<String>, answer: impl Into<String>) -> Self {
        Self {
            question: question.into(),
            answer: vec![Change::Same(answer.into())],
            mono: false,
        }
    }

    pub fn changed(question: impl Into<String>, answer: Vec<Change>) -> Self {
        Self {
            question: question.into(),
            answer,
            mono: false,
        }
    }

    #[must_use]
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
}

pub fn answers(entries: Vec<Answer>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|entry| {
            let empty = entry
                .answer
                .iter()
                .all(|piece| matches!(piece, Change::Same(text) if text.trim().is_empty()));
            let answer = if empty {
                view! { <dd class="none">"Not answered"</dd> }.into_any()
            } else {
                let class = if entry.mono { "mono" } else { "" };
                view! { <dd class=class>{changes(entry.answer)}</dd> }.into_any()
            };
            view! { <div><dt>{entry.question}</dt>{answer}</div> }
        })
        .collect_view();
    view! { <dl class="answers">{entries}</dl> }.into_any()
}

/// Something that happened. The newest stands first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    pub title: String,
    pub detail: String,
    pub at: Option<Moment>,
    pub tone: Tone,
}

pub fn timeline(entries: Vec<TimelineEntry>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|entry| {
            let gap = (!entry.detail.is_empty() && entry.at.is_some()).then_some(" · ");
            let at = entry.at.map(|at| at.view());
            view! { <li class=entry.tone.class()>{entry.title}<small>{entry.detail}{gap}{at}</small></li> }
        })
        .collect_view();
    view! { <ol class="track">{entries}</ol> }.into_any()
}

/// A step of a longer way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Done,
    Now,
    Later,
}

pub fn steps(entries: Vec<(Step, AnyView)>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|(step, body)| {
            let (class, said) = match step {
                Step::Done => ("done", Some("Done: ")),
                Step::Now => ("now", None),
                Step::Later => ("", None),
            };
            let current = (step == Step::Now).then_some("step");
            let said = said.map(|said| view! { <span class="sr">{said}</span> });
            view! { <li class=class aria-current=current><div>{said}{body}</div></li> }
        })
        .collect_view();
    view! { <ol class="steps">{entries}</ol> }.into_any()
}
