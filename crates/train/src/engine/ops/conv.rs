//! Two-dimensional convolution over frames x bins with a given look-ahead.
//!
//! Activations are `batch x steps x bins x channels`. The time taps are first unfolded into the
//! channels (this gather handles stride, causal padding and look-ahead). Then every output bin is
//! one plain product over all frames, whose rows overlap in memory and need no copy. Weights are
//! `out channels x (time taps x frequency taps x in channels)`, as in the package; the products
//! need the frequency outside.

use rayon::prelude::*;

use super::matmul::{product, view, view_mut};
use super::rounding;

/// Sizes of one convolution.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Input frames per sequence, padding included.
    pub steps: usize,
    /// Input bins.
    pub bins: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub filters: usize,
    /// Taps: frequency, time.
    pub kernel: [usize; 2],
    /// Strides: frequency, time.
    pub stride: [usize; 2],
    /// Input frames to the right of the current one.
    pub lookahead: usize,
    /// Whether the patch of every output bin is first rounded to int8. Gradients ignore that.
    pub rounded: bool,
}

impl Shape {
    /// Output frames for `steps` input frames.
    pub fn steps_out(&self, steps: usize) -> usize {
        steps.div_ceil(self.stride[1])
    }

    /// Output bins.
    pub fn bins_out(&self) -> usize {
        (self.bins + 2 * self.padding() - self.kernel[0]) / self.stride[0] + 1
    }

    /// Weights per filter.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.depth()
    }

    fn padding(&self) -> usize {
        (self.kernel[0] - 1) / 2
    }

    fn depth(&self) -> usize {
        self.kernel[1] * self.channels
    }

    fn padded_bins(&self) -> usize {
        self.bins + 2 * self.padding()
    }

    /// The patches of output bin `bin` for all frames of an unfolded sequence, if `rounded`:
    /// `frames x taps`.
    fn rounded_patches(&self, unfolded: &[f32], bin: usize) -> Option<Vec<f32>> {
        self.rounded.then(|| {
            let frame = self.padded_bins() * self.depth();
            let start = bin * self.stride[0] * self.depth();
            let frames = unfolded.chunks_exact(frame);
            let mut patches: Vec<f32> =
                frames.flat_map(|frame| &frame[start..start + self.taps()]).copied().collect();
            patches.chunks_exact_mut(self.taps()).for_each(rounding::round_vector);
            patches
        })
    }

    /// Filters with the frequency outside, from filters with the time outside.
    fn frequency_first(&self, w: &[f32]) -> Vec<f32> {
        swap_taps(w, self.kernel[1], self.kernel[0], self.channels)
    }

    /// The inverse.
    fn time_first(&self, w: &[f32]) -> Vec<f32> {
        swap_taps(w, self.kernel[0], self.kernel[1], self.channels)
    }

    fn sequence_in(&self) -> usize {
        self.steps * self.bins * self.channels
    }

    fn sequence_out(&self) -> usize {
        self.steps_out(self.steps) * self.bins_out() * self.filters
    }

    /// Calls `visit(frame out, tap, frame in)` for every tap on a real frame.
    fn for_each_tap(&self, length: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let left = self.kernel[1] - 1 - self.lookahead;
        for out in 0..self.steps_out(length) {
            for tap in 0..self.kernel[1] {
                let frame = out * self.stride[1] + tap;
                if frame >= left && frame - left < length {
                    visit(out, tap, frame - left);
                }
            }
        }
    }

    /// `frames out x padded bins x (time taps x channels)` of one sequence.
    fn unfold(&self, x: &[f32], length: usize) -> Vec<f32> {
        let (c, depth) = (self.channels, self.depth());
        let mut u = vec![0.0; self.steps_out(length) * self.padded_bins() * depth];
        self.for_each_tap(length, |out, tap, frame| {
            let u = &mut u[(out * self.padded_bins() + self.padding()) * depth + tap * c..];
            let x = &x[frame * self.bins * c..][..self.bins * c];
            for (bin, x) in x.chunks_exact(c).enumerate() {
                u[bin * depth..][..c].copy_from_slice(x);
            }
        });
        u
    }

    /// The transpose of [`Self::unfold`]: adds `du` to `dx`.
    fn fold(&self, du: &[f32], length: usize, dx: &mut [f32]) {
        let (c, depth) = (self.channels, self.depth());
        self.for_each_tap(length, |out, tap, frame| {
            let du = &du[(out * self.padded_bins() + self.padding()) * depth + tap * c..];
            let dx = &mut dx[frame * self.bins * c..][..self.bins * c];
            for (bin, dx) in dx.chunks_exact_mut(c).enumerate() {
                for (dx, du) in dx.iter_mut().zip(&du[bin * depth..]) {
                    *dx += du;
                }
            }
        });
    }
}

/// From filters of `outer x inner x channels` to those of `inner x outer x channels`.
pub fn swap_taps(w: &[f32], outer: usize, inner: usize, channels: usize) -> Vec<f32> {
    let mut swapped = Vec::with_capacity(w.len());
    for filter in w.chunks_exact(outer * inner * channels) {
        for i in 0..inner {
            for o in 0..outer {
                swapped.extend_from_slice(&filter[(o * inner + i) * channels..][..channels]);
            }
        }
    }
    swapped
}

