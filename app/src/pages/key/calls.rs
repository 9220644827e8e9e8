//! The calls made with a key, by hour.

use leptos::prelude::*;

use super::detail::KeyDetail;
use crate::components::{Bar, busiest, card, chart, thousands};

pub(super) fn calls_card(vm: &KeyDetail) -> AnyView {
    let chart = (!vm.hours.is_empty()).then(|| hours(&vm.hours));
    let count = view! { <small>{format!("last 24 hours · {} accepted · {} refused", thousands(vm.accepted), thousands(vm.refused))}</small> };
    let refusal = match vm.last_refused.clone() {
        Some((at, why, code)) => view! { <p>"Last refusal "{at.view()}": "{why}" "<code>{code}</code></p> }.into_any(),
        None if vm.last_used.is_none() => view! { <p class="small">"No call has been made with this key. The first one shows up here within a minute."</p> }.into_any(),
        None => view! { <p class="small">"No call with this key was refused."</p> }.into_any(),
    };
    let usage = format!("/keys/{}/usage", vm.id);
    card(
        "Calls",
        Some(count.into_any()),
        view! { {chart}{refusal}<p><a href=usage>"Endpoints, networks and earlier days"</a></p> },
    )
}

fn hours(hours: &[(u64, u64)]) -> AnyView {
    let bars: Vec<Bar> = hours
        .iter()
        .map(|(accepted, refused)| Bar {
            name: String::new(),
            accepted: *accepted,
            refused: *refused,
        })
        .collect();
    let most = busiest(&bars).map_or(0, |bar| bar.accepted + bar.refused);
    let label = format!(
        "Calls by hour over the last {} hours; the busiest had {}",
        hours.len(),
        thousands(most)
    );
    chart(&bars, label)
}
