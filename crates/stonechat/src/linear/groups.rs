//! Maps whose weights are blocks on a diagonal: block-diagonal maps, alone or gate by gate, and the
//! left factors of low-rank gates.

use stonechat_kernels::{BlockDiagonalF32, BlockSize, BlockSparseI8, Error, Product};
use stonechat_model::{Family, LinearMap, Matrix};

use super::dense;
use super::term::{Outputs, Term};

/// `y = P D R x`: `D` has blocks on its diagonal, `P` permutes the rows, `R` is a matrix or absent.
/// `None` for families and storages for which the kernels have no blocks.
pub(super) fn terms(map: &LinearMap) -> Option<Result<Vec<Term>, Error>> {
    let (rows, cols) = (map.rows(), map.cols());
    let (gates, of) = match map.family() {
        Family::PerGate(stack) => (stack.gates, &*stack.of),
        family => (1, family),
    };
    let term = match (of, map.parts()) {
        (Family::BlockDiagonal(family), [blocks]) => {
            let count = family.blocks;
            let (height, width) = (rows / gates / count, cols / count);
            // The blocks of all gates over the same inputs become one block.
            let row = |block: usize, k: usize| {
                (k / height) * (rows / gates) + block * height + k % height
            };
            let order: Vec<usize> =
                (0..rows).map(|i| row(i / (gates * height), i % (gates * height))).collect();
            let sizes = vec![(gates * height, width); count];
            diagonal(blocks, &order, &sizes)?.map(|diagonal| match gates {
                1 => Term::whole(vec![diagonal]),
                _ => Term::part(vec![diagonal], None, Outputs { skipped: 0, rows: order }),
            })
        }
        (Family::LowRank(family), [u, v]) => {
            let sizes = vec![(rows / gates, family.rank); gates];
            let order: Vec<usize> = (0..rows).collect();
            diagonal(u, &order, &sizes)?
                .and_then(|diagonal| Ok(Term::whole(vec![dense(v)?, diagonal])))
        }
        _ => return None,
    };
    Some(term.map(|term| vec![term]))
}

/// Packs blocks from their weights, row by row; `order` gives the next row. `None` for a storage
/// without this form.
fn diagonal(
    part: &Matrix,
    order: &[usize],
    sizes: &[BlockSize],
) -> Option<Result<Box<dyn Product>, Error>> {
    let cols = part.cols();
    match part {
        Matrix::F32 { data, .. } => {
            let rows = order.iter().flat_map(|row| &data[row * cols..][..cols]);
            let weights: Vec<f32> = rows.copied().collect();
            Some(BlockDiagonalF32::pack(&weights, sizes).map(|w| Box::new(w) as _))
        }
        Matrix::Int8 { data, scales, .. } => {
            let rows = order.iter().flat_map(|row| &data[row * cols..][..cols]);
            let weights: Vec<i8> = rows.copied().collect();
            let scales: Vec<f32> = order.iter().map(|&row| scales[row]).collect();
            let packed = BlockSparseI8::pack_diagonal(&weights, &scales, sizes);
            Some(packed.map(|w| Box::new(w) as _))
        }
        Matrix::Int4 { .. } => None,
    }
}
