//! What is shown when a page cannot be: what happened, what is safe, what to do.

use leptos::prelude::*;

use crate::components::plain_card;
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 404, and for everything that the viewer may not know of.
    NotFound,
    /// 403: signed in, but without the role.
    Forbidden,
    /// 403: a form that did not come from this site.
    CrossSite,
    /// 413 and 415 and everything that is no form.
    Unreadable,
    /// 429, with the seconds to wait.
    TooMany(u64),
    /// 410: the act or form was begun too long ago, or what it was about has changed.
    Expired,
    /// 500, with the request's id for the operator.
    Failed(Option<String>),
    /// 503: not ready, or the database is away.
    Unavailable,
}

pub fn error_page(host: &str, refusal: Refusal) -> Page {
    let (title, safe, next) = words(&refusal);
    let reference = match refusal {
        Refusal::Failed(id) => id.map(|id| view! { <small>"Reference "<code>{id}</code></small> }),
        _ => None,
    };
    let body = view! {
        {plain_card(view! {
            <div class="head"><h1>{title}</h1></div>
            <p>{safe}</p><p>{next}</p>
            <div class="actions"><a class="btn primary" href="/">"Go to the start"</a></div>
            {reference}
        })}
    };
    alone(host, title, body)
}

fn words(refusal: &Refusal) -> (&'static str, &'static str, String) {
    match refusal {
        Refusal::NotFound => (
            "There is nothing here",
            "The address is wrong, or it is not for you to see. Nothing has changed.",
            "Check the address, or start from the first page.".to_owned(),
        ),
        Refusal::Forbidden => (
            "Your role does not allow this",
            "Nothing has changed.",
            "An owner can give you the role that is needed, if you should have it.".to_owned(),
        ),
        Refusal::CrossSite => (
            "This did not come from our page",
            "Another site, or a very old browser, sent this form. We did not act on it.",
            "Open the page here and try again from it.".to_owned(),
        ),
        Refusal::Unreadable => (
            "We could not read that",
            "The form was too large or not in a shape that we know. Nothing has changed.",
            "Go back, shorten what you typed and send it again.".to_owned(),
        ),
        Refusal::TooMany(seconds) => (
            "Too many tries",
            "To protect people’s links and keys we slow down repeated tries. Nothing has changed, and no link was used up.",
            format!("Wait {} and try again.", wait(*seconds)),
        ),
        Refusal::Expired => (
            "This page is out of date",
            "It was open for too long, or what it is about has changed since. Nothing was done.",
            "Go back, look at it again and repeat the step.".to_owned(),
        ),
        Refusal::Failed(_) => (
            "Something broke on our side",
            "What you sent was not saved, and nothing was half done: a step is done as a whole or not at all.",
            "Try again. If it happens again, tell the host’s operators the reference below."
                .to_owned(),
        ),
        Refusal::Unavailable => (
            "Not ready at the moment",
            "The portal is starting or cannot reach its database. Nothing is lost, and keys that were revoked stay refused.",
            "Try again in a minute.".to_owned(),
        ),
    }
}

fn wait(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
