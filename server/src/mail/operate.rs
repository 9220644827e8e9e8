//! What operators do with the outbox. They see neither link nor body.

use domain::audit::Outcome;
use domain::id::MailId;
use serde_json::json;
use store::{Entry, Evidence};

use crate::auth::actor::{Actor, Operator};
use crate::auth::session::Origin;
use crate::mail::{Letter, To, queue};
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Queues a dead mail again. Never one with a link: its secret is wiped.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] for a mail that is not dead or held a link.
pub async fn resend(
    portal: &Portal,
    _: Operator,
    actor: &Actor,
    from: &Origin,
    id: MailId,
) -> Result<(), Refusal> {
    let mut work = portal.store.work().await?;
    let mail = work.mail(id).await?.ok_or(Refusal::NotFound)?;
    if mail.sealed.is_some() {
        return Err(Refusal::conflict(
            "mail-held-a-link",
            "This mail held a one-time link, which is wiped. Make the delivery or the invitation \
             again: a new mail goes out with a new link.",
        ));
    }
    let now = portal.now();
    if !work.revive_mail(id, now).await? {
        return Err(Refusal::conflict(
            "mail-not-dead",
            "This mail is on its way or sent already. Nothing was done.",
        ));
    }
    let entry = entry(portal, actor, from, "resend-mail", &mail.template, id);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Queues a short mail to the operator's own address.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn send_test(
    portal: &Portal,
    operator: Operator,
    actor: &Actor,
    from: &Origin,
) -> Result<(), Refusal> {
    let mut work = portal.store.work().await?;
    let to = To::person(&mut work, operator.person()).await?;
    let letter = Letter::TestMail {
        asked_by: actor.name().to_owned(),
        when: portal.now(),
    };
    let kind = letter.kind();
    let id = queue(portal, &mut work, letter, &to).await?;
    let entry = entry(portal, actor, from, "send-test-mail", kind, id);
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

fn entry(
    portal: &Portal,
    actor: &Actor,
    from: &Origin,
    act: &str,
    kind: &str,
    mail: MailId,
) -> Entry {
    Entry {
        at: portal.now(),
        actor_kind: actor.kind(),
        actor: Some(actor.person()),
        credential: Some(actor.credential()),
        act: act.to_owned(),
        subject_kind: "mail",
        subject: mail.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "details": { "mail": kind } }).to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    }
}
