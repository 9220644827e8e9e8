//! From a letter's values to its words. The first two lines say who sends it, which service it is
//! about and until when.

mod deliveries;
mod keys;
mod live;
mod people;
mod requests;

use zeroize::Zeroizing;

use crate::config::Config;
use crate::mail::letter::Letter;
use crate::mail::words::Words;

/// Who writes.
pub(super) struct House {
    pub(super) host: String,
    pub(super) origin: String,
    pub(super) contact: String,
}

impl House {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            host: config.host_name.clone(),
            origin: config.origin_text(),
            contact: config.security_contact.clone(),
        }
    }

    /// The address of a page of ours. It holds no secret.
    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// A letter's words. `link` is the whole one-time link, and empty for the letters without one.
pub(super) fn words(letter: &Letter, house: &House, link: Zeroizing<String>) -> Words {
    body(letter, house, link).paragraph(format!(
        "{} sends this through its portal for API keys, {}. Tell {} about anything that looks wrong.",
        house.host, house.origin, house.contact
    ))
}

/// What stands here is a table: one line a letter.
#[rustfmt::skip]
fn body(letter: &Letter, house: &House, link: Zeroizing<String>) -> Words {
    let h = house;
    match letter {
        Letter::StaffInvitation { name, inviter, roles, expires, .. } => people::staff_invitation(h, name, inviter, roles, *expires, link),
        Letter::PartnerInvitation { name, partner, inviter, expires, .. } => people::partner_invitation(h, name, partner, inviter, *expires, link),
        Letter::MemberInvitation { name, partner, inviter, expires, .. } => people::member_invitation(h, name, partner, inviter, *expires, link),
        Letter::Recovery { name, expires, .. } => people::recovery(h, name, *expires, link),
        Letter::RecoveryStarted { name, partner, started_by, when } => people::recovery_started(h, name, partner, started_by, *when),
        Letter::PasskeyAdded { label, when } => people::passkey_added(h, label, *when),
        Letter::AddressChanged { name, changed_by, when } => people::address_changed(h, name, changed_by, *when),
        Letter::SecondPersonNeeded { what, asked_by, expires } => people::second_person_needed(h, what, asked_by, *expires),
        Letter::TestMail { asked_by, when } => people::test_mail(h, asked_by, *when),
        Letter::RequestSubmitted { request, partner, service, revision } => requests::submitted(h, *request, partner, service, *revision),
        Letter::RequestWithdrawn { request, partner, service } => requests::withdrawn(h, *request, partner, service),
        Letter::ChangesAsked { request, service, note } => requests::changes_asked(h, *request, service, note),
        Letter::RequestRejected { request, service, environment, reason } => requests::rejected(h, *request, (service, environment), reason),
        Letter::ApprovalVoided { request, partner, service, environment, why } => requests::approval_voided(h, *request, partner, (service, environment), why),
        Letter::GrantApproved { request, service, environment, expires } => requests::approved(h, *request, (service, environment), *expires),
        Letter::WaitingForPasskey { service, environment, .. } => requests::waiting_for_passkey(h, (service, environment)),
        Letter::Delivery { service, environment, expires, .. } => deliveries::delivery(h, (service, environment), *expires, link),
        Letter::DeliveryLapsed { partner, service, environment, lapse, when } => deliveries::lapsed(h, partner, (service, environment), *lapse, *when),
        Letter::ClaimRefused { partner, service, environment, when, opened } => deliveries::claim_refused(h, partner, (service, environment), *when, opened.as_ref()),
        Letter::ReportedNotMe { partner, service, environment, proved, when } => deliveries::reported(h, partner, (service, environment), *proved, *when),
        Letter::KeyRevoked { key, kid, service, environment, reason, when } => keys::revoked(h, (*key, kid), (service, environment), reason, *when),
        Letter::GrantRevoked { request, service, environment, reason, when } => keys::grant_revoked(h, *request, (service, environment), reason, *when),
        Letter::GrantNarrowed { request, service, environment, reason, when } => live::narrowed(h, *request, (service, environment), reason, *when),
        Letter::OverlayAsked { overlay, partner, service, environment, lasts } => live::asked(h, *overlay, partner, (service, environment), lasts),
        Letter::OverlayApproved { overlay, service, environment, expires } => live::approved(h, *overlay, (service, environment), *expires),
        Letter::OverlayRejected { overlay, service, environment, reason } => live::rejected(h, *overlay, (service, environment), reason),
        Letter::OverlayEnded { overlay, service, environment, reason, when } => live::ended(h, *overlay, (service, environment), reason, *when),
        Letter::KeySuspended { key, kid, service, environment, when } => keys::key_suspended(h, (*key, kid), (service, environment), *when),
        Letter::KeyResumed { key, kid, service, environment, when } => keys::key_resumed(h, (*key, kid), (service, environment), *when),
        Letter::KeyExpiring { key, kid, service, environment, days, expires } => keys::expiring(h, (*key, kid), (service, environment), *days, *expires),
        Letter::PartnerSuspended { partner, reason, when } => keys::partner_suspended(h, partner, reason, *when),
        Letter::PartnerResumed { partner, when } => keys::partner_resumed(h, partner, *when),
        Letter::PartnerEnded { partner, reason, when } => keys::partner_ended(h, partner, reason, *when),
    }
}
