//! Where an island's ceremony stands, and the button that starts it.

use leptos::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// As the server renders it: nothing can be pressed before the module is there.
    Loading,
    Ready,
    /// What is going on, as the button says it.
    Busy(&'static str),
    /// Why it did not work; it can be pressed again.
    Refused(String),
}

#[derive(Clone, Copy)]
pub(super) struct Progress(RwSignal<Stage>);

impl Progress {
    pub(super) fn new() -> Self {
        let stage = RwSignal::new(Stage::Loading);
        Effect::new(move || {
            if stage.with_untracked(|stage| *stage == Stage::Loading) {
                stage.set(Stage::Ready);
            }
        });
        Self(stage)
    }

    pub(super) fn busy(self, doing: &'static str) {
        self.0.set(Stage::Busy(doing));
    }

    pub(super) fn ready(self) {
        self.0.set(Stage::Ready);
    }

    pub(super) fn refuse(self, why: impl ToString) {
        self.0.set(Stage::Refused(why.to_string()));
    }

    /// Whether something may be started.
    pub(super) fn is_free(self) -> bool {
        self.0
            .with(|stage| matches!(stage, Stage::Ready | Stage::Refused(_)))
    }

    /// What is going on; empty when nothing is.
    fn doing(self) -> &'static str {
        self.0.with(|stage| match stage {
            Stage::Busy(doing) => doing,
            _ => "",
        })
    }

    fn refusal(self) -> Option<String> {
        self.0.with(|stage| match stage {
            Stage::Refused(why) => Some(why.clone()),
            _ => None,
        })
    }
}

/// The one button of a ceremony, with its class, and what it is doing in it and for screen
/// readers. After a refusal the focus comes back to it: a disabled button loses it.
pub(super) fn act_button(
    progress: Progress,
    class: &'static str,
    label: impl Fn() -> String + Send + 'static,
    press: impl Fn() + 'static,
) -> impl IntoView {
    let button = NodeRef::<leptos::html::Button>::new();
    Effect::new(move || {
        if progress.refusal().is_some()
            && let Some(button) = button.get_untracked()
        {
            let _ = button.focus();
        }
    });
    let shown = move || match progress.doing() {
        "" => label(),
        doing => doing.to_owned(),
    };
    view! {
        <button type="button" class=class node_ref=button disabled=move || !progress.is_free()
            on:click=move |_| press()>{shown}</button>
        <span class="sr" role="status">{move || progress.doing()}</span>
    }
}

/// Why the last try did not work.
pub(super) fn refusal(progress: Progress) -> impl IntoView {
    move || {
        progress.refusal().map(|why| {
            view! { <div class="notice stop" role="alert"><p>{why}</p></div> }
        })
    }
}

/// A heading that takes the focus when it shows up, so that what has changed is read out.
pub(super) fn focused_heading(text: String) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H1>::new();
    Effect::new(move || {
        if let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    view! { <h1 tabindex="-1" node_ref=heading>{text}</h1> }
}

/// The same for what opens below a heading.
pub(super) fn focused_subheading(text: String) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H2>::new();
    Effect::new(move || {
        if let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    view! { <h2 tabindex="-1" node_ref=heading>{text}</h2> }
}
