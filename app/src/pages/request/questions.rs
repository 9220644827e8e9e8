//! The questions of the three sections: the domain's, and how each is typed and shown.

use domain::request::{QuestionId, QuestionKind, Questionnaire};
use leptos::prelude::AnyView;

pub use domain::request::Question;

use crate::components::{Choice, Field, Filled};

/// Every question, in the order in which it is asked. A question's code is its form field and the
/// key under which an answer is kept.
pub const QUESTIONS: &[Question] = Questionnaire::CURRENT.questions;

/// Whether the answer is what a machine reads.
pub const fn is_mono(question: &Question) -> bool {
    matches!(question.id, QuestionId::Endpoints | QuestionId::Networks)
}

pub(super) fn question_field(question: &Question, filled: &Filled) -> AnyView {
    let (name, label) = (question.id.code(), question.label);
    let field = match question.kind {
        QuestionKind::Line => Field::text(filled, name, label),
        QuestionKind::Email => Field::email(filled, name, label),
        // Not a number field: a browser would not post what it cannot read as a number.
        QuestionKind::Volume => Field::short(filled, name, label),
        QuestionKind::Paragraph | QuestionKind::Networks => Field::area(filled, name, label, 3),
        QuestionKind::Choice(choices) => {
            let none = Choice::new("", "Choose…");
            let choices = choices
                .iter()
                .map(|choice| Choice::new(choice.code, choice.label));
            Field::select(
                filled,
                name,
                label,
                [none].into_iter().chain(choices).collect(),
            )
        }
    };
    let field = field.help(question.help);
    if question.required {
        field.view()
    } else {
        field.optional().view()
    }
}
