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
    label: impl Fn() -> String + Send + Sync + 'static,
    press: impl Fn() + Send + Sync + 'static,
) -> AnyView {
    let label = Signal::derive(label);
    button(
        progress,
        "button",
        class,
        label,
        Callback::new(move |()| press()),
    )
}

/// The same in a form, where Enter in a field presses it too; the form's `submit` starts the act.
pub(super) fn submit_button(
    progress: Progress,
    class: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
) -> AnyView {
    let label = Signal::derive(label);
    button(progress, "submit", class, label, Callback::new(|()| ()))
}

fn button(
    progress: Progress,
    kind: &'static str,
    class: &'static str,
    label: Signal<String>,
    press: Callback<()>,
) -> AnyView {
    let button = NodeRef::<leptos::html::Button>::new();
    Effect::new(move || {
        if progress.refusal().is_some()
            && let Some(button) = button.get_untracked()
        {
            // Not before it is enabled again, which is another effect's work.
            request_animation_frame(move || drop(button.focus()));
        }
    });
    let shown = move || match progress.doing() {
        "" => label.get(),
        doing => doing.to_owned(),
    };
    view! {
        <button type=kind class=class node_ref=button disabled=move || !progress.is_free()
            on:click=move |_| press.run(())>{shown}</button>
        <span class="sr" role="status">{move || progress.doing()}</span>
    }
    .into_any()
}

/// Why the last try did not work.
pub(super) fn refusal(progress: Progress) -> AnyView {
    let notice = move || {
        progress.refusal().map(|why| {
            view! { <div class="notice stop" role="alert"><p>{why}</p></div> }
        })
    };
    notice.into_any()
}

/// A heading that takes the focus when it shows up, so that what has changed is read out.
pub(super) fn focused_heading(text: String) -> AnyView {
    let heading = NodeRef::<leptos::html::H1>::new();
    Effect::new(move || {
        if let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    view! { <h1 tabindex="-1" node_ref=heading>{text}</h1> }.into_any()
}

/// The same for what opens below a heading.
pub(super) fn focused_subheading(text: String) -> AnyView {
    let heading = NodeRef::<leptos::html::H2>::new();
    Effect::new(move || {
        if let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    view! { <h2 tabindex="-1" node_ref=heading>{text}</h2> }.into_any()
}
