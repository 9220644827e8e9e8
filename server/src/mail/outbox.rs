//! The job that empties the outbox. Several processes may share it: a mail is leased before it is
//! sent, and comes up again if the process dies with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::DeliveryCode;
use domain::time::Timestamp;
use store::{Mail, Read, Unaudited};
use tokio::task::JoinSet;

use crate::jobs::Stop;
use crate::mail::compose::compose;
use crate::mail::letter::{Door, Letter};
use crate::mail::send::{Courier, Failure};
use crate::mail::wording::House;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery;

/// How long a lease keeps other processes off, and how long one hand-over may take at most.
const LEASE: Duration = Duration::from_secs(30);
const SENDING: Duration = Duration::from_secs(25);
/// Other processes queue mail too, and retries fall due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Mails on their way at once: one that the mail server is slow to take holds up few others.
const AT_ONCE: usize = 8;

/// Sends what is due until it is told to stop. Mails that are being sent are finished first.
pub async fn run(portal: Portal, courier: Courier, mut stop: Stop) {
    let courier = Arc::new(courier);
    // Each in a task of its own: one that holds the database's only writer must not wait for this
    // loop, which waits for the writer.
    let mut under_way = JoinSet::new();
    // To whom: two mails to one address go one after the other, in their order.
    let mut addresses = HashMap::new();
    while !stop.is_set() {
        let has_room = under_way.len() < AT_ONCE;
        let but_to: Vec<String> = addresses.values().cloned().collect();
        if has_room && let Some(mail) = next_due(&portal, &but_to).await {
            let address = mail.address.clone();
            let (portal, courier) = (portal.clone(), Arc::clone(&courier));
            let task = under_way.spawn(async move { hand_over(&portal, &courier, &mail).await });
            addresses.insert(task.id(), address);
            continue;
        }
        tokio::select! {
            Some(ended) = under_way.join_next_with_id() => {
                let task = ended.map_or_else(|error| error.id(), |(task, ())| task);
                addresses.remove(&task);
            }
            () = portal.mail_waits.notified(), if has_room => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.wait() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn next_due(portal: &Portal, but_to: &[String]) -> Option<Mail> {
    lease(portal, but_to)
        .await
        .inspect_err(|error| tracing::error!(%error, "the outbox cannot be read"))
        .ok()
        .flatten()
}

/// Tries a mail, and records what became of it.
async fn hand_over(portal: &Portal, courier: &Courier, mail: &Mail) {
    crate::fault::point("mail-leased");
    let outcome = send(portal, courier, mail).await;
    crate::fault::point("mail-sent");
    if let Err(error) = record(portal, mail, outcome).await {
        tracing::error!(mail = %mail.id, %error, "what became of a mail was not recorded: it is sent again");
    }
}

/// Tries every mail that is due now, and answers which and to whom: for a host of examples, whose
/// people read their mail at once.
///
/// # Errors
/// [`Refusal::Store`].
#[cfg(feature = "demo")]
pub async fn hand_over_all(
    portal: &Portal,
    courier: &Courier,
) -> Result<Vec<(domain::id::MailId, String)>, Refusal> {
    let mut handed_over = Vec::new();
    while let Some(mail) = lease(portal, &[]).await? {
        hand_over(portal, courier, &mail).await;
        handed_over.push((mail.id, mail.address));
    }
    Ok(handed_over)
}

/// The next mail that is due, but for those to some addresses.
async fn lease(portal: &Portal, but_to: &[String]) -> Result<Option<Mail>, Refusal> {
    let mut work = portal.store.passing_work().await?;
    let now = portal.now();
    let mail = work.lease_mail(now, now.plus(LEASE), but_to).await?;
    if mail.is_some() {
        work.commit_unaudited(Unaudited::Outbox).await?;
    }
    Ok(mail)
}

async fn send(portal: &Portal, courier: &Courier, mail: &Mail) -> Result<(), Failure> {
    let house = House::of(&portal.config);
    let now = portal.now();
    is_open(portal, mail, now).await?;
    let words = compose(mail, &house, &portal.keyring.outbox_key, now)
        .map_err(|why| Failure::Never(why.to_string()))?;
    let sending = courier.take(mail.id, &mail.address, &words, now);
    tokio::time::timeout(SENDING, sending)
        .await
        .unwrap_or_else(|_| {
            Err(Failure::Later(
                "The mail server did not answer in time.".to_owned(),
            ))
        })
}

/// Whether the link in a mail, if it has one, still opens something: it may have been voided,
/// replaced or used since the mail was queued. What `compose` refuses is left to it.
async fn is_open(portal: &Portal, mail: &Mail, now: Timestamp) -> Result<(), Failure> {
    let letter = serde_json::from_str::<Letter>(&mail.content).ok();
    let Some((door, _)) = letter.and_then(|letter| letter.door()) else {
        return Ok(());
    };
    let open = match portal.store.read().await {
        Ok(mut read) => opens(&mut read, door, now).await,
        Err(error) => Err(error),
    };
    match open {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Never(
            "Not sent: the link in it is not open any more.".to_owned(),
        )),
        Err(store::Error::Tampered { .. }) => Err(Failure::Never(
            "Not sent: the row of its link was edited.".to_owned(),
        )),
        Err(error) => {
            tracing::warn!(mail = %mail.id, %error, "a mail's link cannot be looked up");
            Err(Failure::Later(
                "The link in it could not be looked up.".to_owned(),
            ))
        }
    }
}

async fn opens(read: &mut Read, door: Door, now: Timestamp) -> Result<bool, store::Error> {
    Ok(match door {
        Door::Person(id) => read
            .person_link(id)
            .await?
            .is_some_and(|link| link.is_open(now)),
        Door::Delivery(id) => read.delivery(id).await?.is_some_and(|delivery| {
            delivery.state.0 == DeliveryCode::Sealed && now < delivery.expires_at
        }),
    })
}

/// Logs hold the id alone: neither who gets the mail nor what it says.
async fn record(portal: &Portal, mail: &Mail, outcome: Result<(), Failure>) -> Result<(), Refusal> {
    let mut work = portal.store.minor_work().await?;
    let now = portal.now();
    match outcome.map_err(|failure| next(mail.attempts, failure)) {
        Ok(()) => {
            tracing::info!(mail = %mail.id, kind = mail.template, "sent a mail");
            work.mail_sent(mail.id, now).await?;
        }
        Err(Next::Retry(wait, error)) => {
            tracing::warn!(mail = %mail.id, kind = mail.template, attempts = mail.attempts, error, "a mail was not taken, and is tried again");
            work.mail_failed(mail.id, now.plus(wait), &error).await?;
        }
        Err(Next::GiveUp(error)) => {
            drop(work);
            return give_up(portal, mail, &error).await;
        }
    }
    work.commit_unaudited(Unaudited::Outbox).await?;
    Ok(())
}

/// A link goes with its mail; a delivery that nobody can open any more ends with it.
async fn give_up(portal: &Portal, mail: &Mail, error: &str) -> Result<(), Refusal> {
    tracing::error!(mail = %mail.id, kind = mail.template, attempts = mail.attempts, error, "a mail was given up");
    let mut work = portal.store.work().await?;
    let now = portal.now();
    work.mail_given_up(mail.id, now, error).await?;
    let ended = match serde_json::from_str(&mail.content) {
        Ok(Letter::Delivery { delivery, .. }) => {
            delivery::end_unmailed(portal, &mut work, delivery, now).await?
        }
        _ => Vec::new(),
    };
    if ended.is_empty() {
        work.commit_unaudited(Unaudited::Outbox).await?;
    } else {
        portal.commit(work, delivery::evidence(ended)?).await?;
    }
    Ok(())
}

/// What follows a failure.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Retry(Duration, String),
    GiveUp(String),
}

fn next(attempts: i64, failure: Failure) -> Next {
    match failure {
        Failure::Never(error) => Next::GiveUp(error),
        Failure::Later(error) => match backoff(attempts) {
            Some(wait) => Next::Retry(wait, error),
            None => Next::GiveUp(error),
        },
    }
}

/// How long to wait after so many tries; nothing after about a day.
fn backoff(attempts: i64) -> Option<Duration> {
    let seconds = match attempts {
        ..=1 => 5,
        2 => 15,
        3 => 60,
        4 => 5 * 60,
        5 => 15 * 60,
        6..=28 => 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_apart_and_end_after_about_a_day() {
        let waits: Vec<Duration> = (1..).map_while(backoff).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits[0], Duration::from_secs(5));
        let hours = waits.iter().sum::<Duration>().as_secs() / 3600;
        assert_eq!((waits.len(), hours), (28, 23));
    }

    #[test]
    fn a_final_refusal_is_not_tried_again() {
        let failure = Failure::Never("550".to_owned());
        assert_eq!(next(1, failure), Next::GiveUp("550".to_owned()));
    }

    #[test]
    fn a_passing_failure_is_tried_again_until_the_tries_are_up() {
        let later = || Failure::Later("no answer".to_owned());
        let wait = Duration::from_secs(5);
        assert_eq!(next(1, later()), Next::Retry(wait, "no answer".to_owned()));
        assert_eq!(next(29, later()), Next::GiveUp("no answer".to_owned()));
    }

    #[test]
    fn a_hand_over_ends_before_its_lease() {
        assert!(SENDING < LEASE);
    }
}
