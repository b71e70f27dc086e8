#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overpaint_fuzz::targets::library(data));
