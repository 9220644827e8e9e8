//! The calls made with a key, by hour.

use leptos::prelude::*;

use super::detail::KeyDetail;
use crate::components::card;

pub(super) fn calls_card(vm: &KeyDetail) -> AnyView {
    let chart = (!vm.hours.is_empty()).then(|| chart(&vm.hours));
    let count = view! { <small>{format!("last 24 hours · {} accepted · {} refused", thousands(vm.accepted), thousands(vm.refused))}</small> };
    let refusal = match vm.last_refused.clone() {
        Some((at, why, code)) => view! { <p>"Last refusal "{at.view()}": "{why}" "<code>{code}</code></p> }.into_any(),
        None if vm.last_used.is_none() => view! { <p class="small">"No call has been made with this key. The first one shows up here within a minute."</p> }.into_any(),
        None => view! { <p class="small">"No call with this key was refused."</p> }.into_any(),
    };
    card("Calls", Some(count.into_any()), view! { {chart}{refusal} })
}

/// Bars as SVG attributes: the style policy allows no inline style.
fn chart(hours: &[(u64, u64)]) -> AnyView {
    const HEIGHT: f64 = 96.0;
    const STEP: usize = 10;
    let most = hours
        .iter()
        .map(|(accepted, refused)| accepted + refused)
        .max()
        .unwrap_or(0)
        .max(1);
    let scale = |count: u64| (count as f64 / most as f64 * HEIGHT * 10.0).round() / 10.0;
    let bars = hours
        .iter()
        .enumerate()
        .map(|(at, (accepted, refused))| {
            let (yes, no) = (scale(*accepted), scale(*refused));
            let x = (at * STEP).to_string();
            let no_bar = (*refused > 0).then(|| {
                let height = no.max(1.0);
                view! { <rect class="no" x=x.clone() y=(HEIGHT - yes - height).max(0.0).to_string() width="8" height=height.to_string()></rect> }
            });
            view! { <rect x=x.clone() y=(HEIGHT - yes).to_string() width="8" height=yes.to_string()></rect>{no_bar} }
        })
        .collect_view();
    let label = format!(
        "Calls by hour over the last {} hours; the busiest had {}",
        hours.len(),
        thousands(most)
    );
    let view_box = format!("0 0 {} {HEIGHT}", hours.len() * STEP - 2);
    view! { <svg class="chart" viewBox=view_box preserveAspectRatio="none" role="img" aria-label=label>{bars}</svg> }.into_any()
}

/// `41,204`.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_parted() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(41_204), "41,204");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }
}
