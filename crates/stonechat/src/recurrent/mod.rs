//! Recurrent layers; for the formulas see `stonechat_model::RecurrentLayer`.
//!
//! The input products of all waiting frames are computed at once; the rest goes frame by frame. If
//! a kernel does the whole step of a cell in one call, it is used ([`Step::Gru`], [`Step::Lstm`]);
//! otherwise the products are separate, and each cell's gates are in a file of their own.

mod gru;
mod lstm;
mod rnn;
mod separate;

use stonechat_kernels::{
    Activation, Error as KernelError, Packed, PackedGru, PackedLstm, Recurrent,
};
use stonechat_model::{
    Candidate, Cell, LinearMap, Matrix, NetworkConfig, RecurrentConfig, RecurrentLayer,
};
use stonechat_plan::{RunForm, RunPlan, multiplied_out, weights};

use crate::Error;
use crate::linear::{LinearScratch, PackedMap};
use crate::profile::{Clock, Part};
use separate::Separate;

pub(crate) struct PackedLayer {
    index: usize,
    cell: Cell,
    /// Applied to all frames at once, one after the other: `W`, or `Vx` with or without `L`.
    input: Vec<PackedMap>,
    /// Added to the input products, unless a separate step adds it after `L`.
    bias: Option<Vec<f32>>,
    step: Step,
    projection: Option<PackedMap>,
    hidden: usize,
    rec_name: String,
}

/// From the input products of a frame and the states before it, computes the states after it.
enum Step {
    Gru(PackedGru),
    Lstm(PackedLstm),
    Separate(Box<Separate>),
}

/// What a stream keeps of a layer, and its working memory.
pub(crate) struct LayerState {
    h: Vec<f32>,
    /// The LSTM's cell state; empty for other cells.
    c: Vec<f32>,
    /// `P h`; empty without a projection.
    p: Vec<f32>,
    /// Input products, `frames x rows of the last input map`.
    inputs: Vec<f32>,
    /// Products before the last map of `input`.
    middle: Vec<f32>,
    /// Recurrent products of a separate step.
    sums: Vec<f32>,
    /// `L` times these sums.
    gates: Vec<f32>,
}

impl PackedLayer {
    /// Packs layer `index` of a valid network.
    pub(crate) fn new(
        index: usize,
        layer: &RecurrentLayer,
        network: &NetworkConfig,
        plan: &RunPlan,
    ) -> Result<Self, Error> {
        let config = &network.recurrent[index];
        let name = network.recurrent_name(index);
        let rec_name = format!("{name}.rec");
        let pack =
            |part: &str, map: &LinearMap| PackedMap::pack(&format!("{name}.{part}"), map, plan);
        let candidate = match network.candidate {
            Candidate::Tanh => Activation::Tanh,
            Candidate::ClippedRelu => Activation::ClippedRelu(network.clip),
        };
        let mut input = vec![pack("nonrec", &layer.nonrec.map)?];
        // `L` multiplies the sum of both products only if no reset gate stands between them.
        let joint_sum = layer.joint.is_some() && config.cell != Cell::Gru;
        if let Some(left) = layer.joint.as_ref().filter(|_| !joint_sum) {
            input.push(pack("joint", left)?);
        }
        let fused = fused(config, layer, candidate, plan.form(&rec_name))
            .map_err(|source| Error::Weight { map: rec_name.clone(), source })?;
        let step = match fused {
            Some(step) => step,
            None => {
                let left = layer.joint.as_ref().map(|left| pack("joint", left)).transpose()?;
                let bias = joint_sum.then(|| layer.nonrec.bias.clone());
                let rec = pack("rec", &layer.rec)?;
                let cell = match config.cell {
                    Cell::Gru => separate::Gates::Gru(candidate, layer.recurrent_bias.clone()),
                    Cell::Lstm => separate::Gates::Lstm(layer.peepholes.clone()),
                    Cell::Rnn => separate::Gates::Rnn(candidate),
                };
                Step::Separate(Box::new(Separate { rec, left, bias, cell }))
            }
        };
        let projection = layer.projection.as_ref().map(|map| pack("proj", map)).transpose()?;
        Ok(Self {
            index,
            cell: config.cell,
            input,
            bias: (!joint_sum).then(|| layer.nonrec.bias.clone()),
            step,
            projection,
            hidden: config.hidden,
            rec_name,
        })
    }

    /// The weights, so that they can be moved.
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

    /// `x`: whole input frames. Appends the layer's output after each of them to `out`.
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

/// `U V` in the kernels' type.
fn product<'a>(u: &'a Matrix, v: &'a Matrix) -> Recurrent<'a> {
    Recurrent::LowRank { u: weights(u), v: weights(v), rank: v.rows() }
}

/// The whole step in one call, if the kernels have it: for a GRU or an LSTM whose recurrent map
/// runs as one dense matrix or a low-rank product, without projection, peepholes, or a bias inside
/// the reset gate.
fn fused(
    config: &RecurrentConfig,
    layer: &RecurrentLayer,
    candidate: Activation,
    form: RunForm,
) -> Result<Option<Step>, KernelError> {
    if config.projection.is_some() || config.peepholes || config.recurrent_bias {
        return Ok(None);
    }
    let matrix = (form == RunForm::Dense).then(|| multiplied_out(&layer.rec));
    let recurrent = match (&matrix, &layer.joint) {
        (Some(matrix), None) => Some(Recurrent::Dense(weights(matrix))),
        // `L (Vh h)` is a low-rank recurrent map.
        (Some(matrix), Some(left)) if config.cell == Cell::Gru => {
            left.weight().map(|left| product(left, matrix))
        }
        (None, None) if form == RunForm::LowRank && layer.rec.gain().is_none() => {
            layer.rec.factors().map(|(u, v)| product(u, v))
        }
        _ => None,
    };
    let hidden = config.hidden;
    Ok(match (config.cell, recurrent) {
        (Cell::Gru, Some(map)) => Some(Step::Gru(PackedGru::pack(map, hidden, candidate)?)),
        (Cell::Lstm, Some(map)) => Some(Step::Lstm(PackedLstm::pack(map, hidden)?)),
        _ => None,
    })
}

impl LayerState {
    pub(crate) fn reset(&mut self) {
        self.h.fill(0.0);
        self.c.fill(0.0);
        self.p.fill(0.0);
    }

    /// The recurrent state.
    fn recurs(&self) -> &[f32] {
        if self.p.is_empty() { &self.h } else { &self.p }
    }
}
