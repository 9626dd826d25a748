//! The product of two thin matrices, `W = U V`, applied right to left in one call.
//!
//! The middle vectors stay in the first cache; where `U` is of 8 bits, they are quantised again there, each with a scale of its own. The
//! result is bit for bit that of two products.

use crate::activation::Activation;
use crate::aligned::Aligned;
use crate::lengths::Lengths;
use crate::weights::PackedWeights;
use crate::{Arena, Error, Isa, Pool, Scratch, Weights};
use core::mem;

/// A `rows x cols` matrix of rank `rank`, packed as its factors `U` (`rows x rank`) and `V` (`rank x cols`).
#[derive(Debug, Clone)]
pub struct PackedLowRank {
    u: PackedWeights,
    v: PackedWeights,
    rows: usize,
    rank: usize,
    isa: Isa,
}

impl PackedLowRank {
    /// Packs row-major factors for the fastest instruction set of this processor; `u` is `rows x rank`, `v` is `rank x cols`.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack) and [`PackedF32::pack`](crate::PackedF32::pack) for either factor.
    pub fn pack(
        u: Weights<'_>,
        v: Weights<'_>,
        rows: usize,
        rank: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), u, v, rows, rank, cols)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        u: Weights<'_>,
        v: Weights<'_>,
        rows: usize,
        rank: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let u = PackedWeights::pack(isa, u, rows, rank)?;
        let v = PackedWeights::pack(isa, v, rank, cols)?;
        Ok(Self { u, v, rows, rank, isa })
    }

    /// Rows of `W`: elements of a result.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of `W`: elements of an input vector.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.v.cols()
    }

    /// Columns of `U`, rows of `V`.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Bytes of the packed factors, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.u.bytes() + self.v.bytes()
    }

    /// The instruction set that the products run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `y = act(U (V x) + bias)` for `batch` vectors: `x` is `batch x cols`, `bias` has `rows` elements, `y` is `batch x rows`.
    ///
    /// Where a factor is of 8 bits, its input vectors are quantised as in [`PackedI8::matmul`](crate::PackedI8::matmul). Allocates only to
    /// grow `scratch`.
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

    /// [`matmul`](Self::matmul) on the threads of a pool, each factor by itself where its weights are many: see [`PackedI8::matmul_with`].
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
        self.v.move_into(arena);
        self.u.move_into(arena);
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
        let lengths = Lengths { rows: self.rows, cols: self.cols(), batch };
        lengths.check("PackedLowRank", x.len(), y.len());
        lengths.check_bias("PackedLowRank", bias);
        let mut middle = mem::replace(&mut scratch.floats, Aligned::zeroed(0));
        middle.grow(batch * self.rank);
        let floats = &mut middle.as_mut_slice()[..batch * self.rank];
        self.v.matmul(pool, x, batch, (None, Activation::None), scratch, floats);
        self.u.matmul(pool, floats, batch, (bias, act), scratch, y);
        scratch.floats = middle;
    }
}
