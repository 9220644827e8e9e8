//! `/requests/{id}` for staff: the request under review.
//!
//! Forms: `POST /requests/{id}/verdict` (`section`, `verdict` = `accepted` | `changes` | empty,
//! `comment`), `POST /requests/{id}/recuse` (`reason`). The decision itself is on
//! `/requests/{id}/decide/{environment}`. A refused comment is named with `Filled::of_form`: the
//! section's slug.

use leptos::prelude::*;

use super::section::{Say, SectionView, section_card};
use crate::components::{
    Field, Filled, Line, Moment, Pill, TimelineEntry, Tone, Vote, aside, card, crumbs,
    error_summary, face, head, lines, notice, pill, timeline, votes,
};
use crate::pages::state::RequestState;
use crate::render::Page;
use crate::shell::{Shell, page};

#[derive(Clone, Debug)]
pub struct Review {
    pub id: String,
    pub partner: String,
    pub partner_id: String,
    pub service: String,
    pub state: RequestState,
    pub revision: u64,
    pub submitted: Moment,
    pub submitted_by: String,
    /// The revision whose differences are marked, when there is an earlier one.
    pub compared_with: Option<u64>,
    pub sections: Vec<SectionView>,
    pub grants: Vec<GrantView>,
    pub timeline: Vec<TimelineEntry>,
    /// A reviewer appointed before the submission who is not recused.
    pub may_review: bool,
    /// Why the viewer may not, in a sentence; empty when they may or need not know.
    pub why_not: String,
    pub filled: Filled,
}

/// What is proposed for one environment, and who approved it.
#[derive(Clone, Debug)]
pub struct GrantView {
    pub environment: String,
    pub lines: Vec<Line>,
    pub votes: Vec<Vote>,
    pub given: u64,
    pub needed: u64,
    /// `waiting for one more reviewer`.
    pub waiting: String,
    pub decided: DecidedBy,
}

/// What the viewer can do about an environment.
#[derive(Clone, Debug)]
pub enum DecidedBy {
    /// The viewer may decide now.
    You,
    /// Somebody else must, or something is missing; said in a sentence.
    Others(String),
    /// Decided: the word for it.
    Over(Pill),
}

pub fn review_page(shell: Shell, vm: Review) -> Page {
    let title = format!("{} for {}", vm.service, vm.partner);
    let say = if vm.may_review {
        Say::Verdict
    } else {
        Say::Nothing
    };
    let above = vec![
        ("/requests".to_owned(), "Requests".to_owned()),
        (format!("/partners/{}", vm.partner_id), vm.partner.clone()),
    ];
    let top = head(
        Some(crumbs(above, format!("Revision {}", vm.revision))),
        title.clone(),
        Some(vm.state.pill()),
        handed_in(&vm),
    );
    let refused = error_summary(&vm.filled);
    let why_not =
        (!vm.why_not.is_empty()).then(|| notice(Tone::Info, view! { <p>{vm.why_not.clone()}</p> }));
    let sections = vm
        .sections
        .into_iter()
        .map(|section| section_card(&vm.id, section, say, &vm.filled))
        .collect_view();
    let grants = vm
        .grants
        .into_iter()
        .map(|grant| grant_cards(&vm.id, grant))
        .collect_view();
    let recuse = vm.may_review.then(|| recuse_form(&vm.id, &vm.filled));
    let body = view! {
        {top}{refused}{why_not}
        <div class="two">
            <div class="stack">{sections}{card("Time line", None, timeline(vm.timeline))}</div>
            <aside class="stack" aria-label="Decision">{grants}{recuse}</aside>
        </div>
    };
    page(shell, title, body)
}

fn handed_in(vm: &Review) -> AnyView {
    let compare = vm.compared_with.map(|earlier| {
        view! { " · marked: what changed since "<a href=format!("/requests/{}?revision={earlier}", vm.id)>{format!("revision {earlier}")}</a> }
    });
    view! { {format!("Revision {}, handed in ", vm.revision)}{vm.submitted.view()}" by "{vm.submitted_by.clone()}{compare} }
        .into_any()
}

fn grant_cards(request: &str, grant: GrantView) -> AnyView {
    let GrantView {
        environment,
        lines: granted,
        votes: given_by,
        given,
        needed,
        waiting,
        decided,
    } = grant;
    let narrow = matches!(decided, DecidedBy::You).then(|| {
        view! { <a class="btn small" href=format!("/requests/{request}/narrow/{environment}")>"Narrow…"</a> }
            .into_any()
    });
    let count = aside(format!("{given} of {needed}"));
    let what = match decided {
        DecidedBy::You => view! {
            <a class="btn primary wide" href=format!("/requests/{request}/decide/{environment}")>"Review and approve…"</a>
            <a class="btn quiet stop wide" href=format!("/requests/{request}/decide/{environment}#reject")>"Reject…"</a>
            <small>"Your passkey signs exactly the revision, the grant and the policy shown here."</small>
        }
        .into_any(),
        DecidedBy::Others(sentence) => view! { <small>{sentence}</small> }.into_any(),
        DecidedBy::Over(word) => view! { <div>{pill(word)}</div> }.into_any(),
    };
    let waiting = (!waiting.is_empty()).then(|| view! { <p class="small">{waiting}</p> });
    view! {
        {card(format!("Grant for {environment}"), narrow, lines(granted))}
        {card(format!("Approvals for {environment}"), count, view! { {votes(given_by)}{waiting}{what} })}
    }
    .into_any()
}

fn recuse_form(request: &str, filled: &Filled) -> AnyView {
    let open = filled.form() == "recuse";
    view! {
        <details class="small" open=open>
            <summary>"I should not decide this"</summary>
            <form class="tight" method="post" action=format!("/requests/{request}/recuse")>
                {Field::text(filled, "reason", "Why").help("Recorded. Your verdicts stay, you decide nothing here any more.").within("recuse").view()}
                <div class="actions"><button class="btn small">"Recuse myself"</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// The disc of a partner's contact beside a name; used by the status page too.
pub(super) fn who(name: &str, role: &str) -> AnyView {
    view! { <div class="row">{face(name)}<div>{name.to_owned()}<br/><small>{role.to_owned()}</small></div></div> }
        .into_any()
}
