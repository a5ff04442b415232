//! Shim: `countersign::fuzzing::file_name`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::file_name(bytes));
