//! The kernels, one file for each instruction set, and the dispatch.
//!
//! Dispatch relies on one invariant: an [`Isa`] that reaches this module has passed
//! [`Isa::require`] or comes from [`Isa::detect`], so the processor has its instructions.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod blocks;
mod int4_portable;
mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod prefetch;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(feature = "roofline")]
pub(crate) use portable::multiply_add;

use crate::drive::{Matrix, PANEL_ROWS, Vectors};
use crate::epilogue::{RegisterStore, Store};
use crate::input::{Input, QUAD, Shape};
#[cfg(target_arch = "x86_64")]
use crate::isa::vex_vnni;
use crate::lanes::Scalar;
use crate::math::{self, Function};
use crate::quantize::quantize_with;
use crate::recurrent::Job;
use crate::{Isa, Scratch};
#[cfg(target_arch = "aarch64")]
use aarch64::{
    blocks_dotprod, blocks_neon, dotprod, i8mm, int4_dotprod, int4_neon, neon, neon_f32,
};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm32::simd128;
#[cfg(target_arch = "x86_64")]
use x86_64::{
    avx_vnni, avx2, avx512, avx512_vnni, blocks_avx2, blocks_avx512_vnni, int4_avx2,
    int4_avx512_vnni,
};

/// The order of the 8-bit weights in a panel: group after group of rows; in a group, step after
/// step of columns; in a step, row after row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Rows of a group; divides the rows of a panel.
    pub(crate) rows: usize,
    /// Columns of a step.
    pub(crate) depth: usize,
    /// Columns are padded with zeros to a multiple of this: whole steps, and as many as a kernel
    /// takes at once.
    pub(crate) unit: usize,
}

impl Layout {
    /// Columns including padding: the distance between rows if a group is a single row.
    pub(crate) fn stride(self, cols: usize) -> usize {
        cols.div_ceil(self.unit) * self.unit
    }
}

/// The order for [`matmul_i8`].
pub(crate) fn layout_i8(isa: Isa) -> Layout {
    match isa {
        Isa::Portable => Layout { rows: 1, depth: QUAD, unit: QUAD },
        Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => {
            Layout { rows: PANEL_ROWS, depth: QUAD, unit: QUAD }
        }
        Isa::Neon => Layout { rows: 4, depth: 16, unit: 16 },
        Isa::Dotprod => Layout { rows: 16, depth: QUAD, unit: 16 },
        Isa::I8mm => Layout { rows: 8, depth: 8, unit: 16 },
        Isa::Simd128 => Layout { rows: 4, depth: 8, unit: 8 },
    }
}

/// Multiplies float vectors by packed float weights.
pub(crate) fn matmul_f32(
    isa: Isa,
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { avx2::matmul_f32(matrix, vectors, store) },
        // SAFETY: the processor has AVX-512F, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::matmul_f32(matrix, vectors, store) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => unsafe {
            neon_f32::matmul_f32(matrix, vectors, store)
        },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => simd128::matmul_f32(matrix, vectors, store),
        _ => portable::matmul_f32(matrix, vectors, store),
    }
}

/// Stores a batch of vectors in `scratch`, in the form for [`matmul_i8`] on the same `isa`.
pub(crate) fn load_i8(isa: Isa, input: Input, shape: Shape, scratch: &mut Scratch) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::load_i8(input, shape, scratch) },
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => unsafe { avx_vnni::load_i8(input, shape, scratch) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512_vnni::load_i8(input, shape, scratch) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod => unsafe { neon::load_i8(input, shape, scratch) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => unsafe { i8mm::load_i8(input, shape, scratch) },
        _ => portable::load_i8(input, shape, scratch),
    }
}

/// Multiplies the `batch` vectors stored by [`load_i8`] by packed 8-bit weights; `offsets` are -128
/// times the row sums.
pub(crate) fn matmul_i8(
    isa: Isa,
    matrix: &Matrix<i8>,
    offsets: &[i32],
    batch: usize,
    scratch: &Scratch,
    store: &mut impl RegisterStore,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::matmul_i8(matrix, batch, scratch, store) },
        // SAFETY: the processor has AVX-VNNI, as was just asked.
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni if vex_vnni() => unsafe {
            avx_vnni::vex::matmul_i8(matrix, offsets, batch, scratch, store)
        },
        // SAFETY: the processor has AVX-512 VL and VNNI, by the invariant of this module: it lacks
        // the other coding.
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => unsafe {
            avx_vnni::evex::matmul_i8(matrix, offsets, batch, scratch, store)
        },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe {
            avx512_vnni::matmul_i8(matrix, offsets, batch, scratch, store)
        },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { neon::matmul_i8(matrix, batch, scratch, store) },
        // SAFETY: the processor has the dot products, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod => unsafe { dotprod::matmul_i8(matrix, batch, scratch, store) },
        // SAFETY: the processor has dot and matrix products, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => unsafe { i8mm::matmul_i8(matrix, batch, scratch, store) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => simd128::matmul_i8(matrix, batch, scratch, store),
        _ => {
            let _ = offsets; // only VNNI stores activations plus 128
            portable::matmul_i8(matrix, batch, scratch, store);
        }
    }
}

