//! What was typed into a form, on its way to a type or back to the page.

use std::fmt::Display;
use std::str::FromStr;

use app::components::Filled;

use crate::http::form::Form;
use crate::refusal::{FieldError, Refusal};

/// Parses a form's fields and gathers every refusal: all are said at once.
pub struct Typed<'a> {
    form: &'a Form,
    refused: Vec<FieldError>,
}

impl<'a> Typed<'a> {
    pub const fn of(form: &'a Form) -> Self {
        Self {
            form,
            refused: Vec::new(),
        }
    }

    /// A field's value, or none and its refusal is kept.
    pub fn field<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.form.text(name).parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, error);
                None
            }
        }
    }

    pub fn refuse(&mut self, name: &str, sentence: impl Display) {
        self.refused.push(FieldError {
            field: name.to_owned(),
            sentence: sentence.to_string(),
        });
    }

    /// # Errors
    /// [`Refusal::Invalid`] when anything was refused.
    pub fn done<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.refused.is_empty() => Ok(value),
            _ => Err(Refusal::Invalid(self.refused)),
        }
    }

    /// What a form that asks for a `reason`, and for nothing else, was given.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for any other field, [`Refusal::Invalid`] for a reason that is none.
    pub fn reason<T: FromStr<Err: Display>>(form: &'a Form) -> Result<T, Refusal> {
        form.only(&["reason"])?;
        let mut typed = Self::of(form);
        let reason = typed.field("reason");
        typed.done(reason)
    }
}

/// The form as it was typed, with what is wrong beside its fields; a conflict is said beside
/// `field`. `None` where the refusal is no matter of this form.
pub fn filled(form: &Form, refused: &Refusal, field: &str) -> Option<Filled> {
    let mut filled = Filled::from_pairs(form.0.iter().cloned());
    match refused {
        Refusal::Invalid(errors) => {
            for error in errors {
                filled.refuse(&error.field, error.sentence.clone());
            }
        }
        Refusal::Conflict { sentence, .. } => filled.refuse(field, sentence.clone()),
        _ => return None,
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn every_refused_field_is_said_at_once_and_what_was_typed_is_kept() {
        let form = form(&[("name", ""), ("email", "quay@")]);
        let mut typed = Typed::of(&form);
        let name = typed.field::<domain::person::PersonName>("name");
        let email = typed.field::<domain::person::Email>("email");
        let refused = typed.done(name.zip(email)).unwrap_err();
        let filled = filled(&form, &refused, "email").unwrap();
        assert!(filled.error("name").is_some() && filled.error("email").is_some());
        assert_eq!(filled.value("email"), "quay@");
    }

    #[test]
    fn what_is_no_matter_of_the_form_is_not_shown_on_it() {
        assert!(filled(&form(&[]), &Refusal::NotFound, "email").is_none());
    }
}
