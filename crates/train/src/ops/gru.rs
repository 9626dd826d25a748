//! The GRU recurrence of Kliegl et al. 2017, eq. (10), over a batch of sequences.
//!
//! The input products `W x + b` of all steps come in ready (one large product each); here runs what
//! must run step by step. With `a = U h` (stacked update, reset, candidate):
//!
//! ```text
//! z = sigmoid(x_z + a_z)      r = sigmoid(x_r + a_r)
//! c = f(x_c + r * a_c)        h' = h + z * (c - h)
//! ```
//!
//! The batch is cut into groups of `lanes` sequences that walk through time on their own, one
//! thread each; the gradient of `U` is one product over all steps at the end.

use rayon::prelude::*;
use stonechat_kernels::{Activation, PackedF32, math};

use super::vectorise::vectorised;
use super::{buffers, matmul};

/// Sequences that share one pass over the packed recurrent weights: up to 8, where the product runs
/// near the arithmetic peak, in groups that the threads share evenly. What a sequence computes does
/// not depend on those beside it (see [`PackedF32`]), so that results do not depend on the threads.
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
    /// Cells.
    pub hidden: usize,
}

/// The nonlinearity `f` of the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Candidate {
    /// `tanh`.
    Tanh,
    /// `min(max(x, 0), clip)`.
    ClippedRelu(f32),
}

/// The recurrent matrix `U` (`3h x h`) as it is parametrised, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Recurrent<'a> {
    /// `U` itself.
    Dense(&'a [f32]),
    /// `U = A B` with `a: 3h x rank`, `b: rank x h`, multiplied as `A (B h)`.
    LowRank {
        /// Left factor.
        a: &'a [f32],
        /// Right factor.
        b: &'a [f32],
        /// Inner size.
        rank: usize,
    },
}

/// What [`backward`] needs from [`forward`].
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// `batch x steps x 3h`: z, r, c after their nonlinearities.
    gates: Vec<f32>,
    /// `batch x steps x h`: `U_c h`, before the reset gate.
    candidate_product: Vec<f32>,
}

/// Gradients of one recurrence.
#[derive(Debug)]
pub struct Gradients {
    /// With respect to the input products, `batch x steps x 3h`.
    pub input: Vec<f32>,
    /// With respect to `U` (dense) or `A` (low rank).
    pub left: Vec<f32>,
    /// With respect to `B` (low rank); empty for dense.
    pub right: Vec<f32>,
}

/// The recurrent product, packed once for a whole sequence.
enum Packed {
    Dense(PackedF32),
    LowRank(PackedF32, PackedF32),
}

impl Packed {
    fn forward(recurrent: Recurrent<'_>, hidden: usize) -> Self {
        match recurrent {
            Recurrent::Dense(u) => Self::Dense(pack(u, 3 * hidden, hidden)),
            Recurrent::LowRank { a, b, rank } => {
                Self::LowRank(pack(b, rank, hidden), pack(a, 3 * hidden, rank))
            }
        }
    }

    fn transposed(recurrent: Recurrent<'_>, hidden: usize) -> Self {
        match recurrent {
            Recurrent::Dense(u) => Self::Dense(pack_transposed(u, 3 * hidden, hidden)),
            Recurrent::LowRank { a, b, rank } => Self::LowRank(
                pack_transposed(a, 3 * hidden, rank),
                pack_transposed(b, rank, hidden),
            ),
        }
    }

    /// `y = M x` for `lanes` vectors; `middle` holds the low-rank projection.
    fn apply(&self, x: &[f32], lanes: usize, middle: &mut Vec<f32>, y: &mut [f32]) {
        match self {
            Self::Dense(map) => map.matmul(x, lanes, None, Activation::None, y),
            Self::LowRank(first, second) => {
                middle.resize(lanes * first.rows(), 0.0);
                first.matmul(x, lanes, None, Activation::None, middle);
                second.matmul(middle, lanes, None, Activation::None, y);
            }
        }
    }
}

const SHAPES: &str = "shapes are checked where the layer is built";

fn pack(w: &[f32], rows: usize, cols: usize) -> PackedF32 {
    PackedF32::pack(w, rows, cols).expect(SHAPES)
}

/// The transpose of `w` (`rows x cols`).
fn pack_transposed(w: &[f32], rows: usize, cols: usize) -> PackedF32 {
    PackedF32::pack_transposed(w, rows, cols).expect(SHAPES)
}

