//! Shim: `countersign::fuzzing::candidates`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::candidates(bytes));
