use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::failure::Failure;
use super::progress::{Progress, act_button, refusal};
use super::webauthn::{self, Assertion, Credential, Prf};
use super::{browser, webauthn::Asserted};

#[derive(Serialize)]
struct Begin {}

#[derive(Deserialize)]
struct Begun {
    ceremony: String,
    options: Box<RawValue>,
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

/// Signs in with a discoverable passkey, then goes to `return_to`, a path on this origin.
#[island]
pub fn SignIn(return_to: String) -> impl IntoView {
    let progress = Progress::new();
    let press = move || {
        let return_to = return_to.clone();
        progress.busy("Waiting for your passkey…");
        spawn_local(async move {
            if let Err(failure) = sign_in(progress, &return_to).await {
                progress.refuse(failure);
            }
        });
    };
    let label = || "Sign in with a passkey".to_owned();
    view! { {act_button(progress, "btn primary wide", label, press)}{refusal(progress)} }
}

async fn sign_in(progress: Progress, return_to: &str) -> Result<(), Failure> {
    let begun: Begun = browser::post("/auth/sign-in/begin", &Begin {}).await?;
    let Asserted { credential, .. } = webauthn::get(begun.options.get(), Prf::Unneeded).await?;
    progress.busy("Signing in…");
    let finish = Finish {
        ceremony: &begun.ceremony,
        credential: &credential,
        return_to,
    };
    let finished: Finished = browser::post("/auth/sign-in/finish", &finish).await?;
    browser::go(&finished.location)
}
