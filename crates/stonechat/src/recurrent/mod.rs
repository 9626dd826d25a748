//! Recurrent layers; the formulas stand at `stonechat_model::RecurrentLayer`.
//!
//! The input product of all frames that have come is one; the rest goes frame by frame. Where a kernel has the whole
//! step of a cell in one call it is taken ([`Step::Gru`], [`Step::Lstm`]), else the products are separate and one file a
//! cell has its gates.

mod gru;
mod lstm;
mod rnn;
mod separate;

use std::borrow::Cow;

use stonechat_kernels::{Activation, Packed, PackedGru, PackedLstm};
use stonechat_model::{Candidate, Cell, LinearMap, NetworkConfig, RecurrentLayer};

use crate::Error;
use crate::linear::{Chooser, LinearScratch, PackedMap, executable, recurrent, recurrent_factors};
use crate::profile::{Clock, Part};
use separate::Separate;

pub(crate) struct PackedLayer {
    index: usize,
    cell: Cell,
    /// Applied to the frames at once, one behind the other: `W`, or `Vx` with or without `L`.
    input: Vec<PackedMap>,
    /// Added to the input products, unless a separate step adds it behind `L`.
    bias: Option<Vec<f32>>,
    step: Step,
    projection: Option<PackedMap>,
    hidden: usize,
    rec_name: String,
}

/// From the input products of a frame and the states before it to the states after it.
enum Step {
    Gru(PackedGru),
    Lstm(PackedLstm),
    Separate(Box<Separate>),
}

/// What a stream keeps of a layer, and its working memory.
pub(crate) struct LayerState {
    h: Vec<f32>,
    /// The LSTM's content; empty for other cells.
    c: Vec<f32>,
    /// `P h`; empty without a projection.
    p: Vec<f32>,
    /// Input products, `frames x rows of the last input map`.
    inputs: Vec<f32>,
    /// Products before the last of `input`.
    middle: Vec<f32>,
    /// Recurrent products of a separate step.
    sums: Vec<f32>,
    /// What `L` makes of them.
    gates: Vec<f32>,
}

impl PackedLayer {
    /// Packs layer `index` of a valid network.
    pub(crate) fn new(
        index: usize,
        layer: &RecurrentLayer,
        network: &NetworkConfig,
        chooser: &Chooser<'_>,
    ) -> Result<Self, Error> {
        let config = &network.recurrent[index];
        let name = network.recurrent_name(index);
        let part = |part: &str| format!("{name}.{part}");
        let pack = |suffix: &str, map: &LinearMap| PackedMap::pack(&part(suffix), map, chooser);
        let candidate = match network.candidate {
            Candidate::Tanh => Activation::Tanh,
            Candidate::ClippedRelu => Activation::ClippedRelu(network.clip),
        };
        let own = chooser.has_own(&layer.rec, 1);
        let rec = if own { Cow::Borrowed(&layer.rec) } else { executable(&layer.rec) };
        let fused = match (config.cell, &layer.joint) {
            // A map with a product of its own, or one that is multiplied out for a fused step.
            _ if own => None,
            // The kernels' steps have neither projection nor peepholes nor a bias inside the reset gate.
            _ if config.projection.is_some() || config.peepholes || config.recurrent_bias => None,
            (_, None) => recurrent(&rec),
            // `L (Vh h)` is a low-rank recurrent map.
            (Cell::Gru, Some(left)) => recurrent_factors(left, &rec),
            _ => None,
        };
        let failed = |source| Error::Weight { map: part("rec"), source };
        let hidden = config.hidden;
        let fused = match (config.cell, fused) {
            (Cell::Gru, Some(map)) => {
                Some(PackedGru::pack(map, hidden, candidate).map(Step::Gru).map_err(failed)?)
            }
            (Cell::Lstm, Some(map)) => {
                Some(PackedLstm::pack(map, hidden).map(Step::Lstm).map_err(failed)?)
            }
            _ => None,
        };
        let mut input = vec![pack("nonrec", &layer.nonrec.map)?];
        // Only where no reset gate stands between them, `L` takes the sum of both products.
        let joint_sum = layer.joint.is_some() && config.cell != Cell::Gru;
        if let Some(left) = layer.joint.as_ref().filter(|_| !joint_sum) {
            input.push(pack("joint", left)?);
        }
        let step = match fused {
            Some(step) => step,
            None => {
                let left = layer.joint.as_ref().map(|left| pack("joint", left)).transpose()?;
                let bias = joint_sum.then(|| layer.nonrec.bias.clone());
                let rec = PackedMap::pack_for(&part("rec"), &layer.rec, chooser, 1)?;
                let cell = match config.cell {
                    Cell::Gru => separate::Gates::Gru(candidate, layer.recurrent_bias.clone()),
                    Cell::Lstm => separate::Gates::Lstm(layer.peepholes.clone()),
                    Cell::Rnn => separate::Gates::Rnn(candidate),
                };
                Step::Separate(Box::new(Separate { rec, left, bias, cell }))
            }
        };
        let projection = layer.projection.as_ref();
        let projection = projection
            .map(|map| PackedMap::pack_for(&part("proj"), map, chooser, 1))
            .transpose()?;
        Ok(Self {
            index,
            cell: config.cell,
            input,
            bias: (!joint_sum).then(|| layer.nonrec.bias.clone()),
            step,
            projection,
            hidden,
            rec_name: part("rec"),
        })
    }

