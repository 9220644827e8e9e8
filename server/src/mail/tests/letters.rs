//! One example of each letter, or one of each thing that it may say.

use domain::id::{DeliveryId, KeyId, OverlayId, PersonLinkId, RequestId};
use domain::link::{LinkSecret, PersonLinkSecret, delivery_link, person_link};
use domain::secret::Secret;
use domain::state::Role;
use domain::time::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::mail::letter::{Door, Lapse, Letter, Opened};
use crate::mail::wording::{House, words};
use crate::mail::words::Words;

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const SOON: Timestamp = Timestamp::from_micros(1_800_259_200_000_000);

pub(super) fn house() -> House {
    House {
        host: "Alder Works".to_owned(),
        origin: "https://keys.alder.example".to_owned(),
        contact: "security@alder.example".to_owned(),
    }
}

/// What the snapshot of a letter is called.
pub(super) fn name(letter: &Letter) -> &'static str {
    match letter {
        Letter::ReportedNotMe { proved: false, .. } => "reported-not-me-unproved",
        letter => letter.kind(),
    }
}

/// The words of a letter, with a link of its own where it has one.
pub(super) fn shown(letter: &Letter) -> Words {
    let house = house();
    let link = match letter.door() {
        Some((Door::Person(id), _)) => person_link(
            &house.origin,
            id,
            &PersonLinkSecret::new(Secret::new([9; 32])),
        ),
        Some((Door::Delivery(id), _)) => {
            delivery_link(&house.origin, id, &LinkSecret::new(Secret::new([9; 32])))
        }
        None => Zeroizing::default(),
    };
    words(letter, &house, link)
}

/// What people typed, as it stands in letters.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    name: &'a str,
    by: &'a str,
    partner: &'a str,
    service: &'a str,
    environment: &'a str,
    why: &'a str,
}

pub(super) fn examples() -> Vec<Letter> {
    all(Typed {
        name: "Ada Quay",
        by: "Bo Alder",
        partner: "Quay Logistics",
        service: "Shipments API",
        environment: "production",
        why: "The source networks were narrowed.",
    })
}

/// Each letter, with one text wherever people's words stand.
pub(super) fn all_saying(text: &str) -> Vec<Letter> {
    all(Typed {
        name: text,
        by: text,
        partner: text,
        service: text,
        environment: text,
        why: text,
    })
}

fn all(typed: Typed<'_>) -> Vec<Letter> {
    [
        people(typed),
        requests(typed),
        overlays(typed),
        deliveries(typed),
        keys(typed),
    ]
    .concat()
}

fn people(typed: Typed<'_>) -> Vec<Letter> {
    let why = typed.why;
    let [name, partner, inviter] = [typed.name, typed.partner, typed.by].map(str::to_owned);
    let link = PersonLinkId::new(Uuid::from_u128(1));
    vec![
        Letter::StaffInvitation {
            link,
            name: name.clone(),
            inviter: inviter.clone(),
            roles: vec![Role::Operator, Role::Reviewer],
            expires: SOON,
        },
        Letter::PartnerInvitation {
            link,
            name: name.clone(),
            partner: partner.clone(),
            inviter: inviter.clone(),
            expires: SOON,
        },
        Letter::MemberInvitation {
            link,
            name: name.clone(),
            partner: partner.clone(),
            inviter: inviter.clone(),
            expires: SOON,
        },
        Letter::Recovery {
            link,
            name: name.clone(),
            expires: SOON,
        },
        Letter::RecoveryStarted {
            name: name.clone(),
            partner: partner.clone(),
            started_by: inviter.clone(),
            when: NOW,
        },
        Letter::PasskeyAdded {
            label: name.clone(),
            when: NOW,
        },
        Letter::AddressChanged {
            name: name.clone(),
            changed_by: inviter.clone(),
            when: NOW,
        },
        Letter::SecondPersonNeeded {
            what: why.to_owned(),
            asked_by: inviter.clone(),
            expires: Some(SOON),
        },
        Letter::PartnerSuspended {
            partner: partner.clone(),
            reason: why.to_owned(),
            when: NOW,
        },
        Letter::PartnerResumed {
            partner: partner.clone(),
            when: NOW,
        },
        Letter::PartnerEnded {
            partner,
            reason: why.to_owned(),
            when: NOW,
        },
        Letter::TestMail {
            asked_by: inviter,
            when: NOW,
        },
    ]
}

