//! `/mail`: the outbox, for operators. `/dev/mailbox`: the development mailbox.

use app::components::{Chip, Moment, Paging, thousands};
use app::pages::mail::{MailRow, MailState, Outbox, outbox_page};
use app::pages::mailbox::{self, MailLine, Mailbox, mail_page, mailbox_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::time::Timestamp;
use serde::Deserialize;
use store::{Mail, OutboxCounts};

use crate::auth::actor::Actor;
use crate::http::form::Form;
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::mail::mailbox::Folder;
use crate::mail::{operate, title_of};
use crate::portal::Portal;
use crate::refusal::Refusal;

const PAGE: i64 = 50;

/// Which mails are looked at. A filter that is unknown shows all: it decides nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
}

impl Filter {
    fn page(&self) -> u32 {
        self.page.parse().unwrap_or_default()
    }
}

/// `GET /mail`
pub async fn outbox(view: View, Query(filter): Query<Filter>) -> Response {
    match page(&view.portal, &filter, String::new()).await {
        Ok(vm) => view.page(Area::Mail, |shell| outbox_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /mail/{id}/resend`
pub async fn resend(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        let id = id.parse().map_err(|_| Refusal::NotFound)?;
        operate::resend(&view.portal, actor.operator()?, &actor, &client.origin, id).await
    };
    answer(&view, done.await).await
}

/// `POST /mail/test`
pub async fn test(view: View, actor: Actor, client: Client, form: Form) -> Response {
    let done = async {
        form.only(&[])?;
        operate::send_test(&view.portal, actor.operator()?, &actor, &client.origin).await
    };
    answer(&view, done.await).await
}

/// `GET /dev/mailbox`: not there outside of the development profile.
pub async fn mailbox(view: View) -> Response {
    let Some(folder) = folder(&view.portal) else {
        return view.refuse(Refusal::NotFound);
    };
    let now = view.portal.now();
    match folder.all().await {
        Ok(mails) => view.bare(|| {
            mailbox_page(Mailbox {
                host: view.portal.config.host_name.clone(),
                mails: mails
                    .into_iter()
                    .map(|mail| MailLine {
                        id: mail.id.to_string(),
                        to: mail.to,
                        subject: mail.subject,
                        at: Moment::new(mail.at, now),
                    })
                    .collect(),
            })
        }),
        Err(error) => view.refuse(Refusal::internal(error)),
    }
}

/// `GET /dev/mailbox/{id}`: not there outside of the development profile.
pub async fn mailbox_mail(view: View, Path(id): Path<String>) -> Response {
    let (Some(folder), Ok(id)) = (folder(&view.portal), id.parse()) else {
        return view.refuse(Refusal::NotFound);
    };
    let now = view.portal.now();
    match folder.one(id).await {
        Ok(Some(mail)) => view.bare(|| {
            mail_page(mailbox::Mail {
                host: view.portal.config.host_name.clone(),
                to: mail.to,
                subject: mail.subject,
                at: Moment::new(mail.at, now),
                links: one_time_links(&mail.text, &view.portal.config.origin_text()),
                text: mail.text,
                html: mail.html,
            })
        }),
        Ok(None) => view.refuse(Refusal::NotFound),
        Err(error) => view.refuse(Refusal::internal(error)),
    }
}

/// Where mail goes to the mailbox. Once a mail server is configured, what lies there is nobody's.
fn folder(portal: &Portal) -> Option<Folder> {
    let here = portal.config.is_development() && portal.config.smtp_url.is_none();
    here.then(|| Folder::of(&portal.config))
}

/// The lines of a mail that are addresses of ours and nothing else: names cannot add one.
fn one_time_links(text: &str, origin: &str) -> Vec<String> {
    let ours = format!("{origin}/");
    text.lines()
        .filter(|line| line.starts_with(&ours) && !line.contains(char::is_whitespace))
        .map(str::to_owned)
        .collect()
}

/// What could not be done is said on the page itself.
async fn answer(view: &View, done: Result<(), Refusal>) -> Response {
    let sentence = match done {
        Ok(()) => return see_told("/mail", Told::Sent),
        Err(Refusal::Conflict { sentence, .. }) => sentence,
        Err(refusal) => return view.refuse(refusal),
    };
    match page(&view.portal, &Filter::default(), sentence).await {
        Ok(vm) => view.page_again(Area::Mail, |shell| outbox_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

async fn page(portal: &Portal, filter: &Filter, refused: String) -> Result<Outbox, Refusal> {
    let state = match filter.state.as_str() {
        known @ ("waiting" | "sent" | "dead") => known,
        _ => "",
    };
    let offset = i64::from(filter.page()) * PAGE;
    let mut read = portal.store.read().await?;
    let counts = read.outbox_counts().await?;
    // One more than is shown tells whether there are older ones.
    let mut mails = read.mails(state, PAGE + 1, offset).await?;
    let waiting = read.mails("waiting", 1, 0).await?;
    drop(read);
    let more = mails.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    mails.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let now = portal.now();
    Ok(Outbox {
        summary: summary(counts),
        trouble: waiting
            .into_iter()
            .find_map(|mail| mail.last_error)
            .unwrap_or_default(),
        chips: chips(state, counts),
        rows: mails.into_iter().map(|mail| row(mail, now)).collect(),
        paging: paging(state, filter.page(), more),
        refused,
    })
}

fn summary(counts: OutboxCounts) -> String {
    let waiting = match counts.waiting {
        0 => "No mail waits".to_owned(),
        1 => "One mail waits".to_owned(),
        many => format!("{many} mails wait"),
    };
    let dead = match counts.dead {
        0 => String::new(),
        1 => ", one could not be delivered".to_owned(),
        many => format!(", {many} could not be delivered"),
    };
    format!("{waiting}{dead}.")
}

fn chips(state: &str, counts: OutboxCounts) -> Vec<Chip> {
    let count = |count: i64| Some(thousands(count.unsigned_abs()));
    [
        ("", "All", None),
        ("waiting", "Waiting", count(counts.waiting)),
        ("sent", "Sent", None),
        ("dead", "Not delivered", count(counts.dead)),
    ]
    .into_iter()
    .map(|(code, label, count)| Chip {
        href: place(code, 0),
        label: label.to_owned(),
        count,
        here: code == state,
    })
    .collect()
}

fn paging(state: &str, page: u32, more: bool) -> Paging {
    Paging {
        place: if page > 0 || more {
            format!("Page {}", page + 1)
        } else {
            String::new()
        },
        newer: page.checked_sub(1).map(|newer| place(state, newer)),
        older: more.then(|| place(state, page + 1)),
    }
}

fn place(state: &str, page: u32) -> String {
    match (state, page) {
        ("", 0) => "/mail".to_owned(),
        ("", page) => format!("/mail?page={page}"),
        (state, 0) => format!("/mail?state={state}"),
        (state, page) => format!("/mail?state={state}&page={page}"),
    }
}

fn row(mail: Mail, now: Timestamp) -> MailRow {
    let state = match (mail.sent_at, mail.dead_at) {
        (Some(_), _) => MailState::Sent,
        (None, Some(_)) => MailState::Dead,
        (None, None) => MailState::Waiting,
    };
    MailRow {
        id: mail.id.to_string(),
        kind: title_of(&mail.template).to_owned(),
        recipient: mail.address,
        state,
        held_link: mail.sealed.is_some(),
        tries: u64::try_from(mail.attempts).unwrap_or_default(),
        at: Moment::new(mail.created_at, now),
        last_error: mail.last_error.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_its_own_is_a_link() {
        let text = "Ada http://localhost:3000/evil asks\n\nOpen it:\nhttp://localhost:3000/d/1#x\n\nhttp://localhost:3000.evil.example/\nhttps://evil.example/\n";
        let links = one_time_links(text, "http://localhost:3000");
        assert_eq!(links, ["http://localhost:3000/d/1#x"]);
    }

    #[test]
    fn neighbours_keep_the_filter() {
        let paging = paging("dead", 1, true);
        assert_eq!(paging.newer.as_deref(), Some("/mail?state=dead"));
        assert_eq!(paging.older.as_deref(), Some("/mail?state=dead&page=2"));
        assert_eq!(super::paging("", 0, false), Paging::default());
    }
}