/// Runs the recurrence from `h = 0`.
///
/// `x` is `batch x steps x 3h` and becomes the gates; `lengths[b]` steps of sequence `b` are real, the
/// output of the rest is zero. Returns `h` as `batch x steps x hidden` and what the backward pass needs.
pub fn forward(
    x: Vec<f32>,
    recurrent: Recurrent<'_>,
    lengths: &[usize],
    candidate: Candidate,
    shape: Shape,
) -> (Vec<f32>, Saved) {
    let Shape { batch, steps, hidden } = shape;
    let mut out = buffers::unwritten(batch * steps * hidden);
    let mut saved =
        Saved { gates: x, candidate_product: buffers::unwritten(batch * steps * hidden) };
    let packed = Packed::forward(recurrent, hidden);
    let lanes = lanes(batch);
    let (wide, narrow) = (lanes * steps * 3 * hidden, lanes * steps * hidden);
    out.par_chunks_mut(narrow)
        .zip(saved.gates.par_chunks_mut(wide))
        .zip(saved.candidate_product.par_chunks_mut(narrow))
        .zip(lengths.par_chunks(lanes))
        .for_each(|(((out, gates), products), lengths)| {
            vectorised(
                #[inline(always)]
                || {
                    forward_lanes(&packed, lengths, candidate, steps, hidden, out, gates, products);
                },
            );
        });
    (out, saved)
}

#[allow(clippy::too_many_arguments)] // one private loop; a struct would only rename them
#[inline(always)]
fn forward_lanes(
    packed: &Packed,
    lengths: &[usize],
    candidate: Candidate,
    steps: usize,
    hidden: usize,
    out: &mut [f32],
    gates: &mut [f32],
    products: &mut [f32],
) {
    let lanes = lengths.len();
    let mut h = vec![0.0; lanes * hidden];
    let mut a = vec![0.0; lanes * 3 * hidden];
    let mut middle = Vec::new();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for (lane, &length) in lengths.iter().enumerate() {
        let padding = lane * steps + length..(lane + 1) * steps;
        out[padding.start * hidden..padding.end * hidden].fill(0.0);
        products[padding.start * hidden..padding.end * hidden].fill(0.0);
        gates[padding.start * 3 * hidden..padding.end * 3 * hidden].fill(0.0);
    }
    for t in 0..longest {
        packed.apply(&h, lanes, &mut middle, &mut a);
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let a = &a[lane * 3 * hidden..][..3 * hidden];
            let (zr, c) = gates[row * 3 * hidden..][..3 * hidden].split_at_mut(2 * hidden);
            let product = &mut products[row * hidden..][..hidden];
            zr.iter_mut().zip(a).for_each(|(g, a)| *g += a);
            math::sigmoid(zr);
            let (z, r) = zr.split_at(hidden);
            product.copy_from_slice(&a[2 * hidden..]);
            for ((c, r), p) in c.iter_mut().zip(r).zip(&*product) {
                *c += r * p;
            }
            match candidate {
                Candidate::Tanh => math::tanh(c),
                Candidate::ClippedRelu(clip) => c.iter_mut().for_each(|c| *c = c.clamp(0.0, clip)),
            }
            let h = &mut h[lane * hidden..][..hidden];
            for ((h, z), c) in h.iter_mut().zip(z).zip(&*c) {
                *h += z * (c - *h);
            }
            out[row * hidden..][..hidden].copy_from_slice(h);
        }
    }
}

/// Backward through time: `out` and `saved` come from [`forward`], `dout` is the gradient of `out`.
///
/// The gradients grow in the place of what was saved, so that no large buffer is new.
pub fn backward(
    dout: &[f32],
    out: Vec<f32>,
    saved: Saved,
    recurrent: Recurrent<'_>,
    lengths: &[usize],
    candidate: Candidate,
    shape: Shape,
) -> Gradients {
    let Shape { batch, steps, hidden } = shape;
    let rows = batch * steps;
    // From here on the gradients of the input products, and of U_c h, which differs from that of
    // x_c by the reset gate.
    let Saved { gates: mut input, candidate_product: mut product } = saved;
    let packed = Packed::transposed(recurrent, hidden);
    let lanes = lanes(batch);
    let (wide, narrow) = (lanes * steps * 3 * hidden, lanes * steps * hidden);
    input
        .par_chunks_mut(wide)
        .zip(product.par_chunks_mut(narrow))
        .zip(dout.par_chunks(narrow))
        .zip(out.par_chunks(narrow))
        .zip(lengths.par_chunks(lanes))
        .for_each(|((((dx, dp), dout), out), lengths)| {
            vectorised(
                #[inline(always)]
                || backward_lanes(dout, out, &packed, lengths, candidate, steps, hidden, dx, dp),
            );
        });
    drop(packed);

    // h before each step: `out` one step later, zero at the start.
    let mut before = out;
    before.par_chunks_mut(steps * hidden).for_each(|before| {
        before.copy_within(..(steps - 1) * hidden, hidden);
        before[..hidden].fill(0.0);
    });
    let d_zr = matmul::view(&input, rows, 2 * hidden, 3 * hidden);
    let d_c = matmul::view(&product, rows, hidden, hidden);
    let weight_gradient = |left: &[f32], cols: usize| -> Vec<f32> {
        // Stacked [d_z d_r | d_c] rows against `left` (rows x cols).
        let mut grad = vec![0.0; 3 * hidden * cols];
        let (zr, c) = grad.split_at_mut(2 * hidden * cols);
        let left = matmul::view(left, rows, cols, cols);
        matmul::product_by_rows(zr, cols, d_zr.transpose(), left, false);
        matmul::product_by_rows(c, cols, d_c.transpose(), left, false);
        grad
    };
    let (left, right) = match recurrent {
        Recurrent::Dense(_) => (weight_gradient(&before, hidden), Vec::new()),
        Recurrent::LowRank { a, b, rank } => {
            let middle = matmul::forward(&before, b, rows, hidden, rank);
            let left = weight_gradient(&middle, rank);
            // d(B h) = A^T d(U h), gate by gate into the place of B h.
            let mut dmiddle = middle;
            let a = matmul::view(a, 3 * hidden, rank, rank);
            let (a_zr, a_c) = (a.subrows(0, 2 * hidden), a.subrows(2 * hidden, hidden));
            matmul::product_by_rows(&mut dmiddle, rank, d_zr, a_zr, false);
            matmul::product_by_rows(&mut dmiddle, rank, d_c, a_c, true);
            let right = matmul::backward_weight(&dmiddle, &before, rows, hidden, rank);
            buffers::keep(dmiddle);
            (left, right)
        }
    };
    buffers::keep(before);
    buffers::keep(product);
    Gradients { input, left, right }
}

