//! Mails about access requests and what was decided.

use domain::id::RequestId;
use domain::time::Timestamp;

use crate::mail::wording::House;
use crate::mail::words::Words;

/// A service and one of its environments.
type Place<'a> = (&'a str, &'a str);

pub(super) fn submitted(
    house: &House,
    request: RequestId,
    partner: &str,
    service: &str,
    revision: i64,
) -> Words {
    let host = &house.host;
    let done = if revision > 1 {
        "handed in its request again"
    } else {
        "asks for access"
    };
    let revision = revision.to_string();
    Words::new(
        format!("{host}: {partner} {done}: {service}"),
        format!("{host}: {partner} {done}, for {service}."),
        "It waits for reviewers.".to_owned(),
    )
    .facts([
        ("Partner", partner),
        ("Service", service),
        ("Revision", &revision),
    ])
    .link("Review the request", page(house, request))
}

pub(super) fn withdrawn(house: &House, request: RequestId, partner: &str, service: &str) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: {partner} withdrew its request: {service}"),
        format!("{host}: {partner} withdrew its request for {service}."),
        "Nothing is left to review or decide.".to_owned(),
    )
    .link("The request", page(house, request))
}

pub(super) fn changes_asked(house: &House, request: RequestId, service: &str, note: &str) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} asks for changes to your request: {service}"),
        format!("{host} asks for changes to your request for {service}."),
        "It goes on as soon as you hand it in again.".to_owned(),
    )
    .facts([("What to change", note)])
    .link("Change the request", page(house, request))
}

pub(super) fn rejected(
    house: &House,
    request: RequestId,
    (service, environment): Place<'_>,
    reason: &str,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} rejected your request: {service} ({environment})"),
        format!("{host} rejected your request for {service}, {environment}."),
        "Other environments of the request are decided on their own.".to_owned(),
    )
    .facts([("Reason", reason)])
    .link("The request", page(house, request))
}

pub(super) fn approval_voided(
    house: &House,
    request: RequestId,
    partner: &str,
    (service, environment): Place<'_>,
    why: &str,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: your approval is void: {partner}, {service} ({environment})"),
        format!("{host}: what you approved for {partner}, {service}, {environment}, was changed."),
        "Your approval no longer counts. Look at it again.".to_owned(),
    )
    .facts([("What changed", why)])
    .link("Decide again", page(house, request))
}

pub(super) fn approved(
    house: &House,
    request: RequestId,
    (service, environment): Place<'_>,
    expires: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} approved your request: {service} ({environment})"),
        format!("{host} approved your request for {service}, {environment}."),
        format!("Keys under it work until {}.", expires.minute()),
    )
    .link("What was approved", page(house, request))
    .paragraph("The key comes in a mail of its own, to the person whom the request names.")
}

pub(super) fn waiting_for_passkey(house: &House, (service, environment): Place<'_>) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} needs a passkey of yours: {service} ({environment})"),
        format!(
            "{host} approved access to {service}, {environment}, and cannot send you the key yet."
        ),
        "It comes as soon as you have a passkey that can open it.".to_owned(),
    )
    .link("Add a passkey", house.page("/profile"))
    .paragraph("That page says which passkeys can receive keys.")
}

fn page(house: &House, request: RequestId) -> String {
    house.page(&format!("/requests/{request}"))
}
