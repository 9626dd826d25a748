//! x86-64. All loads are unaligned: packed weights start on cache lines anyway, the caller's
//! vectors need not.

pub(super) mod avx2;
pub(super) mod avx512;
pub(super) mod avx512_vnni;
pub(super) mod avx_vnni;
pub(super) mod blocks_avx2;
pub(super) mod blocks_avx512_vnni;
pub(super) mod int4_avx2;
pub(super) mod int4_avx512_vnni;
mod lanes;
mod quantize;
