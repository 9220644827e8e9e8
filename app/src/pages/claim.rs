//! `/d/{id}`: a delivery, before proof. The same page for every id; the island does the rest.

use leptos::prelude::*;

use crate::components::{Step, needs_scripts, plain_card, steps};
use crate::islands::Claim as ClaimIsland;
use crate::render::Page;
use crate::shell::alone;

#[derive(Clone, Debug)]
pub struct Claim {
    pub host: String,
    /// As it stands in the URL, whether or not there is such a delivery.
    pub delivery_id: String,
    /// Whom to write to when something is wrong.
    pub security_contact: String,
}

pub fn claim_page(vm: Claim) -> Page {
    let Claim {
        host,
        delivery_id,
        security_contact,
    } = vm;
    let way = steps(vec![
        (Step::Now, view! { "Confirm with the passkey of the person to whom we wrote. Nothing is opened before." }.into_any()),
        (Step::Later, view! { "See who sends it, what it opens and until when, and the key itself: once, only here." }.into_any()),
        (Step::Later, view! { "Store it and say so. Until then the key does nothing." }.into_any()),
    ]);
    let body = view! {
        {plain_card(view! {
            <div class="head">
                <h1>"A key for you"</h1>
                <p class="small">{format!("{host} sent you this link. Opening this page has not used it up; only your passkey can.")}</p>
            </div>
            {way}
            <ClaimIsland delivery_id=delivery_id host=host.clone() security_contact=security_contact.clone()/>
            {needs_scripts()}
        })}
        <small>{format!("You do not know {host}, or did not expect this? Do not go on, and write to {security_contact}.")}</small>
    };
    alone(&host, "A key for you", body)
}
