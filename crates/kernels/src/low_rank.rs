//! The product of two thin matrices, `W = U V`, applied right to left in one call.
//!
//! The intermediate vectors stay in the first cache; if `U` has 8 bits, they are quantized again
//! there, each with its own scale. The result is that of two products, bit for bit.

use crate::aligned::Aligned;
use crate::product::sealed::{Call, Form, Sealed};
use crate::{Arena, Epilogue, Error, Isa, Packed, Product, Scratch, Weights};
use alloc::boxed::Box;
use core::mem;

/// A `rows x cols` matrix of rank `rank`, packed as its factors `U` (`rows x rank`) and `V` (`rank
/// x cols`).
#[derive(Debug, Clone)]
pub struct PackedLowRank {
    u: Box<dyn Product>,
    v: Box<dyn Product>,
}

impl PackedLowRank {
    /// Packs row-major factors for the fastest instruction set of this processor; `u` is `rows x
    /// rank`, `v` is `rank x cols`.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack) and
    /// [`PackedF32::pack`](crate::PackedF32::pack) for either factor.
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
        let u = u.pack(isa, rows, rank)?;
        let v = v.pack(isa, rank, cols)?;
        Ok(Self { u, v })
    }
}

impl Sealed for PackedLowRank {}

impl Packed for PackedLowRank {
    fn bytes(&self) -> usize {
        self.u.bytes() + self.v.bytes()
    }

    fn isa(&self) -> Isa {
        self.u.isa()
    }

    fn move_into(&mut self, arena: &mut Arena) {
        self.v.move_into(arena);
        self.u.move_into(arena);
    }
}

impl Product for PackedLowRank {}

impl Form for PackedLowRank {
    fn shape(&self) -> (usize, usize) {
        (self.u.rows(), self.v.cols())
    }

    /// Each factor separately runs on the threads of the pool, if it has enough weights.
    fn run(&self, call: Call<'_>, scratch: &mut Scratch) {
        let Call { pool, x, batch, epilogue, y } = call;
        let rank = self.v.rows();
        let mut middle = mem::replace(&mut scratch.floats, Aligned::zeroed(0));
        middle.grow(batch * rank);
        let floats = &mut middle.as_mut_slice()[..batch * rank];
        self.v.multiply(pool, x, batch, Epilogue::NONE, scratch, floats);
        self.u.multiply(pool, floats, batch, epilogue, scratch, y);
        scratch.floats = middle;
    }
}
