//! What was typed into a form, and what was wrong with it.

use std::collections::BTreeMap;

/// The values and errors of one form, by field name. A form that is shown again after a refusal
/// shows every value that was typed, and each error beside its field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    values: BTreeMap<String, Vec<String>>,
    /// In the order in which they were found.
    errors: Vec<(String, String)>,
    form: String,
}

impl Filled {
    /// Takes the pairs of a posted form, repeated names included.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut filled = Self::default();
        for (name, value) in pairs {
            filled
                .values
                .entry(name.into())
                .or_default()
                .push(value.into());
        }
        filled
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values
            .entry(name.to_owned())
            .or_default()
            .push(value.into());
        self
    }

    /// Names the form that was typed into, where a page has several with the same field names.
    #[must_use]
    pub fn of_form(mut self, form: &str) -> Self {
        form.clone_into(&mut self.form);
        self
    }

    /// The form that was typed into; empty where the page has one.
    pub fn form(&self) -> &str {
        &self.form
    }

    /// Says what is wrong with a field, in a sentence. The first word on a field stays.
    pub fn refuse(&mut self, name: &str, sentence: impl Into<String>) {
        if self.error(name).is_none() {
            self.errors.push((name.to_owned(), sentence.into()));
        }
    }

    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The (first) value of a field; empty when there is none.
    pub fn value(&self, name: &str) -> String {
        self.values
            .get(name)
            .and_then(|values| values.first())
            .cloned()
            .unwrap_or_default()
    }

    /// Whether a choice of this name and value was made.
    pub fn chosen(&self, name: &str, value: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|values| values.iter().any(|v| v == value))
    }

    pub fn error(&self, name: &str) -> Option<String> {
        self.errors
            .iter()
            .find(|(refused, _)| refused == name)
            .map(|(_, sentence)| sentence.clone())
    }

    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.errors
            .iter()
            .map(|(name, sentence)| (name.as_str(), sentence.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_are_kept() {
        let filled = Filled::from_pairs([("scope", "a"), ("scope", "b"), ("why", "x")]);
        assert!(filled.chosen("scope", "a") && filled.chosen("scope", "b"));
        assert!(!filled.chosen("scope", "c"));
        assert_eq!(filled.value("why"), "x");
    }

    #[test]
    fn the_first_error_of_a_field_stays() {
        let mut filled = Filled::default();
        filled.refuse("why", "Say why.");
        filled.refuse("why", "Too short.");
        assert_eq!(filled.error("why").as_deref(), Some("Say why."));
    }
}
