//! `/docs/api`: what programs may ask, as the portal's own description says it.

use leptos::prelude::*;

use crate::components::{aside, card, head};
use crate::render::Page;
use crate::shell::open;

/// A description, as it is shown. Texts may hold code between backticks.
#[derive(Clone, Debug)]
pub struct Reference {
    pub about: String,
    pub version: String,
    pub operations: Vec<Operation>,
    /// The bodies that operations take and give.
    pub shapes: Vec<Shape>,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub title: String,
    /// `POST /v1/verify`; several where all are answered alike.
    pub places: Vec<String>,
    pub about: String,
    /// Who may ask, by which headers.
    pub proofs: Vec<Field>,
    pub parameters: Vec<Field>,
    /// The name of the body's shape.
    pub takes: Option<String>,
    pub answers: Vec<Answered>,
    /// What every one of the answers carries.
    pub headers: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Answered {
    pub status: String,
    pub about: String,
    /// The media type, and the body's shape where it has a name.
    pub kind: Option<(String, Option<String>)>,
    pub headers: Vec<Field>,
}

/// A header, a parameter or a field of a body.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// `string (uuid)`, `header, string`
    pub kind: String,
    pub required: bool,
    pub about: String,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    pub about: String,
    /// The shapes that it is one of, where it has no fields of its own.
    pub either: Vec<String>,
    pub fields: Vec<Field>,
}

pub fn api_page(host: &str, reference: Reference) -> Page {
    let Reference {
        about,
        version,
        operations,
        shapes,
    } = reference;
    let operations = operations.into_iter().map(operation).collect_view();
    let shapes = shapes.into_iter().map(shape).collect_view();
    let body = view! {
        {head(None, "For programs", None, "")}
        <p>{coded(&about)}</p>
        <p>
            "Version "{version}". For code generators and tests: the same as "
            <a href="/v1/openapi.json">"OpenAPI 3.1"</a>"."
        </p>
        {operations}
        {shapes}
    };
    open(host, "For programs", body)
}

fn operation(operation: Operation) -> AnyView {
    let Operation {
        title,
        places,
        about,
        proofs,
        parameters,
        takes,
        answers,
        headers,
    } = operation;
    let places = places
        .into_iter()
        .map(|place| view! { <p><code>{place}</code></p> })
        .collect_view();
    let takes = takes.map(|shape| view! { <h3>"Body"</h3><p>{link(&shape)}", as JSON"</p> });
    let about = (!about.is_empty()).then(|| view! { <p>{coded(&about)}</p> });
    let answers = answers.into_iter().map(answered).collect_view();
    card(
        title,
        None,
        view! {
            {places}{about}
            {fields("Who asks", proofs)}
            {fields("Parameters", parameters)}
            {takes}
            <h3>"Answers"</h3>
            <dl class="lines">{answers}</dl>
            {fields("Headers of every answer", headers)}
        },
    )
}

fn answered(answered: Answered) -> AnyView {
    let Answered {
        status,
        about,
        kind,
        headers,
    } = answered;
    let kind = kind.map(|(kind, shape)| {
        let shape = shape.map(|shape| view! { " "{link(&shape)}", " });
        view! { <p>{shape}<code>{kind}</code></p> }
    });
    let headers = (!headers.is_empty()).then(|| {
        let headers = headers.into_iter().map(line).collect_view();
        view! {
            <details><summary>"Headers"</summary><dl class="lines">{headers}</dl></details>
        }
    });
    view! { <div><dt>{status}</dt><dd><p>{coded(&about)}</p>{kind}{headers}</dd></div> }.into_any()
}

fn shape(shape: Shape) -> AnyView {
    let Shape {
        name,
        about,
        either,
        fields,
    } = shape;
    let either = (!either.is_empty()).then(|| {
        let links = either
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let or = (at > 0).then_some(" or ");
                view! { {or}{link(name)} }
            })
            .collect_view();
        view! { <p>"Either "{links}"."</p> }
    });
    let fields = (!fields.is_empty()).then(|| {
        let fields = fields.into_iter().map(line).collect_view();
        view! { <dl class="lines">{fields}</dl> }
    });
    let id = anchor(&name);
    view! {
        <div id=id>{card(name, aside("body"), view! { <p>{coded(&about)}</p>{either}{fields} })}</div>
    }
    .into_any()
}

fn fields(title: &'static str, fields: Vec<Field>) -> Option<AnyView> {
    if fields.is_empty() {
        return None;
    }
    let fields = fields.into_iter().map(line).collect_view();
    Some(view! { <h3>{title}</h3><dl class="lines">{fields}</dl> }.into_any())
}

fn line(field: Field) -> AnyView {
    let Field {
        name,
        kind,
        required,
        about,
    } = field;
    let kind = match required {
        true => format!("{kind}, required"),
        false => kind,
    };
    view! {
        <div><dt><code>{name}</code></dt><dd>{coded(&about)}" "<small>{kind}</small></dd></div>
    }
    .into_any()
}

fn link(shape: &str) -> AnyView {
    let href = format!("#{}", anchor(shape));
    view! { <a href=href>{shape.to_owned()}</a> }.into_any()
}

fn anchor(shape: &str) -> String {
    format!("body-{}", shape.to_lowercase())
}

/// What stands between backticks is code.
fn coded(text: &str) -> AnyView {
    text.split('`')
        .map(str::to_owned)
        .enumerate()
        .map(|(at, part)| match at % 2 {
            0 => part.into_any(),
            _ => view! { <code>{part}</code> }.into_any(),
        })
        .collect_view()
        .into_any()
}
