//! The kernels, a file for each instruction set, and the choice between them.
//!
//! Dispatch rests on one invariant: an [`Isa`] that reaches this module has passed [`Isa::require`] or come from [`Isa::detect`], so the
//! processor has its instructions.

mod int4_portable;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::drive::{Matrix, Vectors};
use crate::epilogue::Store;
use crate::input::{Input, Shape};
use crate::math::{self, Function};
use crate::{Isa, Scratch};
#[cfg(target_arch = "x86_64")]
use x86_64::{avx2, avx512, avx512_vnni, int4_avx2, int4_avx512_vnni};

/// The order of the 8-bit weights within a panel. Columns are filled up to whole quads with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Row after row.
    Rows,
    /// Four columns of all rows after four columns: `quads x rows x 4`.
    Quads,
}

/// The order that [`matmul_i8`] wants.
pub(crate) fn layout_i8(isa: Isa) -> Layout {
    match isa {
        Isa::Portable => Layout::Rows,
        Isa::Avx2 | Isa::Avx512Vnni => Layout::Quads,
    }
}

/// Multiplies float vectors with packed float weights.
pub(crate) fn matmul_f32(
    isa: Isa,
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::matmul_f32(matrix, vectors, store) },
        // SAFETY: the processor has AVX-512F, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::matmul_f32(matrix, vectors, store) },
        _ => portable::matmul_f32(matrix, vectors, store),
    }
}

/// Stores a batch of vectors in `scratch` in the form that [`matmul_i8`] takes on the same `isa`.
pub(crate) fn load_i8(isa: Isa, input: Input, shape: Shape, scratch: &mut Scratch) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::load_i8(input, shape, scratch) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512_vnni::load_i8(input, shape, scratch) },
        _ => portable::load_i8(input, shape, scratch),
    }
}

/// Multiplies the `batch` vectors that [`load_i8`] stored with packed 8-bit weights; `offsets` are -128 times the row sums.
pub(crate) fn matmul_i8(
    isa: Isa,
    matrix: &Matrix<i8>,
    offsets: &[i32],
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::matmul_i8(matrix, batch, scratch, store) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe {
            avx512_vnni::matmul_i8(matrix, offsets, batch, scratch, store)
        },
        _ => {
            let _ = offsets; // only VNNI stores activations plus 128
            portable::matmul_i8(matrix, batch, scratch, store);
        }
    }
}

/// Stores a batch of vectors in `scratch.grouped` in the form that [`matmul_i4`] takes on the same `isa`.
pub(crate) fn load_i4(isa: Isa, input: Input, shape: Shape, scratch: &mut Scratch) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { int4_avx2::load_i4(input, shape, scratch) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { int4_avx512_vnni::load_i4(input, shape, scratch) },
        _ => int4_portable::load_i4(input, shape, scratch),
    }
}

/// Multiplies the vectors that [`load_i4`] stored with packed 4-bit weights.
pub(crate) fn matmul_i4(
    isa: Isa,
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { int4_avx2::matmul_i4(matrix, vectors, store) },
        // SAFETY: the processor has AVX-512 with VNNI, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { int4_avx512_vnni::matmul_i4(matrix, vectors, store) },
        _ => int4_portable::matmul_i4(matrix, vectors, store),
    }
}

/// Maps a function over a slice.
pub(crate) fn map(isa: Isa, function: Function, values: &mut [f32]) {
    match isa {
        // SAFETY: the processor has AVX2 and FMA, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::map(function, values) },
        // SAFETY: the processor has AVX-512F, by the invariant of this module.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::map(function, values) },
        _ => math::map(function, values),
    }
}
