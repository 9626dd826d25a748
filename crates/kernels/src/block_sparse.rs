//! 8-bit weights in which whole blocks are zero; these are neither stored nor multiplied.
//!
//! A block is 32 rows by 4 columns, which the dense kernel multiplies in one step. So the stored
//! blocks run as fast as in [`PackedI8`](crate::PackedI8) and, besides their 128 bytes, cost only
//! the four bytes of their column number.

use crate::aligned::Aligned;
use crate::arch::{self, Blocks};
use crate::drive::PANEL_ROWS;
use crate::epilogue::RegisterStore;
use crate::input::{Input, QUAD, Shape};
use crate::int8;
use crate::integers::Integers;
use crate::pool::{Part, Whole};
use crate::product::sealed::Sealed;
use crate::row_scales::RowScales;
use crate::{Arena, Error, Isa, Packed, Scratch};
use alloc::vec;
use alloc::vec::Vec;

/// Rows of a block.
pub const BLOCK_ROWS: usize = PANEL_ROWS;
/// Columns of a block.
pub const BLOCK_COLS: usize = QUAD;
/// Bytes of a block.
const BLOCK: usize = BLOCK_ROWS * BLOCK_COLS;

/// A `rows x cols` matrix of 8-bit weights with one float scale per row that stores only some
/// blocks of 32 rows by 4 columns.
///
/// The results are those of [`PackedI8`](crate::PackedI8) with zeros in the other blocks, bit for
/// bit.
#[derive(Clone, Debug)]
pub struct BlockSparseI8 {
    /// The blocks, those of the first 32 rows first; each block row after row.
    blocks: Aligned<i8>,
    /// For each block, its column divided by 4. Always less than `ceil(cols / 4)`: the kernels rely
    /// on it.
    columns: Vec<u32>,
    /// For every 32 rows, the end of their blocks.
    ends: Vec<usize>,
    scales: RowScales,
    /// -128 times the sum of each row.
    offsets: Aligned<i32>,
    rows: usize,
    cols: usize,
    isa: Isa,
}

impl BlockSparseI8 {
    /// Packs the blocks of row-major `weights` (`rows x cols`, -127..=127) that `mask` keeps, for
    /// the fastest instruction set of this processor. `mask` is `ceil(rows / 32) x ceil(cols / 4)`,
    /// row-major; see also [`blocks_with_weights`].
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

    /// Stores the blocks for which `kept(row / 32, column / 4)` is true, with the values
    /// `weight(row, column)`. The arguments have been checked.
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

    /// The shape of the stored vectors of a product.
    fn vectors(&self, batch: usize) -> Shape {
        Shape { batch, cols: self.cols, stride: self.cols.next_multiple_of(QUAD) }
    }
}

impl Sealed for BlockSparseI8 {}

impl Packed for BlockSparseI8 {
    fn bytes(&self) -> usize {
        size_of_val(self.blocks.as_slice())
            + size_of_val(self.columns.as_slice())
            + size_of_val(self.ends.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.offsets.as_slice())
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    /// Everything except the places of the blocks.
    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.blocks);
        self.scales.move_into(arena);
        arena.take_in(&mut self.offsets);
    }
}

impl Integers for BlockSparseI8 {
    fn whole(&self) -> (Whole, usize) {
        (Whole { rows: self.rows, bytes: self.blocks.as_slice().len() }, self.cols)
    }

    fn scales(&self) -> &[f32] {
        self.scales.as_slice()
    }

    fn load(&self, input: Input<'_>, batch: usize, scratch: &mut Scratch) {
        arch::load_blocks(self.isa, input, self.vectors(batch), scratch);
    }

    fn multiply_part<S: RegisterStore>(
        &self,
        part: &Part,
        batch: usize,
        scratch: &Scratch,
        store: &mut S,
    ) {
        let blocks = Blocks {
            weights: self.blocks.as_slice(),
            columns: &self.columns,
            first: part.panels.start.checked_sub(1).map_or(0, |before| self.ends[before]),
            ends: &self.ends[part.panels.clone()],
            offsets: &self.offsets.as_slice()[part.padded_rows()],
            rows: part.rows.len(),
        };
        arch::matmul_blocks(self.isa, &blocks, self.vectors(batch), scratch, store);
    }
}

/// The mask of the blocks of a row-major `rows x cols` matrix that contain any nonzero weight.
///
/// # Panics
/// If `weights` does not have `rows * cols` elements.
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
