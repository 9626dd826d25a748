#![no_main]

#[allow(dead_code)] // Each target uses its own part.
#[path = "../drive.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drive::signal(data));
