//! The decision against the model of `domain/tests/model`.

use crate::model::decision::agrees_as_shown;

/// The input is what the dice show: a grant first, then calls with a key of it.
pub fn decision(data: &[u8]) {
    agrees_as_shown(data);
}
