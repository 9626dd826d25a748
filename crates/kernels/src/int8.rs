//! Packed 8-bit weights, for compressed models.
//!
//! The product with a vector: quantize it (symmetric, one scale), multiply and sum in exact 32-bit
//! integers, then apply scale, bias and activation. The integers are the same on every instruction
//! set because no path saturates: the u8 x s8 `maddubs` of AVX2 would, so 16-bit products are used
//! there; VNNI needs unsigned activations, so 128 is added to them and 128 times the sum of the row
//! is subtracted again.

use crate::aligned::Aligned;
use crate::arch::{self, Layout};
use crate::drive::{Matrix, PANEL_ROWS};
use crate::epilogue::RegisterStore;
use crate::input::{Input, Shape};
use crate::integers::Integers;
use crate::pool::{Part, Whole};
use crate::product::sealed::Sealed;
use crate::row_scales::RowScales;
use crate::{Arena, Error, Isa, Packed, Scratch};

/// The most columns for which a sum of products of -128..=127 and -127..=127 always fits 32 bits.
pub(crate) const MAX_COLS: usize = (i32::MAX / (128 * 127)) as usize;

/// A `rows x cols` matrix of 8-bit weights with one float scale per row, packed for products with
/// small batches of vectors.
///
/// Panels of 32 rows; the order inside a panel is the one in which the instruction set reads it.
#[derive(Clone, Debug)]
pub struct PackedI8 {
    pub(crate) panels: Aligned<i8>,
    pub(crate) scales: RowScales,
    /// The start of an accumulator if activations are stored plus 128: -128 times the sum of the
    /// row.
    pub(crate) offsets: Aligned<i32>,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) isa: Isa,
}

impl PackedI8 {
    /// Packs row-major `weights` (`rows x cols`, -127..=127) with one scale per row for the fastest
    /// instruction set of this processor.
    ///
    /// # Errors
    /// Names what is wrong: an empty matrix, a slice of the wrong length, a weight of -128 (with
    /// its offset), a scale that is not finite, more columns than 32-bit sums can hold (132,104).
    pub fn pack(weights: &[i8], scales: &[f32], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, scales, rows, cols)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        weights: &[i8],
        scales: &[f32],
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let isa = isa.require()?;
        check(weights, scales, rows, cols)?;
        let scales = RowScales::new("scales", scales, rows)?;
        let padded_rows = rows.next_multiple_of(PANEL_ROWS);
        let layout = arch::layout_i8(isa);
        let panel_len = PANEL_ROWS * layout.stride(cols);
        let mut panels = Aligned::zeroed(padded_rows * layout.stride(cols));
        let mut offsets = Aligned::zeroed(padded_rows);
        for (panel, block) in
            panels.as_mut_slice().chunks_exact_mut(panel_len).zip(weights.chunks(PANEL_ROWS * cols))
        {
            pack_panel(layout, block, cols, panel);
        }
        for (offset, row) in offsets.as_mut_slice().iter_mut().zip(weights.chunks_exact(cols)) {
            *offset = -128 * row.iter().map(|&w| i32::from(w)).sum::<i32>();
        }
        Ok(Self { panels, scales, offsets, rows, cols, isa })
    }

    fn panel_len(&self) -> usize {
        PANEL_ROWS * self.stride()
    }

    fn stride(&self) -> usize {
        arch::layout_i8(self.isa).stride(self.cols)
    }
}

impl Sealed for PackedI8 {}

impl Packed for PackedI8 {
    fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.offsets.as_slice())
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.panels);
        self.scales.move_into(arena);
        arena.take_in(&mut self.offsets);
    }
}

impl Integers for PackedI8 {
    fn whole(&self) -> (Whole, usize) {
        (Whole { rows: self.rows, bytes: self.panels.as_slice().len() }, self.cols)
    }

    fn scales(&self) -> &[f32] {
        self.scales.as_slice()
    }

    fn load(&self, input: Input<'_>, batch: usize, scratch: &mut Scratch) {
        let shape = Shape { batch, cols: self.cols, stride: self.stride() };
        arch::load_i8(self.isa, input, shape, scratch);
    }

    fn multiply_part<S: RegisterStore>(
        &self,
        part: &Part,
        batch: usize,
        scratch: &Scratch,
        store: &mut S,
    ) {
        let matrix = Matrix::part(self.panels.as_slice(), self.panel_len(), part);
        let offsets = &self.offsets.as_slice()[part.padded_rows()];
        arch::matmul_i8(self.isa, &matrix, offsets, batch, scratch, store);
    }
}

/// Puts up to 32 rows into the order of a panel.
fn pack_panel(layout: Layout, block: &[i8], cols: usize, panel: &mut [i8]) {
    let stride = panel.len() / PANEL_ROWS;
    for (r, row) in block.chunks_exact(cols).enumerate() {
        for (step, values) in row.chunks(layout.depth).enumerate() {
            let group = r / layout.rows * layout.rows;
            let at = group * stride + (step * layout.rows + r - group) * layout.depth;
            panel[at..at + values.len()].copy_from_slice(values);
        }
    }
}

/// Checks a dense matrix.
pub(crate) fn check(weights: &[i8], scales: &[f32], rows: usize, cols: usize) -> Result<(), Error> {
    if rows == 0 || cols == 0 {
        return Err(Error::Empty { rows, cols });
    }
    let expected = rows.saturating_mul(cols);
    if cols <= MAX_COLS && weights.len() != expected {
        return Err(Error::Length { what: "weights", expected, found: weights.len() });
    }
    check_values(weights, scales, rows, cols)
}

/// Checks weights and scales, in any arrangement.
pub(crate) fn check_values(
    weights: &[i8],
    scales: &[f32],
    rows: usize,
    cols: usize,
) -> Result<(), Error> {
    if cols > MAX_COLS {
        return Err(Error::TooManyColumns { cols, limit: MAX_COLS });
    }
    if let Some(offset) = weights.iter().position(|&w| w == i8::MIN) {
        return Err(Error::WeightOutOfRange { offset });
    }
    RowScales::check("scales", scales, rows)
}
