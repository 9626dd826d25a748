//! The recurrent layer, eq. (10) of Kliegl et al. 2017 (arXiv 1710.09026):
//!
//! ```text
//! z  = sigmoid(Wz x + Uz h + bz)        update
//! r  = sigmoid(Wr x + Ur h + br)        reset
//! c  = f(Wh x + r * (Uh h) + bh)        candidate
//! h' = (1 - z) * h + z * c
//! ```
//!
//! `W x + b` of all frames that have come is one product; `U h` is one per frame.

use stonechat_kernels::{Activation, math};
use stonechat_model::{Candidate, Gru, NetworkConfig};

use crate::Error;
use crate::linear::{LinearScratch, PackedMap};
use crate::profile::{Clock, Part};

pub(crate) struct GruLayer {
    index: usize,
    nonrec: PackedMap,
    bias: Vec<f32>,
    rec: PackedMap,
    hidden: usize,
    candidate: Candidate,
    clip: f32,
}

pub(crate) struct GruState {
    h: Vec<f32>,
    /// `W x + b`, `frames x 3h`; each frame is then turned into its gates in place.
    gates: Vec<f32>,
    /// `U h`, `3h`.
    recurrent: Vec<f32>,
}

impl GruLayer {
    pub(crate) fn new(index: usize, gru: &Gru, config: &NetworkConfig) -> Result<Self, Error> {
        Ok(Self {
            index,
            nonrec: PackedMap::pack(&format!("gru.{index}.nonrec"), &gru.nonrec.map)?,
            bias: gru.nonrec.bias.clone(),
            rec: PackedMap::pack(&format!("gru.{index}.rec"), &gru.rec)?,
            hidden: config.gru[index],
            candidate: config.candidate,
            clip: config.clip,
        })
    }

    pub(crate) fn state(&self) -> GruState {
        GruState {
            h: vec![0.0; self.hidden],
            gates: Vec::new(),
            recurrent: vec![0.0; 3 * self.hidden],
        }
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
        for gates in state.gates.chunks_exact_mut(3 * self.hidden) {
            self.rec.matmul(&state.h, 1, None, Activation::None, scratch, &mut state.recurrent);
            self.step(gates, &state.recurrent, &mut state.h);
            out.extend_from_slice(&state.h);
        }
        clock.lap(Part::Recurrent(self.index));
    }

    /// `gates` comes as `W x + b`, `recurrent` is `U h`; `h` becomes `h'`.
    fn step(&self, gates: &mut [f32], recurrent: &[f32], h: &mut [f32]) {
        let n = self.hidden;
        let (zr, c) = gates.split_at_mut(2 * n);
        for (gate, u) in zr.iter_mut().zip(recurrent) {
            *gate += u;
        }
        math::sigmoid(zr);
        let (z, r) = zr.split_at(n);
        for ((c, r), u) in c.iter_mut().zip(r).zip(&recurrent[2 * n..]) {
            *c += r * u;
        }
        match self.candidate {
            Candidate::Tanh => math::tanh(c),
            Candidate::ClippedRelu => c.iter_mut().for_each(|c| *c = c.max(0.0).min(self.clip)),
        }
        for ((h, z), c) in h.iter_mut().zip(z).zip(&*c) {
            *h = (1.0 - z) * *h + z * c;
        }
    }
}

impl GruState {
    pub(crate) fn reset(&mut self) {
        self.h.fill(0.0);
    }
}
