//! Shim: `countersign::fuzzing::path_pattern`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::path_pattern(bytes));
