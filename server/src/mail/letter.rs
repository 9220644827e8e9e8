//! What each mail says, as values: one variant a mail. A rendered body is never stored, and neither
//! is a link's secret: that is sealed beside the values.

use domain::id::{DeliveryId, KeyId, OverlayId, PersonLinkId, RequestId};
use domain::state::Role;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! letters {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $title:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })+) => {
        /// A mail. Names and reasons are text as people typed it: rendering makes it harmless.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum Letter {
            $($(#[$doc])* #[serde(rename = $kind)] $name {
                $($(#[$field_doc])* $field: $type,)*
            },)+
        }

        /// Every kind, and its name for operators.
        pub(super) const KINDS: &[(&str, &str)] = &[$(($kind, $title)),+];

        impl Letter {
            /// The stable name that the outbox keeps.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $kind,)+
                }
            }
        }
    };
}

letters! {
    /// With a link: asks somebody to join the host's staff.
    StaffInvitation = "staff-invitation", "Invitation to the staff" {
        link: PersonLinkId,
        name: String,
        inviter: String,
        roles: Vec<Role>,
        expires: Timestamp,
    }
    /// With a link: asks a partner's first contact.
    PartnerInvitation = "partner-invitation", "Invitation of a partner" {
        link: PersonLinkId,
        name: String,
        partner: String,
        inviter: String,
        expires: Timestamp,
    }
    /// With a link: asks somebody to join their organisation, which is a partner already.
    MemberInvitation = "member-invitation", "Invitation to a partner" {
        link: PersonLinkId,
        name: String,
        partner: String,
        inviter: String,
        expires: Timestamp,
    }
    /// With a link: to who lost their passkeys, once two members of staff agree.
    Recovery = "recovery", "Recovery link" {
        link: PersonLinkId,
        name: String,
        expires: Timestamp,
    }
    /// To every admin of the partner.
    RecoveryStarted = "recovery-started", "Recovery started" {
        name: String,
        partner: String,
        started_by: String,
        when: Timestamp,
    }
    PasskeyAdded = "passkey-added", "Passkey added" {
        label: String,
        when: Timestamp,
    }
    /// To the old address and to the new one.
    AddressChanged = "address-changed", "Address changed" {
        name: String,
        changed_by: String,
        when: Timestamp,
    }
    /// To the owners who can confirm a change.
    SecondPersonNeeded = "second-person-needed", "Second person needed" {
        /// What would change, as the People page names it.
        what: String,
        asked_by: String,
        expires: Option<Timestamp>,
    }
    /// To the reviewers; also when a request is handed in again.
    RequestSubmitted = "request-submitted", "Request handed in" {
        request: RequestId,
        partner: String,
        service: String,
        revision: i64,
    }
    /// To the reviewers.
    RequestWithdrawn = "request-withdrawn", "Request withdrawn" {
        request: RequestId,
        partner: String,
        service: String,
    }
    ChangesAsked = "changes-asked", "Changes asked for" {
        request: RequestId,
        service: String,
        note: String,
    }
    RequestRejected = "request-rejected", "Request rejected" {
        request: RequestId,
        service: String,
        environment: String,
        reason: String,
    }
    /// To those whose approvals no longer count.
    ApprovalVoided = "approval-voided", "Approval void" {
        request: RequestId,
        partner: String,
        service: String,
        environment: String,
        /// A sentence: `Ada narrowed the source networks.`
        why: String,
    }
    GrantApproved = "grant-approved", "Request approved" {
        request: RequestId,
        service: String,
        environment: String,
        /// Until when keys under it can be used.
        expires: Timestamp,
    }
    /// To the recipient: approved, and nobody has a passkey to seal the key to.
    WaitingForPasskey = "waiting-for-passkey", "Waiting for a passkey" {
        request: RequestId,
        service: String,
        environment: String,
    }
    /// With a link: the one-time hand-over of a key.
    Delivery = "delivery", "Delivery link" {
        delivery: DeliveryId,
        service: String,
        environment: String,
        expires: Timestamp,
    }
    /// To both sides: the key is destroyed.
    DeliveryLapsed = "delivery-lapsed", "Delivery lapsed" {
        partner: String,
        service: String,
        environment: String,
        lapse: Lapse,
        when: Timestamp,
    }
    /// To both sides, at most hourly: the right link with a passkey that may not open it.
    ClaimRefused = "claim-refused", "Claim refused" {
        partner: String,
        service: String,
        environment: String,
        when: Timestamp,
        /// With which passkey it had been opened before, and when.
        opened: Option<Opened>,
    }
    /// To staff.
    ReportedNotMe = "reported-not-me", "Reported: not me" {
        partner: String,
        service: String,
        environment: String,
        /// Proved with the recipient's passkey, which ends the key. Otherwise nothing was changed.
        proved: bool,
        when: Timestamp,
    }
    /// To the partner.
    KeyRevoked = "key-revoked", "Key revoked" {
        key: KeyId,
        kid: String,
        service: String,
        environment: String,
        reason: String,
        when: Timestamp,
    }
    /// To the partner: a grant ended, and every key under it.
    GrantRevoked = "grant-revoked", "Grant revoked" {
        request: RequestId,
        service: String,
        environment: String,
        reason: String,
        when: Timestamp,
    }
    /// To the partner: less for a live grant, at once.
    GrantNarrowed = "grant-narrowed", "Grant narrowed" {
        request: RequestId,
        service: String,
        environment: String,
        reason: String,
        when: Timestamp,
    }
    /// To the reviewers.
    OverlayAsked = "overlay-asked", "Temporary access asked for" {
        overlay: OverlayId,
        partner: String,
        service: String,
        environment: String,
        /// `2 hours`.
        lasts: String,
    }
    /// To the partner.
    OverlayApproved = "overlay-approved", "Temporary access approved" {
        overlay: OverlayId,
        service: String,
        environment: String,
        expires: Timestamp,
    }
    OverlayRejected = "overlay-rejected", "Temporary access rejected" {
        overlay: OverlayId,
        service: String,
        environment: String,
        reason: String,
    }
    /// To the partner: before its time.
    OverlayEnded = "overlay-ended", "Temporary access ended" {
        overlay: OverlayId,
        service: String,
        environment: String,
        reason: String,
        when: Timestamp,
    }
    /// To the partner: no call is accepted until the key is resumed.
    KeySuspended = "key-suspended", "Key suspended" {
        key: KeyId,
        kid: String,
        service: String,
        environment: String,
        when: Timestamp,
    }
    KeyResumed = "key-resumed", "Key resumed" {
        key: KeyId,
        kid: String,
        service: String,
        environment: String,
        when: Timestamp,
    }
    KeyExpiring = "key-expiring", "Key expires soon" {
        key: KeyId,
        kid: String,
        service: String,
        environment: String,
        days: u32,
        expires: Timestamp,
    }
    PartnerSuspended = "partner-suspended", "Partner suspended" {
        partner: String,
        reason: String,
        when: Timestamp,
    }
    PartnerResumed = "partner-resumed", "Partner resumed" {
        partner: String,
        when: Timestamp,
    }
    /// To everybody there: it is over for good, with all that it had.
    PartnerEnded = "partner-ended", "Partner ended" {
        partner: String,
        reason: String,
        when: Timestamp,
    }
    TestMail = "test-mail", "Test mail" {
        asked_by: String,
        when: Timestamp,
    }
}

/// Why a delivery came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// Nobody claimed it in time.
    Link,
    /// It was opened, and nobody said that the key is stored.
    Lease,
    /// Staff cancelled it, or a recovery did.
    Cancelled,
    /// The mail with its link was given up.
    Mail,
}

/// An earlier claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    pub passkey: String,
    pub at: Timestamp,
}

/// Which page a letter's one-time link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Person(PersonLinkId),
    Delivery(DeliveryId),
}

impl Letter {
    /// The one-time link in it, and until when it opens.
    pub(super) const fn door(&self) -> Option<(Door, Timestamp)> {
        match self {
            Self::StaffInvitation { link, expires, .. }
            | Self::PartnerInvitation { link, expires, .. }
            | Self::MemberInvitation { link, expires, .. }
            | Self::Recovery { link, expires, .. } => Some((Door::Person(*link), *expires)),
            Self::Delivery {
                delivery, expires, ..
            } => Some((Door::Delivery(*delivery), *expires)),
            _ => None,
        }
    }
}

/// A kind's name for operators; of a kind that this program no longer writes, the kind itself.
pub fn title_of(kind: &str) -> &str {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(kind, |(_, title)| title)
}
