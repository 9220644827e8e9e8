use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

use super::failure::Failure;
use super::part::Root;
use super::progress::Progress;
use super::webauthn::{self, Assertion, Credential, Prf};
use super::{browser, webauthn::Asserted};

#[derive(Serialize)]
struct Begin {}

#[derive(Deserialize)]
struct Begun {
    ceremony: String,
    options: Value,
}

#[derive(Serialize)]
struct Finish<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Assertion>,
    return_to: &'a str,
}

/// Where an act leads.
#[derive(Deserialize)]
pub(super) struct Finished {
    pub(super) location: String,
}

const LABEL: &str = "Sign in with a passkey";

/// Signs in with a discoverable passkey, then goes to `return_to`, a path on this origin.
#[cfg(feature = "ssr")]
#[leptos::component]
pub fn SignIn(return_to: String) -> impl leptos::prelude::IntoView {
    use super::body::{act_button, island, refusal};

    let given = serde_json::json!({"return_to": return_to});
    let body = (
        act_button("sign-in", "btn primary wide", LABEL),
        refusal("sign-in"),
    );
    island("SignIn", &given, body)
}

pub(super) fn start(root: &Root) {
    let progress = Progress::at(root, "sign-in", LABEL);
    let return_to = root.given("return_to");
    let press = {
        let progress = progress.clone();
        move || {
            let (progress, return_to) = (progress.clone(), return_to.clone());
            progress.busy("Waiting for your passkey…");
            spawn_local(async move {
                if let Err(failure) = sign_in(&progress, &return_to).await {
                    progress.refuse(failure);
                }
            });
        }
    };
    progress.on_press(press);
}

async fn sign_in(progress: &Progress, return_to: &str) -> Result<(), Failure> {
    let begun: Begun = browser::post("/auth/sign-in/begin", &Begin {}).await?;
    let Asserted { credential, .. } = webauthn::get(&begun.options, Prf::Unneeded).await?;
    progress.busy("Signing in…");
    let finish = Finish {
        ceremony: &begun.ceremony,
        credential: &credential,
        return_to,
    };
    let finished: Finished = browser::post("/auth/sign-in/finish", &finish).await?;
    browser::go(&finished.location)
}
