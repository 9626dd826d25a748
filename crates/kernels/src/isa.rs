//! The instruction set of a product.

use crate::Error;
use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// Whether there are features: of the processor with `std`, otherwise of the target for which the
/// crate is compiled.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        let found = $(std::is_x86_feature_detected!($feature))&&+;
        #[cfg(all(feature = "std", target_arch = "aarch64"))]
        let found = $(std::arch::is_aarch64_feature_detected!($feature))&&+;
        #[cfg(not(feature = "std"))]
        let found = $(cfg!(target_feature = $feature))&&+;
        found
    }};
}

/// An instruction set with kernels, slowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust, on every processor; the compiler vectorises it for the baseline of the target.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with `vpdpbusd` on 256 bits, in its VEX encoding (AVX-VNNI) or its EVEX encoding
    /// (AVX-512 VL and VNNI), and AVX2 for the rest.
    AvxVnni,
    /// x86-64 with AVX-512 (F, BW, VL) and VNNI.
    Avx512Vnni,
    /// AArch64 with nothing beyond ARMv8.0: NEON.
    Neon,
    /// AArch64 with the dot products of ARMv8.2 (`sdot`).
    Dotprod,
    /// AArch64 with the 8-bit matrix products of ARMv8.6 (`smmla`), and the dot products.
    I8mm,
    /// WebAssembly with vectors of 128 bits, if the crate is compiled with `-C
    /// target-feature=+simd128`.
    Simd128,
}

impl Isa {
    /// All of them, slowest first, whether or not this processor has them.
    pub const ALL: [Self; 8] = [
        Self::Portable,
        Self::Avx2,
        Self::AvxVnni,
        Self::Avx512Vnni,
        Self::Neon,
        Self::Dotprod,
        Self::I8mm,
        Self::Simd128,
    ];

    /// The fastest one of this processor, detected once. Without the feature `std` the processor is
    /// not asked: the fastest one of the target features with which the crate is compiled.
    #[must_use]
    pub fn detect() -> Self {
        let fastest =
            || Self::ALL.into_iter().rfind(|isa| isa.is_available()).unwrap_or(Self::Portable);
        #[cfg(feature = "std")]
        {
            static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
            *BEST.get_or_init(fastest)
        }
        #[cfg(not(feature = "std"))]
        fastest()
    }

    /// Those that this processor has, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// Whether this processor has it (without `std`: whether the target has).
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => has!("avx2", "fma"),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => {
                has!("avx2", "fma") && (vex_vnni() || has!("avx512f", "avx512vl", "avx512vnni"))
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => has!("avx512f", "avx512bw", "avx512vl", "avx512vnni", "fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => has!("neon"),
            #[cfg(target_arch = "aarch64")]
            Self::Dotprod => has!("neon", "dotprod"),
            #[cfg(target_arch = "aarch64")]
            Self::I8mm => has!("neon", "dotprod", "i8mm"),
            // A module is checked as a whole before it runs, so there is nothing to ask at run
            // time.
            Self::Simd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
            #[allow(unreachable_patterns)] // the sets of other processors
            _ => false,
        }
    }

    /// Its name: `portable`, `avx2`, `avx_vnni`, `avx512_vnni`, `neon`, `dotprod`, `i8mm` or
    /// `simd128`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx_vnni",
            Self::Avx512Vnni => "avx512_vnni",
            Self::Neon => "neon",
            Self::Dotprod => "dotprod",
            Self::I8mm => "i8mm",
            Self::Simd128 => "simd128",
        }
    }

    /// Itself if the processor has it, otherwise an error. Every dispatch to an `unsafe` kernel
    /// relies on this check.
    pub(crate) fn require(self) -> Result<Self, Error> {
        if self.is_available() { Ok(self) } else { Err(Error::IsaUnavailable(self)) }
    }
}

/// Whether the processor has AVX-VNNI, the VEX encoding of `vpdpbusd`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn vex_vnni() -> bool {
    has!("avxvnni")
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| Error::UnknownIsa(name.to_owned()))
    }
}
