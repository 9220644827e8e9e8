//! What the suite did, summed up from the lines that its tests wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// What a full run does at least. A loop that runs zero times passes every assertion in it.
const PROMISED: [(&str, u64); 7] = [
    ("attacks", 10_000),
    ("keys revoked under load", 20_000),
    ("kills", 250),
    ("kills at fault points", 130),
    ("pages", 200),
    ("racers", 256),
    ("routes", 1200),
];

pub(crate) struct Tally(PathBuf);

impl Tally {
    /// Empty. Tests find it through the variable [`Tally::VARIABLE`].
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let path = folder.join("tally");
        fs::write(&path, "")?;
        Ok(Self(path))
    }

    pub(crate) const VARIABLE: &str = "LATCHKEY_TEST_TALLY";

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Prints the sums.
    ///
    /// # Errors
    /// When there is less of something than a full run does.
    pub(crate) fn check(&self) -> Result<()> {
        let sums = sums(&fs::read_to_string(&self.0)?)?;
        for (what, sum) in &sums {
            println!("{sum:>7} {what}");
        }
        let short: Vec<_> = PROMISED
            .iter()
            .filter(|(what, least)| sums.get(*what).is_none_or(|sum| sum < least))
            .map(|(what, least)| format!("fewer than {least} {what}"))
            .collect();
        if !short.is_empty() {
            bail!("{}", short.join(", "));
        }
        Ok(())
    }
}

fn sums(lines: &str) -> Result<BTreeMap<String, u64>> {
    let mut sums = BTreeMap::new();
    for line in lines.lines() {
        let (count, what) = line.split_once(' ').context("a line of the tally")?;
        *sums.entry(what.to_owned()).or_default() += count.parse::<u64>()?;
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_one_thing_are_added() -> Result<()> {
        let sums = sums("3 kills\n2 routes\n4 kills\n")?;
        assert_eq!(sums.get("kills"), Some(&7));
        assert_eq!(sums.get("routes"), Some(&2));
        Ok(())
    }

    #[test]
    fn a_thing_that_was_never_counted_is_missed() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let tally = Tally::start(folder.path())?;
        fs::write(tally.path(), "250 kills\n")?;
        let missed = tally.check().unwrap_err().to_string();
        assert!(
            missed.contains("racers") && !missed.contains("250 kills"),
            "{missed}"
        );
        Ok(())
    }
}
