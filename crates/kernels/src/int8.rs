//! 8-bit weights, packed: what a compressed model runs on.
//!
//! The product of a vector: quantise it (symmetric, one scale), multiply and sum in exact 32-bit integers, then scale, bias and activation
//! on the way out. The integers are the same on every instruction set because no path saturates: AVX2's u8 x s8 `maddubs` would, so 16-bit
//! products are taken there; VNNI needs unsigned activations, so 128 is added to them and 128 times the sum of the row taken off again.

use crate::aligned::Aligned;
use crate::arch::{self, Layout};
use crate::drive::{Matrix, PANEL_ROWS};
use crate::epilogue::{Finish, Output, Plain, RegisterStore, Scaled};
use crate::input::{Input, Shape};
use crate::lengths::Lengths;
use crate::panels::Panels;
use crate::pool::{Part, Whole};
use crate::row_scales::RowScales;
use crate::{Activation, Arena, Error, Isa, Pool, Scratch};
use core::ops::Range;

/// The most columns of which a sum of products of -128..=127 and -127..=127 always fits 32 bits.
pub(crate) const MAX_COLS: usize = (i32::MAX / (128 * 127)) as usize;

/// A `rows x cols` matrix of 8-bit weights with one float scale a row, packed for products with small batches of vectors.
///
/// Panels of 32 rows; the order within a panel is that in which the instruction set reads it.
#[derive(Clone)]
pub struct PackedI8 {
    pub(crate) panels: Panels<i8>,
    pub(crate) scales: RowScales,
    /// What an accumulator starts from where activations are stored plus 128: -128 times the sum of the row.
    pub(crate) offsets: Aligned<i32>,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) isa: Isa,
}

impl PackedI8 {
    /// Packs row-major `weights` (`rows x cols`, -127..=127) with a scale a row for the fastest instruction set of this processor.
    ///
    /// # Errors
    /// Names what is wrong: an empty matrix, a slice of the wrong length, a weight of -128 (with its offset), a scale that is not finite,
    /// more columns than 32-bit sums can hold (132,104).
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
        Ok(Self { panels: panels.into(), scales, offsets, rows, cols, isa })
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

