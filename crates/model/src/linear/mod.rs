//! Families of linear maps: how a weight `W` of a layer `y = W x` is parametrised.
//!
//! One file per family holds its arithmetic; `family.rs` says which families there are. A family is made
//! of named [`Matrix`] parts, so that storing, quantising and counting need no code of their own.

mod block_circulant;
mod block_diagonal;
mod cauchy_like;
mod circulant;
mod corrected;
mod dense;
mod displaced;
mod family;
mod fastfood;
mod hankel_like;
mod hashed;
mod low_rank;
mod monarch;
mod pattern;
mod per_gate;
mod skew_circulant;
mod sparse;
mod structured;
mod tiles;
mod toeplitz_like;
mod vandermonde_like;

pub use block_circulant::BlockCirculant;
pub use block_diagonal::BlockDiagonal;
pub use cauchy_like::CauchyLike;
pub use circulant::Circulant;
pub use corrected::Corrected;
pub use dense::Dense;
pub use family::{Displacement, Family, FamilySpec, PartSpec};
pub use fastfood::Fastfood;
pub use hankel_like::HankelLike;
pub use hashed::Hashed;
pub use low_rank::LowRank;
pub use monarch::Monarch;
pub use per_gate::PerGate;
pub use skew_circulant::SkewCirculant;
pub use sparse::Sparse;
pub(crate) use structured::GAIN;
pub use structured::Structured;
pub use tiles::Rectangle;
pub use toeplitz_like::ToeplitzLike;
pub use vandermonde_like::VandermondeLike;

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
    /// Any other family.
    Structured(Structured),
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

    /// A map of the family and the size `spec` says, from the values of its parts. `gain` scales the rows:
    /// inside the weights where the family allows it, else beside them.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name` if a part does not hold as many finite values as its shape has.
    pub fn from_spec(
        name: &str,
        spec: FamilySpec,
        parts: Vec<Vec<f32>>,
        gain: Option<&[f32]>,
    ) -> Result<Self> {
        let shapes = spec.parts();
        if parts.len() != shapes.len() {
            let reason = format!("has {} parts, not {}", parts.len(), shapes.len());
            return Err(Error::weight(name, reason));
        }
        let mut parts: Vec<Matrix> = shapes
            .iter()
            .zip(parts)
            .map(|(s, data)| Matrix::F32 { rows: s.rows, cols: s.cols, data })
            .collect();
        let inside = matches!(spec.family(), Family::Dense(_) | Family::LowRank(_));
        if let (true, Some(gain), Matrix::F32 { cols, data, .. }) = (inside, gain, &mut parts[0]) {
            for (row, gain) in data.chunks_exact_mut(*cols).zip(gain) {
                row.iter_mut().for_each(|w| *w *= gain);
            }
        }
        let mut taken = parts.into_iter();
        let map = match (spec.family(), taken.next(), taken.next()) {
            (Family::Dense(_), Some(w), None) => LinearMap::Dense(w),
            (Family::LowRank(_), Some(u), Some(v)) => LinearMap::LowRank { u, v },
            (_, first, second) => {
                let parts = first.into_iter().chain(second).chain(taken).collect();
                let gain = gain.map(<[f32]>::to_vec);
                LinearMap::Structured(Structured::new(name, spec, parts, gain)?)
            }
        };
        map.validate(name).map(|()| map)
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.rows(),
            LinearMap::LowRank { u, .. } => u.rows(),
            LinearMap::Structured(map) => map.spec().rows(),
        }
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.cols(),
            LinearMap::LowRank { v, .. } => v.cols(),
            LinearMap::Structured(map) => map.spec().cols(),
        }
    }

    /// Largest rank that `W` can have: the inner size of a factorisation, else mostly `min(rows, cols)`.
    pub fn rank(&self) -> usize {
        match self {
            LinearMap::Dense(w) => w.rows().min(w.cols()),
            LinearMap::LowRank { u, .. } => u.cols(),
            LinearMap::Structured(map) => map.spec().rank(),
        }
    }

    /// Name of the family: `dense`, `low_rank`, `toeplitz_like`, ...
    pub fn family(&self) -> &'static str {
        match self {
            LinearMap::Dense(_) => dense::FAMILY,
            LinearMap::LowRank { .. } => low_rank::FAMILY,
            LinearMap::Structured(map) => map.spec().family().name(),
        }
    }

    /// Its family with the hyperparameters.
    pub fn hyperparameters(&self) -> Family {
        match self {
            LinearMap::Dense(_) => Family::dense(),
            LinearMap::LowRank { u, .. } => Family::low_rank(u.cols()),
            LinearMap::Structured(map) => map.spec().family().clone(),
        }
    }

    /// The matrices that make it up, with the last part of their tensors' names in a package.
    pub fn parts(&self) -> Vec<(&'static str, &Matrix)> {
        match self {
            LinearMap::Dense(w) => dense::PARTS.into_iter().zip([w]).collect(),
            LinearMap::LowRank { u, v } => low_rank::PARTS.into_iter().zip([u, v]).collect(),
            LinearMap::Structured(map) => {
                let names = map.spec().parts().into_iter().map(|part| part.name);
                names.zip(map.parts()).collect()
            }
        }
    }

    /// Factors of the outputs that are stored beside the matrices, with the last part of their tensor's name.
    pub fn gain(&self) -> Option<(&'static str, &[f32])> {
        match self {
            LinearMap::Structured(map) => map.gain().map(|gain| (GAIN, gain)),
            _ => None,
        }
    }

    /// The same map with every part replaced by `f` of it (for instance its quantised form).
    pub fn map_parts(&self, mut f: impl FnMut(&Matrix) -> Matrix) -> LinearMap {
        match self {
            LinearMap::Dense(w) => LinearMap::Dense(f(w)),
            LinearMap::LowRank { u, v } => LinearMap::LowRank { u: f(u), v: f(v) },
            LinearMap::Structured(map) => LinearMap::Structured(map.map_parts(f)),
        }
    }

    /// Are any of its weights integers?
    pub fn is_quantised(&self) -> bool {
        self.parts().iter().any(|(_, part)| part.is_quantised())
    }

    /// How its parts are stored, each storage once: `f32`, `int8`, `int4`, or several joined by `+`.
    pub fn storage(&self) -> String {
        let mut storages: Vec<&str> = self.parts().iter().map(|(_, m)| m.storage()).collect();
        storages.dedup();
        storages.join("+")
    }

    /// Number of stored weights, gains included.
    pub fn params(&self) -> usize {
        let gain = self.gain().map_or(0, |(_, gain)| gain.len());
        gain + self.parts().iter().map(|(_, part)| part.params()).sum::<usize>()
    }

    /// Bytes in a package, scales and gains included.
    pub fn bytes(&self) -> usize {
        let gain = self.gain().map_or(0, |(_, gain)| 4 * gain.len());
        gain + self.parts().iter().map(|(_, part)| part.bytes()).sum::<usize>()
    }

    /// Operations per input vector; a multiplication with its addition counts two.
    pub fn flops(&self) -> usize {
        self.hyperparameters().rule().flops(self.rows(), self.cols())
    }

    /// `W` as floats, row-major `rows x cols`.
    pub fn to_dense(&self) -> Vec<f32> {
        match self {
            LinearMap::Dense(w) => w.to_dense(),
            LinearMap::LowRank { u, v } => {
                low_rank::multiply(&u.to_dense(), &v.to_dense(), v.rows(), v.cols())
            }
            LinearMap::Structured(map) => map.to_dense(),
        }
    }

    /// `y = W x` for `batch` vectors, slowly: `x` is `batch x cols`, the result `batch x rows`. Low rank goes by
    /// its factors, other structured maps by their dense view. Panics if `x` is shorter than that.
    pub fn apply(&self, x: &[f32], batch: usize) -> Vec<f32> {
        match self {
            LinearMap::Dense(w) => w.apply(x, batch),
            LinearMap::LowRank { u, v } => low_rank::apply(u, v, x, batch),
            LinearMap::Structured(map) => {
                let (rows, cols) = (self.rows(), self.cols());
                Matrix::F32 { rows, cols, data: map.to_dense() }.apply(x, batch)
            }
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
            LinearMap::Structured(map) => map.validate(name),
            _ => Ok(()),
        }
    }

    /// Takes the parts of a dense or low-rank map from `take`, which gives a matrix by the last part of its
    /// tensor's name; `None` if neither is there. The inverse of [`parts`](Self::parts).
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