/// `y` (`batch x steps out x bins out x filters`); frames after a sequence's end are zero.
pub fn forward(x: &[f32], w: &[f32], lengths: &[usize], shape: Shape) -> Vec<f32> {
    let w = &shape.frequency_first(w);
    let mut y = vec![0.0; lengths.len() * shape.sequence_out()];
    let (taps, filters, bins) = (shape.taps(), shape.filters, shape.bins_out());
    let frame = shape.padded_bins() * shape.depth();
    y.par_chunks_mut(shape.sequence_out())
        .zip(x.par_chunks(shape.sequence_in()))
        .zip(lengths)
        .filter(|&(_, &length)| length > 0)
        .for_each(|((y, x), &length)| {
            let u = shape.unfold(x, length);
            let steps = shape.steps_out(length);
            for bin in 0..bins {
                let rounded = shape.rounded_patches(&u, bin);
                let patches = match &rounded {
                    Some(patches) => view(patches, steps, taps, taps),
                    None => view(&u[bin * shape.stride[0] * shape.depth()..], steps, taps, frame),
                };
                product(
                    view_mut(&mut y[bin * filters..], steps, filters, bins * filters),
                    patches,
                    view(w, filters, taps, taps).transpose(),
                    false,
                );
            }
        });
    y
}

/// Gradients `(dx, dw)` of [`forward`]; `dx` only if requested.
pub fn backward(
    dy: &[f32],
    x: &[f32],
    w: &[f32],
    lengths: &[usize],
    shape: Shape,
    input_gradient: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let w = &shape.frequency_first(w);
    let (taps, filters, bins) = (shape.taps(), shape.filters, shape.bins_out());
    let frame = shape.padded_bins() * shape.depth();
    let partial: Vec<(Vec<f32>, Vec<f32>)> = x
        .par_chunks(shape.sequence_in())
        .zip(dy.par_chunks(shape.sequence_out()))
        .zip(lengths)
        .map(|((x, dy), &length)| {
            if length == 0 {
                let dx = if input_gradient { vec![0.0; x.len()] } else { Vec::new() };
                return (dx, vec![0.0; w.len()]);
            }
            let u = shape.unfold(x, length);
            let steps = shape.steps_out(length);
            let mut dw = vec![0.0; w.len()];
            let mut du = if input_gradient { vec![0.0; u.len()] } else { Vec::new() };
            for bin in 0..bins {
                let start = bin * shape.stride[0] * shape.depth();
                let dy = view(&dy[bin * filters..], steps, filters, bins * filters);
                let rounded = shape.rounded_patches(&u, bin);
                let patches = match &rounded {
                    Some(patches) => view(patches, steps, taps, taps),
                    None => view(&u[start..], steps, taps, frame),
                };
                product(view_mut(&mut dw, filters, taps, taps), dy.transpose(), patches, true);
                if input_gradient {
                    product(
                        view_mut(&mut du[start..], steps, taps, frame),
                        dy,
                        view(w, filters, taps, taps),
                        true,
                    );
                }
            }
            let mut dx = Vec::new();
            if input_gradient {
                dx = vec![0.0; x.len()];
                shape.fold(&du, length, &mut dx);
            }
            (dx, dw)
        })
        .collect();
    let (inputs, weights): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
    let dw = shape.time_first(&super::sum(&weights, w.len()));
    (input_gradient.then(|| inputs.concat()), dw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn rounded_patches_are_those_of_each_output_bin() {
        let shape = Shape {
            steps: 5,
            bins: 7,
            channels: 2,
            filters: 3,
            kernel: [3, 2],
            stride: [2, 1],
            lookahead: 1,
            rounded: true,
        };
        let normal = |seed, n| -> Vec<f32> { (0..n).map(|i| random::normal(seed, i)).collect() };
        let (x, w) = (normal(1, 5 * 7 * 2), normal(2, 3 * shape.taps() as u64));
        let y = forward(&x, &w, &[5], shape);
        for t in 0..5 {
            for bin in 0..shape.bins_out() {
                // Time, frequency, channel; zeros beyond the edges.
                let mut patch = Vec::new();
                for tap in 0..2 {
                    for f in 0..3 {
                        for c in 0..2 {
                            let (t, f) = (t + tap, (2 * bin + f).wrapping_sub(1));
                            patch.push(if t < 5 && f < 7 { x[(t * 7 + f) * 2 + c] } else { 0.0 });
                        }
                    }
                }
                rounding::round_vector(&mut patch);
                for (filter, w) in w.chunks_exact(shape.taps()).enumerate() {
                    let wanted: f32 = w.iter().zip(&patch).map(|(w, x)| w * x).sum();
                    let got = y[(t * shape.bins_out() + bin) * 3 + filter];
                    assert!((got - wanted).abs() < 1e-5, "{t} {bin} {filter}: {got}, {wanted}");
                }
            }
        }
    }
}
