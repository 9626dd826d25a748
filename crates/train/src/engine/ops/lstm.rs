//! The gates of an LSTM in one step (Gers et al. 2000; peepholes `p`: Gers et al. 2002). With `a =
//! x + U s`:
//!
//! ```text
//! i = sigmoid(a_i + p_i * c)     f = sigmoid(a_f + p_f * c)     g = tanh(a_g)
//! c' = f * c + i * g             o = sigmoid(a_o + p_o * c')    h' = o * tanh(c')
//! ```

use stonechat_kernels::math;

use super::recurrence::{Backward, CellStep, Forward};

#[derive(Clone, Copy)]
pub(super) struct Lstm<'a> {
    /// Those of input, forget and output gate, `3 hidden`.
    pub peepholes: Option<&'a [f32]>,
}

impl CellStep for Lstm<'_> {
    const GATES: usize = 4;
    /// Keeps the cell state `c'`.
    const KEEPS: bool = true;

    #[inline(always)]
    fn forward(self, step: Forward<'_>) {
        let Forward { gates, sums, kept: c, kept_before: before, h } = step;
        let hidden = h.len();
        gates.iter_mut().zip(sums).for_each(|(g, a)| *g += a);
        let (input_forget, rest) = gates.split_at_mut(2 * hidden);
        let (g, o) = rest.split_at_mut(hidden);
        if let Some(peepholes) = self.peepholes {
            let gates = input_forget.chunks_exact_mut(hidden).zip(peepholes.chunks(hidden));
            gates.for_each(|(gate, p)| look(gate, p, before));
        }
        math::sigmoid(input_forget);
        math::tanh(g);
        let (i, f) = input_forget.split_at(hidden);
        for ((((c, before), i), f), g) in c.iter_mut().zip(before).zip(i).zip(f).zip(&*g) {
            *c = f * before + i * g;
        }
        if let Some(peepholes) = self.peepholes {
            look(o, &peepholes[2 * hidden..], c);
        }
        math::sigmoid(o);
        h.copy_from_slice(c);
        math::tanh(h);
        h.iter_mut().zip(&*o).for_each(|(h, o)| *h *= o);
    }

    #[inline(always)]
    fn backward(self, step: Backward<'_>) {
        let Backward { gates, kept: c, kept_before: before, dh, dc, da, .. } = step;
        let n = dh.len();
        let (before, dc) = (&before[..n], &mut dc[..n]);
        // Computes tanh(c') again, which is cheaper than a buffer for it.
        let tanh = &mut da[..n];
        tanh.copy_from_slice(&c[..n]);
        math::tanh(tanh);
        let (i, rest) = gates.split_at_mut(n);
        let (f, rest) = rest.split_at_mut(n);
        let (g, o) = rest.split_at_mut(n);
        for k in 0..n {
            dc[k] += dh[k] * o[k] * (1.0 - tanh[k] * tanh[k]);
            o[k] = dh[k] * tanh[k] * o[k] * (1.0 - o[k]);
        }
        if let Some(peepholes) = self.peepholes {
            look(dc, &peepholes[2 * n..], o);
        }
        for k in 0..n {
            let (d, input, forget) = (dc[k], i[k], f[k]);
            i[k] = d * g[k] * input * (1.0 - input);
            f[k] = d * before[k] * forget * (1.0 - forget);
            g[k] = d * input * (1.0 - g[k] * g[k]);
            dc[k] = d * forget;
        }
        if let Some(peepholes) = self.peepholes {
            look(dc, peepholes, i);
            look(dc, &peepholes[n..], f);
        }
        dh.fill(0.0);
        da.copy_from_slice(gates);
    }
}

/// `sum += p * c`.
#[inline(always)]
fn look(sum: &mut [f32], p: &[f32], c: &[f32]) {
    for ((sum, p), c) in sum.iter_mut().zip(p).zip(c) {
        *sum += p * c;
    }
}

/// The gradient of the peepholes from those of the gates, `rows x 4 hidden`, and the cell states,
/// `rows x hidden`; every `steps` rows are a sequence.
pub(super) fn peephole_gradient(
    gates: &[f32],
    contents: &[f32],
    steps: usize,
    hidden: usize,
) -> Vec<f32> {
    let mut gradient = vec![0.0; 3 * hidden];
    let (input_forget, output) = gradient.split_at_mut(2 * hidden);
    let (input, forget) = input_forget.split_at_mut(hidden);
    let rows = gates.chunks_exact(4 * hidden).zip(contents.chunks_exact(hidden));
    for (row, (gates, now)) in rows.enumerate() {
        look(output, &gates[3 * hidden..], now);
        if row % steps > 0 {
            let before = &contents[(row - 1) * hidden..][..hidden];
            look(input, gates, before);
            look(forget, &gates[hidden..], before);
        }
    }
    gradient
}
