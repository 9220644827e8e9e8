//! The panel before a dangerous act: it names what the act will break and leads to the passkey.

use leptos::prelude::*;

use super::field::Field;

/// A form whose submission begins a privileged act; the answer leads to `/confirm/{id}`.
pub struct ConfirmPanel {
    pub title: String,
    /// What will stop working, for whom, from when.
    pub breaks: String,
    pub action: String,
    /// Asked first: mostly a reason.
    pub fields: Vec<Field>,
    pub button: String,
}

pub fn confirm_panel(panel: ConfirmPanel) -> AnyView {
    let ConfirmPanel {
        title,
        breaks,
        action,
        fields,
        button,
    } = panel;
    let open = fields.iter().any(Field::is_refused);
    let fields = fields.into_iter().map(Field::view).collect_view();
    view! {
        <details class="card danger" open=open>
            <summary class="btn stop quiet wide">{title}</summary>
            <div class="body">
                <p>{breaks}</p>
                <form class="form" method="post" action=action data-act="">
                    {fields}
                    <div class="actions"><button class="btn stop">{button}</button></div>
                    <small>"The next page shows the act in full and asks for your passkey."</small>
                </form>
            </div>
        </details>
    }
    .into_any()
}
