//! The simple recurrence, and the functions of candidates.

use stonechat_kernels::{Activation, math};

/// `sums`: `W x + U s + b`; overwritten. `h` becomes the state after the frame.
pub(super) fn update(sums: &mut [f32], function: Activation, h: &mut [f32]) {
    apply(function, sums);
    h.copy_from_slice(sums);
}

/// `f`, in place.
pub(super) fn apply(function: Activation, values: &mut [f32]) {
    match function {
        Activation::Tanh => math::tanh(values),
        Activation::ClippedRelu(clip) => {
            values.iter_mut().for_each(|v| *v = v.max(0.0).min(clip));
        }
        _ => {}
    }
}
