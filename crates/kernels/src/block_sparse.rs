//! 8-bit weights of which whole blocks are zero and neither stored nor multiplied.
//!
//! A block is 32 rows by 4 columns: what the dense kernel multiplies in one step. So the blocks that are kept run as fast as in
//! [`PackedI8`](crate::PackedI8), and beside their 128 bytes cost only the four of the number of their columns.

use crate::aligned::Aligned;
use crate::arch::{self, Blocks};
use crate::drive::PANEL_ROWS;
use crate::epilogue::{Output, Plain, Scaled, Store};
use crate::input::{Input, QUAD, Shape};
use crate::int8;
use crate::lengths::Lengths;
use crate::pool::{Part, Whole};
use crate::row_scales::RowScales;
use crate::{Activation, Arena, Error, Isa, Pool, Scratch};
use alloc::vec;
use alloc::vec::Vec;

/// Rows of a block.
pub const BLOCK_ROWS: usize = PANEL_ROWS;
/// Columns of a block.
pub const BLOCK_COLS: usize = QUAD;
/// Bytes of a block.
const BLOCK: usize = BLOCK_ROWS * BLOCK_COLS;

/// A `rows x cols` matrix of 8-bit weights with one float scale a row, of which only some blocks of 32 rows by 4 columns are stored.
///
/// The results are those of [`PackedI8`](crate::PackedI8) with zeros in the other blocks, bit for bit.
#[derive(Clone)]
pub struct BlockSparseI8 {
    /// The blocks, those of the first 32 rows first, each row after row.
    blocks: Aligned<i8>,
    /// For each block, its column divided by 4. Always less than `ceil(cols / 4)`: the kernels rest on it.
    columns: Vec<u32>,
    /// For each 32 rows, where their blocks end.
    ends: Vec<usize>,
    scales: RowScales,
    /// -128 times the sum of each row.
    offsets: Aligned<i32>,
    rows: usize,
    cols: usize,
    isa: Isa,
}

