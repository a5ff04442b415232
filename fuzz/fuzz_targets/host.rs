//! Shim: `countersign::fuzzing::host`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::host(bytes));
