//! Shim: `countersign::fuzzing::connection_bytes`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::connection_bytes(bytes));
