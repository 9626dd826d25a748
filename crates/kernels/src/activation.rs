//! The function applied to a product before it is stored.

use crate::lanes::Lanes;
use crate::math;

/// An element-wise function that a product applies to its results while they are still in
/// registers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// The value itself.
    None,
    /// `min(max(v, 0), clip)`; the clip of Deep Speech 2 is 20. NaN gives 0.
    ClippedRelu(f32),
    /// The logistic function, see [`math::sigmoid`].
    Sigmoid,
    /// The hyperbolic tangent, see [`math::tanh`].
    Tanh,
}

impl Activation {
    /// Calls `job` with the function. The choice is made once, outside the loop over the values.
    #[inline(always)]
    pub(crate) fn choose<L: Lanes>(self, lanes: L, job: impl Job<L>) {
        match self {
            Self::None => job.run(
                #[inline(always)]
                |v| v,
            ),
            Self::ClippedRelu(clip) => job.run(
                #[inline(always)]
                |v| clipped_relu_lanes(lanes, v, clip),
            ),
            Self::Sigmoid => job.run(
                #[inline(always)]
                |v| math::sigmoid_lanes(lanes, v),
            ),
            Self::Tanh => job.run(
                #[inline(always)]
                |v| math::tanh_lanes(lanes, v),
            ),
        }
    }
}

/// A computation that uses the function chosen by [`Activation::choose`].
pub(crate) trait Job<L: Lanes> {
    /// Runs it.
    fn run(self, function: impl Fn(L::F) -> L::F);
}

/// `min(max(v, 0), clip)`, 0 for NaN.
#[inline(always)]
pub(crate) fn clipped_relu_lanes<L: Lanes>(lanes: L, v: L::F, clip: f32) -> L::F {
    lanes.smaller(lanes.larger(v, lanes.splat(0.0)), lanes.splat(clip))
}
