//! `/grants/{id}/narrow`: less for a live grant, at once.
//!
//! Form: `POST` to the same path (`scope` and `rule` repeated, `networks`, `rate`, `limits_grant`,
//! `limits_key`, `hours`, `days`, `why`); begins the act. The same names in the query of a `GET` fill
//! the form in, and do nothing else.

use leptos::prelude::*;

use super::request::narrow_fields;
use crate::components::{
    Choice, Field, Filled, Pill, Tone, crumbs, error_summary, head, notice, plain_card,
};
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct NarrowLive {
    pub grant: String,
    pub request: String,
    /// `Shipments API for Brightwater Logistics`.
    pub title: String,
    pub environment: String,
    pub scopes: Vec<Choice>,
    /// The endpoints that the grant opens.
    pub rules: Vec<Choice>,
    pub rate_limit: String,
    pub life_limit: String,
    /// Keys that are held to it at once.
    pub keys: u64,
    /// Came filled in, with what somebody proposes.
    pub proposed: bool,
    pub filled: Filled,
}

pub fn narrow_live_page(shell: Shell, vm: NarrowLive) -> Page {
    let NarrowLive {
        grant,
        request,
        title,
        environment,
        scopes,
        rules,
        rate_limit,
        life_limit,
        keys,
        proposed,
        filled,
    } = vm;
    let back = format!("/requests/{request}");
    let above = vec![
        ("/requests".to_owned(), "Requests".to_owned()),
        (back.clone(), title),
    ];
    let heading = format!("Narrow the live grant for {environment}");
    let holds = match keys {
        1 => "One key is held to it at once.".to_owned(),
        many => format!("{many} keys are held to it at once."),
    };
    let proposed = proposed.then(|| {
        notice(
            Tone::Info,
            view! { <p>"This is a proposal. Nothing is done until you sign it: look at every line."</p> },
        )
    });
    let body = view! {
        {head(Some(crumbs(above, "Narrow")), heading.clone(), None::<Pill>, format!("You can only take away. {holds} It takes a new request to have more again."))}
        {error_summary(&filled)}{proposed}
        {plain_card(view! {
            <form class="form" method="post" action=format!("/grants/{grant}/narrow") data-act="">
                {narrow_fields(&filled, scopes, Some(rules), (&rate_limit, &life_limit))}
                {Field::area(&filled, "why", "Why", 2).help("Recorded, and told to the partner.").view()}
                <div class="actions"><button class="btn primary">"Narrow with your passkey"</button><a class="btn quiet" href=back>"Cancel"</a></div>
            </form>
        })}
    };
    slim(shell, heading, body)
}
