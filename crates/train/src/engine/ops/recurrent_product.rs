//! The recurrent product through time: packed once for all steps; its gradient is computed over all
//! steps at once.

use faer::MatRef;
use stonechat_kernels::{Epilogue, PackedF32, Product, Scratch};

use super::{matmul, rounding};

/// The recurrent matrix `U` (`gates hidden x output`) in its parametrisation, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Recurrent<'a> {
    /// `U` itself.
    Dense(&'a [f32]),
    /// `U = A B` with `a: gates hidden x rank`, `b: rank x output`, multiplied as `A (B s)`.
    LowRank {
        /// Left factor.
        a: &'a [f32],
        /// Right factor.
        b: &'a [f32],
        /// Inner size.
        rank: usize,
    },
}

/// The recurrent product, packed once for a whole sequence.
pub(super) enum Packed {
    Dense(PackedF32),
    LowRank(PackedF32, PackedF32),
}

impl Packed {
    pub fn forward(recurrent: Recurrent<'_>, rows: usize, cols: usize) -> Self {
        match recurrent {
            Recurrent::Dense(u) => Self::Dense(pack(u, rows, cols)),
            Recurrent::LowRank { a, b, rank } => {
                Self::LowRank(pack(b, rank, cols), pack(a, rows, rank))
            }
        }
    }

    pub fn transposed(recurrent: Recurrent<'_>, rows: usize, cols: usize) -> Self {
        match recurrent {
            Recurrent::Dense(u) => Self::Dense(pack_transposed(u, rows, cols)),
            Recurrent::LowRank { a, b, rank } => {
                Self::LowRank(pack_transposed(a, rows, rank), pack_transposed(b, rank, cols))
            }
        }
    }

    /// `y = M x` for `lanes` vectors; `middle` holds the low-rank projection.
    pub fn apply(&self, x: &[f32], lanes: usize, middle: &mut Vec<f32>, y: &mut [f32]) {
        match self {
            Self::Dense(map) => multiply(map, x, lanes, y),
            Self::LowRank(first, second) => {
                middle.resize(lanes * first.rows(), 0.0);
                multiply(first, x, lanes, middle);
                multiply(second, middle, lanes, y);
            }
        }
    }

    /// [`apply`](Self::apply) to vectors rounded to int8; the vectors between two factors are
    /// rounded as well.
    pub(super) fn apply_rounded(
        &self,
        x: &[f32],
        lanes: usize,
        middle: &mut Vec<f32>,
        y: &mut [f32],
    ) {
        let x = rounded(x, lanes);
        match self {
            Self::Dense(map) => multiply(map, &x, lanes, y),
            Self::LowRank(first, second) => {
                middle.resize(lanes * first.rows(), 0.0);
                multiply(first, &x, lanes, middle);
                multiply(second, &rounded(middle, lanes), lanes, y);
            }
        }
    }
}

/// `y = M x` for `lanes` vectors.
pub(super) fn multiply(map: &PackedF32, x: &[f32], lanes: usize, y: &mut [f32]) {
    // A product of floats needs no working memory.
    map.multiply(None, x, lanes, Epilogue::NONE, &mut Scratch::new(), y);
}

/// `lanes` vectors, each rounded to int8.
pub(super) fn rounded(x: &[f32], lanes: usize) -> Vec<f32> {
    let (mut copy, width) = (x.to_vec(), x.len() / lanes);
    copy.chunks_exact_mut(width).for_each(rounding::round_vector);
    copy
}

const SHAPES: &str = "shapes are checked where the layer is built";

pub(super) fn pack(w: &[f32], rows: usize, cols: usize) -> PackedF32 {
    PackedF32::pack(w, rows, cols).expect(SHAPES)
}

/// The transpose of `w` (`rows x cols`).
pub(super) fn pack_transposed(w: &[f32], rows: usize, cols: usize) -> PackedF32 {
    PackedF32::pack_transposed(w, rows, cols).expect(SHAPES)
}

/// The gradient of the stacked sums `U s` of all steps, `rows x wide`; its last gate is stored
/// elsewhere if the cell splits.
pub(super) struct SumGradient<'a> {
    first: MatRef<'a, f32>,
    last: Option<MatRef<'a, f32>>,
}

impl<'a> SumGradient<'a> {
    /// `last` has the columns of the last gate if they are not in `input`.
    pub fn new(
        input: &'a [f32],
        last: Option<&'a [f32]>,
        rows: usize,
        wide: usize,
        hidden: usize,
    ) -> Self {
        let columns = if last.is_some() { wide - hidden } else { wide };
        Self {
            first: matmul::view(input, rows, columns, wide),
            last: last.map(|last| matmul::view(last, rows, hidden, hidden)),
        }
    }

    /// The gradient of the stacked matrix that computed the sums from `x`, `rows x cols`.
    pub fn times(&self, x: &[f32], cols: usize) -> Vec<f32> {
        let x = matmul::view(x, self.first.nrows(), cols, cols);
        let first = self.first.ncols();
        let last = self.last.map_or(0, |last| last.ncols());
        let mut gradient = vec![0.0; (first + last) * cols];
        let (upper, lower) = gradient.split_at_mut(first * cols);
        matmul::product_by_rows(upper, cols, self.first.transpose(), x, false);
        if let Some(last) = self.last {
            matmul::product_by_rows(lower, cols, last.transpose(), x, false);
        }
        gradient
    }

    /// The gradient of the vectors by which the stacked matrix `a` (`wide x rank`) was multiplied.
    pub fn back_through(&self, a: &[f32], rank: usize, out: &mut [f32]) {
        let first = self.first.ncols();
        let a = matmul::view(a, a.len() / rank, rank, rank);
        matmul::product_by_rows(out, rank, self.first, a.subrows(0, first), false);
        if let Some(last) = self.last {
            matmul::product_by_rows(out, rank, last, a.subrows(first, last.ncols()), true);
        }
    }
}
