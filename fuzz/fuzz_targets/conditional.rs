//! Shim: `countersign::fuzzing::conditional`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::conditional(bytes));
