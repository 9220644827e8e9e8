//! `/confirm/{id}`: one privileged act, in full, before the passkey signs it.

use leptos::prelude::*;

use crate::components::{Line, Tone, lines, needs_scripts, notice, plain_card};
use crate::islands::ActConfirm;
use crate::render::Page;
use crate::shell::{Shell, slim};

#[derive(Clone, Debug)]
pub struct Confirm {
    /// The act as a short sentence: `Revoke a key`.
    pub title: String,
    /// What follows from it, in a sentence.
    pub does: String,
    /// What stops working, for whom; empty when nothing does.
    pub breaks: String,
    /// The act statement, every line that is signed.
    pub lines: Vec<Line>,
    /// The same statement for the island, which recomputes the challenge from it.
    pub act_json: String,
    /// The button: `Revoke the key`.
    pub button: String,
    /// Takes the assertion.
    pub finish_url: String,
    /// Where to go instead.
    pub back: String,
}

pub fn confirm_page(shell: Shell, vm: Confirm) -> Page {
    let Confirm {
        title,
        does,
        breaks,
        lines: signed,
        act_json,
        button,
        finish_url,
        back,
    } = vm;
    let breaks = (!breaks.is_empty()).then(|| {
        notice(
            Tone::Stop,
            view! { <h2>"What this breaks"</h2><p>{breaks}</p> },
        )
    });
    let body = view! {
        <div class="head"><h1>{title.clone()}</h1><p>{does}</p></div>
        {breaks}
        {plain_card(view! {
            <h2>"Your passkey signs this"</h2>
            <div class="signed">{lines(signed)}</div>
            <ActConfirm act_json=act_json label=button finish_url=finish_url/>
            {needs_scripts()}
            <div class="row apart">
                <small>"Valid for five minutes, once. It is kept in the audit log."</small>
                <a class="btn quiet" href=back>"Cancel"</a>
            </div>
        })}
    };
    slim(shell, title, body)
}
