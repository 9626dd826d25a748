//! Packed float weights, for training, float models and the first layers.

use crate::aligned::Aligned;
use crate::arch;
use crate::drive::{Matrix, PANEL_ROWS, Vectors};
use crate::epilogue::{Biased, Finish, Output};
use crate::pool::{Part, Whole};
use crate::product::sealed::{Call, Form, Sealed};
use crate::{Arena, Epilogue, Error, Isa, Packed, Product, Scratch};

/// A `rows x cols` matrix of floats, packed for products with small batches of vectors.
///
/// Panels of 32 rows, in a panel column by column. Every result is one chain of multiply-adds over
/// the columns in order, for any batch, so that the result of a vector does not depend on its
/// neighbours. With AVX2, with AVX-512 and on AArch64 the multiply-adds are fused and the results
/// bit-identical; WebAssembly and the portable path of x86-64 round twice.
#[derive(Clone, Debug)]
pub struct PackedF32 {
    panels: Aligned<f32>,
    rows: usize,
    cols: usize,
    isa: Isa,
}

impl PackedF32 {
    /// Packs row-major `weights` (`rows x cols`) for the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`Error::Empty`] and [`Error::Length`] for impossible shapes.
    pub fn pack(weights: &[f32], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, rows, cols)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(isa: Isa, weights: &[f32], rows: usize, cols: usize) -> Result<Self, Error> {
        let mut packed = Self::zeroed(isa, weights.len(), rows, cols)?;
        packed.fill(weights);
        Ok(packed)
    }

    /// Packs the transpose of row-major `weights` (`rows x cols`): the matrix of the product is
    /// `cols x rows`. For the backward pass.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack).
    pub fn pack_transposed(weights: &[f32], rows: usize, cols: usize) -> Result<Self, Error> {
        let mut packed = Self::zeroed(Isa::detect(), weights.len(), cols, rows)?;
        packed.fill_transposed(weights);
        Ok(packed)
    }

    fn zeroed(isa: Isa, len: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        let isa = isa.require()?;
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        check_length(len, rows.saturating_mul(cols))?;
        let panels = Aligned::zeroed(rows.div_ceil(PANEL_ROWS) * PANEL_ROWS * cols);
        Ok(Self { panels, rows, cols, isa })
    }

    fn fill(&mut self, weights: &[f32]) {
        let cols = self.cols;
        let panels = self.panels.as_mut_slice().chunks_exact_mut(PANEL_ROWS * cols);
        for (panel, block) in panels.zip(weights.chunks(PANEL_ROWS * cols)) {
            // Sixteen columns at a time: the lines that are read and those that are written both
            // stay in the first cache.
            for start in (0..cols).step_by(16) {
                let end = cols.min(start + 16);
                for (r, row) in block.chunks_exact(cols).enumerate() {
                    for k in start..end {
                        panel[k * PANEL_ROWS + r] = row[k];
                    }
                }
            }
        }
    }

    fn fill_transposed(&mut self, weights: &[f32]) {
        let (rows, cols) = (self.rows, self.cols);
        let panels = self.panels.as_mut_slice().chunks_exact_mut(PANEL_ROWS * cols);
        for (index, panel) in panels.enumerate() {
            let first = index * PANEL_ROWS;
            let count = PANEL_ROWS.min(rows - first);
            for (k, line) in panel.chunks_exact_mut(PANEL_ROWS).enumerate() {
                let start = k * rows + first;
                line[..count].copy_from_slice(&weights[start..start + count]);
            }
        }
    }

    /// Multiplies some panels by `batch` vectors, `batch x cols`.
    pub(crate) fn multiply_part(
        &self,
        part: &Part,
        x: &[f32],
        batch: usize,
        output: Output<'_, f32>,
        epilogue: Epilogue<'_>,
    ) {
        let matrix = Matrix::part(self.panels.as_slice(), PANEL_ROWS * self.cols, part);
        let vectors = Vectors { x, stride: self.cols, batch };
        let mut store = Biased { finish: Finish::new(output, epilogue) };
        arch::matmul_f32(self.isa, &matrix, &vectors, &mut store);
    }

    /// All panels.
    pub(crate) fn all(&self) -> Part {
        Part { panels: 0..self.rows.div_ceil(PANEL_ROWS), rows: 0..self.rows }
    }
}

impl Sealed for PackedF32 {}

impl Packed for PackedF32 {
    fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.panels);
    }
}

impl Product for PackedF32 {}

impl Form for PackedF32 {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn run(&self, call: Call<'_>, _: &mut Scratch) {
        let Call { pool, x, batch, epilogue, y } = call;
        let output = Output::new(y, self.rows);
        Whole { rows: self.rows, bytes: self.bytes() }.split(pool, |part| {
            // SAFETY: each row belongs to only one part.
            let output = unsafe { output.share(part.rows.start) };
            self.multiply_part(&part, x, batch, output, epilogue.of_rows(part.rows.clone()));
        });
    }
}

fn check_length(found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what: "weights", expected, found }) }
}
