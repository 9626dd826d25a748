//! Row (look-ahead) convolution: `y_{t,i} = sum_j w_{j,i} x_{t+j,i}` (Deep Speech 2, section 3.7).

use rayon::prelude::*;

/// `x` is `batch x steps x width`, `w` is `taps x width`; frames after `lengths[b]` count as zero
/// and their outputs are zero.
pub fn forward(x: &[f32], w: &[f32], lengths: &[usize], steps: usize, width: usize) -> Vec<f32> {
    let taps = w.len() / width;
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(steps * width).zip(x.par_chunks(steps * width)).zip(lengths).for_each(
        |((y, x), &length)| {
            for t in 0..length {
                let y = &mut y[t * width..][..width];
                for j in 0..taps.min(length - t) {
                    let x = &x[(t + j) * width..][..width];
                    for ((y, x), w) in y.iter_mut().zip(x).zip(&w[j * width..]) {
                        *y += x * w;
                    }
                }
            }
        },
    );
    y
}

/// Gradients `(dx, dw)` of [`forward`].
pub fn backward(
    dy: &[f32],
    x: &[f32],
    w: &[f32],
    lengths: &[usize],
    steps: usize,
    width: usize,
) -> (Vec<f32>, Vec<f32>) {
    let taps = w.len() / width;
    let mut dx = vec![0.0; x.len()];
    let partial: Vec<Vec<f32>> = dx
        .par_chunks_mut(steps * width)
        .zip(x.par_chunks(steps * width))
        .zip(dy.par_chunks(steps * width))
        .zip(lengths)
        .map(|(((dx, x), dy), &length)| {
            let mut dw = vec![0.0; w.len()];
            for t in 0..length {
                let dy = &dy[t * width..][..width];
                for j in 0..taps.min(length - t) {
                    let span = (t + j) * width..(t + j + 1) * width;
                    let (dx, x) = (&mut dx[span.clone()], &x[span]);
                    let (dw, w) = (&mut dw[j * width..][..width], &w[j * width..][..width]);
                    for i in 0..width {
                        dx[i] += dy[i] * w[i];
                        dw[i] += dy[i] * x[i];
                    }
                }
            }
            dw
        })
        .collect();
    (dx, super::sum(&partial, w.len()))
}
