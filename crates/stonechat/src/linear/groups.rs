//! Maps whose weights lie in blocks on a diagonal: block-diagonal ones, alone or gate by gate, and the left factors
//! of low-rank gates.

use stonechat_kernels::{
    Activation, BlockDiagonalF32, BlockSize, BlockSparseI8, Epilogue, Error, Packed, Product,
    Scratch,
};
use stonechat_model::{Family, LinearMap, Matrix};

use super::pack;

/// `y = P D R x`: `D` blocks on a diagonal, `P` an order of the rows, `R` a matrix or nothing.
pub(super) struct Groups {
    right: Option<Box<dyn Product>>,
    diagonal: Box<dyn Product>,
    /// Where row `i` of `D` belongs; `None` stands for there.
    order: Option<Vec<usize>>,
    inner: usize,
}

/// Working memory.
#[derive(Default)]
pub(crate) struct GroupsScratch {
    inner: Vec<f32>,
    output: Vec<f32>,
}

impl Groups {
    /// `None` for families and storages that no kernel has blocks of.
    pub(super) fn pack(map: &LinearMap) -> Option<Result<Self, Error>> {
        let (rows, cols) = (map.rows(), map.cols());
        let (gates, of) = match map.family() {
            Family::PerGate(stack) => (stack.gates, &*stack.of),
            family => (1, family),
        };
        match (of, map.parts()) {
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
                let diagonal = self::diagonal(blocks, &order, &sizes)?;
                let order = (gates > 1).then_some(order);
                Some(diagonal.map(|diagonal| Self { right: None, diagonal, order, inner: cols }))
            }
            (Family::LowRank(family), [u, v]) => {
                let sizes = vec![(rows / gates, family.rank); gates];
                let order: Vec<usize> = (0..rows).collect();
                let diagonal = self::diagonal(u, &order, &sizes)?;
                let right = pack(v);
                Some(diagonal.and_then(|diagonal| {
                    let inner = gates * family.rank;
                    Ok(Self { right: Some(right?), diagonal, order: None, inner })
                }))
            }
            _ => None,
        }
    }

    pub(super) fn packed(&mut self) -> Vec<&mut dyn Packed> {
        let right = self.right.iter_mut().map(|right| &mut **right as &mut dyn Packed);
        right.chain([&mut *self.diagonal as &mut dyn Packed]).collect()
    }

    /// `y = W x` for `batch` vectors.
    pub(super) fn multiply(
        &self,
        x: &[f32],
        batch: usize,
        kernel: &mut Scratch,
        scratch: &mut GroupsScratch,
        y: &mut [f32],
    ) {
        let GroupsScratch { inner, output } = scratch;
        let x = match &self.right {
            None => x,
            Some(right) => {
                inner.resize(batch * self.inner, 0.0);
                right.matmul(x, batch, None, Activation::None, kernel, inner);
                inner
            }
        };
        let Some(order) = &self.order else {
            return self.diagonal.multiply(None, x, batch, Epilogue::NONE, kernel, y);
        };
        output.resize(y.len(), 0.0);
        self.diagonal.multiply(None, x, batch, Epilogue::NONE, kernel, output);
        let rows = order.len();
        for (y, output) in y.chunks_exact_mut(rows).zip(output.chunks_exact(rows)) {
            order.iter().zip(output).for_each(|(&row, v)| y[row] = *v);
        }
    }
}

/// Packs blocks from their weights, row by row; `order` says which row comes next. `None` for a storage that has no such form.
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