fn requests(typed: Typed<'_>) -> Vec<Letter> {
    let [partner, service, why, environment] =
        [typed.partner, typed.service, typed.why, typed.environment].map(str::to_owned);
    let request = RequestId::new(Uuid::from_u128(2));
    vec![
        Letter::RequestSubmitted {
            request,
            partner: partner.clone(),
            service: service.clone(),
            revision: 2,
        },
        Letter::RequestWithdrawn {
            request,
            partner: partner.clone(),
            service: service.clone(),
        },
        Letter::ChangesAsked {
            request,
            service: service.clone(),
            note: why.clone(),
        },
        Letter::RequestRejected {
            request,
            service: service.clone(),
            environment: environment.clone(),
            reason: why.clone(),
        },
        Letter::ApprovalVoided {
            request,
            partner,
            service: service.clone(),
            environment: environment.clone(),
            why,
        },
        Letter::GrantApproved {
            request,
            service: service.clone(),
            environment: environment.clone(),
            expires: SOON,
        },
        Letter::WaitingForPasskey {
            request,
            service,
            environment,
        },
    ]
}

fn deliveries(typed: Typed<'_>) -> Vec<Letter> {
    let [partner, service, environment] =
        [typed.partner, typed.service, typed.environment].map(str::to_owned);
    vec![
        Letter::Delivery {
            delivery: DeliveryId::new(Uuid::from_u128(3)),
            service: service.clone(),
            environment: environment.clone(),
            expires: SOON,
        },
        Letter::DeliveryLapsed {
            partner: partner.clone(),
            service: service.clone(),
            environment: environment.clone(),
            lapse: Lapse::Lease,
            when: NOW,
        },
        Letter::ClaimRefused {
            partner: partner.clone(),
            service: service.clone(),
            environment: environment.clone(),
            when: NOW,
            opened: Some(Opened {
                passkey: typed.name.to_owned(),
                at: NOW,
            }),
        },
        Letter::ReportedNotMe {
            partner: partner.clone(),
            service: service.clone(),
            environment: environment.clone(),
            proved: true,
            when: NOW,
        },
        Letter::ReportedNotMe {
            partner,
            service,
            environment,
            proved: false,
            when: NOW,
        },
    ]
}

fn overlays(typed: Typed<'_>) -> Vec<Letter> {
    let overlay = OverlayId::new(Uuid::from_u128(6));
    let [service, environment, reason] =
        [typed.service, typed.environment, typed.why].map(str::to_owned);
    vec![
        Letter::OverlayAsked {
            overlay,
            partner: typed.partner.to_owned(),
            service: service.clone(),
            environment: environment.clone(),
            lasts: "2 hours".to_owned(),
        },
        Letter::OverlayApproved {
            overlay,
            service: service.clone(),
            environment: environment.clone(),
            expires: SOON,
        },
        Letter::OverlayRejected {
            overlay,
            service: service.clone(),
            environment: environment.clone(),
            reason: reason.clone(),
        },
        Letter::OverlayEnded {
            overlay,
            service,
            environment,
            reason,
            when: NOW,
        },
    ]
}

fn keys(typed: Typed<'_>) -> Vec<Letter> {
    let [environment, service, why] =
        [typed.environment, typed.service, typed.why].map(str::to_owned);
    let key = KeyId::new(Uuid::from_u128(4));
    let kid = "3kTr9XwQ".to_owned();
    vec![
        Letter::KeyRevoked {
            key,
            kid: kid.clone(),
            service: service.clone(),
            environment: environment.clone(),
            reason: why.clone(),
            when: NOW,
        },
        Letter::GrantRevoked {
            request: RequestId::new(Uuid::from_u128(2)),
            service: service.clone(),
            environment: environment.clone(),
            reason: why.clone(),
            when: NOW,
        },
        Letter::GrantNarrowed {
            request: RequestId::new(Uuid::from_u128(2)),
            service: service.clone(),
            environment: environment.clone(),
            reason: why,
            when: NOW,
        },
        Letter::KeySuspended {
            key,
            kid: kid.clone(),
            service: service.clone(),
            environment: environment.clone(),
            when: NOW,
        },
        Letter::KeyResumed {
            key,
            kid: kid.clone(),
            service: service.clone(),
            environment: environment.clone(),
            when: NOW,
        },
        Letter::KeyExpiring {
            key,
            kid,
            service,
            environment,
            days: 7,
            expires: SOON,
        },
    ]
}