/// Turns `dx` from the gates into the gradient of the input products and `dp` from `U_c h` into its
/// gradient.
#[allow(clippy::too_many_arguments)] // the mirror of forward_lanes
#[inline(always)]
fn backward_lanes(
    dout: &[f32],
    out: &[f32],
    packed: &Packed,
    lengths: &[usize],
    candidate: Candidate,
    steps: usize,
    hidden: usize,
    dx: &mut [f32],
    dp: &mut [f32],
) {
    let lanes = lengths.len();
    let start = vec![0.0; hidden];
    let mut dh = vec![0.0; lanes * hidden];
    let mut da = vec![0.0; lanes * 3 * hidden];
    let mut through = vec![0.0; lanes * hidden];
    let mut middle = Vec::new();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for t in (0..longest).rev() {
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let row = lane * steps + t;
            let cell = Cell {
                before: if t == 0 { &start } else { &out[(row - 1) * hidden..][..hidden] },
                dout: &dout[row * hidden..][..hidden],
                dh: &mut dh[lane * hidden..][..hidden],
                gates: &mut dx[row * 3 * hidden..][..3 * hidden],
                product: &mut dp[row * hidden..][..hidden],
                da: &mut da[lane * 3 * hidden..][..3 * hidden],
            };
            match candidate {
                Candidate::Tanh => cell.backward(|c| 1.0 - c * c),
                // The clipped ends are flat.
                Candidate::ClippedRelu(clip) => {
                    cell.backward(|c| if c > 0.0 && c < clip { 1.0 } else { 0.0 });
                }
            }
        }
        packed.apply(&da, lanes, &mut middle, &mut through);
        for lane in (0..lanes).filter(|&lane| t < lengths[lane]) {
            let span = lane * hidden..(lane + 1) * hidden;
            for (dh, through) in dh[span.clone()].iter_mut().zip(&through[span]) {
                *dh += through;
            }
        }
    }
}

/// One sequence at one step, on the way back.
struct Cell<'a> {
    /// `h` before the step.
    before: &'a [f32],
    /// Gradient of the output.
    dout: &'a [f32],
    /// Gradient of `h` from the steps behind; afterwards what passes by the gates to the step before.
    dh: &'a mut [f32],
    /// z, r, c; afterwards their gradients before the nonlinearities.
    gates: &'a mut [f32],
    /// `U_c h`; afterwards its gradient.
    product: &'a mut [f32],
    /// Takes the gradient of `U h`.
    da: &'a mut [f32],
}

impl Cell<'_> {
    #[inline(always)]
    fn backward(self, slope: impl Fn(f32) -> f32) {
        let n = self.dh.len();
        let (before, dout, dh) = (&self.before[..n], &self.dout[..n], self.dh);
        let (z, rest) = self.gates.split_at_mut(n);
        let (r, c) = rest.split_at_mut(n);
        let (c, p) = (&mut c[..n], &mut self.product[..n]);
        for i in 0..n {
            let d = dh[i] + dout[i];
            let d_candidate = d * z[i] * slope(c[i]);
            let d_reset = d_candidate * p[i] * r[i] * (1.0 - r[i]);
            dh[i] = d * (1.0 - z[i]);
            z[i] = d * (c[i] - before[i]) * z[i] * (1.0 - z[i]);
            p[i] = d_candidate * r[i];
            r[i] = d_reset;
            c[i] = d_candidate;
        }
        self.da[..n].copy_from_slice(z);
        self.da[n..2 * n].copy_from_slice(r);
        self.da[2 * n..].copy_from_slice(p);
    }
}
