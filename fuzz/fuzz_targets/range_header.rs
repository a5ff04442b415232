//! Shim: `countersign::fuzzing::range_header`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::range_header(bytes));
