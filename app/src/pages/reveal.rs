//! `/reveal/{id}`: the step before something is shown once. Opening the page shows nothing; the
//! button does.
//!
//! Form: `POST` to the same path, without fields.

use leptos::prelude::*;

use crate::components::{Tone, notice, plain_card};
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug)]
pub struct Reveal {
    pub host: String,
    pub id: String,
    /// It was shown already, or its time is over.
    pub gone: bool,
}

pub fn reveal_page(vm: Reveal) -> Page {
    let Reveal { host, id, gone } = vm;
    let title = if gone {
        "Not there any more"
    } else {
        "Done. One thing is shown once"
    };
    let body = if gone {
        plain_card(view! {
            <div class="head"><h1>{title}</h1></div>
            <p>"It was shown already, or its ten minutes are over. Nothing is lost: rotate the gateway’s credential, or invite again, and you get a new one."</p>
            <a class="btn primary wide" href="/">"Go on"</a>
        })
    } else {
        plain_card(view! {
            <div class="head"><h1>{title}</h1><p class="small">"It is yours alone, and it cannot be shown again."</p></div>
            {notice(Tone::Warn, view! { <p>"Have the place ready where it goes. It waits here for ten minutes."</p> })}
            <form method="post" action=format!("/reveal/{id}")><button class="btn primary wide">"Show it"</button></form>
        })
    };
    alone(&host, title, body)
}
