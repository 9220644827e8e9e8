//! Words in a line: pills, faces, breadcrumbs, differences, the head of a page.

use leptos::prelude::*;

use crate::islands::Copy;

/// What a colour may say. It never says it alone: the words carry the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Info,
    Ok,
    Warn,
    Stop,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Info => "info",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Stop => "stop",
        }
    }
}

/// A state, in a word or two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pill {
    pub label: String,
    pub tone: Tone,
}

impl Pill {
    pub fn new(label: impl Into<String>, tone: Tone) -> Self {
        Self {
            label: label.into(),
            tone,
        }
    }
}

pub fn pill(pill: Pill) -> AnyView {
    let class = format!("pill {}", pill.tone.class());
    view! { <span class=class>{pill.label}</span> }.into_any()
}

/// The initials of a name, as a disc. The name itself always stands beside it.
pub fn face(name: &str) -> AnyView {
    let initials: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    view! { <span class="face" aria-hidden="true">{initials}</span> }.into_any()
}

/// Where a page stands: links to what is above it, then its own place.
pub fn crumbs(above: Vec<(String, String)>, here: impl Into<String>) -> AnyView {
    let above = above
        .into_iter()
        .map(|(href, label)| view! { <a href=href>{label}</a>" / " })
        .collect_view();
    view! { <small><nav aria-label="Breadcrumb">{above}{here.into()}</nav></small> }.into_any()
}

/// What is this, what state is it in; `below` is a sentence with what to know first.
pub fn head(
    crumbs: Option<AnyView>,
    title: impl Into<String>,
    state: Option<Pill>,
    below: impl IntoView + 'static,
) -> AnyView {
    view! {
        <div class="head">
            {crumbs}
            <div class="row"><h1>{title.into()}</h1>{state.map(pill)}</div>
            <p class="small">{below.into_any()}</p>
        </div>
    }
    .into_any()
}

/// A piece of a difference between two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Same(String),
    Added(String),
    Removed(String),
}

pub fn changes(pieces: Vec<Change>) -> AnyView {
    pieces
        .into_iter()
        .map(|piece| match piece {
            Change::Same(text) => text.into_any(),
            Change::Added(text) => view! { <ins>{text}</ins>" " }.into_any(),
            Change::Removed(text) => view! { <del>{text}</del>" " }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// A value to take along, with a button that copies it.
pub fn copyable(text: &str) -> AnyView {
    let shown = text.to_owned();
    view! {
        <div class="copy"><code class="key">{shown}</code><Copy text=text.to_owned()/></div>
    }
    .into_any()
}
