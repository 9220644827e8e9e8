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

/// What so great a part of the values does not exceed: `part(values, 0.99)` is the 99th percentile.
pub(crate) fn part(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * part).ceil() as usize;
    let value = values.get(at.saturating_sub(1));
    value.copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, part};

    #[test]
    fn one_of_a_hundred_is_beyond_the_99th_percentile() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!((part(&values, 0.99) - 99.0).abs() < 1e-9);
        assert!((part(&values, 0.5) - 50.0).abs() < 1e-9);
        assert!(part(&[], 0.99).is_nan());
    }

    #[test]
    fn an_outlier_does_not_move_the_median() {
        assert!((median(vec![1.0, 900.0, 2.0, 3.0, 1.5]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
