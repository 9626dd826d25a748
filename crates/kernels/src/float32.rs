//! Float weights, packed: what training, float models and the first layers run on.

use crate::aligned::Aligned;
use crate::arch;
use crate::drive::{Matrix, PANEL_ROWS, Vectors};
use crate::epilogue::{Added, Biased, Finish, Output, Store};
use crate::lengths::Lengths;
use crate::pool::{Part, Whole};
use crate::{Activation, Arena, Error, Isa, Pool};
use core::ops::Range;

/// A `rows x cols` matrix of floats, packed for products with small batches of vectors.
///
/// Panels of 32 rows, within a panel column by column. Every result is one chain of multiply-adds over the columns in order, whatever the
/// batch, so that the result of a vector does not depend on its neighbours. With AVX2 and AVX-512 and on AArch64 the multiply-adds are
/// fused and the results bit-identical; WebAssembly and the portable path of x86-64 round twice.
#[derive(Clone)]
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

    /// Packs the transpose of row-major `weights` (`rows x cols`): the matrix of the product is `cols x rows`. For the backward pass.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack).
    pub fn pack_transposed(weights: &[f32], rows: usize, cols: usize) -> Result<Self, Error> {
        let mut packed = Self::zeroed(Isa::detect(), weights.len(), cols, rows)?;
        packed.fill_transposed(weights);
        Ok(packed)
    }

    /// Replaces the weights by others of the same shape without allocating. For training, where they change at every step.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn repack(&mut self, weights: &[f32]) -> Result<(), Error> {
        check_length(weights.len(), self.rows * self.cols)?;
        self.fill(weights);
        Ok(())
    }

    /// [`repack`](Self::repack) of what [`pack_transposed`](Self::pack_transposed) made, from the weights as they stood there.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn repack_transposed(&mut self, weights: &[f32]) -> Result<(), Error> {
        check_length(weights.len(), self.rows * self.cols)?;
        self.fill_transposed(weights);
        Ok(())
    }

    /// Rows of the matrix: elements of a result.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix: elements of an input vector.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes of the packed weights, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
    }

    /// The instruction set that the products run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `y = act(W x + bias)` for `batch` vectors: `x` is `batch x cols`, `bias` has `rows` elements, `y` is `batch x rows`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        y: &mut [f32],
    ) {
        self.biased(None, x, batch, (bias, act), y);
    }

    /// [`matmul`](Self::matmul) on the threads of a pool, where the weights are many: see [`PackedI8::matmul_with`].
    ///
    /// [`PackedI8::matmul_with`]: crate::PackedI8::matmul_with
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for, and where the pool does not do what [`Pool::run`] says.
    pub fn matmul_with(
        &self,
        pool: &dyn Pool,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        y: &mut [f32],
    ) {
        self.biased(Some(pool), x, batch, (bias, act), y);
    }

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.panels);
    }

    pub(crate) fn biased(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        (bias, act): (Option<&[f32]>, Activation),
        y: &mut [f32],
    ) {
        self.lengths(batch).check("PackedF32", x.len(), y.len());
        self.lengths(batch).check_bias("PackedF32", bias);
        let output = Output::new(y, self.rows);
        self.multiply_parts(pool, x, batch, |part| {
            // SAFETY: the rows of a part are no other part's.
            let output = unsafe { output.share(part.rows.start) };
            let bias = bias.map(|bias| &bias[part.rows.clone()]);
            Biased { finish: Finish::new(output, bias, act) }
        });
    }

    /// `y += W x` for `batch` vectors; shapes as in [`matmul`](Self::matmul).
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul_add(&self, x: &[f32], batch: usize, y: &mut [f32]) {
        self.lengths(batch).check("PackedF32", x.len(), y.len());
        let mut store = Added { output: Output::new(y, self.rows) };
        self.multiply(x, batch, &mut store);
    }

    /// The rows of some panels of `W` times `batch` vectors: `x` is `batch x cols`, `y` is `batch x` as many rows, padding included.
    pub(crate) fn multiply_panels(
        &self,
        panels: Range<usize>,
        x: &[f32],
        batch: usize,
        y: &mut [f32],
    ) {
        let (panel_len, rows) = (PANEL_ROWS * self.cols, panels.len() * PANEL_ROWS);
        let panels = &self.panels.as_slice()[panels.start * panel_len..panels.end * panel_len];
        let mut store =
            Biased { finish: Finish::new(Output::new(y, rows), None, Activation::None) };
        let vectors = Vectors { x, stride: self.cols, batch };
        arch::matmul_f32(self.isa, &Matrix { panels, panel_len, rows }, &vectors, &mut store);
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
            // Sixteen columns at a time: the lines read and those written both stay in the first cache.
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

    pub(crate) fn multiply(&self, x: &[f32], batch: usize, store: &mut impl Store<f32>) {
        let matrix = Matrix {
            panels: self.panels.as_slice(),
            panel_len: PANEL_ROWS * self.cols,
            rows: self.rows,
        };
        arch::matmul_f32(self.isa, &matrix, &Vectors { x, stride: self.cols, batch }, store);
    }

    /// [`multiply`](Self::multiply) in parts; `store` makes the epilogue of each.
    fn multiply_parts<S: Store<f32>>(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        store: impl Fn(&Part) -> S + Sync,
    ) {
        let panel_len = PANEL_ROWS * self.cols;
        let whole = Whole { rows: self.rows, panel_rows: PANEL_ROWS, bytes: self.bytes() };
        whole.split(pool, |part| {
            let panels = part.panels.start * panel_len..part.panels.end * panel_len;
            let panels = &self.panels.as_slice()[panels];
            let matrix = Matrix { panels, panel_len, rows: part.rows.len() };
            let vectors = Vectors { x, stride: self.cols, batch };
            arch::matmul_f32(self.isa, &matrix, &vectors, &mut store(&part));
        });
    }

    fn lengths(&self, batch: usize) -> Lengths {
        Lengths { rows: self.rows, cols: self.cols, batch }
    }
}

impl core::fmt::Debug for PackedF32 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PackedF32")
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .field("isa", &self.isa)
            .finish_non_exhaustive()
    }
}

fn check_length(found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what: "weights", expected, found }) }
}
