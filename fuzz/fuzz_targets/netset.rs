//! Shim: `countersign::fuzzing::netset`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::netset(bytes));
