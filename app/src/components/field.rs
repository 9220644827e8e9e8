//! One field of a form: label above, help below it, the error beside what was typed.

use leptos::prelude::*;

use super::control::{choices_view, control_view};
use super::filled::Filled;
use super::text::{Pill, Tone};

/// A field under construction: `Field::text(&filled, "email", "E-mail").help("…").view()`.
#[derive(Clone, Debug)]
pub struct Field {
    id: String,
    name: String,
    label: String,
    help: String,
    value: String,
    error: Option<String>,
    optional: bool,
    /// The form that was typed into, when the page has several.
    typed_into: String,
    control: Control,
}

#[derive(Clone, Debug)]
pub(super) enum Control {
    /// `type`, class and `autocomplete` of an `<input>`.
    Input(&'static str, &'static str, &'static str),
    Area(u8),
    /// Only its value.
    Hidden,
    Select(Vec<Choice>),
    /// `radio` or `checkbox`.
    Choices(&'static str, Vec<Choice>),
}

/// One of several answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub help: String,
    /// A short remark beside the label, such as a scope's sensitivity.
    pub mark: Option<Pill>,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    #[must_use]
    pub fn mark(mut self, label: impl Into<String>, tone: Tone) -> Self {
        self.mark = Some(Pill::new(label, tone));
        self
    }
}

impl Field {
    fn new(filled: &Filled, name: &str, label: &str, control: Control) -> Self {
        Self {
            id: id("", name),
            name: name.to_owned(),
            label: label.to_owned(),
            help: String::new(),
            value: filled.value(name),
            error: filled.error(name),
            optional: false,
            typed_into: filled.form().to_owned(),
            control,
        }
    }

    pub fn text(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(filled, name, label, Control::Input("text", "input", "off"))
    }

    /// Few characters: numbers, codes, short names.
    pub fn short(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(
            filled,
            name,
            label,
            Control::Input("text", "input short", "off"),
        )
    }

    /// For what a machine reads: paths, networks, URLs.
    pub fn mono(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(
            filled,
            name,
            label,
            Control::Input("text", "input mono", "off"),
        )
    }

    pub fn number(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(
            filled,
            name,
            label,
            Control::Input("number", "input short", "off"),
        )
    }

    pub fn date(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(
            filled,
            name,
            label,
            Control::Input("date", "input short", "off"),
        )
    }

    /// A value that goes with the form and is not asked for.
    pub fn hidden(name: &str, value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            ..Self::new(&Filled::default(), name, "", Control::Hidden)
        }
    }

    /// The address of somebody else; the browser's own is not offered.
    pub fn email(filled: &Filled, name: &str, label: &str) -> Self {
        Self::new(filled, name, label, Control::Input("email", "input", "off"))
    }

    pub fn area(filled: &Filled, name: &str, label: &str, rows: u8) -> Self {
        Self::new(filled, name, label, Control::Area(rows))
    }

    pub fn select(filled: &Filled, name: &str, label: &str, choices: Vec<Choice>) -> Self {
        Self::new(filled, name, label, Control::Select(choices))
    }

    pub fn radios(filled: &Filled, name: &str, label: &str, choices: Vec<Choice>) -> Self {
        let value = filled.value(name);
        Self {
            value,
            ..Self::new(filled, name, label, Control::Choices("radio", choices))
        }
    }

    /// Several of several. The chosen ones are taken from `filled` at once.
    pub fn checks(filled: &Filled, name: &str, label: &str, choices: Vec<Choice>) -> Self {
        let chosen = choices
            .iter()
            .filter(|choice| filled.chosen(name, &choice.value))
            .map(|choice| choice.value.clone())
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            value: chosen,
            ..Self::new(filled, name, label, Control::Choices("checkbox", choices))
        }
    }

    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        self.help = help.to_owned();
        self
    }

    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Makes the field's id its own where a page has several forms with the same names. What was
    /// typed into another one of them does not show up here.
    #[must_use]
    pub fn within(mut self, form: &str) -> Self {
        self.id = id(form, &self.name);
        if !self.typed_into.is_empty() && self.typed_into != form {
            self.value = String::new();
            self.error = None;
        }
        self
    }

    pub fn is_refused(&self) -> bool {
        self.error.is_some()
    }

    pub fn view(self) -> AnyView {
        field(self)
    }
}

/// Renders the field.
pub fn field(field: Field) -> AnyView {
    let Field {
        id,
        name,
        label,
        help,
        value,
        error,
        optional,
        control,
        ..
    } = field;
    let label = if optional {
        format!("{label} (optional)")
    } else {
        label
    };
    let described = described(&id, &help, error.as_ref());
    let invalid = error.is_some().then_some("true");
    let help = (!help.is_empty())
        .then(|| view! { <div class="help" id=format!("{id}-help")>{help}</div> });
    let error = error.map(|sentence| {
        view! { <div class="error" id=format!("{id}-error")><span class="sr">"Error: "</span>{sentence}</div> }
    });
    match control {
        Control::Hidden => view! { <input type="hidden" name=name value=value/> }.into_any(),
        Control::Choices(kind, choices) => {
            let choices = choices_view(kind, &id, &name, &value, choices);
            view! {
                <fieldset class="field" id=id aria-describedby=described>
                    <legend>{label}</legend>{help}{error}{choices}
                </fieldset>
            }
            .into_any()
        }
        control => {
            let control = control_view(control, &id, name, value, described, invalid);
            view! { <div class="field"><label for=id>{label}</label>{help}{error}{control}</div> }
                .into_any()
        }
    }
}

fn described(id: &str, help: &str, error: Option<&String>) -> Option<String> {
    match (help.is_empty(), error) {
        (true, None) => None,
        (false, None) => Some(format!("{id}-help")),
        (true, Some(_)) => Some(format!("{id}-error")),
        (false, Some(_)) => Some(format!("{id}-help {id}-error")),
    }
}

/// The sum of what is wrong, at the top of the page, each entry a link to its field.
pub fn error_summary(filled: &Filled) -> AnyView {
    long_error_summary(filled, &[])
}

/// The same for a form so long that its fields (name and label) have to be named, in their order.
pub fn long_error_summary(filled: &Filled, fields: &[(&str, &str)]) -> AnyView {
    if !filled.is_refused() {
        return ().into_any();
    }
    let mut errors: Vec<_> = filled
        .errors()
        .map(|(name, sentence)| {
            let place = fields.iter().position(|(field, _)| *field == name);
            (place.unwrap_or(fields.len()), name, sentence)
        })
        .collect();
    errors.sort_by_key(|(place, ..)| *place);
    let entries = errors
        .into_iter()
        .map(|(place, name, sentence)| {
            let text = match fields.get(place) {
                Some((_, label)) => format!("{}: {sentence}", label.trim_end_matches('?')),
                None => sentence.to_owned(),
            };
            let href = format!("#{}", id(filled.form(), name));
            view! { <li><a href=href>{text}</a></li> }
        })
        .collect_view();
    view! {
        <div class="notice stop" role="alert">
            <h2>"Not saved yet"</h2><p>"What you typed is still here."</p><ul>{entries}</ul>
        </div>
    }
    .into_any()
}

/// Of a field, in one of a page's forms or in its only one.
fn id(form: &str, name: &str) -> String {
    match form {
        "" => format!("f-{name}"),
        form => format!("f-{form}-{name}"),
    }
}
