//! The form that packs a single matrix: a table from storage and instruction set to a constructor.

use crate::block_sparse::{BlockSparseI8, blocks_with_weights};
use crate::{Error, Isa, Product, Weights};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How the weights of a single matrix are stored in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatrixForm {
    /// Only the blocks of 32 rows by 4 columns that contain weights.
    BlockSparse,
    /// All weights.
    Dense,
}

/// Packs a `rows x cols` matrix, unless its storage, its zeros or the instruction set do not suit
/// this form.
type Constructor = fn(Isa, Weights<'_>, usize, usize) -> Option<Result<Box<dyn Product>, Error>>;

/// Every form, the preferred one first.
const REGISTRY: [(MatrixForm, Constructor); 2] =
    [(MatrixForm::BlockSparse, block_sparse), (MatrixForm::Dense, dense)];

/// The largest share of blocks for which the sparse form pays. A stored block costs as much as in a
/// dense matrix, plus its place; the results are the same bits.
const MOST_BLOCKS: f64 = 0.7;

impl MatrixForm {
    /// The form of a `rows x cols` matrix: sparse if it has few enough blocks with weights.
    #[must_use]
    pub fn of(weights: Weights<'_>, rows: usize, cols: usize) -> Self {
        if few_blocks(weights, rows, cols).is_some() { Self::BlockSparse } else { Self::Dense }
    }

    /// Packs a `rows x cols` matrix densely, which is possible for all weights.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack) and similar functions, and
    /// [`Error::IsaUnavailable`].
    pub fn pack_dense(
        isa: Isa,
        weights: Weights<'_>,
        rows: usize,
        cols: usize,
    ) -> Result<Box<dyn Product>, Error> {
        weights.pack(isa, rows, cols).map(|packed| packed as Box<dyn Product>)
    }

    /// Packs a `rows x cols` matrix in this form; `None` if such weights do not suit it.
    ///
    /// # Errors
    /// (Inside the option.) Those of [`PackedI8::pack`](crate::PackedI8::pack) and similar
    /// functions, and [`Error::IsaUnavailable`].
    #[must_use]
    pub fn pack(
        self,
        isa: Isa,
        weights: Weights<'_>,
        rows: usize,
        cols: usize,
    ) -> Option<Result<Box<dyn Product>, Error>> {
        let mut constructors = REGISTRY.iter().filter(|(form, _)| *form == self);
        constructors.find_map(|(_, pack)| pack(isa, weights, rows, cols))
    }
}

fn dense(
    isa: Isa,
    weights: Weights<'_>,
    rows: usize,
    cols: usize,
) -> Option<Result<Box<dyn Product>, Error>> {
    Some(MatrixForm::pack_dense(isa, weights, rows, cols))
}

fn block_sparse(
    isa: Isa,
    weights: Weights<'_>,
    rows: usize,
    cols: usize,
) -> Option<Result<Box<dyn Product>, Error>> {
    let mask = few_blocks(weights, rows, cols)?;
    let Weights::I8 { values, scales } = weights else { return None };
    let packed = BlockSparseI8::pack_for(isa, values, scales, &mask, rows, cols);
    Some(packed.map(|packed| Box::new(packed) as Box<dyn Product>))
}

/// The blocks that contain weights, if there are few enough.
fn few_blocks(weights: Weights<'_>, rows: usize, cols: usize) -> Option<Vec<bool>> {
    let Weights::I8 { values, .. } = weights else { return None };
    if rows.checked_mul(cols) != Some(values.len()) {
        return None;
    }
    let mask = blocks_with_weights(values, rows, cols);
    let count = mask.iter().filter(|kept| **kept).count();
    (count as f64 <= MOST_BLOCKS * mask.len() as f64).then_some(mask)
}