impl BlockSparseI8 {
    /// Packs those blocks of row-major `weights` (`rows x cols`, -127..=127) that `mask` keeps, for the fastest instruction set of this
    /// processor. `mask` is `ceil(rows / 32) x ceil(cols / 4)`, row-major; see also [`blocks_with_weights`].
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack), and [`Error::Length`] for the mask.
    pub fn pack(
        weights: &[i8],
        scales: &[f32],
        mask: &[bool],
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, scales, mask, rows, cols)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        weights: &[i8],
        scales: &[f32],
        mask: &[bool],
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let isa = isa.require()?;
        int8::check(weights, scales, rows, cols)?;
        let quads = cols.div_ceil(QUAD);
        let expected = rows.div_ceil(PANEL_ROWS) * quads;
        if mask.len() != expected {
            return Err(Error::Length { what: "mask", expected, found: mask.len() });
        }
        let kept = |panel: usize, quad: usize| mask[panel * quads + quad];
        let weight = |row: usize, col: usize| weights[row * cols + col];
        let scales = RowScales::new("scales", scales, rows)?;
        Ok(Self::build(isa, scales, (rows, cols), kept, weight))
    }

    /// Stores the blocks that `kept(row / 32, column / 4)` says of `weight(row, column)`. The arguments have been checked.
    pub(crate) fn build(
        isa: Isa,
        scales: RowScales,
        (rows, cols): (usize, usize),
        kept: impl Fn(usize, usize) -> bool,
        weight: impl Fn(usize, usize) -> i8,
    ) -> Self {
        let (panels, quads) = (rows.div_ceil(PANEL_ROWS), cols.div_ceil(QUAD));
        let mut columns = Vec::new();
        let mut ends = Vec::with_capacity(panels);
        for panel in 0..panels {
            columns.extend((0..quads).filter(|&quad| kept(panel, quad)).map(|quad| quad as u32));
            ends.push(columns.len());
        }
        let mut blocks = Aligned::zeroed(columns.len() * BLOCK);
        let mut offsets = Aligned::zeroed(panels * PANEL_ROWS);
        let mut first = 0;
        for (panel, &end) in ends.iter().enumerate() {
            for block in first..end {
                for r in 0..PANEL_ROWS.min(rows - panel * PANEL_ROWS) {
                    let (row, col) = (panel * PANEL_ROWS + r, columns[block] as usize * QUAD);
                    for j in 0..QUAD.min(cols - col) {
                        let w = weight(row, col + j);
                        blocks.as_mut_slice()[block * BLOCK + r * QUAD + j] = w;
                        offsets.as_mut_slice()[row] -= 128 * i32::from(w);
                    }
                }
            }
            first = end;
        }
        Self { blocks, columns, ends, scales, offsets, rows, cols, isa }
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

    /// The share of the blocks that is stored, within 0..=1.
    #[must_use]
    pub fn density(&self) -> f64 {
        self.columns.len() as f64 / (self.ends.len() * self.cols.div_ceil(QUAD)) as f64
    }

    /// Bytes of the stored blocks, their places, scales and row sums, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.blocks.as_slice())
            + size_of_val(self.columns.as_slice())
            + size_of_val(self.ends.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.offsets.as_slice())
    }

    /// The instruction set that the products run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `out = W x` in exact 32-bit integers, as [`PackedI8::matmul_i32`](crate::PackedI8::matmul_i32).
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul_i32(&self, x: &[i8], batch: usize, scratch: &mut Scratch, out: &mut [i32]) {
        self.lengths(batch).check("BlockSparseI8", x.len(), out.len());
        let output = Output::new(out, self.rows);
        self.multiply(None, Input::Quantised(x), batch, scratch, |part, _| Plain {
            // SAFETY: the rows of a part are no other part's.
            output: unsafe { output.share(part.rows.start) },
        });
    }

    /// `y = act(W x + bias)`, as [`PackedI8::matmul`](crate::PackedI8::matmul): `x` is `batch x cols`, `y` is `batch x rows`. Allocates
    /// only to grow `scratch`.
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

    /// [`matmul`](Self::matmul) on the threads of a pool, where the weights are many: see [`PackedI8::matmul_with`].
    ///
    /// [`PackedI8::matmul_with`]: crate::PackedI8::matmul_with
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

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.blocks);
        self.scales.move_into(arena);
        arena.take_in(&mut self.offsets);
    }

    fn scaled(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        (bias, act): (Option<&[f32]>, Activation),
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.lengths(batch).check("BlockSparseI8", x.len(), y.len());
        self.lengths(batch).check_bias("BlockSparseI8", bias);
        let output = Output::new(y, self.rows);
        self.multiply(pool, Input::Float(x), batch, scratch, |part, vector_scales| {
            // SAFETY: the rows of a part are no other part's.
            let output = unsafe { output.share(part.rows.start) };
            Scaled::of_part(part, self.scales.as_slice(), vector_scales, output, bias, act)
        });
    }

    fn multiply<'s, S: Store<i32>>(
        &self,
        pool: Option<&dyn Pool>,
        input: Input,
        batch: usize,
        scratch: &'s mut Scratch,
        store: impl Fn(&Part, &'s [f32]) -> S + Sync,
    ) {
        let stride = self.cols.next_multiple_of(QUAD);
        let shape = Shape { batch, cols: self.cols, stride };
        arch::load_blocks(self.isa, input, shape, scratch);
        let scratch = &*scratch;
        let weights = self.blocks.as_slice();
        let whole = Whole { rows: self.rows, panel_rows: PANEL_ROWS, bytes: weights.len() };
        whole.split(pool, |part| {
            let blocks = Blocks {
                weights,
                columns: &self.columns,
                first: part.panels.start.checked_sub(1).map_or(0, |before| self.ends[before]),
                ends: &self.ends[part.panels.clone()],
                offsets: &self.offsets.as_slice()[part.padded_rows()],
                rows: part.rows.len(),
            };
            let mut store = store(&part, scratch.scales.as_slice());
            arch::matmul_blocks(self.isa, &blocks, shape, scratch, &mut store);
        });
    }

    fn lengths(&self, batch: usize) -> Lengths {
        Lengths { rows: self.rows, cols: self.cols, batch }
    }
}

impl core::fmt::Debug for BlockSparseI8 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BlockSparseI8")
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .field("blocks", &self.columns.len())
            .field("isa", &self.isa)
            .finish_non_exhaustive()
    }
}

/// The mask of the blocks of a row-major `rows x cols` matrix in which any weight is not zero.
///
/// # Panics
/// Where `weights` has not `rows * cols` elements.
#[must_use]
pub fn blocks_with_weights(weights: &[i8], rows: usize, cols: usize) -> Vec<bool> {
    assert_eq!(
        Some(weights.len()),
        rows.checked_mul(cols),
        "blocks_with_weights: `weights` must hold rows * cols = {rows} * {cols} values"
    );
    let quads = cols.div_ceil(QUAD);
    let mut mask = vec![false; rows.div_ceil(PANEL_ROWS) * quads];
    for row in 0..rows {
        for col in 0..cols {
            mask[row / PANEL_ROWS * quads + col / QUAD] |= weights[row * cols + col] != 0;
        }
    }
    mask
}
