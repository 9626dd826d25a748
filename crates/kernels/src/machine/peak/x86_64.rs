//! x86-64.

use super::{CHAINS, TURNS};
use core::arch::x86_64::{
    _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_dpbusd_epi32, _mm256_fmadd_ps,
    _mm256_madd_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_si256, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_set1_epi8, _mm512_set1_ps,
    _mm512_setzero_si512,
};
use core::hint::black_box;

/// Needs AVX-512 VNNI.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) fn int8_avx512_vnni() -> usize {
    let (w, x) = (black_box(_mm512_set1_epi8(3)), black_box(_mm512_set1_epi8(5)));
    let mut sums = [_mm512_setzero_si512(); CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, x, w);
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 64
}

macro_rules! int8_256_bits {
    ($name:ident, $features:literal, $dpbusd:ident) => {
        /// `vpdpbusd` on 256 bits; needs the features named here.
        #[target_feature(enable = $features)]
        pub(super) fn $name() -> usize {
            let (w, x) = (black_box(_mm256_set1_epi8(3)), black_box(_mm256_set1_epi8(5)));
            let mut sums = [_mm256_setzero_si256(); CHAINS];
            for _ in 0..TURNS {
                for sum in &mut sums {
                    *sum = $dpbusd(*sum, x, w);
                }
            }
            black_box(&sums);
            2 * TURNS * CHAINS * 32
        }
    };
}

int8_256_bits!(int8_avx_vnni_vex, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
int8_256_bits!(int8_avx_vnni_evex, "avx512f,avx512vl,avx512vnni", _mm256_dpbusd_epi32);

/// Needs AVX2. Each product of a chain is a factor of the next; otherwise the compiler would
/// compute one product and add it a thousand times.
#[target_feature(enable = "avx2")]
pub(super) fn int8_avx2() -> usize {
    let (x, one) = (black_box(_mm256_set1_epi16(3)), black_box(_mm256_set1_epi32(1)));
    let mut sums = [one; CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm256_add_epi32(one, _mm256_madd_epi16(*sum, x));
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 16
}

/// Needs AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) fn float32_avx512() -> usize {
    let x = black_box(_mm512_set1_ps(0.5));
    let mut sums = [x; CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, x, x);
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 16
}

/// Needs AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) fn float32_avx2() -> usize {
    let x = black_box(_mm256_set1_ps(0.5));
    let mut sums = [x; CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, x, x);
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 8
}
