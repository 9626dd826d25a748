//! Weights of any storage before packing, for products that consist of other products.

use crate::drive::PANEL_ROWS;
use crate::epilogue::Output;
use crate::input::Input;
use crate::integers::{Integers, multiply_panels};
use crate::pool::Part;
use crate::quantize::GROUP as COLUMNS;
use crate::recurrent::GROUP;
use crate::{Epilogue, Error, Isa, PackedF32, PackedI4, PackedI8, Product, Scratch, int4, int8};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// A row-major matrix as it comes from a model; its shape is given elsewhere.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// 8-bit integers.
    I8 {
        /// In -127..=127.
        values: &'a [i8],
        /// One scale per row.
        scales: &'a [f32],
    },
    /// 4-bit integers in groups of 32 columns, as in [`Grouped`](crate::quantize::Grouped).
    I4 {
        /// In -8..=7.
        values: &'a [i8],
        /// One scale per group.
        group_scales: &'a [i8],
        /// One scale per row.
        scales: &'a [f32],
    },
}

impl Weights<'_> {
    /// The dense form of a `rows x cols` matrix.
    pub(crate) fn pack(
        self,
        isa: Isa,
        rows: usize,
        cols: usize,
    ) -> Result<Box<dyn ByPanels>, Error> {
        Ok(match self {
            Self::F32(values) => Box::new(PackedF32::pack_for(isa, values, rows, cols)?),
            Self::I8 { values, scales } => {
                Box::new(PackedI8::pack_for(isa, values, scales, rows, cols)?)
            }
            Self::I4 { values, group_scales, scales } => {
                Box::new(PackedI4::pack_for(isa, values, group_scales, scales, rows, cols)?)
            }
        })
    }

    /// `gates` stacked matrices of `hidden x cols`, with their rows sorted [`by_units`].
    pub(crate) fn pack_gates(
        self,
        isa: Isa,
        gates: usize,
        hidden: usize,
        cols: usize,
    ) -> Result<Box<dyn ByPanels>, Error> {
        let rows = gates.saturating_mul(hidden);
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let padded_rows = hidden.div_ceil(PANEL_ROWS).saturating_mul(gates * PANEL_ROWS);
        match self {
            Self::F32(values) => {
                let expected = rows.saturating_mul(cols);
                if values.len() != expected {
                    return Err(Error::Length { what: "weights", expected, found: values.len() });
                }
                let values = by_units(values, gates, hidden, cols);
                Weights::F32(&values).pack(isa, padded_rows, cols)
            }
            Self::I8 { values, scales } => {
                int8::check(values, scales, rows, cols)?;
                let values = by_units(values, gates, hidden, cols);
                let scales = by_units(scales, gates, hidden, 1);
                Weights::I8 { values: &values, scales: &scales }.pack(isa, padded_rows, cols)
            }
            Self::I4 { values, group_scales, scales } => {
                int4::check(values, group_scales, scales, rows, cols)?;
                let values = by_units(values, gates, hidden, cols);
                let group_scales = by_units(group_scales, gates, hidden, cols.div_ceil(COLUMNS));
                let scales = by_units(scales, gates, hidden, 1);
                Weights::I4 { values: &values, group_scales: &group_scales, scales: &scales }.pack(
                    isa,
                    padded_rows,
                    cols,
                )
            }
        }
    }
}

/// A dense form whose panels can be multiplied separately.
pub(crate) trait ByPanels: Product {
    /// Makes `batch` vectors ready for [`multiply_panels`](Self::multiply_panels).
    fn load(&self, x: &[f32], batch: usize, scratch: &mut Scratch);

    /// Whether the vectors themselves are read after that.
    fn reads_vectors(&self) -> bool;

    /// The rows of some panels of `W` times the vectors that were loaded last, which are `x`: `y`
    /// has `batch` vectors of these rows, padding included.
    fn multiply_panels(
        &self,
        panels: Range<usize>,
        x: &[f32],
        batch: usize,
        scratch: &Scratch,
        y: &mut [f32],
    );
}

impl<W: Integers> ByPanels for W {
    fn load(&self, x: &[f32], batch: usize, scratch: &mut Scratch) {
        Integers::load(self, Input::Float(x), batch, scratch);
    }

    fn reads_vectors(&self) -> bool {
        false
    }

    fn multiply_panels(
        &self,
        panels: Range<usize>,
        _: &[f32],
        batch: usize,
        scratch: &Scratch,
        y: &mut [f32],
    ) {
        multiply_panels(self, panels, batch, scratch, y);
    }
}

impl ByPanels for PackedF32 {
    fn load(&self, _: &[f32], _: usize, _: &mut Scratch) {}

    fn reads_vectors(&self) -> bool {
        true
    }

    fn multiply_panels(
        &self,
        panels: Range<usize>,
        x: &[f32],
        batch: usize,
        _: &Scratch,
        y: &mut [f32],
    ) {
        let part = Part::padded(panels);
        let output = Output::new(y, part.rows.len());
        self.multiply_part(&part, x, batch, output, Epilogue::NONE);
    }
}

/// Rows `gate x unit` as rows `group of units x gate x unit of the group`, where the units of a
/// group are padded with zeros to whole panels. All groups except the last have [`GROUP`] units.
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
