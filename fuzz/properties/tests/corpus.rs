//! What the fuzzer found, and what it started from, holds without a fuzzer too.

#![cfg(test)]

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use properties::{TARGETS, Target};

#[test]
fn every_target_holds_for_its_corpus() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut files = 0;
    for Target { name, holds } in TARGETS {
        let folder = corpus.join(name);
        let inputs = fs::read_dir(&folder)
            .with_context(|| folder.display().to_string())?
            .map(|entry| Ok(fs::read(entry?.path())?))
            .collect::<Result<Vec<_>>>()?;
        ensure!(inputs.len() >= 10, "only {} inputs of {name}", inputs.len());
        files += inputs.len();
        for input in &inputs {
            holds(input);
            // An input that is cut off or has one bit wrong is one as well.
            for end in 0..input.len().min(200) {
                holds(&input[..end]);
                let mut changed = input.clone();
                changed[end] ^= 1 << (end % 8);
                holds(&changed);
            }
        }
    }
    ensure!(files < 200, "{files} files: keep the corpus small");
    Ok(())
}

#[test]
fn every_folder_of_the_corpus_is_of_a_target() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for entry in fs::read_dir(corpus)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(TARGETS.iter().any(|target| target.name == name), "{name}");
    }
    Ok(())
}
