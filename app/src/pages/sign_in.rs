//! `/sign-in`: a discoverable passkey, no name to type.

use leptos::prelude::*;

use crate::components::{Tone, needs_scripts, notice, plain_card};
use crate::islands::SignIn as SignInIsland;
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug)]
pub struct SignIn {
    pub host: String,
    /// Where the person was going: a path on this origin, checked by the caller.
    pub return_to: String,
    /// Why they are here, such as `You were signed out after an hour without use.`; may be empty.
    pub reason: String,
}

pub fn sign_in_page(vm: SignIn) -> Page {
    let SignIn {
        host,
        return_to,
        reason,
    } = vm;
    let reason = (!reason.is_empty()).then(|| notice(Tone::Info, view! { <p>{reason}</p> }));
    let body = view! {
        {reason}
        {plain_card(view! {
            <div class="head">
                <h1>"Sign in"</h1>
                <p class="small">"Your browser asks for the passkey that you set up here. There is nothing to type."</p>
            </div>
            <SignInIsland return_to=return_to/>
            {needs_scripts()}
        })}
        <small>"No passkey on this device? Use the one on your phone or security key; the browser offers both. Lost it? Ask the person who invited you to start a recovery."</small>
    };
    alone(&host, "Sign in", body)
}
