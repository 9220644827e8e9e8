//! Calls over time: bars, and the same as a table.

use leptos::prelude::*;

/// What was counted in one hour, day or week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    pub name: String,
    pub accepted: u64,
    pub refused: u64,
}

/// Bars as SVG attributes: the style policy allows no inline style. Accepted calls below, refused
/// ones on top, where there are any.
pub fn chart(bars: &[Bar], label: String) -> AnyView {
    const HEIGHT: f64 = 96.0;
    const STEP: usize = 10;
    let most = busiest(bars).map_or(1, |bar| bar.accepted + bar.refused);
    let scale = |count: u64| (count as f64 / most as f64 * HEIGHT * 10.0).round() / 10.0;
    let (mut accepted, mut refused) = (String::new(), String::new());
    for (at, bar) in bars.iter().enumerate() {
        let (x, yes) = (at * STEP, scale(bar.accepted));
        if bar.accepted > 0 {
            accepted.push_str(&format!("M{x} {HEIGHT}v-{yes}h8v{yes}z"));
        }
        if bar.refused > 0 {
            // However few: a refusal is not to be overlooked.
            let no = scale(bar.refused).max(1.0);
            let foot = (HEIGHT - yes).max(no);
            refused.push_str(&format!("M{x} {foot:.1}v-{no}h8v{no}z"));
        }
    }
    let view_box = format!("0 0 {} {HEIGHT}", (bars.len() * STEP).saturating_sub(2));
    let refused = (!refused.is_empty()).then(|| view! { <path class="no" d=refused></path> });
    view! { <svg class="chart" viewBox=view_box preserveAspectRatio="none" role="img" aria-label=label><path d=accepted></path>{refused}</svg> }.into_any()
}

/// The one with the most calls, if there were any.
pub fn busiest(bars: &[Bar]) -> Option<&Bar> {
    let calls = |bar: &&Bar| bar.accepted + bar.refused;
    bars.iter().max_by_key(calls).filter(|bar| calls(bar) > 0)
}

/// The same figures for those who do not see the bars, and for who wants to copy them.
pub fn bars_table(caption: String, step: &str, bars: &[Bar]) -> AnyView {
    let rows = bars
        .iter()
        .map(|bar| view! { <tr><th scope="row">{bar.name.clone()}</th><td>{thousands(bar.accepted)}</td><td>{thousands(bar.refused)}</td></tr> })
        .collect_view();
    view! {
        <details>
            <summary>"As a table"</summary>
            <table class="figures">
                <caption class="sr">{caption}</caption>
                <thead><tr><th scope="col">{step.to_owned()}</th><th scope="col">"Accepted"</th><th scope="col">"Refused"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </details>
    }
    .into_any()
}

/// `41,204`.
pub fn thousands(count: u64) -> String {
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
    use super::*;

    #[test]
    fn thousands_are_parted() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(41_204), "41,204");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }

    #[test]
    fn the_busiest_is_one_with_calls() {
        let bar = |accepted, refused| Bar {
            name: format!("{accepted} {refused}"),
            accepted,
            refused,
        };
        assert_eq!(busiest(&[]), None);
        assert_eq!(busiest(&[bar(0, 0)]), None);
        let bars = [bar(2, 0), bar(1, 3), bar(0, 0)];
        assert_eq!(busiest(&bars), Some(&bars[1]));
    }
}
