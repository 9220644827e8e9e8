//! `/requests/{id}/decide/{environment}`: exactly the lines that the passkey will sign.
//!
//! Form: `POST /requests/{id}/decide/{environment}` (`decision` = `approve` | `reject` | `changes`,
//! `reason`, and `stamp`, which refuses when what is shown has changed since); begins the act.

use leptos::prelude::*;

use crate::components::{
    Field, Filled, Line, Pill, crumbs, error_summary, head, lines, plain_card,
};
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct Decide {
    pub request: String,
    pub environment: String,
    pub partner: String,
    pub service: String,
    /// Revision, grant, policy version and recipient, with their digests.
    pub lines: Vec<Line>,
    /// What follows when this approval is given: `One more approval is needed after yours.`
    pub follows: String,
    /// Stands for all that is shown; posted back.
    pub stamp: String,
    pub filled: Filled,
}

pub fn decide_page(shell: Shell, vm: Decide) -> Page {
    let title = format!("Decide on {} for {}", vm.environment, vm.partner);
    let above = vec![
        ("/requests".to_owned(), "Requests".to_owned()),
        (
            format!("/requests/{}", vm.request),
            format!("{} for {}", vm.service, vm.partner),
        ),
    ];
    let action = format!("/requests/{}/decide/{}", vm.request, vm.environment);
    let top = head(
        Some(crumbs(above, "Decide")),
        title.clone(),
        None::<Pill>,
        "This is what your passkey signs: no more, and nothing else. Any change to it later voids your approval.",
    );
    let (approve, reject) = (
        approve_form(&action, &vm.stamp, vm.follows.clone()),
        reject_form(&action, &vm.stamp, &vm.filled),
    );
    let body = view! {
        {top}{error_summary(&vm.filled)}
        {plain_card(view! { <div class="signed">{lines(vm.lines)}</div>{approve} })}
        {reject}
        <p class="small">"Less than this would do? "<a href=format!("/requests/{}/narrow/{}", vm.request, vm.environment)>"Narrow the grant"</a>" first: it makes a new proposal."</p>
    };
    slim(shell, title, body)
}

fn approve_form(action: &str, stamp: &str, follows: String) -> AnyView {
    view! {
        <form class="tight" method="post" action=action.to_owned() data-act="">
            <input type="hidden" name="stamp" value=stamp.to_owned()/>
            <button class="btn primary wide" name="decision" value="approve">"Approve with your passkey"</button>
            <small>{follows}</small>
        </form>
    }
    .into_any()
}

fn reject_form(action: &str, stamp: &str, filled: &Filled) -> AnyView {
    view! {
        <details class="card" id="reject" open=filled.is_refused()>
            <summary class="btn quiet wide">"Reject or ask for changes"</summary>
            <div class="body">
                <form class="form" method="post" action=action.to_owned() data-act="">
                    <input type="hidden" name="stamp" value=stamp.to_owned()/>
                    {Field::area(filled, "reason", "Reason", 3).help("The partner reads it. Say what would have to be different.").view()}
                    <div class="actions">
                        <button class="btn" name="decision" value="changes">"Ask for changes"</button>
                        <button class="btn stop" name="decision" value="reject">"Reject with your passkey"</button>
                    </div>
                </form>
            </div>
        </details>
    }
    .into_any()
}
