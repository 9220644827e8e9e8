//! `/services/{id}/policy/{environment}`: what the host asks for before it gives a key.
//!
//! Form: `POST` to the same path (`version`, `approvals`, `max_days`, `rate`, `limits_grant`,
//! `limits_key`, `link_hours`, and the boxes `networks_required` and `device_bound` with the value `yes`; act).

use leptos::prelude::*;

use crate::components::{
    Choice, Field, Filled, Line, Pill, Tone, card, crumbs, error_summary, facts, head, notice,
    plain_card,
};
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct PolicyForm {
    pub service: String,
    pub service_id: String,
    pub environment: String,
    pub version: u64,
    /// How the typed values weaken the policy, a sentence each; empty when they do not.
    pub weakens: Vec<String>,
    /// A second person has to confirm a weakening: two can.
    pub second_person: bool,
    /// A proposal that waits for a second person, in words; empty when none does.
    pub pending: String,
    /// Earlier versions, the newest first.
    pub history: Vec<Line>,
    /// The viewer is an owner; else the policy is shown and cannot be changed.
    pub may_change: bool,
    pub filled: Filled,
}

pub fn policy_page(shell: Shell, vm: PolicyForm) -> Page {
    let PolicyForm {
        service,
        service_id,
        environment,
        version,
        weakens,
        second_person,
        pending,
        history,
        may_change,
        filled,
    } = vm;
    let above = vec![
        ("/services".to_owned(), "Services".to_owned()),
        (format!("/services/{service_id}"), service),
    ];
    let title = format!("Policy for {environment}");
    let action = format!("/services/{service_id}/policy/{environment}");
    let pending = (!pending.is_empty()).then(|| {
        notice(
            Tone::Info,
            view! { <p>{pending}" "<a href="/people">"See what waits for a second person"</a></p> },
        )
    });
    let weaker = (!weakens.is_empty()).then(|| weakening(weakens, second_person));
    let body = view! {
        {head(Some(crumbs(above, title.clone())), title.clone(), Some(Pill::new(format!("Version {version}"), Tone::Plain)),
            "A change makes a new version. Requests are decided by the version they are shown with; approvals given under an older one are void.")}
        {error_summary(&filled)}{pending}{weaker}
        {may_change.then(|| plain_card(view! {
            <form class="form" method="post" action=action data-act="">
                <input type="hidden" name="version" value=version.to_string()/>
                {fields(&filled)}
                <div class="actions"><button class="btn primary">"Change the policy…"</button></div>
            </form>
        }))}
        {card("Versions", None, facts(history))}
    };
    slim(shell, title, body)
}

fn fields(filled: &Filled) -> AnyView {
    let networks = vec![
        Choice::new("yes", "A request must name its source networks")
            .help("The key then works from nowhere else."),
    ];
    let bound = vec![Choice::new("yes", "The recipient’s passkey must be bound to its device").help("Closes the case of one cloud account that holds both the mail and the synced passkeys.")];
    view! {
        {Field::number(filled, "approvals", "Approvals needed").help("Distinct people, none of them the requester. At least 1; 2 for production by default.").view()}
        {Field::number(filled, "max_days", "Longest life of a key, in days").help("Every key ends. Contacts are reminded 30, 7 and 1 days before.").view()}
        {Field::number(filled, "rate", "Highest rate, calls a second").help("A grant may set less.").view()}
        {Field::text(filled, "limits_grant", "Further limits of a grant").help("All keys of a grant together, such as 600 a minute, 20000 a day. Second, minute, hour; and as quotas day and month, in UTC. Empty: none.").optional().view()}
        {Field::text(filled, "limits_key", "Further limits of each key").help("Written in the same way. They count for each key by itself.").optional().view()}
        {Field::number(filled, "link_hours", "Hours that a delivery link stays open").help("After that the delivery expires and the contact can have a new one.").view()}
        {Field::checks(filled, "networks_required", "Source networks", networks).view()}
        {Field::checks(filled, "device_bound", "Passkeys", bound).view()}
    }
    .into_any()
}

fn weakening(weakens: Vec<String>, second_person: bool) -> AnyView {
    let sentences = weakens
        .into_iter()
        .map(|sentence| view! { <li>{sentence}</li> })
        .collect_view();
    let who = if second_person {
        "It takes effect when a second person has confirmed it. Until then the present version holds."
    } else {
        "Nobody else can confirm it yet, so it takes effect with your passkey alone. It is recorded as a weakening."
    };
    notice(
        Tone::Warn,
        view! { <h2>"This weakens the policy"</h2><ul>{sentences}</ul><p>{who}</p> },
    )
}
