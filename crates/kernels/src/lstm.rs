//! One time step of an LSTM in one call.
//!
//! Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, without peepholes and
//! projection:
//!
//! ```text
//! i = sigmoid(x_i + (U h)_i)     f = sigmoid(x_f + (U h)_f)
//! g = tanh(x_g + (U h)_g)        o = sigmoid(x_o + (U h)_o)
//! c' = f * c + i * g             h' = o * tanh(c')
//! ```
//!
//! `x = W x_t + b` for all time steps is computed beforehand as one large product.

use crate::lanes::Lanes;
use crate::math::{sigmoid_lanes, tanh_lanes};
use crate::recurrent::{
    Group, Job, PackedRecurrent, Recurrent, gate, load, packed_step, run_on, store,
};
use crate::{Error, Isa, Packed, Scratch};

const GATES: usize = 4;

/// The recurrent part of an LSTM layer, packed.
///
/// The results are those of separate steps, bit for bit:
/// [`Product::matmul`](crate::Product::matmul) (or similar), then [`math`](crate::math) and the
/// formulas above from left to right.
#[derive(Debug)]
pub struct PackedLstm {
    recurrent: PackedRecurrent,
}

packed_step!(PackedLstm);

impl PackedLstm {
    /// Packs `U` (`4 hidden x hidden`: input, forget, cell, output) for the fastest instruction set
    /// of this processor.
    ///
    /// # Errors
    /// Those of [`PackedI8::pack`](crate::PackedI8::pack) and
    /// [`PackedF32::pack`](crate::PackedF32::pack).
    pub fn pack(recurrent: Recurrent<'_>, hidden: usize) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), recurrent, hidden)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(isa: Isa, recurrent: Recurrent<'_>, hidden: usize) -> Result<Self, Error> {
        Ok(Self { recurrent: PackedRecurrent::pack(isa, recurrent, GATES, hidden)? })
    }

    /// One time step of `batch` sequences: `x` is `W x_t + b`, `batch x 4 hidden` (input, forget,
    /// cell, output); the output `h` and the cell `c`, `batch x hidden` each, are the state before
    /// and become the state after. Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// If a slice has the wrong length for its shape.
    pub fn step(
        &self,
        x: &[f32],
        batch: usize,
        h: &mut [f32],
        c: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let hidden = self.hidden();
        assert_eq!(
            Some(x.len()),
            batch.checked_mul(GATES * hidden),
            "PackedLstm: the input must be batch x 4 hidden = {batch} x {}",
            GATES * hidden
        );
        for state in [&*h, &*c] {
            assert_eq!(
                Some(state.len()),
                batch.checked_mul(hidden),
                "PackedLstm: output and cell must be batch x hidden = {batch} x {hidden}"
            );
        }
        self.recurrent.step(h, scratch, |group, h, sums| {
            run_on(self.isa(), Update { x, h, c: &mut *c, sums, hidden, group });
        });
    }
}

/// The gates and the new states of a group of units.
struct Update<'a> {
    /// `batch x 4 hidden`.
    x: &'a [f32],
    /// `batch x hidden`.
    h: &'a mut [f32],
    /// `batch x hidden`.
    c: &'a mut [f32],
    /// `U h`, `batch x 4 group.room`.
    sums: &'a [f32],
    hidden: usize,
    group: Group,
}

impl Job for Update<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { x, h, c, sums, hidden, group: Group { first, count, room } } = self;
        let states = h.chunks_exact_mut(hidden).zip(c.chunks_exact_mut(hidden));
        let sequences = x.chunks_exact(GATES * hidden).zip(sums.chunks_exact(GATES * room));
        for ((x, sums), (h, c)) in sequences.zip(states) {
            let (h, c) = (&mut h[first..first + count], &mut c[first..first + count]);
            let x = [0, 1, 2, 3].map(|n| &x[n * hidden + first..][..count]);
            let sums = [0, 1, 2, 3].map(|n| &sums[n * room..][..room]);
            // Everything for one register at once: the gates are independent chains of operations,
            // and their values stay in registers.
            for i in (0..count).step_by(L::WIDTH) {
                let input = sigmoid_lanes(lanes, gate(lanes, x[0], sums[0], i));
                let forget = sigmoid_lanes(lanes, gate(lanes, x[1], sums[1], i));
                let new = tanh_lanes(lanes, gate(lanes, x[2], sums[2], i));
                let output = sigmoid_lanes(lanes, gate(lanes, x[3], sums[3], i));
                let kept = lanes.mul(forget, load(lanes, c, i));
                let cell = lanes.add(kept, lanes.mul(input, new));
                store(lanes, cell, c, i);
                store(lanes, lanes.mul(output, tanh_lanes(lanes, cell)), h, i);
            }
        }
    }
}
