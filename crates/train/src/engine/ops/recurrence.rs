//! A recurrent layer over a batch of sequences, forward and backward through time, for every cell.
//!
//! The input products `W x + b` of all steps are given (one large product each); this file runs
//! what must run step by step. `s` is the recurrent state (`h`, or its projection `P h`) and `a = U
//! s`. The gates of the cells are in `gru.rs`, `lstm.rs` and `rnn.rs`:
//!
//! ```text
//! a_t = U s_{t-1}      h_t = cell(x_t, a_t, h_{t-1})      s_t = h_t or P h_t
//! ```
//!
//! The batch is divided into groups of `lanes` sequences that go through time independently, on one
//! thread each; the gradients of the matrices are one product over all steps at the end.

use rayon::prelude::*;
use stonechat_kernels::PackedF32;

pub use super::recurrent_product::Recurrent;
use super::recurrent_product::{Packed, SumGradient, multiply, pack, pack_transposed, rounded};
use super::vectorise::vectorised;
use super::{buffers, gru, lstm, matmul, rnn, rounding};

/// Sequences that share one pass over the packed recurrent weights: up to 8, where the product is
/// close to peak arithmetic speed, in groups of similar size for all threads. The results of a
/// sequence do not depend on those beside it (see [`PackedF32`]), so they do not depend on the
/// number of threads.
fn lanes(batch: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    let rounds = batch.div_ceil(8 * threads).max(1);
    batch.div_ceil(rounds * threads).max(1)
}

/// Sizes of one recurrence.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sequences.
    pub batch: usize,
    /// Steps, padding included.
    pub steps: usize,
    /// Units.
    pub hidden: usize,
    /// Width of the recurrent state and the output: `hidden`, or that of the projection.
    pub output: usize,
}

/// The nonlinearity `f` of a candidate or of a simple recurrence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Candidate {
    /// `tanh`.
    Tanh,
    /// `min(max(x, 0), clip)`.
    ClippedRelu(f32),
}

/// The recurrence of a layer; for the formulas see `stonechat_model::RecurrentLayer`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// Three gates: update, reset, candidate.
    Gru(Candidate),
    /// Four gates: input, forget, new content, output.
    Lstm,
    /// No gates.
    Rnn(Candidate),
}

impl Cell {
    /// Number of gates, whose matrices are stacked.
    pub fn gates(self) -> usize {
        match self {
            Cell::Gru(_) => gru::Gru::GATES,
            Cell::Lstm => lstm::Lstm::GATES,
            Cell::Rnn(_) => rnn::Rnn::GATES,
        }
    }
}

/// The weights of one recurrence.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    /// `U`.
    pub recurrent: Recurrent<'a>,
    /// LSTM only: `3 hidden` values for input, forget and output gate.
    pub peepholes: Option<&'a [f32]>,
    /// `P`, `output x hidden`.
    pub projection: Option<&'a [f32]>,
    /// Whether vectors are rounded to int8 before they are multiplied. Gradients ignore that.
    pub rounded: bool,
}

/// What [`backward`] needs from [`forward`].
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// `batch x steps x gates hidden`: the gates after their nonlinearities.
    gates: Vec<f32>,
    /// `batch x steps x hidden`: what the cell keeps besides the gates; empty if nothing.
    kept: Vec<f32>,
    /// With a projection: `h`, `batch x steps x hidden`.
    states: Vec<f32>,
}

/// Gradients of one recurrence.
#[derive(Debug)]
pub struct Gradients {
    /// With respect to the input products, `batch x steps x gates hidden`.
    pub input: Vec<f32>,
    /// With respect to `U` (dense) or `A` (low rank).
    pub left: Vec<f32>,
    /// With respect to `B` (low rank); empty for dense.
    pub right: Vec<f32>,
    /// With respect to the peepholes; empty if there are none.
    pub peepholes: Vec<f32>,
    /// With respect to `P`; empty if there is none.
    pub projection: Vec<f32>,
}

/// The arithmetic of a cell for one sequence at one step; every slice is `hidden` long or a
/// multiple of it.
pub(super) trait CellStep: Copy + Sync {
    /// Gates.
    const GATES: usize;
    /// Whether it keeps one more value per unit for the backward pass.
    const KEEPS: bool;
    /// Whether that value becomes the gradient of the last gate's recurrent sum, because it differs
    /// from the gradient of the gate's input.
    const SPLIT: bool = false;

