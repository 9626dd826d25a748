//! Families of linear maps: how a weight `W` of a layer `y = W x` is parametrised.
//!
//! One file per family holds its arithmetic; this file only says which families there are. A family is made
//! of named [`Matrix`] parts, so that storing, quantising and counting need no code of their own.

mod dense;
mod low_rank;

use crate::{Error, Matrix, Result};

/// A linear map `y = W x`, `W` of `rows x cols`, in one of the families.
#[derive(Debug, Clone, PartialEq)]
pub enum LinearMap {
    /// `W` itself.
    Dense(Matrix),
    /// `W = U V`, applied as `U (V x)`.
    LowRank {
        /// `rows x rank`.
        u: Matrix,
        /// `rank x cols`.
        v: Matrix,
    },
}

impl LinearMap {
    /// A dense float map from a row-major `rows x cols` slice.
    ///
    /// # Errors
    /// If `data` does not hold `rows * cols` finite values.
    pub fn dense(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self> {
        Matrix::from_f32(rows, cols, data).map(LinearMap::Dense)
    }

    /// A low-rank float map from `u`, `rows x rank`, and `v`, `rank x cols`.
    ///
    /// # Errors
    /// If a factor does not hold as many finite values as its shape has.
    pub fn low_rank(
        rows: usize,
        cols: usize,
        rank: usize,
        u: Vec<f32>,
        v: Vec<f32>,
    ) -> Result<Self> {
        Ok(LinearMap::LowRank {
            u: Matrix::from_f32(rows, rank, u)?,
            v: Matrix::from_f32(rank, cols, v)?,
        })
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.rows(),
            LinearMap::LowRank { u, .. } => u.rows(),
        }
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.cols(),
            LinearMap::LowRank { v, .. } => v.cols(),
        }
    }

    /// Largest rank that `W` can have: the inner size of a factorisation, else `min(rows, cols)`.
    pub fn rank(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.rows().min(w.cols()),
            LinearMap::LowRank { u, .. } => u.cols(),
        }
    }

    /// Name of the family: `dense` or `low_rank`.
    pub fn family(&self) -> &'static str {
        match self {
            LinearMap::Dense(_) => dense::FAMILY,
            LinearMap::LowRank { .. } => low_rank::FAMILY,
        }
    }

    /// The matrices that make it up, with the last part of their tensors' names in a package.
    pub fn parts(&self) -> Vec<(&'static str, &Matrix)> {
        match self {
            LinearMap::Dense(w) => dense::PARTS.into_iter().zip([w]).collect(),
            LinearMap::LowRank { u, v } => low_rank::PARTS.into_iter().zip([u, v]).collect(),
        }
    }

    /// The same map with every part replaced by `f` of it (for instance its quantised form).
    pub fn map_parts(&self, mut f: impl FnMut(&Matrix) -> Matrix) -> LinearMap {
        match self {
            LinearMap::Dense(w) => LinearMap::Dense(f(w)),
            LinearMap::LowRank { u, v } => LinearMap::LowRank { u: f(u), v: f(v) },
        }
    }

    /// Number of stored weights.
    pub fn params(&self) -> usize {
        self.parts().iter().map(|(_, part)| part.params()).sum()
    }

    /// Bytes in a package, scales included.
    pub fn bytes(&self) -> usize {
        self.parts().iter().map(|(_, part)| part.bytes()).sum()
    }

    /// Operations per input vector; a multiplication with its addition counts two.
    pub fn flops(&self) -> usize {
        match self {
            LinearMap::Dense(w) => dense::flops(w),
            LinearMap::LowRank { u, v } => low_rank::flops(u, v),
        }
    }

    /// `W` as floats, row-major `rows x cols`.
    pub fn to_dense(&self) -> Vec<f32> {
        match self {
            LinearMap::Dense(w) => w.to_dense(),
            LinearMap::LowRank { u, v } => low_rank::to_dense(u, v),
        }
    }

    /// `y = W x` for `batch` vectors, slowly, in the way the family would do it: `x` is `batch x cols`, the
    /// result `batch x rows`. Panics if `x` is shorter than that.
    pub fn apply(&self, x: &[f32], batch: usize) -> Vec<f32> {
        match self {
            LinearMap::Dense(w) => w.apply(x, batch),
            LinearMap::LowRank { u, v } => low_rank::apply(u, v, x, batch),
        }
    }

    /// Checks every part, and that they fit each other.
    ///
    /// # Errors
    /// [`Error::Weight`] names `name` with the part at fault.
    pub fn validate(&self, name: &str) -> Result<()> {
        for (part, matrix) in self.parts() {
            matrix.validate(&format!("{name}.{part}"))?;
        }
        match self {
            LinearMap::LowRank { u, v } if u.cols() != v.rows() => Err(Error::weight(
                name,
                format!("u has {} columns but v has {} rows", u.cols(), v.rows()),
            )),
            _ => Ok(()),
        }
    }

    /// Takes the parts of the family that is there from `take`, which gives a matrix by the last part of its
    /// tensor's name; `None` if no family is there. The inverse of [`parts`](Self::parts).
    pub(crate) fn from_parts(
        mut take: impl FnMut(&str) -> Result<Option<Matrix>>,
    ) -> Result<Option<LinearMap>> {
        let [weight] = dense::PARTS;
        if let Some(w) = take(weight)? {
            return Ok(Some(LinearMap::Dense(w)));
        }
        let [u, v] = low_rank::PARTS.map(&mut take);
        Ok(match (u?, v?) {
            (Some(u), Some(v)) => Some(LinearMap::LowRank { u, v }),
            _ => None,
        })
    }
}
