//! WebAssembly.

pub(super) mod blocks;
pub(super) mod int4;
mod lanes;
pub(super) mod simd128;
