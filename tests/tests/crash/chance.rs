//! Random numbers that can be had again: SplitMix64 from a seed that is printed.

use std::env;
use std::fmt;

use getrandom::SysRng;
use rand_core::{Rng as _, UnwrapErr};

/// Set it to a seed that was printed, to kill at the same times again.
const SEED: &str = "LATCHKEY_TEST_SEED";

pub(crate) struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    pub(crate) fn seeded() -> Self {
        let given = env::var(SEED).ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| UnwrapErr(SysRng).next_u64());
        Self { seed, state: seed }
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SEED}={}", self.seed)
    }
}
