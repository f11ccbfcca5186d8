//! One target of `targets.rs`, under libFuzzer: the one with the name of this binary.

#![no_main]

#[allow(dead_code, reason = "the tests of the whole use the rest")]
#[path = "../it/generate/mod.rs"]
mod generate;
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    targets::TARGETS.iter().find(|(own, _)| *own == name).expect("each binary has a target").1
});

fuzz_target!(|data: &[u8]| {
    TARGET(data);
});
