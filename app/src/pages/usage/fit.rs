//! A grant compared to what was used of it, and a narrower one that would have been enough.

use leptos::prelude::*;

use crate::components::{Line, Tone, aside, card, lines, notice, thousands};

#[derive(Clone, Debug)]
pub struct FitCard {
    pub state: FitState,
    /// Some calls' endpoints are not told apart.
    pub endpoints_unsure: bool,
    pub sources_unsure: bool,
    /// Granted, with the calls that needed it.
    pub scopes: Vec<(String, u64)>,
    /// Empty where calls may come from anywhere.
    pub networks: Vec<(String, u64)>,
    /// What the proposal changes.
    pub proposal: Vec<Line>,
    pub replayed: u64,
    /// Calls that the grant itself does not allow any more.
    pub no_longer: u64,
    pub refused: Vec<RefusedRow>,
    /// Where it can be narrowed; empty where the viewer cannot.
    pub narrow: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitState {
    Unused,
    Unknown,
    Fits,
    Narrower,
}

/// Calls that the proposal would have refused.
#[derive(Clone, Debug)]
pub struct RefusedRow {
    pub endpoint: String,
    pub source: String,
    pub code: String,
    pub calls: u64,
}

pub(super) fn fit_card(fit: FitCard, period: &str) -> AnyView {
    let networks = if fit.networks.is_empty() {
        Line::new("From networks", "anywhere")
    } else {
        used("From networks", &fit.networks)
    };
    let parts = lines(vec![used("Scopes", &fit.scopes), networks]);
    let says = match fit.state {
        FitState::Unused => view! { <p>"No call passed that this grant allows. Ask the partner whether it is still needed; if not, revoke it."</p> }.into_any(),
        FitState::Unknown => view! { <p>"Calls were made before they were counted by endpoint and network, so nothing is proposed for this period. Choose a shorter one."</p> }.into_any(),
        FitState::Fits => view! { <p>"Everything that can be told apart was used: there is nothing to take away."</p> }.into_any(),
        FitState::Narrower => proposal(&fit, period),
    };
    let unsure = unsure(&fit);
    card(
        "Granted versus used",
        aside(format!("last {period}")),
        view! { {parts}{says}{unsure} },
    )
}

fn used(label: &str, parts: &[(String, u64)]) -> Line {
    let parts: Vec<String> = parts
        .iter()
        .map(|(part, calls)| match calls {
            0 => format!("{part} (never used)"),
            1 => format!("{part} (1 call)"),
            calls => format!("{part} ({} calls)", thousands(*calls)),
        })
        .collect();
    Line::new(label, parts.join("\n"))
}

fn proposal(fit: &FitCard, period: &str) -> AnyView {
    let changes = lines(fit.proposal.clone());
    let replay = if fit.refused.is_empty() {
        let all = format!(
            "Replayed: of {} recorded calls it would have refused none.",
            thousands(fit.replayed)
        );
        notice(Tone::Ok, view! { <p>{all}</p> })
    } else {
        let refused = fit.refused.iter().map(|row| row.calls).sum();
        let some = format!(
            "Replayed: of {} recorded calls it would have refused {}.",
            thousands(fit.replayed),
            thousands(refused)
        );
        let rows = fit
            .refused
            .iter()
            .map(|row| view! { <li><code>{row.code.clone()}</code>{format!(" {} from {}: {}", row.endpoint, row.source, thousands(row.calls))}</li> })
            .collect_view();
        notice(Tone::Warn, view! { <p>{some}</p><ul>{rows}</ul> })
    };
    let no_longer = (fit.no_longer > 0).then(|| view! { <p class="small">{format!("{} more calls passed that the grant as it is now does not allow.", thousands(fit.no_longer))}</p> });
    let how = if fit.narrow.is_empty() {
        view! { <p class="small">"To make it so, ask the partner for a new request with just this, and revoke this grant when the new key is in use."</p> }.into_any()
    } else {
        view! { <p><a class="btn" href=fit.narrow.clone()>"Narrow this grant…"</a></p> }.into_any()
    };
    view! {
        <h3>"A narrower grant"</h3>
        <p class="small">{format!("What no call of the last {period} used is taken away. Rates, quotas, hours and the end stay as they are.")}</p>
        {changes}{replay}{no_longer}{how}
    }
    .into_any()
}

fn unsure(fit: &FitCard) -> AnyView {
    let endpoints = fit.endpoints_unsure.then(|| view! { <p class="small">"Some calls’ endpoints were too many to be told apart, so endpoints and scopes are left as they are."</p> });
    let sources = fit.sources_unsure.then(|| view! { <p class="small">"Some calls came from too many networks to be told apart, so networks are left as they are."</p> });
    view! { {endpoints}{sources} }.into_any()
}
