use serde::Serialize;
use wasm_bindgen_futures::spawn_local;

use super::browser;
use super::failure::Failure;
use super::part::Root;
use super::progress::Progress;
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
#[cfg(feature = "ssr")]
#[leptos::component]
pub fn ActConfirm(
    act_json: String,
    label: String,
    finish_url: String,
) -> impl leptos::prelude::IntoView {
    use super::body::{act_button, island, refusal};

    let given = serde_json::json!({"act_json": act_json, "label": label, "finish_url": finish_url});
    let body = (
        act_button("sign", "btn primary wide", label),
        refusal("sign"),
    );
    island("ActConfirm", &given, body)
}

pub(super) fn start(root: &Root) {
    let progress = Progress::at(root, "sign", &root.given("label"));
    let (act_json, finish_url) = (root.given("act_json"), root.given("finish_url"));
    let press = {
        let progress = progress.clone();
        move || {
            let (progress, act_json, finish_url) =
                (progress.clone(), act_json.clone(), finish_url.clone());
            progress.busy("Waiting for your passkey…");
            spawn_local(async move {
                if let Err(failure) = confirm(&progress, &act_json, &finish_url).await {
                    progress.refuse(failure);
                }
            });
        }
    };
    progress.on_press(press);
}

/// Each try is a ceremony of its own: a nonce is spent once.
async fn confirm(progress: &Progress, act_json: &str, finish_url: &str) -> Result<(), Failure> {
    let shown = statement::shown(act_json)?;
    let begun: Begun = browser::post(&format!("{finish_url}/begin"), &Begin {}).await?;
    statement::check_shown(&begun, &shown)?;
    let asserted = webauthn::get(&begun.options, Prf::Unneeded).await?;
    progress.busy("Recording it…");
    let finish = Finish {
        ceremony: &begun.ceremony,
        credential: &asserted.credential,
    };
    let finished: Finished = browser::post(&format!("{finish_url}/finish"), &finish).await?;
    browser::go(&finished.location)
}
