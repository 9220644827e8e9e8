//! A generator for tests and vectors: SHA-256 of a seed and a counter, so that each run, on each
//! platform, gives the same bytes.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};

pub(crate) struct TestRng {
    seed: u64,
    counter: u64,
    left: Vec<u8>,
}

impl TestRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: 0,
            left: Vec::new(),
        }
    }

    fn next_byte(&mut self) -> u8 {
        if self.left.is_empty() {
            let block = [self.seed.to_be_bytes(), self.counter.to_be_bytes()].concat();
            self.left = Sha256::digest(block).iter().rev().copied().collect();
            self.counter += 1;
        }
        self.left.pop().unwrap_or_default()
    }
}

impl TryRng for TestRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(core::array::from_fn(|_| {
            self.next_byte()
        })))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(core::array::from_fn(|_| {
            self.next_byte()
        })))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(|| self.next_byte());
        Ok(())
    }
}

impl TryCryptoRng for TestRng {}
