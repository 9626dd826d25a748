//! The simple recurrence.

use stonechat_kernels::Activation;

/// `sums` is `W x + U s + b`; it is overwritten. `h` becomes the state after the frame.
pub(super) fn update(sums: &mut [f32], function: Activation, h: &mut [f32]) {
    function.apply(sums);
    h.copy_from_slice(sums);
}
