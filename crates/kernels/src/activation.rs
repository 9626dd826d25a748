//! The function applied to a product before it is stored.

use crate::math;

/// An element-wise function that a product applies to its results while they are still in registers.
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
    /// Applies the function in place. Always inlined, so that it is compiled for the instruction set of its caller.
    #[inline(always)]
    pub(crate) fn apply<const N: usize>(self, values: &mut [f32; N]) {
        match self {
            Self::None => {}
            Self::ClippedRelu(clip) => {
                for v in values {
                    // Comparisons, not `max` and `min`: these are one instruction each, and NaN falls to 0.
                    let positive = if *v > 0.0 { *v } else { 0.0 };
                    *v = if positive < clip { positive } else { clip };
                }
            }
            Self::Sigmoid => {
                for v in values {
                    *v = math::sigmoid_scalar(*v);
                }
            }
            Self::Tanh => {
                for v in values {
                    *v = math::tanh_scalar(*v);
                }
            }
        }
    }
}
