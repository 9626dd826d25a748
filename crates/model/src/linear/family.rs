//! Which families of linear maps there are, and what every family can do.

use super::block_circulant::BlockCirculant;
use super::block_diagonal::BlockDiagonal;
use super::cauchy_like::CauchyLike;
use super::circulant::Circulant;
use super::corrected::Corrected;
use super::fastfood::Fastfood;
use super::hankel_like::HankelLike;
use super::hashed::Hashed;
use super::monarch::Monarch;
use super::per_gate::PerGate;
use super::skew_circulant::SkewCirculant;
use super::sparse::Sparse;
use super::toeplitz_like::ToeplitzLike;
use super::vandermonde_like::VandermondeLike;
use super::{dense::Dense, low_rank::LowRank};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A way to parametrise a matrix `W` of `rows x cols`: its hyperparameters, without weights and without a size.
///
/// In TOML and in a package's metadata `{ family = "toeplitz_like", rank = 4 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Family {
    /// `W` itself.
    Dense(Dense),
    /// `W = U V` with a small inner size.
    LowRank(LowRank),
    /// Sums of products of circulant and skew-circulant matrices (Sindhwani et al. 2015).
    ToeplitzLike(ToeplitzLike),
    /// Toeplitz-like with its rows in the reverse order.
    HankelLike(HankelLike),
    /// Sums of rows of a Vandermonde matrix, scaled and convolved.
    VandermondeLike(VandermondeLike),
    /// A matrix of low rank times `1 / (s_i - t_j)`, element by element.
    CauchyLike(CauchyLike),
    /// Circulant behind fixed signs (Cheng et al. 2015).
    Circulant(Circulant),
    /// Circulant, but for the sign of what comes round.
    SkewCirculant(SkewCirculant),
    /// Square circulant blocks.
    BlockCirculant(BlockCirculant),
    /// Independent blocks on the diagonal.
    BlockDiagonal(BlockDiagonal),
    /// Walsh-Hadamard transforms and diagonals (Le et al. 2013).
    Fastfood(Fastfood),
    /// Entries that share weights by a hash (Chen et al. 2015).
    Hashed(Hashed),
    /// Two block-diagonal products with a transposition between them (Dao et al. 2022).
    Monarch(Monarch),
    /// A stack of equal parts, each of a family by itself.
    PerGate(PerGate),
    /// A matrix of few bits and a low-rank correction of its rounding.
    Corrected(Corrected),
    /// Most elements are zero.
    Sparse(Sparse),
}

/// Name and shape of one matrix that a family is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSpec {
    /// Last part of its tensor's name.
    pub name: &'static str,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

/// What a family knows to do, one file each. Sizes have been checked by `check` before any other method is
/// called, and `parts` are the values of [`parts`](Self::parts), in that order, row-major.
pub(super) trait Rule {
    /// Name in files.
    fn name(&self) -> &'static str;
    /// Can it make a matrix of this size? If not, why.
    fn check(&self, rows: usize, cols: usize) -> std::result::Result<(), String>;
    /// The matrices that it is made of.
    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec>;
    /// `W`, row-major. Sums run in `f64`.
    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32>;
    /// The adjoint of `to_dense` at `parts`: from `dL/dW` to `dL/dpart` for every part.
    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>>;
    /// Operations per input vector, a multiplication with its addition counting two.
    fn flops(&self, rows: usize, cols: usize) -> usize;
    /// Standard deviation of each part's independent entries that gives the entries of `W` deviation `sigma`.
    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64>;
    /// Largest ordinary rank that `W` can have.
    fn rank(&self, rows: usize, cols: usize) -> usize {
        rows.min(cols)
    }
    /// See [`FamilySpec::displacements`].
    fn displacements(&self, _: usize, _: usize, _: &[f32]) -> Vec<Displacement> {
        Vec::new()
    }
    /// Changes values so that they are parts of the family, where not all values are.
    fn admit(&self, _rows: usize, _cols: usize, _parts: &mut [Vec<f32>]) {}
}

/// What the operator of a family leaves of one square of a matrix: `G H^T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Displacement {
    /// Side of the square.
    pub side: usize,
    /// `side x side`, row-major.
    pub values: Vec<f32>,
}

/// A [`Family`] at a size: what a structured map is before it has weights.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilySpec {
    family: Family,
    rows: usize,
    cols: usize,
}

impl Family {
    /// `W` itself.
    pub fn dense() -> Self {
        Family::Dense(Dense {})
    }

    /// `W = U V` of inner size `rank`.
    pub fn low_rank(rank: usize) -> Self {
        Family::LowRank(LowRank { rank })
    }