    fn forward(self, step: Forward<'_>);
    fn backward(self, step: Backward<'_>);
}

pub(super) struct Forward<'a> {
    /// Input products; afterwards the gates after their nonlinearities.
    pub gates: &'a mut [f32],
    /// `U s`.
    pub sums: &'a [f32],
    /// Receives what is kept.
    pub kept: &'a mut [f32],
    /// What the previous step kept; zeros at the start.
    pub kept_before: &'a [f32],
    /// `h` before the step; afterwards `h` after it.
    pub h: &'a mut [f32],
}

pub(super) struct Backward<'a> {
    /// Gates; afterwards the gradients of the input products.
    pub gates: &'a mut [f32],
    /// What was kept.
    pub kept: &'a mut [f32],
    /// What the previous step kept.
    pub kept_before: &'a [f32],
    /// `h` before the step.
    pub before: &'a [f32],
    /// The whole gradient of `h`; afterwards the part that reaches the previous `h` without passing
    /// the gates.
    pub dh: &'a mut [f32],
    /// The gradient that comes back through a cell state; afterwards that for the previous step.
    pub dc: &'a mut [f32],
    /// Receives the gradient of `U s`.
    pub da: &'a mut [f32],
}

/// The matrices for one direction through time, and sizes.
struct Walk {
    recurrent: Packed,
    projection: Option<PackedF32>,
    shape: Shape,
    /// Only in the forward pass.
    rounded: bool,
}

/// Runs the recurrence from zero states.
///
/// `x` is `batch x steps x gates hidden` and becomes the gates. `lengths[b]` steps of sequence `b`
/// are real; the output of the rest is zero. Returns `s` as `batch x steps x output`, and what the
/// backward pass needs.
pub fn forward(
    x: Vec<f32>,
    cell: Cell,
    weights: Weights<'_>,
    lengths: &[usize],
    shape: Shape,
) -> (Vec<f32>, Saved) {
    match cell {
        Cell::Gru(candidate) => forward_cell(x, gru::Gru { candidate }, weights, lengths, shape),
        Cell::Lstm => {
            let cell = lstm::Lstm { peepholes: weights.peepholes };
            forward_cell(x, cell, weights, lengths, shape)
        }
        Cell::Rnn(function) => forward_cell(x, rnn::Rnn { function }, weights, lengths, shape),
    }
}

fn forward_cell<C: CellStep>(
    x: Vec<f32>,
    cell: C,
    weights: Weights<'_>,
    lengths: &[usize],
    shape: Shape,
) -> (Vec<f32>, Saved) {
    let Shape { batch, steps, hidden, output } = shape;
    let kept = if C::KEEPS { hidden } else { 0 };
    let states = if weights.projection.is_some() { hidden } else { 0 };
    let mut out = buffers::unwritten(batch * steps * output);
    let mut saved = Saved {
        gates: x,
        kept: buffers::unwritten(batch * steps * kept),
        states: buffers::unwritten(batch * steps * states),
    };
    let walk = Walk {
        recurrent: Packed::forward(weights.recurrent, C::GATES * hidden, output),
        projection: weights.projection.map(|p| pack(p, output, hidden)),
        shape,
        rounded: weights.rounded,
    };
    let lanes = lanes(batch);
    let rows = lanes * steps;
    out.par_chunks_mut(rows * output)
        .zip(saved.gates.par_chunks_mut(rows * C::GATES * hidden))
        .zip(groups(&mut saved.kept, batch * steps, rows))
        .zip(groups(&mut saved.states, batch * steps, rows))
        .zip(lengths.par_chunks(lanes))
        .for_each(|((((out, gates), kept), states), lengths)| {
            vectorised(
                #[inline(always)]
                || forward_lanes(&walk, cell, lengths, out, gates, kept, states),
            );
        });
    (out, saved)
}

/// Slices of `rows` rows each, even if they are empty.
fn groups(values: &mut [f32], total: usize, rows: usize) -> Vec<&mut [f32]> {
    let width = values.len() / total.max(1);
    if width == 0 {
        return (0..total.div_ceil(rows.max(1))).map(|_| Default::default()).collect();
    }
    values.chunks_mut(rows * width).collect()
}

