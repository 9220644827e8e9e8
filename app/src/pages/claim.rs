//! `/d/{id}`: a delivery. The same page for every id; the island is all of it, before proof and
//! after.

use leptos::prelude::*;

use crate::components::needs_scripts;
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
    let body = view! {
        <ClaimIsland delivery_id=delivery_id host=host.clone() security_contact=security_contact/>
        {needs_scripts()}
    };
    alone(&host, "A key for you", body)
}
