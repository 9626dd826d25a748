//! AArch64: plain NEON, which every such processor has, and two extensions for 8-bit products.

pub(super) mod blocks_dotprod;
pub(super) mod blocks_neon;
pub(super) mod dotprod;
pub(super) mod i8mm;
pub(super) mod int4_dotprod;
pub(super) mod int4_neon;
mod lanes;
pub(super) mod neon;
pub(super) mod neon_f32;
