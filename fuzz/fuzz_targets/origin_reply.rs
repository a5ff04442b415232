//! Shim: `countersign::fuzzing::origin_reply`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::origin_reply(bytes));
