//! Rates and quotas against the model of `domain/tests/model`.

use crate::model::limits::agree_as_shown;

/// The input is what the dice show: limits first, then what happens under them.
pub fn limits(data: &[u8]) {
    agree_as_shown(data);
}
