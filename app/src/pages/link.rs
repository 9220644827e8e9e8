//! `/l/{id}`: a link for a person (owner, invitation, recovery), before proof: the same page for
//! every id. `/welcome`: what the enrolment made.

use leptos::prelude::*;

use crate::components::{Line, Tone, facts, needs_scripts, notice, plain_card};
use crate::islands::Enrol;
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug)]
pub struct Link {
    pub host: String,
    /// As it stands in the URL, whether or not there is such a link.
    pub link_id: String,
    pub security_contact: String,
}

pub fn link_page(vm: Link) -> Page {
    let Link {
        host,
        link_id,
        security_contact,
    } = vm;
    let body = view! {
        {plain_card(view! {
            <div class="head">
                <h1>"Set up your passkey"</h1>
                <p class="small">{format!("This is the key portal of {host}. There are no passwords here: a passkey on your device or security key signs you in and opens what is sent to you.")}</p>
            </div>
            <Enrol link_id=link_id/>
            {needs_scripts()}
            <small>"If you were given a code of eight characters, have it ready. It came by another way than this link, and five wrong tries end the link."</small>
        })}
        <small>{format!("Opening this page has changed nothing. Not expected? Close it, or write to {security_contact}.")}</small>
    };
    alone(&host, "Set up your passkey", body)
}

/// What an enrolment led to.
#[derive(Clone, Debug)]
pub struct Enrolled {
    pub host: String,
    pub name: String,
    /// `Owner, Operator, Reviewer, Auditor`, or `Member of Quill Analytics`.
    pub roles: String,
    pub passkey: String,
    /// The passkey can open keys (it does PRF and both evaluations agreed).
    pub can_receive: bool,
    /// Somebody who holds every role is told to share them.
    pub holds_every_role: bool,
    /// The person belongs to a partner and will receive keys.
    pub receives_keys: bool,
}

pub fn enrolled_page(vm: Enrolled) -> Page {
    let Enrolled {
        host,
        name,
        roles,
        passkey,
        can_receive,
        holds_every_role,
        receives_keys,
    } = vm;
    let unfit = (receives_keys && !can_receive).then(unfit);
    let every = holds_every_role.then(|| {
        notice(Tone::Info, view! { <p>"You hold every role. Invite others and share them out: nobody should approve alone, and nobody can approve their own request."</p> })
    });
    let body = view! {
        {plain_card(view! {
            <div class="head"><h1>"You are in"</h1><p class="small">"Your passkey is set up. Next time, sign in with it."</p></div>
            {facts(vec![Line::new("Name", name), Line::new("Role", roles), Line::new("Passkey", passkey)])}
            {unfit}{every}
            <a class="btn primary wide" href="/">"Go to the portal"</a>
            <small>"Add a second passkey on another device soon: if you lose the only one, somebody else has to let you in again."</small>
        })}
    };
    alone(&host, "You are in", body)
}

/// Why this passkey signs in but cannot open keys, and which can.
pub(super) fn unfit() -> AnyView {
    notice(
        Tone::Warn,
        view! {
            <h2>"This passkey cannot receive keys"</h2>
            <p>"It signs you in, but it cannot make the secret that opens a sealed key (the WebAuthn PRF extension)."</p>
            <p>"These can: iCloud Keychain on iOS 18.4 or macOS 15 and later, Google Password Manager in Chrome, security keys with hmac-secret such as a YubiKey 5, and 1Password or Bitwarden."</p>
        },
    )
}