    /// Name in files: `dense`, `low_rank`, `toeplitz_like`, ...
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    pub(super) fn rule(&self) -> &dyn Rule {
        match self {
            Family::Dense(rule) => rule,
            Family::LowRank(rule) => rule,
            Family::ToeplitzLike(rule) => rule,
            Family::HankelLike(rule) => rule,
            Family::VandermondeLike(rule) => rule,
            Family::CauchyLike(rule) => rule,
            Family::Circulant(rule) => rule,
            Family::SkewCirculant(rule) => rule,
            Family::BlockCirculant(rule) => rule,
            Family::BlockDiagonal(rule) => rule,
            Family::Fastfood(rule) => rule,
            Family::Hashed(rule) => rule,
            Family::Monarch(rule) => rule,
            Family::PerGate(rule) => rule,
            Family::Corrected(rule) => rule,
            Family::Sparse(rule) => rule,
        }
    }
}

impl FamilySpec {
    /// The family at `rows x cols`.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name` if the family cannot make a matrix of that size.
    pub fn new(name: &str, family: Family, rows: usize, cols: usize) -> Result<Self> {
        crate::config::elements(name, 1, rows, cols)?;
        if rows == 0 || cols == 0 {
            return Err(Error::weight(name, format!("has the impossible shape {rows} x {cols}")));
        }
        family.rule().check(rows, cols).map_err(|reason| {
            let family = family.name();
            Error::weight(name, format!("{family} of {rows} x {cols}: {reason}"))
        })?;
        let spec = Self { family, rows, cols };
        for part in spec.parts() {
            crate::config::elements(&format!("{name}.{}", part.name), 1, part.rows, part.cols)?;
        }
        Ok(spec)
    }

    /// The family.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The matrices that the map is made of.
    pub fn parts(&self) -> Vec<PartSpec> {
        self.family.rule().parts(self.rows, self.cols)
    }

    /// Number of weights.
    pub fn params(&self) -> usize {
        self.parts().iter().map(|part| part.rows * part.cols).sum()
    }

    /// Operations per input vector; a multiplication with its addition counts two.
    pub fn flops(&self) -> usize {
        self.family.rule().flops(self.rows, self.cols)
    }

    /// Largest ordinary rank that `W` can have.
    pub fn rank(&self) -> usize {
        self.family.rule().rank(self.rows, self.cols)
    }

    /// `W`, row-major `rows x cols`, from the values of [`parts`](Self::parts). Panics if a part is too short.
    pub fn to_dense(&self, parts: &[&[f32]]) -> Vec<f32> {
        self.family.rule().to_dense(self.rows, self.cols, parts)
    }

    /// The gradient of a loss in each part from its gradient `dw` in `W` (`rows x cols`), at `parts`.
    /// Panics if a part or `dw` is too short.
    pub fn gradient(&self, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        self.family.rule().gradient(self.rows, self.cols, parts, dw)
    }

    /// For families of low displacement rank, the displacement `G H^T` of every square that `w` (`rows x cols`,
    /// row-major, any matrix) is cut into, in the order of the parts; none for other families. Its rank is the least
    /// `rank` with which the family holds the square, and the rows of the parts `g` and `h` are vectors of a
    /// factorisation of it. Panics if `w` is too short.
    pub fn displacements(&self, w: &[f32]) -> Vec<Displacement> {
        self.family.rule().displacements(self.rows, self.cols, w)
    }

    /// Changes arbitrary values of the parts so that they are the family's, by as little as can be: of a sparse matrix
    /// all but the largest elements become zero; most families admit all values. Panics if a part is too short.
    pub fn admit(&self, parts: &mut [Vec<f32>]) {
        self.family.rule().admit(self.rows, self.cols, parts);
    }

    /// For each part the standard deviation of independent entries of mean 0 that makes the entries of `W`
    /// have standard deviation `sigma`: how a map is initialised.
    pub fn deviations(&self, sigma: f64) -> Vec<f64> {
        self.family.rule().deviations(self.rows, self.cols, sigma)
    }
}

/// A hyperparameter that must be from 1 to `most`.
pub(super) fn up_to(name: &str, value: usize, most: usize) -> std::result::Result<(), String> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}, must be in 1..={most}"))
}

/// So many groups of rows and of columns must be possible.
pub(super) fn divides(blocks: usize, rows: usize, cols: usize) -> std::result::Result<(), String> {
    if blocks >= 1 && rows.is_multiple_of(blocks) && cols.is_multiple_of(blocks) {
        return Ok(());
    }
    Err(format!("blocks is {blocks}, must divide both sides"))
}

/// `values` as `f64`, for sums.
pub(super) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Back to `f32`.
pub(super) fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}