    /// Bytes of the packed weights, scales and row sums, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.offsets.as_slice())
    }

    /// The instruction set that the products run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `out = W x` in exact 32-bit integers, scales left out: `x` is `batch x cols` (any i8), `out` is `batch x rows`.
    ///
    /// Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul_i32(&self, x: &[i8], batch: usize, scratch: &mut Scratch, out: &mut [i32]) {
        self.lengths(batch).check("PackedI8", x.len(), out.len());
        let output = Output::new(out, self.rows);
        self.multiply(None, Input::Quantised(x), batch, scratch, |part, _| Plain {
            // SAFETY: the rows of a part are no other part's.
            output: unsafe { output.share(part.rows.start) },
        });
    }

    /// `y = act(scale * (W q) + bias)` for `batch` vectors, where `q` are the vectors quantised to 8 bits, each with its own scale (see
    /// [`quantize_vector`](crate::quantize::quantize_vector)): `x` is `batch x cols`, `bias` has `rows` elements, `y` is `batch x rows`.
    ///
    /// What is not finite in `x` counts as 0. Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.scaled(None, x, batch, (bias, act), scratch, y);
    }

    /// [`matmul`](Self::matmul) on the threads of a pool: the same bits. Where the weights are few (about 256 KiB), the calling thread does
    /// it alone, for waking another would take longer.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for, and where the pool does not do what [`Pool::run`] says.
    #[expect(clippy::too_many_arguments, reason = "those of `matmul`, and the pool")]
    pub fn matmul_with(
        &self,
        pool: &dyn Pool,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.scaled(Some(pool), x, batch, (bias, act), scratch, y);
    }

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, or where they are somebody else's
    /// ([`from_shared`](Self::from_shared)), they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        self.panels.move_into(arena);
        self.scales.move_into(arena);
        arena.take_in(&mut self.offsets);
    }

    pub(crate) fn scaled(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        (bias, act): (Option<&[f32]>, Activation),
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.lengths(batch).check("PackedI8", x.len(), y.len());
        self.lengths(batch).check_bias("PackedI8", bias);
        let output = Output::new(y, self.rows);
        self.multiply(pool, Input::Float(x), batch, scratch, |part, vector_scales| {
            // SAFETY: the rows of a part are no other part's.
            let output = unsafe { output.share(part.rows.start) };
            Scaled::of_part(part, self.scales.as_slice(), vector_scales, output, bias, act)
        });
    }

    /// Quantises `batch` vectors, `batch x cols`, into `scratch`, from where [`multiply_panels`](Self::multiply_panels) takes them.
    pub(crate) fn load(&self, x: &[f32], batch: usize, scratch: &mut Scratch) {
        debug_assert_eq!(x.len(), batch * self.cols);
        let stride = arch::layout_i8(self.isa).stride(self.cols);
        let shape = Shape { batch, cols: self.cols, stride };
        arch::load_i8(self.isa, Input::Float(x), shape, scratch);
    }

    /// The rows of some panels of `W` times the vectors that were loaded last: `y` is `batch x` as many rows, padding included.
    pub(crate) fn multiply_panels(
        &self,
        panels: Range<usize>,
        batch: usize,
        scratch: &Scratch,
        y: &mut [f32],
    ) {
        let panel_len = PANEL_ROWS * arch::layout_i8(self.isa).stride(self.cols);
        let rows = panels.start * PANEL_ROWS..panels.end * PANEL_ROWS;
        let matrix = Matrix {
            panels: &self.panels.as_slice()[panels.start * panel_len..panels.end * panel_len],
            panel_len,
            rows: rows.len(),
        };
        let mut store = Scaled {
            row_scales: &self.scales.as_slice()[rows.clone()],
            vector_scales: scratch.scales.as_slice(),
            finish: Finish::new(Output::new(y, rows.len()), None, Activation::None),
        };
        let offsets = &self.offsets.as_slice()[rows];
        arch::matmul_i8(self.isa, &matrix, offsets, batch, scratch, &mut store);
    }

    /// Brings the vectors into the form of the kernel, then multiplies; `store` makes the epilogue of a part from the vectors' scales.
    fn multiply<'s, S: RegisterStore>(
        &self,
        pool: Option<&dyn Pool>,
        input: Input,
        batch: usize,
        scratch: &'s mut Scratch,
        store: impl Fn(&Part, &'s [f32]) -> S + Sync,
    ) {
        let stride = arch::layout_i8(self.isa).stride(self.cols);
        let panel_len = PANEL_ROWS * stride;
        arch::load_i8(self.isa, input, Shape { batch, cols: self.cols, stride }, scratch);
        let scratch = &*scratch;
        let panels = self.panels.as_slice();
        let whole = Whole { rows: self.rows, panel_rows: PANEL_ROWS, bytes: panels.len() };
        whole.split(pool, |part| {
            let matrix = Matrix {
                panels: &panels[part.panels.start * panel_len..part.panels.end * panel_len],
                panel_len,
                rows: part.rows.len(),
            };
            let offsets = &self.offsets.as_slice()[part.padded_rows()];
            let mut store = store(&part, scratch.scales.as_slice());
            arch::matmul_i8(self.isa, &matrix, offsets, batch, scratch, &mut store);
        });
    }

    fn lengths(&self, batch: usize) -> Lengths {
        Lengths { rows: self.rows, cols: self.cols, batch }
    }
}

impl core::fmt::Debug for PackedI8 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PackedI8")
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .field("isa", &self.isa)
            .finish_non_exhaustive()
    }
}

/// Brings up to 32 rows into the order of a panel.
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

/// What is wrong with a dense matrix.
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

/// What is wrong with weights and scales, however they are arranged.
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
