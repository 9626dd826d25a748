//! One time step of a GRU in one call.
//!
//! Eq. (10) of Kliegl et al. 2017 (arXiv 1710.09026), the variant that resets after the product:
//!
//! ```text
//! z  = sigmoid(x_z + (U h)_z)            update
//! r  = sigmoid(x_r + (U h)_r)            reset
//! c  = f(x_c + r * (U h)_c)              candidate
//! h' = (1 - z) * h + z * c
//! ```
//!
//! `x = W x_t + b` for all time steps is computed beforehand as one large product.

use crate::activation::{self, Activation};
use crate::lanes::Lanes;
use crate::math::sigmoid_lanes;
use crate::recurrent::{
    Group, Job, PackedRecurrent, Recurrent, gate, load, packed_step, run_on, store,
};
use crate::{Error, Isa, Packed, Scratch};

const GATES: usize = 3;

/// The recurrent part of a GRU layer, packed.
///
/// The results are those of separate steps, bit for bit:
/// [`Product::matmul`](crate::Product::matmul) (or similar), then [`math`](crate::math) and the
/// formulas above from left to right.
#[derive(Debug)]
pub struct PackedGru {
    recurrent: PackedRecurrent,
    candidate: Activation,
}

packed_step!(PackedGru);

impl PackedGru {
    /// Packs `U` (`3 hidden x hidden`: update, reset, candidate) for the fastest instruction set of
    /// this processor; `candidate` is `f`.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack) and
    /// [`PackedF32::pack`](crate::PackedF32::pack).
    pub fn pack(
        recurrent: Recurrent<'_>,
        hidden: usize,
        candidate: Activation,
    ) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), recurrent, hidden, candidate)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        recurrent: Recurrent<'_>,
        hidden: usize,
        candidate: Activation,
    ) -> Result<Self, Error> {
        let recurrent = PackedRecurrent::pack(isa, recurrent, GATES, hidden)?;
        Ok(Self { recurrent, candidate })
    }

    /// One time step of `batch` sequences: `x` is `W x_t + b`, `batch x 3 hidden` (update, reset,
    /// candidate); `h`, `batch x hidden`, is the state before and becomes the state after.
    /// Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// If a slice has the wrong length for its shape.
    pub fn step(&self, x: &[f32], batch: usize, h: &mut [f32], scratch: &mut Scratch) {
        let hidden = self.hidden();
        assert_eq!(
            Some(x.len()),
            batch.checked_mul(GATES * hidden),
            "PackedGru: the input must be batch x 3 hidden = {batch} x {}",
            GATES * hidden
        );
        assert_eq!(
            Some(h.len()),
            batch.checked_mul(hidden),
            "PackedGru: the state must be batch x hidden = {batch} x {hidden}"
        );
        let candidate = self.candidate;
        self.recurrent.step(h, scratch, |group, h, sums| {
            run_on(self.isa(), Update { x, h, sums, hidden, group, candidate });
        });
    }
}

/// The gates and the new states of a group of units.
struct Update<'a> {
    /// `batch x 3 hidden`.
    x: &'a [f32],
    /// `batch x hidden`.
    h: &'a mut [f32],
    /// `U h`, `batch x 3 group.room`.
    sums: &'a [f32],
    hidden: usize,
    group: Group,
    candidate: Activation,
}

impl Job for Update<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let candidate = self.candidate;
        candidate.choose(lanes, Chosen { update: self, lanes });
    }
}

/// An [`Update`] with its registers but without its function yet.
struct Chosen<'a, L> {
    update: Update<'a>,
    lanes: L,
}

impl<L: Lanes> activation::Job<L> for Chosen<'_, L> {
    #[inline(always)]
    fn run(self, function: impl Fn(L::F) -> L::F) {
        let Self { update: Update { x, h, sums, hidden, group, .. }, lanes } = self;
        let Group { first, count, room } = group;
        let sequences = x.chunks_exact(GATES * hidden).zip(h.chunks_exact_mut(hidden));
        for ((x, h), sums) in sequences.zip(sums.chunks_exact(GATES * room)) {
            let h = &mut h[first..first + count];
            let x = [0, 1, 2].map(|n| &x[n * hidden + first..][..count]);
            let sums = [0, 1, 2].map(|n| &sums[n * room..][..room]);
            // Everything for one register at once: the gates are independent chains of operations,
            // and their values stay in registers.
            for i in (0..count).step_by(L::WIDTH) {
                let z = sigmoid_lanes(lanes, gate(lanes, x[0], sums[0], i));
                let r = sigmoid_lanes(lanes, gate(lanes, x[1], sums[1], i));
                let reset = lanes.mul(r, lanes.load(&sums[2][i..]));
                let c = function(lanes.add(load(lanes, x[2], i), reset));
                let kept = lanes.mul(lanes.sub(lanes.splat(1.0), z), load(lanes, h, i));
                store(lanes, lanes.add(kept, lanes.mul(z, c)), h, i);
            }
        }
    }
}
