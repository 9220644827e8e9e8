//! Mails about the hand-over of a key. The key itself is in none of them.

use domain::time::Timestamp;
use zeroize::Zeroizing;

use crate::mail::letter::{Lapse, Opened};
use crate::mail::wording::House;
use crate::mail::words::Words;

/// A service and one of its environments.
type Place<'a> = (&'a str, &'a str);

const AGAIN: &str = "It never worked. Its recipient can ask for a new one there.";

pub(super) fn delivery(
    house: &House,
    (service, environment): Place<'_>,
    expires: Timestamp,
    link: Zeroizing<String>,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: your key for {service} ({environment})"),
        format!("{host} has a key for you: {service}, {environment}."),
        format!("The link below opens it once, until {}.", expires.minute()),
    )
    .link("Open the delivery", link)
    .paragraph(
        "Opening takes your passkey. The key is not in this mail, and whoever reads the mail \
         without your passkey learns nothing and uses nothing up.",
    )
    .paragraph(
        "You do not expect a key? Open the link all the same and choose “This was not me”, or tell \
         the security contact below.",
    )
}

pub(super) fn lapsed(
    house: &House,
    partner: &str,
    (service, environment): Place<'_>,
    lapse: Lapse,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    let (why, then) = match lapse {
        Lapse::Link => ("Nobody opened the delivery in time.", AGAIN),
        Lapse::Lease => (
            "It was opened, and nobody said that the key is stored.",
            AGAIN,
        ),
        Lapse::Cancelled => (
            "It was cancelled before the key was stored.",
            "It never worked.",
        ),
        Lapse::Mail => (
            "The mail with its link could not be delivered.",
            "It never worked. Correct the recipient's address if it is wrong; then send a new link \
             from the key's page.",
        ),
    };
    Words::new(
        format!("{host}: a delivery lapsed: {service} ({environment})"),
        format!("{host}: the key for {partner}, {service}, {environment}, was not handed over."),
        format!("{why} The key was destroyed on {}.", when.minute()),
    )
    .link("Where it stands", house.page("/"))
    .paragraph(then)
}

pub(super) fn claim_refused(
    house: &House,
    partner: &str,
    (service, environment): Place<'_>,
    when: Timestamp,
    opened: Option<&Opened>,
) -> Words {
    let host = &house.host;
    let words = Words::new(
        format!("{host}: a delivery was not opened: {service} ({environment})"),
        format!(
            "{host}: somebody had the link to the key for {partner}, {service}, {environment}, and a passkey that may not open it."
        ),
        format!("Refused on {}. The key was not shown.", when.minute()),
    );
    let words = match opened {
        Some(Opened { passkey, at }) => {
            words.facts([("Opened before with", passkey), ("On", &at.minute())])
        }
        None => words,
    };
    words.paragraph(
        "Was it neither of you, with another passkey? Then the link is in the wrong hands: tell \
         the security contact below.",
    )
}

pub(super) fn reported(
    house: &House,
    partner: &str,
    (service, environment): Place<'_>,
    proved: bool,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    let (subject, what) = if proved {
        (
            "reported and ended",
            "The recipient proved it with their passkey: the key has ended.",
        )
    } else {
        (
            "reported",
            "Nobody proved who they are, so nothing was changed: look into it.",
        )
    };
    Words::new(
        format!("{host}: a delivery was {subject}: {partner}, {service} ({environment})"),
        format!(
            "{host}: “This was not me”, about the key for {partner}, {service}, {environment}."
        ),
        format!("Reported on {}. {what}", when.minute()),
    )
    .link("The portal", house.page("/"))
}
