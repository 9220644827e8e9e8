use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Serialize;

use super::browser;
use super::failure::Failure;
use super::progress::{Progress, act_button, refusal};
use super::sign_in::Finished;
use super::statement::{self, Begun};
use super::webauthn::{self, Assertion, Credential, Prf};

#[derive(Serialize)]
struct Begin {}

#[derive(Serialize)]
struct Finish<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Assertion>,
}

/// Signs one act. `act_json` is the act as the server means to record it; the island recomputes
/// the challenge from it. `label` is the button's text, `finish_url` takes the assertion.
#[island]
pub fn ActConfirm(act_json: String, label: String, finish_url: String) -> impl IntoView {
    let progress = Progress::new();
    let press = move || {
        let (act_json, finish_url) = (act_json.clone(), finish_url.clone());
        progress.busy("Waiting for your passkey…");
        spawn_local(async move {
            if let Err(failure) = confirm(progress, &act_json, &finish_url).await {
                progress.refuse(failure);
            }
        });
    };
    let label = move || label.clone();
    view! { {act_button(progress, "btn primary wide", label, press)}{refusal(progress)} }
}

/// Each try is a ceremony of its own: a nonce is spent once.
async fn confirm(progress: Progress, act_json: &str, finish_url: &str) -> Result<(), Failure> {
    let shown = statement::shown(act_json)?;
    let begun: Begun = browser::post(&format!("{finish_url}/begin"), &Begin {}).await?;
    statement::check_shown(&begun, &shown)?;
    let asserted = webauthn::get(begun.options.get(), Prf::Unneeded).await?;
    progress.busy("Recording it…");
    let finish = Finish {
        ceremony: &begun.ceremony,
        credential: &asserted.credential,
    };
    let finished: Finished = browser::post(&format!("{finish_url}/finish"), &finish).await?;
    browser::go(&finished.location)
}
