//! The controls of a field.

use leptos::prelude::*;

use super::field::{Choice, Control};
use super::text::pill;
use crate::render::escape;

/// As high as the style sheet makes every area.
const USUAL_ROWS: u8 = 3;

pub(super) fn control_view(
    control: Control,
    id: &str,
    name: String,
    value: String,
    described: Option<String>,
    invalid: Option<&'static str>,
) -> AnyView {
    let id = id.to_owned();
    match control {
        Control::Input(kind, class, complete) => view! {
            <input class=class type=kind id=id name=name value=value autocomplete=complete
                aria-describedby=described aria-invalid=invalid/>
        }
        .into_any(),
        Control::Area(rows) => {
            // A textarea's children are not escaped by the renderer (leptos issue 4819), so they
            // are escaped here. The parser drops one leading line end; this is that one.
            let text = format!("\n{}", escape(&value));
            view! {
                <textarea class="input" id=id name=name rows=(rows != USUAL_ROWS).then(|| rows.to_string())
                    aria-describedby=described aria-invalid=invalid inner_html=text></textarea>
            }
            .into_any()
        }
        Control::Select(choices) => {
            let options = choices
                .into_iter()
                .map(|choice| {
                    let selected = choice.value == value;
                    view! { <option value=choice.value selected=selected>{choice.label}</option> }
                })
                .collect_view();
            view! {
                <select class="input" id=id name=name aria-describedby=described aria-invalid=invalid>
                    {options}
                </select>
            }
            .into_any()
        }
        Control::Hidden | Control::Choices(..) => ().into_any(),
    }
}

pub(super) fn choices_view(
    kind: &'static str,
    id: &str,
    name: &str,
    value: &str,
    choices: Vec<Choice>,
) -> AnyView {
    choices
        .into_iter()
        .enumerate()
        .map(|(at, choice)| {
            let id = format!("{id}-{at}");
            let checked = value.split('\n').any(|chosen| chosen == choice.value);
            let help = (!choice.help.is_empty()).then(|| view! { <small>{choice.help}</small> });
            view! {
                <div class="choice">
                    <input type=kind id=id.clone() name=name.to_owned() value=choice.value checked=checked/>
                    <label for=id>{choice.label}{choice.mark.map(pill)}</label>{help}
                </div>
            }
        })
        .collect_view()
        .into_any()
}
