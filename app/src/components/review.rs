//! The conversation about a request: comments and approvals.

use leptos::prelude::*;

use super::moment::Moment;
use super::text::face;

/// What somebody said about a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub by: String,
    pub at: Moment,
    /// The verdict that came with it, in words; empty for a comment alone.
    pub verdict: String,
    pub text: String,
}

pub fn comment(entry: Comment) -> AnyView {
    let Comment {
        by,
        at,
        verdict,
        text,
    } = entry;
    let verdict = (!verdict.is_empty()).then(|| view! { <small>" · "{verdict}</small> });
    view! {
        <div class="note">
            {face(&by)}
            <div><strong>{by}</strong>{verdict}" "<small>{at.view()}</small><p>{text}</p></div>
        </div>
    }
    .into_any()
}

/// One place of the quorum: given by somebody, or still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who gave it; `None` while it is open.
    pub by: Option<String>,
    /// `approved yesterday, passkey “blue key”`, or `you can give this one`.
    pub detail: String,
}

pub fn votes(entries: Vec<Vote>) -> AnyView {
    let entries = entries
        .into_iter()
        .map(|Vote { by, detail }| {
            let mark = match &by {
                Some(name) => face(name),
                None => view! { <span class="open"></span> }.into_any(),
            };
            let by = by.unwrap_or_else(|| "Open".to_owned());
            view! { <li>{mark}<div>{by}<small>{detail}</small></div></li> }
        })
        .collect_view();
    view! { <ul class="votes">{entries}</ul> }.into_any()
}
