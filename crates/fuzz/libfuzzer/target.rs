//! The target of this program's name, with the limits of an input.

#![no_main]

use std::sync::LazyLock;

use stonechat_fuzz::{TARGETS, Target, trial};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(problem) = trial(*TARGET, data) {
        panic!("{}: {problem}", TARGET.name);
    }
});
