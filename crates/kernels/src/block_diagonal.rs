//! Block-diagonal matrices: groups of rows that see only their own group of columns, as in G-LSTM (Kuchaiev and Ginsburg 2017).

use crate::block_sparse::BlockSparseI8;
use crate::drive::PANEL_ROWS;
use crate::epilogue::{Biased, Finish, Output};
use crate::input::QUAD;
use crate::lengths::Lengths;
use crate::pool::split;
use crate::row_scales::RowScales;
use crate::{Activation, Arena, Error, Isa, PackedF32, Pool, Scratch, int8};
use alloc::vec::Vec;

/// The size of a block: `(rows, cols)`.
pub type BlockSize = (usize, usize);

/// Checks that there is a block, that none is empty and that the weights fit, and gives rows and columns of the whole matrix.
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

/// Block-diagonal 8-bit weights with one float scale a row.
///
/// Stored as a [`BlockSparseI8`], with which the results agree bit for bit (and with a [`PackedI8`](crate::PackedI8) of zeros outside of
/// the blocks): each vector has one scale for all groups. Groups of multiples of 32 rows and 4 columns store nothing in vain; 32 rows that
/// belong to several groups store the columns of all of them.
#[derive(Clone, Debug)]
pub struct BlockDiagonalI8 {
    blocks: BlockSparseI8,
}

impl BlockDiagonalI8 {
    /// Packs blocks down the diagonal for the fastest instruction set of this processor: `weights` (-127..=127) are those of the first
    /// block, row-major, then those of the second and so on; `scales` has a value a row of the whole matrix.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack); also where there is no block.
    pub fn pack(weights: &[i8], scales: &[f32], blocks: &[BlockSize]) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, scales, blocks)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        weights: &[i8],
        scales: &[f32],
        blocks: &[BlockSize],
    ) -> Result<Self, Error> {
        let isa = isa.require()?;
        let (rows, cols) = totals(blocks, weights.len())?;
        int8::check_values(weights, scales, rows, cols)?;
        // For each row its first column, the one after its last, and where its weights are.
        let mut spans = Vec::with_capacity(rows);
        let (mut col, mut at) = (0, 0);
        for &(block_rows, block_cols) in blocks {
            for _ in 0..block_rows {
                spans.push((col, col + block_cols, at));
                at += block_cols;
            }
            col += block_cols;
        }
        // The columns of 32 rows are one stretch, for the groups follow each other.
        let kept = |panel: usize, quad: usize| {
            let last = rows.min((panel + 1) * PANEL_ROWS) - 1;
            (spans[panel * PANEL_ROWS].0 / QUAD..spans[last].1.div_ceil(QUAD)).contains(&quad)
        };
        let weight = |row: usize, col: usize| {
            let (first, end, at) = spans[row];
            if (first..end).contains(&col) { weights[at + col - first] } else { 0 }
        };
        let scales = RowScales::new("scales", scales, rows)?;
        let blocks = BlockSparseI8::build(isa, scales, (rows, cols), kept, weight);
        Ok(Self { blocks })
    }

    /// Bytes of the stored weights and what belongs to them, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.bytes()
    }

    /// The matrix that multiplies: its shape, bytes and products.
    #[must_use]
    pub fn as_block_sparse(&self) -> &BlockSparseI8 {
        &self.blocks
    }

    /// `y = act(W x + bias)`, as [`PackedI8::matmul`](crate::PackedI8::matmul).
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
        self.blocks.matmul(x, batch, bias, act, scratch, y);
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
        self.blocks.matmul_with(pool, x, batch, bias, act, scratch, y);
    }

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        self.blocks.move_into(arena);
    }
}

/// Block-diagonal float weights: a [`PackedF32`] for each group.
#[derive(Clone, Debug)]
pub struct BlockDiagonalF32 {
    blocks: Vec<Block>,
    rows: usize,
    cols: usize,
}

#[derive(Clone, Debug)]
struct Block {
    matrix: PackedF32,
    /// Its first row and column.
    row: usize,
    col: usize,
}

impl BlockDiagonalF32 {
    /// Packs blocks down the diagonal for the fastest instruction set of this processor: `weights` are those of the first block,
    /// row-major, then those of the second and so on.
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
        Ok(Self { blocks: packed, rows, cols })
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
        self.blocks.iter().map(|block| block.matrix.bytes()).sum()
    }

    /// `y = act(W x + bias)` for `batch` vectors: `x` is `batch x cols`, `bias` has `rows` elements, `y` is `batch x rows`. Allocates only
    /// to grow `scratch`.
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
        self.multiply(None, x, batch, (bias, act), scratch, y);
    }

    /// [`matmul`](Self::matmul) on the threads of a pool, where the weights are many: see [`PackedI8::matmul_with`]. The blocks are not cut
    /// up: no more threads work than there are blocks.
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
        self.multiply(Some(pool), x, batch, (bias, act), scratch, y);
    }

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        self.blocks.iter_mut().for_each(|block| block.matrix.move_into(arena));
    }

    fn multiply(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        (bias, act): (Option<&[f32]>, Activation),
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        let lengths = Lengths { rows: self.rows, cols: self.cols, batch };
        lengths.check("BlockDiagonalF32", x.len(), y.len());
        lengths.check_bias("BlockDiagonalF32", bias);
        if batch == 0 {
            return;
        }
        // The kernel wants the vectors of a block next to each other; copying them is little beside the product.
        scratch.floats.grow(batch * self.cols);
        let inputs = &mut scratch.floats.as_mut_slice()[..batch * self.cols];
        for Block { matrix, col, .. } in &self.blocks {
            let inputs =
                inputs[batch * col..][..batch * matrix.cols()].chunks_exact_mut(matrix.cols());
            for (input, x) in inputs.zip(x.chunks_exact(self.cols)) {
                input.copy_from_slice(&x[*col..*col + matrix.cols()]);
            }
        }
        let (inputs, output) = (&*inputs, Output::new(y, self.rows));
        split(pool, self.blocks.len(), self.bytes(), |range| {
            for Block { matrix, row, col } in &self.blocks[range] {
                // SAFETY: the rows of a block are no other block's.
                let output = unsafe { output.share(*row) };
                let bias = bias.map(|bias| &bias[*row..*row + matrix.rows()]);
                let mut store = Biased { finish: Finish::new(output, bias, act) };
                let inputs = &inputs[batch * col..][..batch * matrix.cols()];
                matrix.multiply(inputs, batch, &mut store);
            }
        });
    }
}
