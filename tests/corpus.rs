//! Replays the inputs that fuzzing found worth keeping, without a fuzzer: every build meets every
//! past crash again.
//!
//! Holds the three lists of targets together: `countersign::fuzzing::TARGETS`, the shims in
//! `fuzz/fuzz_targets` and the folders in `fuzz/corpus`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use countersign::fuzzing::TARGETS;

/// What a corpus may grow to: it is read on every build and kept for ever.
const MOST_FILES: usize = 300;
const MOST_BYTES: usize = 1024 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder of `fuzz`, by name.
fn files(folder: &str) -> BTreeMap<String, PathBuf> {
    let unreadable = |why: std::io::Error| -> ! { panic!("fuzz/{folder}: {why}") };
    let entries = fs::read_dir(fuzz().join(folder)).unwrap_or_else(|why| unreadable(why));
    entries
        .map(|entry| entry.unwrap_or_else(|why| unreadable(why)))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect()
}

fn names(folder: &str) -> BTreeSet<String> {
    files(folder).into_keys().collect()
}

#[test]
fn every_target_has_a_shim_and_a_corpus_and_none_is_left_over() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(targets.len(), TARGETS.len(), "a target is there twice");
    assert!(TARGETS.is_sorted_by_key(|target| target.name), "the targets are out of order");
    let shims: BTreeSet<String> = names("fuzz_targets")
        .into_iter()
        .map(|file| file.strip_suffix(".rs").unwrap_or(&file).to_owned())
        .collect();
    assert_eq!(shims, targets, "fuzz/fuzz_targets");
    assert_eq!(names("corpus"), targets, "fuzz/corpus");
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}: not in Cargo.toml");
        let shim = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(shim.contains(&format!("countersign::fuzzing::{name}(")), "{name}: another's shim");
    }
}

#[test]
fn every_input_keeps_every_invariant() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let inputs: Vec<(String, Vec<u8>)> = files(&format!("corpus/{}", target.name))
            .into_iter()
            .map(|(name, path)| (name, fs::read(path).unwrap()))
            .collect();
        let bytes: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(!inputs.is_empty(), "{}: an empty corpus", target.name);
        assert!(inputs.len() <= MOST_FILES, "{}: {} inputs", target.name, inputs.len());
        assert!(bytes <= MOST_BYTES, "{}: {bytes} bytes", target.name);
        for (name, bytes) in inputs {
            if catch_unwind(|| (target.run)(&bytes)).is_err() {
                broken.push(format!("{}/{name}", target.name));
            }
        }
        // Short inputs of every first byte, whatever the corpus holds: a target is total.
        for byte in 0..=u8::MAX {
            if catch_unwind(|| (target.run)(&[byte])).is_err() {
                broken.push(format!("{}: [{byte}]", target.name));
            }
        }
        if catch_unwind(|| (target.run)(&[])).is_err() {
            broken.push(format!("{}: nothing", target.name));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
