//! Block-diagonal matrices: groups of rows that use only their own group of columns, as in G-LSTM
//! (Kuchaiev and Ginsburg 2017).

use crate::block_sparse::BlockSparseI8;
use crate::drive::PANEL_ROWS;
use crate::epilogue::Output;
use crate::input::QUAD;
use crate::pool::split;
use crate::product::sealed::{Call, Form, Sealed};
use crate::row_scales::RowScales;
use crate::{Arena, Error, Isa, Packed, PackedF32, Product, Scratch, int8};
use alloc::vec::Vec;

/// The size of a block: `(rows, cols)`.
pub type BlockSize = (usize, usize);

/// Checks that there is a block, that none is empty and that the weights fit; returns rows and
/// columns of the whole matrix.
fn totals(blocks: &[BlockSize], weights: usize) -> Result<BlockSize, Error> {
    if let Some(&(rows, cols)) = blocks.iter().find(|(rows, cols)| *rows == 0 || *cols == 0) {
        return Err(Error::Empty { rows, cols });
    }
    let sum = |f: fn(&BlockSize) -> usize| blocks.iter().map(f).fold(0, usize::saturating_add);
    let (rows, cols) = (sum(|b| b.0), sum(|b| b.1));
    if rows == 0 {
        return Err(Error::Empty { rows, cols });
    }
    let expected = sum(|b| b.0.saturating_mul(b.1));
    if weights != expected {
        return Err(Error::Length { what: "weights", expected, found: weights });
    }
    Ok((rows, cols))
}

impl BlockSparseI8 {
    /// Packs blocks along the diagonal for the fastest instruction set of this processor: `weights`
    /// (-127..=127) are those of the first block, row-major, then those of the second and so on;
    /// `scales` has one value per row of the whole matrix.
    ///
    /// Groups of multiples of 32 rows and 4 columns need no padding. 32 rows that belong to several
    /// groups store the columns of all of them. Each vector has one scale for all groups.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack), also if there is no block.
    pub fn pack_diagonal(
        weights: &[i8],
        scales: &[f32],
        blocks: &[BlockSize],
    ) -> Result<Self, Error> {
        Self::pack_diagonal_for(Isa::detect(), weights, scales, blocks)
    }

    /// [`pack_diagonal`](Self::pack_diagonal) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack_diagonal`](Self::pack_diagonal), and [`Error::IsaUnavailable`].
    pub fn pack_diagonal_for(
        isa: Isa,
        weights: &[i8],
        scales: &[f32],
        blocks: &[BlockSize],
    ) -> Result<Self, Error> {
        let isa = isa.require()?;
        let (rows, cols) = totals(blocks, weights.len())?;
        int8::check_values(weights, scales, rows, cols)?;
        // For each row its first column, the one after its last, and the place of its weights.
        let mut spans = Vec::with_capacity(rows);
        let (mut col, mut at) = (0, 0);
        for &(block_rows, block_cols) in blocks {
            for _ in 0..block_rows {
                spans.push((col, col + block_cols, at));
                at += block_cols;
            }
            col += block_cols;
        }
        // The columns of 32 rows are one stretch, because the groups follow one another.
        let kept = |panel: usize, quad: usize| {
            let last = rows.min((panel + 1) * PANEL_ROWS) - 1;
            (spans[panel * PANEL_ROWS].0 / QUAD..spans[last].1.div_ceil(QUAD)).contains(&quad)
        };
        let weight = |row: usize, col: usize| {
            let (first, end, at) = spans[row];
            if (first..end).contains(&col) { weights[at + col - first] } else { 0 }
        };
        let scales = RowScales::new("scales", scales, rows)?;
        Ok(Self::build(isa, scales, (rows, cols), kept, weight))
    }
}

/// Block-diagonal float weights: a [`PackedF32`] for each group.
#[derive(Clone, Debug)]
pub struct BlockDiagonalF32 {
    blocks: Vec<Block>,
    rows: usize,
    cols: usize,
    isa: Isa,
}

#[derive(Clone, Debug)]
struct Block {
    matrix: PackedF32,
    /// Its first row and column.
    row: usize,
    col: usize,
}

impl BlockDiagonalF32 {
    /// Packs blocks along the diagonal for the fastest instruction set of this processor: `weights`
    /// are those of the first block, row-major, then those of the second and so on.
    ///
    /// # Errors
    /// [`Error::Empty`] without blocks or with an empty one, [`Error::Length`].
    pub fn pack(weights: &[f32], blocks: &[BlockSize]) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, blocks)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(isa: Isa, weights: &[f32], blocks: &[BlockSize]) -> Result<Self, Error> {
        let (rows, cols) = totals(blocks, weights.len())?;
        let mut packed = Vec::with_capacity(blocks.len());
        let (mut row, mut col, mut rest) = (0, 0, weights);
        for &(block_rows, block_cols) in blocks {
            let (block, after) = rest.split_at(block_rows * block_cols);
            let matrix = PackedF32::pack_for(isa, block, block_rows, block_cols)?;
            packed.push(Block { matrix, row, col });
            (row, col, rest) = (row + block_rows, col + block_cols, after);
        }
        Ok(Self { blocks: packed, rows, cols, isa })
    }
}

impl Sealed for BlockDiagonalF32 {}

impl Packed for BlockDiagonalF32 {
    fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.matrix.bytes()).sum()
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn move_into(&mut self, arena: &mut Arena) {
        self.blocks.iter_mut().for_each(|block| block.matrix.move_into(arena));
    }
}

impl Product for BlockDiagonalF32 {}

impl Form for BlockDiagonalF32 {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Blocks are not divided: no more threads work than there are blocks.
    fn run(&self, call: Call<'_>, scratch: &mut Scratch) {
        let Call { pool, x, batch, epilogue, y } = call;
        // The kernel needs the vectors of a block next to each other; copying them is cheap
        // compared with the product.
        scratch.floats.grow(batch * self.cols);
        let inputs = &mut scratch.floats.as_mut_slice()[..batch * self.cols];
        for Block { matrix, col, .. } in &self.blocks {
            let cols = matrix.cols();
            let inputs = inputs[batch * col..][..batch * cols].chunks_exact_mut(cols);
            for (input, x) in inputs.zip(x.chunks_exact(self.cols)) {
                input.copy_from_slice(&x[*col..*col + cols]);
            }
        }
        let (inputs, output) = (&*inputs, Output::new(y, self.rows));
        split(pool, self.blocks.len(), self.bytes(), |range| {
            for Block { matrix, row, col } in &self.blocks[range] {
                // SAFETY: each row belongs to only one block.
                let output = unsafe { output.share(*row) };
                let inputs = &inputs[batch * col..][..batch * matrix.cols()];
                let epilogue = epilogue.of_rows(*row..*row + matrix.rows());
                matrix.multiply_part(&matrix.all(), inputs, batch, output, epilogue);
            }
        });
    }
}
