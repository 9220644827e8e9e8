//! The page for programs.

use app::pages::api::{Answered, Field, Operation, Reference, Shape, api_page};

use super::{Sample, State, named};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![named("api", move || {
        api_page(&s.t("Alder Works"), reference(s))
    })]
}

fn reference(s: State) -> Reference {
    Reference {
        about: s.t("Gateways ask whether a key may make a call. `ok` lets it pass."),
        version: s.t("0.1.0"),
        operations: if s.is_empty() {
            Vec::new()
        } else {
            vec![operation(s)]
        },
        shapes: if s.is_empty() { Vec::new() } else { shapes(s) },
    }
}

fn operation(s: State) -> Operation {
    let retry = field(s, "Retry-After", "integer", false);
    Operation {
        title: s.t("May this key make this call?"),
        places: vec![s.t("POST /v1/verify"), s.t("POST /v1/verify/")],
        about: s.t("A decision, either way, is always `200`."),
        proofs: vec![field(s, "Latchkey-Gateway", "header", true)],
        parameters: vec![field(s, "X-Forwarded-For", "header, string", false)],
        takes: Some("Call".to_owned()),
        answers: vec![
            Answered {
                status: s.t("200"),
                about: s.t("The decision."),
                kind: Some((s.t("application/json"), Some("Decision".to_owned()))),
                headers: Vec::new(),
            },
            Answered {
                status: s.t("503"),
                about: s.t("`not-ready`: refuse the call."),
                kind: Some((s.t("application/problem+json"), None)),
                headers: vec![retry],
            },
        ],
        headers: vec![field(s, "Latchkey-Reason", "string", false)],
    }
}

fn shapes(s: State) -> Vec<Shape> {
    let shape = |name: &str, either: &[&str], fields| Shape {
        name: name.to_owned(),
        about: s.t("What is asked or answered."),
        either: either.iter().map(|name| (*name).to_owned()).collect(),
        fields,
    };
    vec![
        shape("Call", &[], vec![field(s, "key", "string", true)]),
        shape("Decision", &["Call", "Decision"], Vec::new()),
    ]
}

fn field(s: State, name: &str, kind: &str, required: bool) -> Field {
    Field {
        name: s.t(name),
        kind: s.t(kind),
        required,
        about: s.t("As the client sent it: `GET`."),
    }
}
