//! The simple recurrence in one step: `h' = f(x + U s)`.

use stonechat_kernels::math;

use super::recurrence::{Backward, Candidate, CellStep, Forward};

#[derive(Clone, Copy)]
pub(super) struct Rnn {
    pub function: Candidate,
}

impl CellStep for Rnn {
    const GATES: usize = 1;
    const KEEPS: bool = false;

    #[inline(always)]
    fn forward(self, step: Forward<'_>) {
        let Forward { gates, sums, h, .. } = step;
        gates.iter_mut().zip(sums).for_each(|(g, a)| *g += a);
        self.function.apply(gates);
        h.copy_from_slice(gates);
    }

    #[inline(always)]
    fn backward(self, step: Backward<'_>) {
        let Backward { gates, dh, da, .. } = step;
        for (g, d) in gates.iter_mut().zip(&*dh) {
            *g = d * match self.function {
                Candidate::Tanh => 1.0 - *g * *g,
                Candidate::ClippedRelu(clip) => Candidate::slope_of_relu(*g, clip),
            };
        }
        dh.fill(0.0);
        da.copy_from_slice(gates);
    }
}

impl Candidate {
    /// `f`, in place.
    #[inline(always)]
    pub(super) fn apply(self, values: &mut [f32]) {
        match self {
            Candidate::Tanh => math::tanh(values),
            Candidate::ClippedRelu(clip) => {
                values.iter_mut().for_each(|v| *v = v.clamp(0.0, clip));
            }
        }
    }

    /// `f'` of the clipped ReLU where its result was `value`; its clipped ends are flat.
    #[inline(always)]
    pub(super) fn slope_of_relu(value: f32, clip: f32) -> f32 {
        if value > 0.0 && value < clip { 1.0 } else { 0.0 }
    }
}