#[inline(always)]
fn forward_lanes<C: CellStep>(
    walk: &Walk,
    cell: C,
    lengths: &[usize],
    out: &mut [f32],
    gates: &mut [f32],
    kept: &mut [f32],
    states: &mut [f32],
) {
    let Shape { steps, hidden, output, .. } = walk.shape;
    let lanes = lengths.len();
    let wide = C::GATES * hidden;
    let keeps = if C::KEEPS { hidden } else { 0 };
    let start = vec![0.0; keeps];
    let mut h = vec![0.0; lanes * hidden];
    let mut s = vec![0.0; if walk.projection.is_some() { lanes * output } else { 0 }];
    let mut a = vec![0.0; lanes * wide];
    let mut middle = Vec::new();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for (lane, &length) in lengths.iter().enumerate() {
        let padding = lane * steps + length..(lane + 1) * steps;
        out[padding.start * output..padding.end * output].fill(0.0);
        gates[padding.start * wide..padding.end * wide].fill(0.0);
        kept[padding.start * keeps..padding.end * keeps].fill(0.0);
        if walk.projection.is_some() {
            states[padding.start * hidden..padding.end * hidden].fill(0.0);
        }
    }
    for t in 0..longest {
        let recurs = if walk.projection.is_some() { &s } else { &h };
        if walk.rounded {
            walk.recurrent.apply_rounded(recurs, lanes, &mut middle, &mut a);
        } else {
            walk.recurrent.apply(recurs, lanes, &mut middle, &mut a);
        }
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let (past, kept) = kept.split_at_mut(row * keeps);
            cell.forward(Forward {
                gates: &mut gates[row * wide..][..wide],
                sums: &a[lane * wide..][..wide],
                kept: &mut kept[..keeps],
                kept_before: if t == 0 { &start } else { &past[past.len() - keeps..] },
                h: &mut h[lane * hidden..][..hidden],
            });
        }
        if let Some(projection) = &walk.projection {
            let copy = walk.rounded.then(|| rounded(&h, lanes));
            let h = copy.as_ref().unwrap_or(&h);
            multiply(projection, h, lanes, &mut s);
        }
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let h = &h[lane * hidden..][..hidden];
            let up = if walk.projection.is_some() {
                states[row * hidden..][..hidden].copy_from_slice(h);
                &s[lane * output..][..output]
            } else {
                h
            };
            out[row * output..][..output].copy_from_slice(up);
        }
    }
}

/// Backward through time: `out` and `saved` come from [`forward`], `dout` is the gradient of `out`.
///
/// The gradients replace the saved values, so that hardly any large buffer is new.
pub fn backward(
    dout: &[f32],
    out: Vec<f32>,
    saved: Saved,
    cell: Cell,
    weights: Weights<'_>,
    lengths: &[usize],
    shape: Shape,
) -> Gradients {
    let pass = Pass { dout, lengths, shape, weights };
    match cell {
        Cell::Gru(candidate) => pass.backward(out, saved, gru::Gru { candidate }),
        Cell::Lstm => pass.backward(out, saved, lstm::Lstm { peepholes: weights.peepholes }),
        Cell::Rnn(function) => pass.backward(out, saved, rnn::Rnn { function }),
    }
}

/// The input of the backward pass of every cell.
struct Pass<'a> {
    dout: &'a [f32],
    lengths: &'a [usize],
    shape: Shape,
    weights: Weights<'a>,
}

