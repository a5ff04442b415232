//! Shim: `countersign::fuzzing::image_file`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign::fuzzing::image_file(bytes));
