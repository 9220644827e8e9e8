//! How long something takes, and what is typical of several times.

use std::time::Instant;

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the machine, not the domain"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The middle one; of an even number, the upper of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn an_outlier_does_not_move_the_median() {
        assert!((median(vec![1.0, 900.0, 2.0, 3.0, 1.5]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
