//! Families of linear maps: how a weight `W` of a layer `y = W x` is parametrised.
//!
//! The arithmetic of each family is one file: an implementation of `Rule` from `family.rs`. The
//! list at the end of this file names all families. A family consists of named
//! [`Matrix`](crate::Matrix) parts, so storing, quantizing and counting need no code per family.

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
mod kronecker;
mod low_rank;
mod map;
mod monarch;
mod pattern;
mod per_gate;
mod skew_circulant;
mod sparse;
mod tiles;
mod toeplitz_like;
mod vandermonde_like;

pub use family::{Displacement, Factors, FamilySpec, Nearest, PartSpec};
pub(crate) use map::GAIN;
pub use map::LinearMap;
pub use tiles::Rectangle;

use family::Rule;
use serde::{Deserialize, Serialize};

/// Makes [`Family`] from the list of families. The name of a family's source file is its name in
/// configs and packages.
macro_rules! families {
    ($($(#[$doc:meta])+ $file:ident::$rule:ident,)+) => {
        $(pub use $file::$rule;)+

        /// A way to parametrise a matrix `W` of `rows x cols`: its hyperparameters, without weights
        /// and without a size.
        ///
        /// In TOML and in a package's metadata: `{ family = "toeplitz_like", rank = 4 }`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "family", rename_all = "snake_case")]
        pub enum Family {
            $($(#[$doc])+ $rule($rule),)+
        }

        impl Family {
            /// Name in files: `dense`, `low_rank`, `toeplitz_like`, ...
            pub fn name(&self) -> &'static str {
                match self {
                    $(Family::$rule(_) => stringify!($file),)+
                }
            }

            fn rule(&self) -> &dyn Rule {
                match self {
                    $(Family::$rule(rule) => rule,)+
                }
            }
        }
    };
}

families! {
    /// `W` itself.
    dense::Dense,
    /// `W = U V` with a small inner size.
    low_rank::LowRank,
    /// Sums of products of circulant and skew-circulant matrices (Sindhwani et al. 2015).
    toeplitz_like::ToeplitzLike,
    /// Toeplitz-like with rows in reverse order.
    hankel_like::HankelLike,
    /// Sums of rows of a Vandermonde matrix, scaled and convolved.
    vandermonde_like::VandermondeLike,
    /// A matrix of low rank times `1 / (s_i - t_j)`, element by element.
    cauchy_like::CauchyLike,
    /// Circulant after fixed signs (Cheng et al. 2015).
    circulant::Circulant,
    /// Circulant, with the opposite sign for entries that wrap around.
    skew_circulant::SkewCirculant,
    /// Square circulant blocks.
    block_circulant::BlockCirculant,
    /// Independent blocks on the diagonal.
    block_diagonal::BlockDiagonal,
    /// Walsh-Hadamard transforms and diagonals (Le et al. 2013).
    fastfood::Fastfood,
    /// Entries that share weights by a hash (Chen et al. 2015).
    hashed::Hashed,
    /// Sums of Kronecker products of two small matrices (Van Loan & Pitsianis 1993).
    kronecker::Kronecker,
    /// Two block-diagonal products with a transposition between them (Dao et al. 2022).
    monarch::Monarch,
    /// A stack of equal parts, each of the same family.
    per_gate::PerGate,
    /// A matrix of few bits and a low-rank correction of its rounding errors.
    corrected::Corrected,
    /// Most elements are zero.
    sparse::Sparse,
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

    /// Whether the names of its tensors in a package are enough to identify it; all others are in
    /// the metadata.
    pub(crate) fn told_by_tensors(&self) -> bool {
        matches!(self, Family::Dense(_) | Family::LowRank(_))
    }
}