    /// The weights, to be moved.
    pub(crate) fn packed(&mut self) -> Vec<&mut dyn Packed> {
        let mut all: Vec<&mut dyn Packed> =
            self.input.iter_mut().flat_map(PackedMap::packed).collect();
        match &mut self.step {
            Step::Gru(gru) => all.push(gru),
            Step::Lstm(lstm) => all.push(lstm),
            Step::Separate(separate) => all.extend(separate.packed()),
        }
        all.extend(self.projection.iter_mut().flat_map(PackedMap::packed));
        all
    }

    pub(crate) fn state(&self) -> LayerState {
        let zeros = |there: bool, n| vec![0.0; if there { n } else { 0 }];
        LayerState {
            h: vec![0.0; self.hidden],
            c: zeros(self.cell == Cell::Lstm, self.hidden),
            p: self.projection.as_ref().map_or(Vec::new(), |map| vec![0.0; map.rows()]),
            inputs: Vec::new(),
            middle: Vec::new(),
            sums: Vec::new(),
            gates: Vec::new(),
        }
    }

    /// `x`: whole input frames. Appends what goes up after each of them to `out`.
    pub(crate) fn push(
        &self,
        state: &mut LayerState,
        x: &[f32],
        scratch: &mut LinearScratch,
        clock: &mut Clock,
        out: &mut Vec<f32>,
    ) {
        let frames = x.len() / self.input[0].cols();
        let mut inputs = std::mem::take(&mut state.inputs);
        let bias = self.bias.as_deref();
        match &self.input[..] {
            [first, second] => {
                state.middle.resize(frames * first.rows(), 0.0);
                inputs.resize(frames * second.rows(), 0.0);
                first.matmul(x, frames, None, Activation::None, scratch, &mut state.middle);
                let middle = &state.middle;
                second.matmul(middle, frames, bias, Activation::None, scratch, &mut inputs);
            }
            maps => {
                inputs.resize(frames * maps[0].rows(), 0.0);
                maps[0].matmul(x, frames, bias, Activation::None, scratch, &mut inputs);
            }
        }
        clock.lap(Part::Nonrecurrent(self.cell, self.index));
        let rows = self.input.last().map_or(1, PackedMap::rows);
        for input in inputs.chunks_exact_mut(rows) {
            match &self.step {
                Step::Gru(gru) => {
                    scratch.observe(&self.rec_name, &state.h);
                    gru.step(input, 1, &mut state.h, &mut scratch.kernel);
                }
                Step::Lstm(lstm) => {
                    scratch.observe(&self.rec_name, &state.h);
                    lstm.step(input, 1, &mut state.h, &mut state.c, &mut scratch.kernel);
                }
                Step::Separate(separate) => separate.step(input, state, scratch),
            }
            match &self.projection {
                Some(map) => {
                    let LayerState { h, p, .. } = &mut *state;
                    map.matmul(h, 1, None, Activation::None, scratch, p);
                    out.extend_from_slice(p);
                }
                None => out.extend_from_slice(&state.h),
            }
        }
        state.inputs = inputs;
        clock.lap(Part::Recurrent(self.cell, self.index));
    }
}

impl LayerState {
    pub(crate) fn reset(&mut self) {
        self.h.fill(0.0);
        self.c.fill(0.0);
        self.p.fill(0.0);
    }

    /// What recurs.
    fn recurs(&self) -> &[f32] {
        if self.p.is_empty() { &self.h } else { &self.p }
    }
}
