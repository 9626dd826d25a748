//! Weights of any kind, before and after packing: what the products that are made of products stand on.

use crate::drive::PANEL_ROWS;
use crate::quantize::{GROUP as COLUMNS, Grouped};
use crate::recurrent::GROUP;
use crate::{
    Activation, Arena, Error, Isa, PackedF32, PackedI4, PackedI8, Pool, Scratch, int4, int8,
};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// A row-major matrix as it comes from a model; its shape is said elsewhere.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// 8-bit integers.
    I8 {
        /// Within -127..=127.
        values: &'a [i8],
        /// A scale a row.
        scales: &'a [f32],
    },
    /// 4-bit integers in groups of 32 columns, as in [`Grouped`].
    I4 {
        /// Within -8..=7.
        values: &'a [i8],
        /// A scale a group.
        group_scales: &'a [i8],
        /// A scale a row.
        scales: &'a [f32],
    },
}

/// A packed matrix of any kind.
#[derive(Debug, Clone)]
pub(crate) enum PackedWeights {
    /// Floats.
    F32(PackedF32),
    /// 8-bit integers.
    I8(PackedI8),
    /// 4-bit integers.
    I4(PackedI4),
}

impl PackedWeights {
    /// A `rows x cols` matrix.
    pub(crate) fn pack(
        isa: Isa,
        weights: Weights<'_>,
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        match weights {
            Weights::F32(values) => PackedF32::pack_for(isa, values, rows, cols).map(Self::F32),
            Weights::I8 { values, scales } => {
                PackedI8::pack_for(isa, values, scales, rows, cols).map(Self::I8)
            }
            Weights::I4 { values, group_scales, scales } => {
                let groups = grouped(values, group_scales, scales, rows, cols);
                PackedI4::pack_for(isa, &groups).map(Self::I4)
            }
        }
    }

    /// `gates` matrices of `hidden x cols` that stand below each other, with their rows sorted [`by_units`].
    pub(crate) fn pack_gates(
        isa: Isa,
        weights: Weights<'_>,
        gates: usize,
        hidden: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let rows = gates.saturating_mul(hidden);
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let padded_rows = hidden.div_ceil(PANEL_ROWS).saturating_mul(gates * PANEL_ROWS);
        match weights {
            Weights::F32(values) => {
                let expected = rows.saturating_mul(cols);
                if values.len() != expected {
                    return Err(Error::Length { what: "weights", expected, found: values.len() });
                }
                let values = by_units(values, gates, hidden, cols);
                Self::pack(isa, Weights::F32(&values), padded_rows, cols)
            }
            Weights::I8 { values, scales } => {
                int8::check(values, scales, rows, cols)?;
                let values = by_units(values, gates, hidden, cols);
                let scales = by_units(scales, gates, hidden, 1);
                let weights = Weights::I8 { values: &values, scales: &scales };
                Self::pack(isa, weights, padded_rows, cols)
            }
            Weights::I4 { values, group_scales, scales } => {
                int4::check(&grouped(values, group_scales, scales, rows, cols))?;
                let count = cols.div_ceil(COLUMNS);
                let values = by_units(values, gates, hidden, cols);
                let group_scales = by_units(group_scales, gates, hidden, count);
                let scales = by_units(scales, gates, hidden, 1);
                let weights =
                    Weights::I4 { values: &values, group_scales: &group_scales, scales: &scales };
                Self::pack(isa, weights, padded_rows, cols)
            }
        }
    }

    /// Bytes of the packed weights.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::F32(w) => w.bytes(),
            Self::I8(w) => w.bytes(),
            Self::I4(w) => w.bytes(),
        }
    }

    /// Columns of the matrix.
    pub(crate) fn cols(&self) -> usize {
        match self {
            Self::F32(w) => w.cols(),
            Self::I8(w) => w.cols(),
            Self::I4(w) => w.cols(),
        }
    }

    pub(crate) fn move_into(&mut self, arena: &mut Arena) {
        match self {
            Self::F32(w) => w.move_into(arena),
            Self::I8(w) => w.move_into(arena),
            Self::I4(w) => w.move_into(arena),
        }
    }

    /// `y = act(W x + bias)`, see [`PackedI8::matmul`] and [`PackedI8::matmul_with`].
    pub(crate) fn matmul(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        ends: (Option<&[f32]>, Activation),
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        match self {
            Self::F32(w) => w.biased(pool, x, batch, ends, y),
            Self::I8(w) => w.scaled(pool, x, batch, ends, scratch, y),
            Self::I4(w) => w.scaled(pool, x, batch, ends, scratch, y),
        }
    }

    /// Makes `batch` vectors ready for [`multiply_panels`](Self::multiply_panels).
    pub(crate) fn load(&self, x: &[f32], batch: usize, scratch: &mut Scratch) {
        match self {
            Self::F32(_) => {}
            Self::I8(w) => w.load(x, batch, scratch),
            Self::I4(w) => w.load(x, batch, scratch),
        }
    }

    /// The rows of some panels of `W` times the vectors that were loaded last, which are `x`; see [`PackedI8::multiply_panels`].
    pub(crate) fn multiply_panels(
        &self,
        panels: Range<usize>,
        x: &[f32],
        batch: usize,
        scratch: &Scratch,
        y: &mut [f32],
    ) {
        match self {
            Self::F32(w) => w.multiply_panels(panels, x, batch, y),
            Self::I8(w) => w.multiply_panels(panels, batch, scratch, y),
            Self::I4(w) => w.multiply_panels(panels, batch, scratch, y),
        }
    }
}

fn grouped(
    values: &[i8],
    group_scales: &[i8],
    scales: &[f32],
    rows: usize,
    cols: usize,
) -> Grouped {
    Grouped {
        rows,
        cols,
        weights: values.to_vec(),
        group_scales: group_scales.to_vec(),
        row_scales: scales.to_vec(),
    }
}

/// Rows `gate x unit` as rows `group of units x gate x unit of the group`, where the units of a group are filled up to whole panels with
/// zeros. All groups have [`GROUP`] units but the last.
fn by_units<T: Copy + Default>(values: &[T], gates: usize, hidden: usize, cols: usize) -> Vec<T> {
    let padded = hidden.div_ceil(PANEL_ROWS) * PANEL_ROWS;
    let mut sorted = vec![T::default(); gates * padded * cols];
    for first in (0..hidden).step_by(GROUP) {
        let (count, room) = (GROUP.min(hidden - first), GROUP.min(padded - first));
        for gate in 0..gates {
            let from = &values[(gate * hidden + first) * cols..][..count * cols];
            let to = (gates * first + gate * room) * cols;
            sorted[to..to + from.len()].copy_from_slice(from);
        }
    }
    sorted
}
