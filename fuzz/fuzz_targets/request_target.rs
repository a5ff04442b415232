//! Shim: `countersign::fuzzing::request_target`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::request_target(bytes));
