//! AArch64: plain NEON, which every such processor has, and the two extensions for 8-bit products.

pub(super) mod dotprod;
pub(super) mod i8mm;
pub(super) mod int4_dotprod;
mod lanes;
pub(super) mod neon;
pub(super) mod neon_f32;
