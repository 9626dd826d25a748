//! Shared by the fused steps of [`PackedGru`](crate::PackedGru) and
//! [`PackedLstm`](crate::PackedLstm): the recurrent product, one group of units after another.
//!
//! The rows of all gates of a group of units are stored together. Their sums are a few kilobytes
//! that never leave the first cache, and become gates and state before the next group is
//! multiplied; so the processor computes functions while the next weights are being loaded. (A
//! group of one panel would be too small: the functions, long chains of operations that wait for
//! each other, would then not overlap.)

use crate::aligned::Aligned;
use crate::drive::PANEL_ROWS;
use crate::lanes::Lanes;
use crate::product::sealed::Sealed;
use crate::weights::ByPanels;
use crate::{Arena, Epilogue, Error, Isa, Packed, Scratch, Weights, arch};
use alloc::boxed::Box;
use core::mem;

/// Units of a group.
pub(crate) const GROUP: usize = 4 * PANEL_ROWS;

/// The recurrent matrix of a layer, row-major: the matrices of the gates below each other, each
/// `hidden x hidden`.
#[derive(Debug, Clone, Copy)]
pub enum Recurrent<'a> {
    /// `gates * hidden x hidden`.
    Dense(Weights<'a>),
    /// `U V`, multiplied right to left.
    LowRank {
        /// `gates * hidden x rank`.
        u: Weights<'a>,
        /// `rank x hidden`.
        v: Weights<'a>,
        /// The inner size.
        rank: usize,
    },
}

/// [`Recurrent`], packed.
#[derive(Debug)]
pub(crate) struct PackedRecurrent {
    /// The left factor, or the whole matrix; its rows are sorted by units.
    left: Box<dyn ByPanels>,
    /// The right factor.
    right: Option<Box<dyn ByPanels>>,
    gates: usize,
    pub(crate) hidden: usize,
}

impl PackedRecurrent {
    pub(crate) fn pack(
        isa: Isa,
        recurrent: Recurrent<'_>,
        gates: usize,
        hidden: usize,
    ) -> Result<Self, Error> {
        let (left, cols, right) = match recurrent {
            Recurrent::Dense(w) => (w, hidden, None),
            Recurrent::LowRank { u, v, rank } => (u, rank, Some(v.pack(isa, rank, hidden)?)),
        };
        let left = left.pack_gates(isa, gates, hidden, cols)?;
        Ok(Self { left, right, gates, hidden })
    }

    /// Multiplies the states `h` of `batch` sequences, `batch x hidden`. Calls `update(group, h,
    /// sums)` for each group of units as soon as `sums`, `batch x gates x group.room`, are
    /// computed; `update` may overwrite the states of these units.
    pub(crate) fn step(
        &self,
        h: &mut [f32],
        scratch: &mut Scratch,
        mut update: impl FnMut(Group, &mut [f32], &[f32]),
    ) {
        let batch = h.len() / self.hidden;
        let mut floats = mem::replace(&mut scratch.floats, Aligned::zeroed(0));
        let mut gates = mem::replace(&mut scratch.gates, Aligned::zeroed(0));
        gates.grow(batch * self.gates * GROUP);
        // A copy, because the states are overwritten while they are still needed. (Integer weights
        // use a copy anyway.)
        let x: &[f32] = match &self.right {
            Some(v) => {
                floats.grow(batch * v.rows());
                let x = &mut floats.as_mut_slice()[..batch * v.rows()];
                v.multiply(None, h, batch, Epilogue::NONE, scratch, x);
                self.left.load(x, batch, scratch);
                x
            }
            None if self.left.reads_vectors() => {
                floats.grow(h.len());
                floats.as_mut_slice()[..h.len()].copy_from_slice(h);
                &floats.as_slice()[..h.len()]
            }
            None => {
                self.left.load(h, batch, scratch);
                &[]
            }
        };
        let padded = self.hidden.div_ceil(PANEL_ROWS) * PANEL_ROWS;
        for first in (0..self.hidden).step_by(GROUP) {
            let room = GROUP.min(padded - first);
            let group = Group { first, count: GROUP.min(self.hidden - first), room };
            let panels = self.gates * first / PANEL_ROWS..self.gates * (first + room) / PANEL_ROWS;
            let sums = &mut gates.as_mut_slice()[..batch * self.gates * room];
            self.left.multiply_panels(panels, x, batch, scratch, sums);
            update(group, h, sums);
        }
        scratch.floats = floats;
        scratch.gates = gates;
    }
}

impl Sealed for PackedRecurrent {}

impl Packed for PackedRecurrent {
    fn bytes(&self) -> usize {
        self.left.bytes() + self.right.as_ref().map_or(0, |v| v.bytes())
    }

    fn isa(&self) -> Isa {
        self.left.isa()
    }

    fn move_into(&mut self, arena: &mut Arena) {
        if let Some(v) = &mut self.right {
            v.move_into(arena);
        }
        self.left.move_into(arena);
    }
}

/// What a step with a field `recurrent` has besides its formula.
macro_rules! packed_step {
    ($step:ty) => {
        impl $step {
            /// Units of the layer: elements of a state.
            #[must_use]
            pub fn hidden(&self) -> usize {
                self.recurrent.hidden
            }
        }

        impl crate::product::sealed::Sealed for $step {}

        impl crate::Packed for $step {
            fn bytes(&self) -> usize {
                self.recurrent.bytes()
            }

            fn isa(&self) -> crate::Isa {
                self.recurrent.isa()
            }

            fn move_into(&mut self, arena: &mut crate::Arena) {
                self.recurrent.move_into(arena);
            }
        }
    };
}
pub(crate) use packed_step;

/// Some units of a layer.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    /// The first one.
    pub(crate) first: usize,
    /// How many.
    pub(crate) count: usize,
    /// How many including padding.
    pub(crate) room: usize,
}

/// A computation that uses the registers of an instruction set.
pub(crate) trait Job {
    /// Runs it. Always inlined.
    fn run<L: Lanes>(self, lanes: L);
}

/// Runs a job with the registers of `isa`.
pub(crate) fn run_on(isa: Isa, job: impl Job) {
    arch::run(isa, job);
}

/// The input of a gate: a register of `x` plus one of `sums`, starting at `at`.
#[inline(always)]
pub(crate) fn gate<L: Lanes>(lanes: L, x: &[f32], sums: &[f32], at: usize) -> L::F {
    lanes.add(load(lanes, x, at), lanes.load(&sums[at..]))
}

/// A register of `values` starting at `at`, padded with zeros at the end.
#[inline(always)]
pub(crate) fn load<L: Lanes>(lanes: L, values: &[f32], at: usize) -> L::F {
    if at + L::WIDTH <= values.len() {
        return lanes.load(&values[at..]);
    }
    let mut padded = [0.0; PANEL_ROWS];
    let rest = &values[at..];
    padded[..rest.len()].copy_from_slice(rest);
    lanes.load(&padded)
}

/// Stores a register to `values` starting at `at`, as many lanes as there are values.
#[inline(always)]
pub(crate) fn store<L: Lanes>(lanes: L, value: L::F, values: &mut [f32], at: usize) {
    if at + L::WIDTH <= values.len() {
        return lanes.store(value, &mut values[at..]);
    }
    let mut padded = [0.0; PANEL_ROWS];
    lanes.store(value, &mut padded);
    let rest = &mut values[at..];
    let len = rest.len();
    rest.copy_from_slice(&padded[..len]);
}
