//! The gates of a GRU whose reset gate applies after the recurrent product.

use stonechat_kernels::Activation;

use stonechat_kernels::math;

/// `x` (`3 hidden`) is `W x + b`, `sums` (`3 hidden`) is `U s`; both are overwritten. `h` becomes
/// the state after the frame.
pub(super) fn update(x: &mut [f32], sums: &[f32], candidate: Activation, h: &mut [f32]) {
    let hidden = h.len();
    let (gates, c) = x.split_at_mut(2 * hidden);
    let (gate_sums, products) = sums.split_at(2 * hidden);
    for (gate, sum) in gates.iter_mut().zip(gate_sums) {
        *gate += sum;
    }
    math::sigmoid(gates);
    let (z, r) = gates.split_at(hidden);
    for ((c, r), product) in c.iter_mut().zip(r).zip(products) {
        *c += r * product;
    }
    candidate.apply(c);
    for ((h, z), c) in h.iter_mut().zip(z).zip(&*c) {
        *h = (1.0 - z) * *h + z * c;
    }
}
