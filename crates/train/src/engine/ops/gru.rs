//! The gates of the GRU of Kliegl et al. 2017, eq. (10), in one step. With `a = U s` (stacked
//! update, reset, candidate):
//!
//! ```text
//! z = sigmoid(x_z + a_z)      r = sigmoid(x_r + a_r)
//! c = f(x_c + r * a_c)        h' = h + z * (c - h)
//! ```

use stonechat_kernels::math;

use super::recurrence::{Backward, Candidate, CellStep, Forward};

#[derive(Clone, Copy)]
pub(super) struct Gru {
    pub candidate: Candidate,
}

impl CellStep for Gru {
    const GATES: usize = 3;
    /// Keeps `a_c`, the recurrent product before the reset gate.
    const KEEPS: bool = true;
    const SPLIT: bool = true;

    #[inline(always)]
    fn forward(self, step: Forward<'_>) {
        let Forward { gates, sums, kept: product, h, .. } = step;
        let hidden = h.len();
        let (zr, c) = gates.split_at_mut(2 * hidden);
        zr.iter_mut().zip(sums).for_each(|(g, a)| *g += a);
        math::sigmoid(zr);
        let (z, r) = zr.split_at(hidden);
        product.copy_from_slice(&sums[2 * hidden..]);
        for ((c, r), p) in c.iter_mut().zip(r).zip(&*product) {
            *c += r * p;
        }
        self.candidate.apply(c);
        for ((h, z), c) in h.iter_mut().zip(z).zip(&*c) {
            *h += z * (c - *h);
        }
    }

    #[inline(always)]
    fn backward(self, step: Backward<'_>) {
        match self.candidate {
            Candidate::Tanh => back(step, |c| 1.0 - c * c),
            Candidate::ClippedRelu(clip) => back(step, |c| Candidate::slope_of_relu(c, clip)),
        }
    }
}

#[inline(always)]
fn back(step: Backward<'_>, slope: impl Fn(f32) -> f32) {
    let Backward { gates, kept, before, dh, da, .. } = step;
    let n = dh.len();
    let before = &before[..n];
    let (z, rest) = gates.split_at_mut(n);
    let (r, c) = rest.split_at_mut(n);
    let (c, p) = (&mut c[..n], &mut kept[..n]);
    for i in 0..n {
        let d = dh[i];
        let d_candidate = d * z[i] * slope(c[i]);
        let d_reset = d_candidate * p[i] * r[i] * (1.0 - r[i]);
        dh[i] = d * (1.0 - z[i]);
        z[i] = d * (c[i] - before[i]) * z[i] * (1.0 - z[i]);
        p[i] = d_candidate * r[i];
        r[i] = d_reset;
        c[i] = d_candidate;
    }
    da[..n].copy_from_slice(z);
    da[n..2 * n].copy_from_slice(r);
    da[2 * n..].copy_from_slice(p);
}
