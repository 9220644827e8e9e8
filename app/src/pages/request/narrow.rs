//! `/requests/{id}/narrow/{environment}`: propose less than was asked for.
//!
//! Form: `POST` to the same path (`scope` repeated, `networks`, `rate`, `limits_grant`,
//! `limits_key`, `hours`, `days`, `why`).

use leptos::prelude::*;

use crate::components::{
    Choice, Field, Filled, Pill, Tone, crumbs, error_summary, head, notice, plain_card,
};
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct NarrowForm {
    pub request: String,
    pub environment: String,
    pub title: String,
    /// The scopes of the present proposal; more cannot be given here.
    pub scopes: Vec<Choice>,
    /// `at most 100 a second`, `at most 365 days`: the ends of what can be set.
    pub rate_limit: String,
    pub life_limit: String,
    /// How many approvals the new proposal voids.
    pub voids: u64,
    pub filled: Filled,
}

pub fn narrow_page(shell: Shell, vm: NarrowForm) -> Page {
    let NarrowForm {
        request,
        environment,
        title,
        scopes,
        rate_limit,
        life_limit,
        voids,
        filled,
    } = vm;
    let above = vec![
        ("/requests".to_owned(), "Requests".to_owned()),
        (format!("/requests/{request}"), title),
    ];
    let heading = format!("Narrow the grant for {environment}");
    let voided = (voids > 0).then(|| {
        let what = if voids == 1 { "1 approval was".to_owned() } else { format!("{voids} approvals were") };
        notice(Tone::Warn, view! { <p>{format!("{what} given for the present proposal. A new one voids them, and those who gave them are told.")}</p> })
    });
    let fields = view! {
        {narrow_fields(&filled, scopes, None, (&rate_limit, &life_limit))}
        {Field::area(&filled, "why", "Why", 2).help("The partner and the other reviewers read it.").view()}
    };
    let body = view! {
        {head(Some(crumbs(above, "Narrow")), heading.clone(), None::<Pill>, "You can only take away. The partner keeps what is left; asking for more needs a new revision.")}
        {error_summary(&filled)}{voided}
        {plain_card(view! {
            <form class="form" method="post" action=format!("/requests/{request}/narrow/{environment}")>
                {fields}
                <div class="actions"><button class="btn primary">"Propose this grant"</button><a class="btn quiet" href=format!("/requests/{request}")>"Cancel"</a></div>
            </form>
        })}
    };
    slim(shell, heading, body)
}

/// What a grant can be narrowed by. The limits are the ends of what can be set: of the rate, and of
/// the life.
pub(in crate::pages) fn narrow_fields(
    filled: &Filled,
    scopes: Vec<Choice>,
    rules: Option<Vec<Choice>>,
    (rate_limit, life_limit): (&str, &str),
) -> AnyView {
    let rules = rules.map(|rules| {
        Field::checks(filled, "rule", "Endpoints", rules)
            .help("An endpoint stays open only with all scopes that it needs.")
            .view()
    });
    view! {
        {Field::checks(filled, "scope", "Scopes", scopes).help("Take away what the answers do not need.").view()}
        {rules}
        {Field::area(filled, "networks", "Source networks", 3).help("One a line, such as 203.0.113.0/28. Only parts of what was asked for.").view()}
        {Field::number(filled, "rate", "Calls a second").help(rate_limit).view()}
        {Field::text(filled, "limits_grant", "Further limits of all its keys together").help("Such as 600 a minute, 20000 a day. A limit can be added or lowered.").optional().view()}
        {Field::text(filled, "limits_key", "Further limits of each key").help("Written in the same way.").optional().view()}
        {Field::text(filled, "hours", "Hours, in UTC").help("Such as Mon-Fri 08:00-18:00. Empty: at all times.").optional().view()}
        {Field::number(filled, "days", "Days until the grant ends").help(life_limit).view()}
    }
    .into_any()
}
