//! Mails about keys in use, and about what ends or pauses them.

use domain::id::{KeyId, RequestId};
use domain::time::Timestamp;

use crate::mail::wording::House;
use crate::mail::words::Words;

/// A service and one of its environments.
type Place<'a> = (&'a str, &'a str);

pub(super) fn revoked(
    house: &House,
    (key, kid): (KeyId, &str),
    (service, environment): Place<'_>,
    reason: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} revoked a key: {service} ({environment})"),
        format!("{host} revoked your key {kid} for {service}, {environment}."),
        format!("It has not worked since {}.", when.minute()),
    )
    .facts([("Key", kid), ("Reason", reason)])
    .link("The key", house.page(&format!("/keys/{key}")))
}

pub(super) fn grant_revoked(
    house: &House,
    request: RequestId,
    (service, environment): Place<'_>,
    reason: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} revoked your access: {service} ({environment})"),
        format!("{host} revoked your access to {service}, {environment}."),
        format!("No key under it has worked since {}.", when.minute()),
    )
    .facts([("Reason", reason)])
    .link("The request", house.page(&format!("/requests/{request}")))
}

pub(super) fn expiring(
    house: &House,
    (key, kid): (KeyId, &str),
    (service, environment): Place<'_>,
    days: u32,
    expires: Timestamp,
) -> Words {
    let host = &house.host;
    let soon = match days {
        0 => "today".to_owned(),
        1 => "in a day".to_owned(),
        days => format!("in {days} days"),
    };
    Words::new(
        format!("{host}: a key expires {soon}: {service} ({environment})"),
        format!("{host}: your key {kid} for {service}, {environment}, expires {soon}."),
        format!("It works until {}.", expires.minute()),
    )
    .link("Ask for a replacement", house.page(&format!("/keys/{key}")))
    .paragraph("The two keys work side by side for a while, so that nothing has to stop.")
}

pub(super) fn key_suspended(
    house: &House,
    (key, kid): (KeyId, &str),
    (service, environment): Place<'_>,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} suspended a key: {service} ({environment})"),
        format!("{host} suspended your key {kid} for {service}, {environment}."),
        format!("It has not worked since {}.", when.minute()),
    )
    .facts([("Key", kid)])
    .link("The key", house.page(&format!("/keys/{key}")))
    .paragraph("Keep it: it works again, as it is, when it is resumed. You are told then.")
}

pub(super) fn key_resumed(
    house: &House,
    (key, kid): (KeyId, &str),
    (service, environment): Place<'_>,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} resumed a key: {service} ({environment})"),
        format!("{host} resumed your key {kid} for {service}, {environment}."),
        format!("It has worked again since {}.", when.minute()),
    )
    .facts([("Key", kid)])
    .link("The key", house.page(&format!("/keys/{key}")))
}

pub(super) fn partner_ended(house: &House, partner: &str, reason: &str, when: Timestamp) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} ended the access of {partner}"),
        format!("{host} ended the access of {partner} to all of its services, for good."),
        format!("No key has worked since {}.", when.minute()),
    )
    .facts([("Reason", reason)])
    .paragraph(
        "Nobody of your organisation can sign in to the portal any more. What was asked for is \
         withdrawn, and links that were on their way are void.",
    )
}

pub(super) fn partner_suspended(
    house: &House,
    partner: &str,
    reason: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} suspended {partner}"),
        format!("{host} suspended the access of {partner} to all of its services."),
        format!("No key has worked since {}.", when.minute()),
    )
    .facts([("Reason", reason)])
    .paragraph("Nothing is lost: keys work again when the suspension is lifted.")
}

pub(super) fn partner_resumed(house: &House, partner: &str, when: Timestamp) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} lifted the suspension of {partner}"),
        format!("{host} lets {partner} use its services again."),
        format!("Keys have worked again since {}.", when.minute()),
    )
    .link("Your keys", house.page("/"))
}
