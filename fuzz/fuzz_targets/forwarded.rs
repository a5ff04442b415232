//! Shim: `countersign::fuzzing::forwarded`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::forwarded(bytes));
