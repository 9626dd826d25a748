//! A step with separate products and gates, for layers that no kernel does as a whole.

use stonechat_kernels::{Activation, Packed};

use super::{LayerState, gru, lstm, rnn};
use crate::linear::{LinearScratch, PackedMap};

pub(super) struct Separate {
    /// `U` or `Vh`.
    pub(super) rec: PackedMap,
    /// `L`.
    pub(super) left: Option<PackedMap>,
    /// The bias to add after `L`, if `L` multiplies the sum of input and recurrent product.
    pub(super) bias: Option<Vec<f32>>,
    pub(super) cell: Gates,
}

/// The cells, with what their gates need.
pub(super) enum Gates {
    /// The candidate's function, and the bias inside the reset gate.
    Gru(Activation, Option<Vec<f32>>),
    /// Peepholes.
    Lstm(Option<Vec<f32>>),
    /// The function.
    Rnn(Activation),
}

impl Separate {
    /// The weights, so that they can be moved.
    pub(super) fn packed(&mut self) -> impl Iterator<Item = &mut dyn Packed> {
        [&mut self.rec].into_iter().chain(&mut self.left).flat_map(PackedMap::packed)
    }

    /// `input`: the input product of this frame; it is overwritten.
    pub(super) fn step(
        &self,
        input: &mut [f32],
        state: &mut LayerState,
        scratch: &mut LinearScratch,
    ) {
        let none = Activation::None;
        let mut sums = std::mem::take(&mut state.sums);
        let mut gates = std::mem::take(&mut state.gates);
        sums.resize(self.rec.rows(), 0.0);
        self.rec.matmul(state.recurs(), 1, None, none, scratch, &mut sums);
        let (input, sums_of_gates) = match &self.left {
            Some(left) => {
                gates.resize(left.rows(), 0.0);
                if self.bias.is_some() {
                    add(&mut sums, input);
                }
                left.matmul(&sums, 1, self.bias.as_deref(), none, scratch, &mut gates);
                (input, &mut gates)
            }
            None => (input, &mut sums),
        };
        let LayerState { h, c, .. } = &mut *state;
        match &self.cell {
            Gates::Gru(candidate, bias) => {
                if let Some(bias) = bias {
                    add(&mut sums_of_gates[2 * h.len()..], bias);
                }
                gru::update(input, sums_of_gates, *candidate, h);
            }
            cell => {
                if self.bias.is_none() {
                    add(sums_of_gates, input);
                }
                match cell {
                    Gates::Lstm(peepholes) => {
                        lstm::update(sums_of_gates, peepholes.as_deref(), h, c);
                    }
                    Gates::Rnn(function) | Gates::Gru(function, _) => {
                        rnn::update(sums_of_gates, *function, h);
                    }
                }
            }
        }
        state.sums = sums;
        state.gates = gates;
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
