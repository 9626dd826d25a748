//! The recurrent layer, eq. (10) of Kliegl et al. 2017 (arXiv 1710.09026):
//!
//! ```text
//! z  = sigmoid(Wz x + Uz h + bz)        update
//! r  = sigmoid(Wr x + Ur h + br)        reset
//! c  = f(Wh x + r * (Uh h) + bh)        candidate
//! h' = (1 - z) * h + z * c
//! ```
//!
//! `W x + b` of all frames that have come is one product; the rest is one fused step a frame.

use stonechat_kernels::{Activation, Packed, PackedGru};
use stonechat_model::{Candidate, Gru, NetworkConfig};

use crate::Error;
use crate::linear::{LinearScratch, PackedMap, executable, recurrent};
use crate::profile::{Clock, Part};

pub(crate) struct GruLayer {
    index: usize,
    rec_name: String,
    nonrec: PackedMap,
    bias: Vec<f32>,
    rec: PackedGru,
    hidden: usize,
}

pub(crate) struct GruState {
    h: Vec<f32>,
    /// `W x + b`, `frames x 3h`.
    gates: Vec<f32>,
}

impl GruLayer {
    pub(crate) fn new(index: usize, gru: &Gru, config: &NetworkConfig) -> Result<Self, Error> {
        let hidden = config.gru[index];
        let candidate = match config.candidate {
            Candidate::Tanh => Activation::Tanh,
            Candidate::ClippedRelu => Activation::ClippedRelu(config.clip),
        };
        let rec_name = format!("gru.{index}.rec");
        let rec = PackedGru::pack(recurrent(&executable(&gru.rec)), hidden, candidate)
            .map_err(|source| Error::Weight { map: rec_name.clone(), source })?;
        Ok(Self {
            index,
            rec_name,
            nonrec: PackedMap::pack(&format!("gru.{index}.nonrec"), &gru.nonrec.map)?,
            bias: gru.nonrec.bias.clone(),
            rec,
            hidden,
        })
    }

    /// The weights, to be moved.
    pub(crate) fn packed(&mut self) -> [&mut dyn Packed; 2] {
        [self.nonrec.packed(), &mut self.rec]
    }

    pub(crate) fn state(&self) -> GruState {
        GruState { h: vec![0.0; self.hidden], gates: Vec::new() }
    }

    /// `x`: whole input frames. Appends the state after each of them to `out`.
    pub(crate) fn push(
        &self,
        state: &mut GruState,
        x: &[f32],
        scratch: &mut LinearScratch,
        clock: &mut Clock,
        out: &mut Vec<f32>,
    ) {
        let frames = x.len() / self.nonrec.cols();
        state.gates.resize(frames * 3 * self.hidden, 0.0);
        self.nonrec.matmul(
            x,
            frames,
            Some(&self.bias),
            Activation::None,
            scratch,
            &mut state.gates,
        );
        clock.lap(Part::Nonrecurrent(self.index));
        for gates in state.gates.chunks_exact(3 * self.hidden) {
            scratch.observe(&self.rec_name, &state.h);
            self.rec.step(gates, 1, &mut state.h, &mut scratch.kernel);
            out.extend_from_slice(&state.h);
        }
        clock.lap(Part::Recurrent(self.index));
    }
}

impl GruState {
    pub(crate) fn reset(&mut self) {
        self.h.fill(0.0);
    }
}
