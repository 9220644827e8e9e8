//! How much of each thing the suite really did. `cargo xtask test` sums this up, prints it, and
//! fails where it is less than promised: a loop that runs zero times passes every assertion in it.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Set by `cargo xtask test`: the file that gets one line a count.
const FILE: &str = "LATCHKEY_TEST_TALLY";

/// Says that `count` more of `what` were done and checked. Of the names that xtask expects
/// (`xtask/src/tally.rs`) a full run must do so many; all others are printed.
///
/// # Panics
/// When the file cannot be written.
#[expect(
    clippy::expect_used,
    reason = "a count that is lost must fail the test"
)]
pub fn count(what: &str, count: usize) {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let line = format!("{count} {what}\n");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("the tally can be written");
}
