//! Shim: `countersign::fuzzing::token_verify`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::token_verify(bytes));
