//! Mails about what is changed of a live grant: less for good, or more for a while.

use domain::id::{OverlayId, RequestId};
use domain::time::Timestamp;

use crate::mail::wording::House;
use crate::mail::words::Words;

/// A service and one of its environments.
type Place<'a> = (&'a str, &'a str);

pub(super) fn narrowed(
    house: &House,
    request: RequestId,
    (service, environment): Place<'_>,
    reason: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} narrowed your access: {service} ({environment})"),
        format!("{host} narrowed your access to {service}, {environment}."),
        format!("Your keys can do less since {}.", when.minute()),
    )
    .facts([("Reason", reason)])
    .link("The request", house.page(&format!("/requests/{request}")))
    .paragraph("What is left stands on the page of each key. Nothing has to be changed to go on.")
}

pub(super) fn asked(
    house: &House,
    overlay: OverlayId,
    partner: &str,
    (service, environment): Place<'_>,
    lasts: &str,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: {partner} asks for temporary access: {service} ({environment})"),
        format!("{host}: {partner} asks for temporary access to {service}, {environment}."),
        format!("For {lasts}, counted from the last approval."),
    )
    .facts([("Partner", partner), ("Service", service)])
    .link("Look and decide", page(house, overlay))
}

pub(super) fn approved(
    house: &House,
    overlay: OverlayId,
    (service, environment): Place<'_>,
    expires: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} approved temporary access: {service} ({environment})"),
        format!("{host} approved your temporary access to {service}, {environment}."),
        format!("It is open now, until {}.", expires.minute()),
    )
    .link("What is open", page(house, overlay))
    .paragraph("Your keys stay the same. It ends by itself.")
}

pub(super) fn rejected(
    house: &House,
    overlay: OverlayId,
    (service, environment): Place<'_>,
    reason: &str,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} rejected temporary access: {service} ({environment})"),
        format!("{host} rejected your temporary access to {service}, {environment}."),
        "Your keys work as before.".to_owned(),
    )
    .facts([("Reason", reason)])
    .link("What was asked for", page(house, overlay))
}

pub(super) fn ended(
    house: &House,
    overlay: OverlayId,
    (service, environment): Place<'_>,
    reason: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} ended temporary access: {service} ({environment})"),
        format!("{host} ended your temporary access to {service}, {environment}."),
        format!("It has been closed since {}.", when.minute()),
    )
    .facts([("Reason", reason)])
    .link("What was open", page(house, overlay))
    .paragraph("Your keys work as before for everything else.")
}

fn page(house: &House, overlay: OverlayId) -> String {
    house.page(&format!("/temporary/{overlay}"))
}
