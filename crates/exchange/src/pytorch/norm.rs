//! Batch norm at inference: a scale and a shift of each channel, folded into the layer beside it.

/// `y = scale * x + shift`, elementwise.
pub(super) struct Norm {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Norm {
    /// `scale = gamma / sqrt(variance + eps)`, `shift = beta - scale * mean`.
    pub(super) fn new(
        mean: &[f32],
        variance: &[f32],
        affine: Option<(Vec<f32>, Vec<f32>)>,
        eps: f64,
    ) -> Self {
        let (gamma, beta) =
            affine.unwrap_or_else(|| (vec![1.0; mean.len()], vec![0.0; mean.len()]));
        let gains = gamma.iter().zip(variance);
        let scale: Vec<f64> =
            gains.map(|(&g, &v)| f64::from(g) / (f64::from(v) + eps).sqrt()).collect();
        let shifts = beta.iter().zip(&scale).zip(mean);
        let shift = shifts.map(|((&b, s), &m)| f64::from(b) - s * f64::from(m)).collect();
        Self { scale, shift }
    }

    /// A norm of the layer's output: its rows are scaled.
    pub(super) fn fold_behind(&self, weight: &mut [f32], bias: &mut [f32]) {
        let cols = weight.len() / bias.len();
        let channels = self.scale.iter().zip(&self.shift);
        for ((row, bias), (scale, shift)) in weight.chunks_exact_mut(cols).zip(bias).zip(channels) {
            row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            *bias = (f64::from(*bias) * scale + shift) as f32;
        }
    }

    /// A norm of the layer's input: its columns are scaled, and the bias takes up `W shift`.
    pub(super) fn fold_before(&self, weight: &mut [f32], bias: &mut [f32]) {
        let cols = self.scale.len();
        for (row, bias) in weight.chunks_exact_mut(cols).zip(bias) {
            let constant = row.iter().zip(&self.shift).map(|(&w, shift)| f64::from(w) * shift);
            *bias = (f64::from(*bias) + constant.sum::<f64>()) as f32;
            for (w, scale) in row.iter_mut().zip(&self.scale) {
                *w = (f64::from(*w) * scale) as f32;
            }
        }
    }
}
