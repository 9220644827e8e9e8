//! `/dev/mailbox` and `/dev/mailbox/{id}`: the development mailbox. It exists only where it is
//! configured, and needs no sign-in: the owner's first link is in it.

use leptos::prelude::*;

use crate::components::{Line, Moment, Tone, empty, facts, notice, plain_card};
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug)]
pub struct Mailbox {
    pub host: String,
    pub mails: Vec<MailLine>,
}

#[derive(Clone, Debug)]
pub struct MailLine {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub at: Moment,
}

pub fn mailbox_page(vm: Mailbox) -> Page {
    let Mailbox { host, mails } = vm;
    let list = if mails.is_empty() {
        empty(
            "No mail yet",
            "Every mail that the portal sends lands here instead of in a real mailbox.",
            None,
        )
    } else {
        let entries = mails
            .into_iter()
            .map(|MailLine { id, to, subject, at }| {
                view! { <li><div><a href=format!("/dev/mailbox/{id}")>{subject}</a><small>"to "{to}" · "{at.view()}</small></div></li> }
            })
            .collect_view();
        view! { <ul class="todo">{entries}</ul> }.into_any()
    };
    let body = view! {
        <div class="head"><h1>"Development mailbox"</h1></div>
        {warning()}
        <section class="card">{list}</section>
    };
    alone(&host, "Development mailbox", body)
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub host: String,
    pub to: String,
    pub subject: String,
    pub at: Moment,
    pub text: String,
    /// The links in the text, to follow.
    pub links: Vec<String>,
    /// The HTML body, shown as source.
    pub html: String,
}

pub fn mail_page(vm: Mail) -> Page {
    let Mail {
        host,
        to,
        subject,
        at,
        text,
        links,
        html,
    } = vm;
    // A mail's text is not ours alone: only web addresses become links.
    let links = links
        .into_iter()
        .filter(|href| href.starts_with("https://") || href.starts_with("http://"))
        .map(|href| view! { <a class="btn primary wide" href=href.clone()>"Open the link"</a> })
        .collect_view();
    let title = subject.clone();
    let body = view! {
        <small><a href="/dev/mailbox">"Development mailbox"</a></small>
        {plain_card(view! {
            <div class="head"><h1>{subject}</h1></div>
            {facts(vec![Line::new("To", to), Line::new("Sent", at.exact)])}
            <pre class="key">{text}</pre>
            {links}
            <details><summary>"The HTML body, as source"</summary><pre class="key">{html}</pre></details>
        })}
    };
    alone(&host, title, body)
}

fn warning() -> AnyView {
    notice(
        Tone::Warn,
        view! { <p>"For trying things out: whoever can open this page can read every link. A production configuration refuses to start with it."</p> },
    )
}
