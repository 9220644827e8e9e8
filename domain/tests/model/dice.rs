//! What random cases are made by.

use std::collections::VecDeque;

pub(super) enum Dice {
    /// SplitMix64 (Steele, Lea and Flood, 2014): the same cases in every run.
    #[cfg(test)]
    Seeded(u64),
    /// What the fuzzer wants them to show; the first side where nothing is left.
    Shown(VecDeque<u8>),
}

impl Dice {
    pub(super) fn showing(bytes: &[u8]) -> Self {
        Self::Shown(bytes.iter().copied().collect())
    }

    pub(super) fn are_used_up(&self) -> bool {
        match self {
            #[cfg(test)]
            Self::Seeded(_) => false,
            Self::Shown(left) => left.is_empty(),
        }
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        match self {
            #[cfg(test)]
            Self::Seeded(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((z ^ (z >> 31)) % sides as u64) as usize
            }
            Self::Shown(bytes) => {
                let mut byte = || usize::from(bytes.pop_front().unwrap_or_default());
                let shown = if sides > 256 {
                    byte() << 8 | byte()
                } else {
                    byte()
                };
                shown % sides
            }
        }
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    /// One of the others now and then.
    pub(super) fn mostly<T: Copy>(&mut self, of: &[T], others: &[T]) -> T {
        if self.roll(16) == 0 {
            self.one(others)
        } else {
            self.one(of)
        }
    }

    pub(super) fn some(&mut self, of: &[&'static str]) -> Vec<&'static str> {
        of.iter().copied().filter(|_| self.roll(2) == 0).collect()
    }
}

/// What a fuzzer could show, in many ways.
#[cfg(test)]
pub(super) fn show(agree: fn(&[u8])) {
    for byte in 0..=u8::MAX {
        let shown: Vec<u8> = (0..=u8::MAX).map(|at| byte.wrapping_mul(at)).collect();
        agree(&shown);
    }
}