/// Stores a batch of vectors in `scratch.grouped`, in the form for [`matmul_i4`] on the same `isa`.
pub(crate) fn load_i4(isa: Isa, input: Input, shape: Shape, scratch: &mut Scratch) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { int4_avx2::load_i4(input, shape, scratch) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { int4_avx512_vnni::load_i4(input, shape, scratch) },
        _ => int4_portable::load_i4(input, shape, scratch),
    }
}

/// Multiplies the vectors stored by [`load_i4`] by packed 4-bit weights.
pub(crate) fn matmul_i4(
    isa: Isa,
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { int4_avx2::matmul_i4(matrix, vectors, store) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { int4_avx512_vnni::matmul_i4(matrix, vectors, store) },
        // SAFETY: the processor has the dot products, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod | Isa::I8mm => unsafe { int4_dotprod::matmul_i4(matrix, vectors, store) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { int4_neon::matmul_i4(matrix, vectors, store) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => wasm32::int4::matmul_i4(matrix, vectors, store),
        _ => int4_portable::matmul_i4(matrix, vectors, store),
    }
}

/// A block-sparse matrix of 8-bit weights.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    /// 128 bytes per block: 32 rows of four columns.
    pub(crate) weights: &'a [i8],
    /// The column of each block, divided by 4; it must be inside the vectors.
    pub(crate) columns: &'a [u32],
    /// Where the blocks of the first 32 rows begin.
    pub(crate) first: usize,
    /// Where the blocks of each 32 rows end.
    pub(crate) ends: &'a [usize],
    /// -128 times the row sums.
    pub(crate) offsets: &'a [i32],
    /// Rows of the matrix, without padding.
    pub(crate) rows: usize,
}

/// Stores a batch of vectors in `scratch`, in the form for [`matmul_blocks`] on the same `isa`.
pub(crate) fn load_blocks(isa: Isa, input: Input, shape: Shape, scratch: &mut Scratch) {
    match isa {
        // On x86-64 the form is that of dense matrices, on AArch64 always that of NEON.
        Isa::Avx2 | Isa::AvxVnni => load_i8(Isa::Avx2, input, shape, scratch),
        Isa::Avx512Vnni => load_i8(isa, input, shape, scratch),
        Isa::Neon | Isa::Dotprod | Isa::I8mm => load_i8(Isa::Neon, input, shape, scratch),
        _ => blocks::load_portable(input, shape, scratch),
    }
}

/// Multiplies the vectors stored by [`load_blocks`] by block-sparse 8-bit weights.
pub(crate) fn matmul_blocks(
    isa: Isa,
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { blocks_avx2::matmul(matrix, shape, scratch, store) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { blocks_avx512_vnni::matmul(matrix, shape, scratch, store) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { blocks_neon::matmul(matrix, shape, scratch, store) },
        // SAFETY: the processor has the dot products, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod | Isa::I8mm => unsafe {
            blocks_dotprod::matmul(matrix, shape, scratch, store)
        },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => wasm32::blocks::matmul(matrix, shape, scratch, store),
        _ => blocks::portable(matrix, shape, scratch, store),
    }
}

/// Quantizes a vector into `out`, which has the same length, and returns its scale.
pub(crate) fn quantize(isa: Isa, x: &[f32], out: &mut [i8]) -> f32 {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { avx2::quantize(x, out) },
        // SAFETY: the processor has AVX-512 F and BW, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::quantize(x, out) },
        _ => quantize_with(x, out, |q| q),
    }
}

/// Runs a job with the registers of an instruction set.
pub(crate) fn run(isa: Isa, job: impl Job) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { avx2::run(job) },
        // SAFETY: the processor has AVX-512F, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::run(job) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => unsafe { neon::run(job) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => simd128::run(job),
        _ => job.run(Scalar),
    }
}

/// Maps a function over a slice.
pub(crate) fn map(isa: Isa, function: Function, values: &mut [f32]) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { avx2::map(function, values) },
        // SAFETY: the processor has AVX-512F, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::map(function, values) },
        // SAFETY: the processor has NEON, by the invariant of this module.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => unsafe { neon::map(function, values) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Isa::Simd128 => simd128::map(function, values),
        _ => math::map(function, values),
    }
}
