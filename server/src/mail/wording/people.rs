//! Mails about people and how they sign in.

use domain::state::Role;
use domain::time::Timestamp;
use zeroize::Zeroizing;

use crate::mail::wording::House;
use crate::mail::words::Words;

const CODE: &str = "You also need a code of eight characters. It is not in this mail: whoever invited \
                    you passes it on by another way, such as a call.";

pub(super) fn staff_invitation(
    house: &House,
    name: &str,
    inviter: &str,
    roles: &[Role],
    expires: Timestamp,
    link: Zeroizing<String>,
) -> Words {
    let host = &house.host;
    let roles: Vec<&str> = roles.iter().map(|role| role.code()).collect();
    Words::new(
        format!("{host}: {inviter} invites you to the staff"),
        format!("{host} invites you, {name}, to the staff of its portal for API keys."),
        open_until(expires),
    )
    .facts([("Invited by", inviter), ("Roles", &roles.join(", "))])
    .link("Accept the invitation", link)
    .paragraph(CODE)
    .paragraph("The page registers a passkey, with which you sign in from then on.")
}

pub(super) fn partner_invitation(
    house: &House,
    name: &str,
    partner: &str,
    inviter: &str,
    expires: Timestamp,
    link: Zeroizing<String>,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host} invites {partner} to ask for API access"),
        format!("{host} invites {partner} to ask for access to its services. You, {name}, are its first contact."),
        open_until(expires),
    )
    .facts([("Invited by", inviter), ("Organisation", partner)])
    .link("Accept the invitation", link)
    .paragraph(CODE)
    .paragraph(
        "The page registers a passkey, with which you sign in and later open the keys that are \
         sent to you.",
    )
}

pub(super) fn member_invitation(
    house: &House,
    name: &str,
    partner: &str,
    inviter: &str,
    expires: Timestamp,
    link: Zeroizing<String>,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: {inviter} invites you to {partner}"),
        format!("{host} has a place for you, {name}, among the contacts of {partner}."),
        open_until(expires),
    )
    .facts([("Invited by", inviter), ("Organisation", partner)])
    .link("Accept the invitation", link)
    .paragraph(CODE)
    .paragraph(
        "The page registers a passkey, with which you sign in and later open the keys that are \
         sent to you.",
    )
}

pub(super) fn recovery(
    house: &House,
    name: &str,
    expires: Timestamp,
    link: Zeroizing<String>,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: register a new passkey"),
        format!("{host} lets you, {name}, register a new passkey in place of a lost one."),
        open_until(expires),
    )
    .link("Register a passkey", link)
    .paragraph(
        "You also need a code of eight characters. It is not in this mail: the staff of the host \
         pass it on by another way, such as a call.",
    )
    .paragraph(
        "You did not ask for this? Do not open the link, and tell the security contact below.",
    )
}

pub(super) fn recovery_started(
    house: &House,
    name: &str,
    partner: &str,
    started_by: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: {name} is to get a new passkey"),
        format!("{host} was asked to let {name} of {partner} register a new passkey."),
        format!("Asked for on {}.", when.minute()),
    )
    .facts([("Person", name), ("Started by", started_by)])
    .paragraph(
        "A second member of the host's staff has to confirm it. Keys on their way to the lost \
         passkey are then cancelled and made again.",
    )
    .paragraph(format!(
        "If {name} has not lost a passkey, tell the security contact below at once."
    ))
}

pub(super) fn passkey_added(house: &House, label: &str, when: Timestamp) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: a passkey was added"),
        format!("{host}: a new passkey can sign in as you."),
        format!("Added on {}.", when.minute()),
    )
    .facts([("Passkey", label)])
    .link("Your passkeys", house.page("/profile"))
    .paragraph(
        "Was it not you? Remove it on that page, and tell the security contact below at once.",
    )
}

pub(super) fn address_changed(
    house: &House,
    name: &str,
    changed_by: &str,
    when: Timestamp,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: the address of {name} was changed"),
        format!("{host} sends mail for {name} to another address from now on."),
        format!("Changed on {}.", when.minute()),
    )
    .facts([("Person", name), ("Changed by", changed_by)])
    .paragraph("This goes to the old address and to the new one.")
    .paragraph("Is that wrong? Tell the security contact below at once.")
}

pub(super) fn second_person_needed(
    house: &House,
    what: &str,
    asked_by: &str,
    expires: Option<Timestamp>,
) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: a change waits for a second person"),
        format!("{host}: {asked_by} asks for a change that takes a second person."),
        expires.map_or_else(
            || "It waits until somebody confirms or refuses it.".to_owned(),
            |expires| format!("It waits until {}.", expires.minute()),
        ),
    )
    .facts([("Change", what), ("Asked for by", asked_by)])
    .link("Look at it", house.page("/people"))
}

pub(super) fn test_mail(house: &House, asked_by: &str, when: Timestamp) -> Words {
    let host = &house.host;
    Words::new(
        format!("{host}: test mail"),
        format!("{host} can send mail: this is a test."),
        format!("Asked for on {}.", when.minute()),
    )
    .facts([("Asked for by", asked_by)])
    .paragraph("Nothing has to be done.")
}

fn open_until(expires: Timestamp) -> String {
    format!("The link below works once, until {}.", expires.minute())
}