impl Pass<'_> {
    fn backward<C: CellStep>(self, out: Vec<f32>, saved: Saved, cell: C) -> Gradients {
        let Pass { dout, lengths, shape, weights } = self;
        let Shape { batch, steps, hidden, output } = shape;
        let (rows, wide) = (batch * steps, C::GATES * hidden);
        // From here on: the gradients of the input products, and of what is kept by a cell that
        // splits.
        let Saved { gates: mut input, mut kept, mut states } = saved;
        let projected = if weights.projection.is_some() { output } else { 0 };
        let mut d_projected = buffers::unwritten(rows * projected);
        let walk = Walk {
            recurrent: Packed::transposed(weights.recurrent, wide, output),
            projection: weights.projection.map(|p| pack_transposed(p, output, hidden)),
            shape,
            rounded: false,
        };
        let lanes = lanes(batch);
        let group = lanes * steps;
        let h = if weights.projection.is_some() { &states } else { &out };
        input
            .par_chunks_mut(group * wide)
            .zip(groups(&mut kept, rows, group))
            .zip(groups(&mut d_projected, rows, group))
            .zip(dout.par_chunks(group * output))
            .zip(h.par_chunks(group * hidden))
            .zip(lengths.par_chunks(lanes))
            .for_each(|(((((dx, kept), ds), dout), h), lengths)| {
                vectorised(
                    #[inline(always)]
                    || backward_lanes(&walk, cell, lengths, dout, h, dx, kept, ds),
                );
            });
        drop(walk);

        // The weights were applied to rounded vectors, so their gradients use rounded vectors, too.
        let round = |vectors: &mut [f32], width: usize| {
            if weights.rounded {
                rounding::round_vectors(vectors, width);
            }
        };
        round(&mut states, hidden);
        let projection = match weights.projection {
            Some(_) => matmul::backward_weight(&d_projected, &states, rows, hidden, output),
            None => Vec::new(),
        };
        buffers::keep(d_projected);
        buffers::keep(states);
        let peepholes = match weights.peepholes {
            Some(_) => lstm::peephole_gradient(&input, &kept, steps, hidden),
            None => Vec::new(),
        };
        // s before each step: `out` delayed by one step, zero at the start.
        let mut before = out;
        before.par_chunks_mut(steps * output).for_each(|before| {
            before.copy_within(..(steps - 1) * output, output);
            before[..output].fill(0.0);
        });
        round(&mut before, output);
        let last = C::SPLIT.then_some(&kept[..]);
        let sums = SumGradient::new(&input, last, rows, wide, hidden);
        let (left, right) = match weights.recurrent {
            Recurrent::Dense(_) => (sums.times(&before, output), Vec::new()),
            Recurrent::LowRank { a, b, rank } => {
                let mut middle = matmul::forward(&before, b, rows, output, rank);
                round(&mut middle, rank);
                let left = sums.times(&middle, rank);
                // d(B s) = A^T d(U s), in place of B s.
                let mut d_middle = middle;
                sums.back_through(a, rank, &mut d_middle);
                let right = matmul::backward_weight(&d_middle, &before, rows, output, rank);
                buffers::keep(d_middle);
                (left, right)
            }
        };
        buffers::keep(before);
        buffers::keep(kept);
        Gradients { input, left, right, peepholes, projection }
    }
}

/// Replaces the gates in `dx` by the gradient of the input products, and fills `ds` with that of
/// the projection.
#[allow(clippy::too_many_arguments)] // the mirror of forward_lanes
#[inline(always)]
fn backward_lanes<C: CellStep>(
    walk: &Walk,
    cell: C,
    lengths: &[usize],
    dout: &[f32],
    h: &[f32],
    dx: &mut [f32],
    kept: &mut [f32],
    ds: &mut [f32],
) {
    let Shape { steps, hidden, output, .. } = walk.shape;
    let lanes = lengths.len();
    let wide = C::GATES * hidden;
    let keeps = if C::KEEPS { hidden } else { 0 };
    let start = vec![0.0; hidden];
    // What comes back from the following step to s, and past the gates to h and the cell state.
    let mut through = vec![0.0; lanes * output];
    let mut dh = vec![0.0; lanes * hidden];
    let mut dc = vec![0.0; lanes * hidden];
    let mut da = vec![0.0; lanes * wide];
    let mut from_above = vec![0.0; if walk.projection.is_some() { lanes * hidden } else { 0 }];
    let mut middle = Vec::new();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if walk.projection.is_some() {
        for (lane, &length) in lengths.iter().enumerate() {
            let padding = lane * steps + length..(lane + 1) * steps;
            ds[padding.start * output..padding.end * output].fill(0.0);
        }
    }
    for t in (0..longest).rev() {
        // The whole gradient of s, in place of what came back.
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let through = &mut through[lane * output..][..output];
            for (through, dout) in through.iter_mut().zip(&dout[row * output..][..output]) {
                *through += dout;
            }
            if walk.projection.is_some() {
                ds[row * output..][..output].copy_from_slice(through);
            }
        }
        let d_state = match &walk.projection {
            Some(projection) => {
                multiply(projection, &through, lanes, &mut from_above);
                &from_above
            }
            None => &through,
        };
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let span = lane * hidden..(lane + 1) * hidden;
            let dh = &mut dh[span.clone()];
            for (dh, d_state) in dh.iter_mut().zip(&d_state[span.clone()]) {
                *dh += d_state;
            }
            let (past, kept) = kept.split_at_mut(row * keeps);
            cell.backward(Backward {
                gates: &mut dx[row * wide..][..wide],
                kept: &mut kept[..keeps],
                kept_before: if t == 0 { &start[..keeps] } else { &past[past.len() - keeps..] },
                before: if t == 0 { &start } else { &h[(row - 1) * hidden..][..hidden] },
                dh,
                dc: &mut dc[span],
                da: &mut da[lane * wide..][..wide],
            });
        }
        walk.recurrent.apply(&da, lanes, &mut middle, &mut through);
    }
}
