//! The decision against the model of `domain/tests/model.rs`.

#[path = "../../../domain/tests/model.rs"]
mod model;

/// The input is what the dice show: a grant first, then calls with a key of it.
pub fn decision(data: &[u8]) {
    model::agrees_as_shown(data);
}
