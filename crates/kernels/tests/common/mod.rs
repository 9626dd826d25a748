//! Shared by the tests: a small generator of numbers and slow, obvious versions of the products. No
//! dependencies.
#![allow(dead_code)] // each test file uses a part

use std::sync::Once;
use stonechat_kernels::quantize::{GROUP, Grouped};
use stonechat_kernels::{Activation, BLOCK_COLS, BLOCK_ROWS, Error, Isa, PackedI4};

/// A linear congruential generator (Knuth's MMIX constants), so that the tests need no crate and
/// repeat exactly.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 31 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// In -127..=127.
    pub fn weights(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| ((self.bits() % 255) as i32 - 127) as i8).collect()
    }

    /// In -128..=127.
    pub fn bytes(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| self.bits() as i8).collect()
    }

    /// In -1.0..=1.0.
    pub fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.bits() as f32 / (1u32 << 30) as f32 - 1.0).collect()
    }

    /// 4-bit weights and group scales over the whole range.
    pub fn groups(&mut self, rows: usize, cols: usize) -> Grouped {
        Grouped {
            rows,
            cols,
            weights: self.bytes(rows * cols).iter().map(|w| w >> 4).collect(),
            group_scales: self.bytes(rows * cols.div_ceil(GROUP)),
            row_scales: vec![1.0; rows],
        }
    }

    /// A mask that keeps about `percent` of the blocks.
    pub fn mask(&mut self, rows: usize, cols: usize, percent: u32) -> Vec<bool> {
        let blocks = rows.div_ceil(BLOCK_ROWS) * cols.div_ceil(BLOCK_COLS);
        (0..blocks).map(|_| self.bits() % 100 < percent).collect()
    }
}

/// Odd shapes `(rows, cols)`, including every tail of a panel and of a quad. Few under Miri, which
/// takes a second per product.
pub fn shapes() -> Vec<(usize, usize)> {
    if cfg!(miri) {
        return vec![(1, 1), (1, 7), (7, 1), (31, 3), (33, 5)];
    }
    let mut shapes: Vec<(usize, usize)> = (1..=70).map(|n| (n, 71 - n)).collect();
    shapes.extend((1..=70).map(|n| (n, n)));
    shapes.extend([(1, 1), (1, 70), (70, 1), (31, 3), (32, 4), (33, 5), (64, 64), (65, 67)]);
    shapes
}

/// Shapes of real layers; the last is that of Fig. 6 of the trace-norm paper.
pub const LAYERS: [(usize, usize); 3] =
    if cfg!(miri) { [(40, 9); 3] } else { [(768, 256), (1152, 384), (6144, 320)] };

/// The triple loop over integers.
pub fn product_i32(w: &[i8], x: &[i8], rows: usize, cols: usize, batch: usize) -> Vec<i32> {
    let mut out = vec![0i32; batch * rows];
    for b in 0..batch {
        for m in 0..rows {
            for k in 0..cols {
                out[b * rows + m] += i32::from(w[m * cols + k]) * i32::from(x[b * cols + k]);
            }
        }
    }
    out
}

/// The triple loop over 4-bit weights; -128 counts as -127.
pub fn product_i4(groups: &Grouped, x: &[i8], batch: usize) -> Vec<i32> {
    let Grouped { rows, cols, .. } = *groups;
    let mut out = vec![0; batch * rows];
    for b in 0..batch {
        for m in 0..rows {
            for k in 0..cols {
                let scale = groups.group_scales[m * cols.div_ceil(GROUP) + k / GROUP];
                let weight = i32::from(groups.weights[m * cols + k]) * i32::from(scale);
                out[b * rows + m] += weight * i32::from(x[b * cols + k].max(-127));
            }
        }
    }
    out
}

/// The weights with zeros as in a mask of blocks.
pub fn masked(w: &[i8], mask: &[bool], cols: usize) -> Vec<i8> {
    let blocks = cols.div_ceil(BLOCK_COLS);
    let kept = |i: usize| mask[i / cols / BLOCK_ROWS * blocks + i % cols / BLOCK_COLS];
    w.iter().enumerate().map(|(i, &w)| if kept(i) { w } else { 0 }).collect()
}

/// The triple loop in f64; each result comes with the sum of magnitudes that bounds its rounding
/// error.
pub fn product_f64(
    w: &[f32],
    x: &[f32],
    rows: usize,
    cols: usize,
    batch: usize,
) -> Vec<(f64, f64)> {
    let mut out = vec![(0.0, 0.0); batch * rows];
    for b in 0..batch {
        for m in 0..rows {
            let cell = &mut out[b * rows + m];
            for k in 0..cols {
                let product = f64::from(w[m * cols + k]) * f64::from(x[b * cols + k]);
                cell.0 += product;
                cell.1 += product.abs();
            }
        }
    }
    out
}

/// The activation in f64.
pub fn activate(act: Activation, v: f64) -> f64 {
    match act {
        Activation::None => v,
        Activation::ClippedRelu(clip) => v.max(0.0).min(f64::from(clip)),
        Activation::Sigmoid => 1.0 / (1.0 + (-v).exp()),
        Activation::Tanh => v.tanh(),
    }
}

/// A quantised matrix, packed.
pub fn pack_i4(isa: Isa, groups: &Grouped) -> Result<PackedI4, Error> {
    let Grouped { rows, cols, weights, group_scales, row_scales } = groups;
    PackedI4::pack_for(isa, weights, group_scales, row_scales, *rows, *cols)
}

/// The bits of floats, for comparisons that distinguish -0 from 0 and recognise NaN.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The instruction sets of this machine; prints once if some cannot be tested here.
pub fn instruction_sets() -> Vec<Isa> {
    static SAID: Once = Once::new();
    let available = Isa::available();
    SAID.call_once(|| {
        for isa in Isa::ALL.iter().filter(|isa| !available.contains(isa)) {
            println!("not on this processor: {isa}");
        }
    });
    available
}

/// All activations.
pub const ACTIVATIONS: [Activation; 4] =
    [Activation::None, Activation::ClippedRelu(1.5), Activation::Sigmoid, Activation::Tanh];
