//! Rounds vectors to int8 and back, each with its own scale, like the integer products of the
//! runtime.

use rayon::prelude::*;
use stonechat_kernels::quantize::quantize_vector;

/// Rounds every `width` values of `x` to `scale * q`, `q` in -127..=127 and `scale = max |x| /
/// 127`.
pub fn round_vectors(x: &mut [f32], width: usize) {
    if width > 0 {
        x.par_chunks_mut(width).for_each(round_vector);
    }
}

/// Rounds one vector.
pub fn round_vector(x: &mut [f32]) {
    let mut q = vec![0i8; x.len()];
    let scale = quantize_vector(x, &mut q);
    for (x, q) in x.iter_mut().zip(q) {
        *x = scale * f32::from(q);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_rounded_one_by_one() {
        let mut x = vec![1.27, 0.004, -0.016, 0.0, 127.0, -63.4];
        round_vectors(&mut x, 3);
        for (x, wanted) in x.iter().zip([1.27, 0.0, -0.02, 0.0, 127.0, -63.0]) {
            assert!((x - wanted).abs() < 1e-6, "{x} and {wanted}");
        }
    }
}
