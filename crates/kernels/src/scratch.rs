//! Working memory of the products.

use crate::aligned::Aligned;
#[cfg(feature = "fft")]
use crate::fft::FftScratch;

/// Reusable buffers for any [`Product`](crate::Product): the quantized vectors and their scales,
/// and intermediate results.
///
/// They grow to the largest product seen and never shrink, so that a warmed-up program does not
/// allocate. One `Scratch` serves any number of matrices, one product at a time.
#[derive(Clone)]
pub struct Scratch {
    /// Quantized vectors widened to 16 bits, for the portable and the AVX2 kernels.
    pub(crate) wide: Aligned<i16>,
    /// Quantized vectors plus 128, for VNNI.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) unsigned: Aligned<u8>,
    /// Quantized vectors in groups of columns, for the 4-bit kernels.
    pub(crate) grouped: Aligned<u8>,
    /// Quantized vectors unchanged, for NEON and `sdot`.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]
    pub(crate) signed: Aligned<i8>,
    /// Quantized vectors in pairs, for `smmla`.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]
    pub(crate) pairs: Aligned<i8>,
    /// Input or output floats of a product.
    pub(crate) floats: Aligned<f32>,
    /// One scale per vector.
    pub(crate) scales: Aligned<f32>,
    /// The recurrent products of some units of a layer.
    pub(crate) gates: Aligned<f32>,
    /// Working memory of the Fourier transforms.
    #[cfg(feature = "fft")]
    pub(crate) fft: FftScratch,
}

impl Scratch {
    /// Empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wide: Aligned::zeroed(0),
            unsigned: Aligned::zeroed(0),
            grouped: Aligned::zeroed(0),
            signed: Aligned::zeroed(0),
            pairs: Aligned::zeroed(0),
            floats: Aligned::zeroed(0),
            scales: Aligned::zeroed(0),
            gates: Aligned::zeroed(0),
            #[cfg(feature = "fft")]
            fft: FftScratch::default(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
