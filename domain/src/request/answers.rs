//! Answers: a draft can always be stored, a submission has to be complete and sound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Question, QuestionId, QuestionKind, Questionnaire};
use crate::network::Networks;
use crate::person::Email;
use crate::text::{Line, Paragraph, TextRefused};

/// What was typed, as it was typed. Only the size is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<QuestionId, String>",
    into = "BTreeMap<QuestionId, String>"
)]
pub struct Answers(BTreeMap<QuestionId, String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is too long: use at most {} characters.", Answers::MAX_CHARS)]
pub struct AnswerTooLong {
    pub question: QuestionId,
}

/// A sentence to stand next to its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub question: QuestionId,
    pub sentence: String,
}

impl Answers {
    pub const MAX_CHARS: usize = 4000;

    /// An empty text takes the answer away.
    pub fn set(&mut self, question: QuestionId, text: &str) -> Result<(), AnswerTooLong> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(AnswerTooLong { question });
        }
        if text.is_empty() {
            self.0.remove(&question);
        } else {
            self.0.insert(question, text.to_owned());
        }
        Ok(())
    }

    /// The answer to show; empty if there is none.
    pub fn answer(&self, question: QuestionId) -> &str {
        self.0.get(&question).map_or("", String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (QuestionId, &str)> {
        self.0.iter().map(|(id, answer)| (*id, answer.as_str()))
    }

    /// Everything that keeps the answers from being submitted, in the order of the questions.
    pub fn validate_for_submission(&self, questionnaire: &Questionnaire) -> Vec<FieldError> {
        let fault = |question: &Question| {
            check(question, self.answer(question.id)).map(|sentence| FieldError {
                question: question.id,
                sentence,
            })
        };
        questionnaire.questions.iter().filter_map(fault).collect()
    }
}

fn check(question: &Question, answer: &str) -> Option<String> {
    if answer.trim().is_empty() {
        return question.required.then(|| TextRefused::Empty.to_string());
    }
    match question.kind {
        QuestionKind::Line => refusal(answer.parse::<Line<200>>()),
        QuestionKind::Paragraph => refusal(answer.parse::<Paragraph<{ Answers::MAX_CHARS }>>()),
        QuestionKind::Email => refusal(answer.parse::<Email>()),
        QuestionKind::Choice(choices) => {
            let known = choices.iter().any(|choice| choice.code == answer);
            (!known).then(|| "Choose one of the answers.".to_owned())
        }
        QuestionKind::Networks => match answer.parse::<Networks>() {
            Ok(networks) => networks
                .too_broad()
                .map(|network| format!("{network} is too broad to say where calls come from.")),
            Err(refused) => Some(refused.to_string()),
        },
        QuestionKind::Volume => {
            let answer = answer.trim();
            let digits = answer.bytes().all(|b| b.is_ascii_digit());
            let sound = digits && matches!(answer.parse(), Ok(1..=10_000_000_000_u64));
            (!sound).then(|| "Write a whole number of calls a day, such as 5000.".to_owned())
        }
    }
}

fn refusal<T, E: core::fmt::Display>(parsed: Result<T, E>) -> Option<String> {
    parsed.err().map(|refused| refused.to_string())
}

impl TryFrom<BTreeMap<QuestionId, String>> for Answers {
    type Error = AnswerTooLong;

    fn try_from(typed: BTreeMap<QuestionId, String>) -> Result<Self, Self::Error> {
        let mut answers = Self::default();
        for (question, text) in typed {
            answers.set(question, &text)?;
        }
        Ok(answers)
    }
}

impl From<Answers> for BTreeMap<QuestionId, String> {
    fn from(answers: Answers) -> Self {
        answers.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Answers {
        let mut answers = Answers::default();
        for question in Questionnaire::CURRENT.questions {
            let text = match question.kind {
                QuestionKind::Line | QuestionKind::Paragraph => "We print labels for parcels.",
                QuestionKind::Choice(choices) => choices[0].code,
                QuestionKind::Networks => "192.0.2.0/24",
                QuestionKind::Volume => "5000",
                QuestionKind::Email => "ada@example.com",
            };
            answers.set(question.id, text).unwrap();
        }
        answers
    }

    fn refused(question: QuestionId, text: &str) -> Option<FieldError> {
        let mut answers = complete();
        answers.set(question, text).unwrap();
        let mut errors = answers.validate_for_submission(&Questionnaire::CURRENT);
        assert!(errors.len() <= 1, "{errors:?}");
        errors.pop()
    }

    #[test]
    fn complete_answers_can_be_submitted() {
        assert_eq!(
            complete().validate_for_submission(&Questionnaire::CURRENT),
            []
        );
    }

    #[test]
    fn an_empty_draft_is_stored_but_not_submitted() {
        let errors = Answers::default().validate_for_submission(&Questionnaire::CURRENT);
        let required = Questionnaire::CURRENT
            .questions
            .iter()
            .filter(|q| q.required);
        assert_eq!(errors.len(), required.count());
    }

    #[test]
    fn each_kind_of_bad_answer_is_refused_at_its_field() {
        for (question, text) in [
            (QuestionId::Purpose, "."),
            (QuestionId::Purpose, "  "),
            (QuestionId::Purpose, "hidden \u{202E} order"),
            (QuestionId::BusinessOwner, "two\nlines"),
            (QuestionId::BusinessOwnerEmail, "ada"),
            (QuestionId::DataSubjects, "everyone"),
            (QuestionId::Volume, "many"),
            (QuestionId::Volume, "0"),
            (QuestionId::Volume, "-5"),
            (QuestionId::Volume, "99999999999999999999"),
            (QuestionId::Networks, "192.0.2.7/24"),
            (QuestionId::Networks, "0.0.0.0/0"),
        ] {
            let error = refused(question, text);
            assert_eq!(error.map(|e| e.question), Some(question), "{text:?}");
        }
    }

    #[test]
    fn an_optional_answer_may_be_missing() {
        assert_eq!(refused(QuestionId::Networks, ""), None);
    }

    #[test]
    fn an_oversized_answer_is_refused_even_in_a_draft() {
        let long = "a".repeat(Answers::MAX_CHARS + 1);
        let question = QuestionId::Purpose;
        assert_eq!(
            Answers::default().set(question, &long),
            Err(AnswerTooLong { question })
        );
        let json = format!(r#"{{"purpose":"{long}"}}"#);
        assert!(serde_json::from_str::<Answers>(&json).is_err());
    }

    #[test]
    fn an_unknown_question_is_refused_not_ignored() {
        assert!(serde_json::from_str::<Answers>(r#"{"favourite_colour":"red"}"#).is_err());
    }
}
