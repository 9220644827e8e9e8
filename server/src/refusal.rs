//! Why a use-case said no, named after what the caller does about it. Public text and internal
//! context are separate; `http::answer` maps it to a status, in one place.

use std::time::Duration;

/// A field of a form, and what is wrong with what was typed into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: String,
    pub sentence: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or it is not theirs: the two answer alike.
    #[error("not found")]
    NotFound,
    /// Nobody is signed in, or no longer.
    #[error("not signed in")]
    SignedOut,
    /// Signed in, but without the role that this takes.
    #[error("role missing: {0}")]
    Forbidden(&'static str),
    /// What was typed cannot be used; it is shown again with these sentences.
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    /// The thing is not in a state in which this can be done, or was changed meanwhile.
    #[error("conflict: {sentence}")]
    Conflict {
        code: &'static str,
        sentence: String,
    },
    /// A request that no page of ours sends.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// A proof that does not hold: an assertion, a code, a link.
    #[error("proof refused: {code}")]
    Unproven {
        code: &'static str,
        sentence: String,
    },
    /// The address is there, and takes other methods.
    #[error("method not allowed")]
    NotAllowed,
    /// What was asked took too long, or the portal is not ready.
    #[error("unavailable")]
    Unavailable,
    #[error("too many tries")]
    Limited { retry_after: Duration },
    #[error(transparent)]
    Store(store::Error),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

impl Refusal {
    pub fn conflict(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            sentence: sentence.into(),
        }
    }

    pub fn unproven(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Unproven {
            code,
            sentence: sentence.into(),
        }
    }

    pub fn field(field: &str, sentence: impl ToString) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            sentence: sentence.to_string(),
        }])
    }

    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Changed { .. } => Self::conflict(
                "changed",
                "Somebody changed this while you looked at it. Nothing was done: look again.",
            ),
            other => Self::Store(other),
        }
    }
}
