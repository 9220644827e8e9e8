//! Many grants open the same endpoints with the same scopes, each for networks of its own. In memory
//! they can have those parts in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Grant, Rule};
use crate::service::ScopeName;

/// The scopes and rules of many grants, each of them once.
#[derive(Debug, Default)]
pub struct Parts {
    scopes: Kept<ScopeName>,
    rules: Kept<Rule>,
}

#[derive(Debug)]
struct Kept<T> {
    sets: BTreeSet<Arc<BTreeSet<T>>>,
    /// With so many, those that no grant has any more are looked for.
    full: usize,
}

const FEW: usize = 64;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            sets: BTreeSet::new(),
            full: FEW,
        }
    }
}

impl<T: Ord> Kept<T> {
    fn keep(&mut self, set: &mut Arc<BTreeSet<T>>) {
        if let Some(kept) = self.sets.get(set) {
            *set = Arc::clone(kept);
            return;
        }
        if self.sets.len() >= self.full {
            self.sets.retain(|kept| Arc::strong_count(kept) > 1);
            self.full = FEW.max(self.sets.len() * 2);
        }
        self.sets.insert(Arc::clone(set));
    }
}

impl Grant {
    /// What another grant has too is held in common with it.
    pub fn keep_parts_in(&mut self, parts: &mut Parts) {
        parts.scopes.keep(&mut self.scopes);
        parts.rules.keep(&mut self.rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(number: u32) -> Arc<BTreeSet<u32>> {
        Arc::new(BTreeSet::from([number]))
    }

    #[test]
    fn equal_sets_are_one_and_others_are_not() {
        let mut kept = Kept::default();
        let (mut first, mut same, mut other) = (set(1), set(1), set(2));
        for set in [&mut first, &mut same, &mut other] {
            kept.keep(set);
        }
        assert!(Arc::ptr_eq(&first, &same));
        assert_eq!(*other, BTreeSet::from([2]));
    }

    #[test]
    fn what_nobody_has_any_more_is_not_kept_for_ever() {
        let mut kept = Kept::default();
        let mut in_use = set(0);
        kept.keep(&mut in_use);
        for number in 1..10_000 {
            kept.keep(&mut set(number));
        }
        assert!(kept.sets.len() <= 2 * FEW, "{}", kept.sets.len());
        assert!(kept.sets.contains(&in_use));
    }
}
