//! A surface with a heading.

use leptos::prelude::*;

/// A card: a heading, what stands beside it (a state, a count), and a padded body.
pub fn card(
    title: impl Into<String>,
    aside: Option<AnyView>,
    body: impl IntoView + 'static,
) -> AnyView {
    view! {
        <section class="card">
            <header><h2>{title.into()}</h2>{aside}</header>
            <div class="body">{body.into_any()}</div>
        </section>
    }
    .into_any()
}

/// The same around a table or list that reaches to the edges.
pub fn flush_card(
    title: impl Into<String>,
    aside: Option<AnyView>,
    body: impl IntoView + 'static,
) -> AnyView {
    view! {
        <section class="card"><header><h2>{title.into()}</h2>{aside}</header>{body.into_any()}</section>
    }
    .into_any()
}

/// A padded card without a heading of its own.
pub fn plain_card(body: impl IntoView + 'static) -> AnyView {
    view! { <section class="card"><div class="body roomy">{body.into_any()}</div></section> }
        .into_any()
}

/// A small remark beside a card's heading.
pub fn aside(text: impl Into<String>) -> Option<AnyView> {
    Some(view! { <small>{text.into()}</small> }.into_any())
}
