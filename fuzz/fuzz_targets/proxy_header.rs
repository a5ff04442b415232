//! Shim: `countersign::fuzzing::proxy_header`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::proxy_header(bytes));
