//! Shim: `countersign::fuzzing::asset_path`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::asset_path(bytes));
