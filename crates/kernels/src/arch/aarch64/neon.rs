//! ARMv8.0: NEON without dot products.
//!
//! 8-bit weights: `smull` and `smlal2` add two 8-bit products into each 16-bit lane, `sadalp` adds
//! neighbouring lanes to 32-bit sums. This is exact although nothing is widened first: weights are
//! in -127..=127 and activations in -128..=127, so two products are at most 2 * 127 * 128 = 32512,
//! which fits 16 bits. Three instructions multiply 16 bytes.
//!
//! The inner loops are assembly, ordered for in-order processors (Cortex-A53): at least eight
//! products are in flight at once, so that none waits for the previous one, and the loads for the
//! next step are placed between the multiplications that no longer need the registers.

use super::lanes::Neon;
use crate::Scratch;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, Shape, load};
use crate::lanes::Twice;
use crate::math::{self, Function};
use crate::recurrent::Job;
use core::arch::aarch64::{int32x4_t, vdupq_n_s32, vpaddq_s32, vst1q_s32};
use core::arch::asm;

/// Vectors per pass of bytes: 4 vectors of 4 rows are 16 registers of sums.
const PASS: usize = 4;
/// Rows of a group.
const ROWS: usize = 4;
/// Columns of a register.
const DEPTH: usize = 16;

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn run(job: impl Job) {
    // SAFETY: the processor has NEON here, by the features of this function.
    job.run(Twice(unsafe { Neon::new() }));
}

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn map(function: Function, values: &mut [f32]) {
    // SAFETY: the processor has NEON here, by the features of this function.
    math::map_lanes(Twice(unsafe { Neon::new() }), function, values);
}

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    load(input, shape, &mut scratch.signed, &mut scratch.scales, |q| q);
}

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.signed.as_slice(), stride, batch };
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    drive_with(lanes, matrix, &vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => one(panel, x, tile),
        2 => two(panel, x, tile),
        3 => three(panel, x, tile),
        _ => four(panel, x, tile),
    });
}

/// `smull` for each `sum: weights x activations`, registers by their numbers: the products of the
/// lower halves.
macro_rules! low {
    ($($t:literal: $w:literal x $x:literal),+) => {
        concat!($("smull v", $t, ".8h, v", $w, ".8b, v", $x, ".8b\n"),+)
    };
}

/// `smlal2`, in the same way: adds the products of the upper halves. The instruction after an arrow
/// follows it.
macro_rules! high {
    ($($t:literal: $w:literal x $x:literal $(=> $load:literal)?),+) => {
        concat!($("smlal2 v", $t, ".8h, v", $w, ".16b, v", $x, ".16b\n", $($load, "\n",)?)+)
    };
}

/// `sadalp` for each `total += sum`.
macro_rules! widen {
    ($($total:literal += $t:literal $(=> $load:literal)?),+) => {
        concat!($("sadalp v", $total, ".4s, v", $t, ".8h\n", $($load, "\n",)?)+)
    };
}

/// A step of one vector and eight rows. The arguments are the loads for the next step: first of the
/// vector, then of the rows.
macro_rules! step_one {
    ($x:literal, $w0:literal, $w1:literal, $w2:literal, $w3:literal, $w4:literal, $w5:literal, $w6:literal, $w7:literal) => {
        concat!(
            low!(8: 16 x 24, 9: 17 x 24, 10: 18 x 24, 11: 19 x 24, 12: 20 x 24, 13: 21 x 24, 14: 22 x 24, 15: 23 x 24),
            high!(8: 16 x 24, 9: 17 x 24 => $w0, 10: 18 x 24 => $w1, 11: 19 x 24 => $w2, 12: 20 x 24 => $w3,
                13: 21 x 24 => $w4, 14: 22 x 24, 15: 23 x 24),
            widen!(0 += 8 => $x, 1 += 9 => $w5, 2 += 10, 3 += 11, 4 += 12, 5 += 13, 6 += 14, 7 += 15 => $w6),
            $w7, "\n",
        )
    };
}

/// A step of two vectors and four rows. The arguments are the loads for the next step.
macro_rules! step_two {
    ($x0:literal, $x1:literal, $w0:literal, $w1:literal, $w2:literal, $w3:literal) => {
        concat!(
            low!(8: 16 x 20, 9: 17 x 20, 10: 18 x 20, 11: 19 x 20, 12: 16 x 21, 13: 17 x 21, 14: 18 x 21, 15: 19 x 21),
            high!(8: 16 x 20, 9: 17 x 20, 10: 18 x 20, 11: 19 x 20, 12: 16 x 21 => $x0, 13: 17 x 21 => $w0,
                14: 18 x 21 => $w1, 15: 19 x 21),
            widen!(0 += 8 => $w2, 1 += 9, 2 += 10, 3 += 11, 4 += 12, 5 += 13, 6 += 14, 7 += 15 => $w3),
            $x1, "\n",
        )
    };
}

/// A step of three vectors and four rows. The arguments are the loads for the next step.
macro_rules! step_three {
    ($x0:literal, $x1:literal, $x2:literal, $w0:literal, $w1:literal, $w2:literal, $w3:literal) => {
        concat!(
            low!(12: 24 x 28, 13: 25 x 28, 14: 26 x 28, 15: 27 x 28, 16: 24 x 29, 17: 25 x 29, 18: 26 x 29, 19: 27 x 29,
                20: 24 x 30, 21: 25 x 30, 22: 26 x 30, 23: 27 x 30),
            high!(12: 24 x 28, 13: 25 x 28, 14: 26 x 28, 15: 27 x 28, 16: 24 x 29 => $x0, 17: 25 x 29, 18: 26 x 29,
                19: 27 x 29, 20: 24 x 30, 21: 25 x 30 => $w0, 22: 26 x 30 => $w1, 23: 27 x 30),
            widen!(0 += 12 => $w2, 1 += 13 => $w3, 2 += 14, 3 += 15, 4 += 16, 5 += 17, 6 += 18, 7 += 19, 8 += 20,
                9 += 21, 10 += 22, 11 += 23 => $x1),
            $x2, "\n",
        )
    };
}

/// A step of four vectors and four rows, two vectors after two, which uses all 32 registers. The
/// arguments are the loads for the next step.
macro_rules! step_four {
    ($x0:literal, $x1:literal, $x2:literal, $x3:literal, $w0:literal, $w1:literal, $w2:literal, $w3:literal) => {
        concat!(
            low!(16: 24 x 28, 17: 25 x 28, 18: 26 x 28, 19: 27 x 28, 20: 24 x 29, 21: 25 x 29, 22: 26 x 29, 23: 27 x 29),
            high!(16: 24 x 28, 17: 25 x 28, 18: 26 x 28, 19: 27 x 28, 20: 24 x 29 => $x0, 21: 25 x 29, 22: 26 x 29,
                23: 27 x 29),
            widen!(0 += 16 => $x1, 1 += 17, 2 += 18, 3 += 19, 4 += 20, 5 += 21, 6 += 22, 7 += 23),
            low!(16: 24 x 30, 17: 25 x 30, 18: 26 x 30, 19: 27 x 30, 20: 24 x 31, 21: 25 x 31, 22: 26 x 31, 23: 27 x 31),
            high!(16: 24 x 30, 17: 25 x 30, 18: 26 x 30, 19: 27 x 30, 20: 24 x 31, 21: 25 x 31 => $w0, 22: 26 x 31 => $w1,
                23: 27 x 31),
            widen!(8 += 16 => $w2, 9 += 17 => $w3, 10 += 18, 11 += 19, 12 += 20, 13 += 21, 14 += 22, 15 += 23 => $x2),
            $x3, "\n",
        )
    };
}

/// Checks the lengths that the loads of a kernel rely on: `B` vectors of a panel's columns, in
/// whole steps, at least one. Returns the columns.
#[inline(always)]
fn check<const B: usize>(panel: &[i8], x: &[i8]) -> usize {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride
            && stride >= DEPTH
            && stride.is_multiple_of(DEPTH)
            && x.len() == B * stride,
        "the pass holds B vectors of a panel's columns"
    );
    stride
}

/// Adds up the lanes of the sums of four rows and stores them.
#[inline]
#[target_feature(enable = "neon")]
fn store_rows(sums: [int32x4_t; ROWS], to: &mut [i32]) {
    let to = &mut to[..ROWS];
    let [s0, s1, s2, s3] = sums;
    let rows = vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3));
    // SAFETY: the slice has room for four integers.
    unsafe { vst1q_s32(to.as_mut_ptr(), rows) };
}

/// One panel times one vector, two groups of four rows at a time.
#[target_feature(enable = "neon")]
fn one(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = check::<1>(panel, x);
    let zero = vdupq_n_s32(0);
    for first in (0..PANEL_ROWS).step_by(2 * ROWS) {
        let [mut a, mut b] = [[zero; ROWS]; 2];
        let w = panel[first * stride..(first + 2 * ROWS) * stride].as_ptr();
        // SAFETY: reads `stride / 16` steps, at least one, of 64 bytes of either group of 4 *
        // stride bytes and of 16 bytes of x, which holds `stride`; the last step loads nothing.
        unsafe {
            asm!(
                concat!("ldr q24, [{x}]", "\n", "ldr q16, [{w}]", "\n", "ldr q17, [{w}, #16]", "\n", "ldr q18, [{w}, #32]", "\n", "ldr q19, [{w}, #48]", "\n", "ldr q20, [{v}]", "\n", "ldr q21, [{v}, #16]", "\n", "ldr q22, [{v}, #32]", "\n", "ldr q23, [{v}, #48]"),
                "subs {steps}, {steps}, #1",
                "b.eq 3f",
                "2:",
                "subs {steps}, {steps}, #1",
                "add {w}, {w}, #64",
                "add {v}, {v}, #64",
                "add {x}, {x}, #16",
                step_one!("ldr q24, [{x}]", "ldr q16, [{w}]", "ldr q17, [{w}, #16]", "ldr q18, [{w}, #32]", "ldr q19, [{w}, #48]", "ldr q20, [{v}]", "ldr q21, [{v}, #16]", "ldr q22, [{v}, #32]", "ldr q23, [{v}, #48]"),
                "b.ne 2b",
                "3:",
                step_one!("", "", "", "", "", "", "", "", ""),
                steps = inout(reg) stride / DEPTH => _,
                w = inout(reg) w => _,
                v = inout(reg) w.add(ROWS * stride) => _,
                x = inout(reg) x.as_ptr() => _,
                inout("v0") a[0], inout("v1") a[1], inout("v2") a[2], inout("v3") a[3],
                inout("v4") b[0], inout("v5") b[1], inout("v6") b[2], inout("v7") b[3],
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _,
                options(readonly, nostack),
            );
        }
        store_rows(a, &mut tile.0[0][first..]);
        store_rows(b, &mut tile.0[0][first + ROWS..]);
    }
}

/// One panel times two vectors, four rows at a time.
#[target_feature(enable = "neon")]
fn two(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = check::<2>(panel, x);
    let zero = vdupq_n_s32(0);
    for first in (0..PANEL_ROWS).step_by(ROWS) {
        let [mut a, mut b] = [[zero; ROWS]; 2];
        let w = panel[first * stride..(first + ROWS) * stride].as_ptr();
        // SAFETY: as in `one`, with one group and the two vectors of `stride` bytes that x holds.
        unsafe {
            asm!(
                concat!("ldr q20, [{x}]", "\n", "ldr q21, [{x}, {second}]", "\n", "ldr q16, [{w}]", "\n", "ldr q17, [{w}, #16]", "\n", "ldr q18, [{w}, #32]", "\n", "ldr q19, [{w}, #48]"),
                "subs {steps}, {steps}, #1",
                "b.eq 3f",
                "2:",
                "subs {steps}, {steps}, #1",
                "add {w}, {w}, #64",
                "add {x}, {x}, #16",
                step_two!("ldr q20, [{x}]", "ldr q21, [{x}, {second}]", "ldr q16, [{w}]", "ldr q17, [{w}, #16]", "ldr q18, [{w}, #32]", "ldr q19, [{w}, #48]"),
                "b.ne 2b",
                "3:",
                step_two!("", "", "", "", "", ""),
                steps = inout(reg) stride / DEPTH => _,
                w = inout(reg) w => _,
                x = inout(reg) x.as_ptr() => _,
                second = in(reg) stride,
                inout("v0") a[0], inout("v1") a[1], inout("v2") a[2], inout("v3") a[3],
                inout("v4") b[0], inout("v5") b[1], inout("v6") b[2], inout("v7") b[3],
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
                options(readonly, nostack),
            );
        }
        store_rows(a, &mut tile.0[0][first..]);
        store_rows(b, &mut tile.0[1][first..]);
    }
}

/// One panel times three vectors, four rows at a time.
#[target_feature(enable = "neon")]
fn three(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = check::<3>(panel, x);
    let zero = vdupq_n_s32(0);
    for first in (0..PANEL_ROWS).step_by(ROWS) {
        let [mut a, mut b, mut c] = [[zero; ROWS]; 3];
        let w = panel[first * stride..(first + ROWS) * stride].as_ptr();
        // SAFETY: as in `one`, with one group and the three vectors of `stride` bytes that x holds.
        unsafe {
            asm!(
                concat!("ldr q28, [{x}]", "\n", "ldr q29, [{x}, {second}]", "\n", "ldr q30, [{x}, {third}]", "\n", "ldr q24, [{w}]", "\n", "ldr q25, [{w}, #16]", "\n", "ldr q26, [{w}, #32]", "\n", "ldr q27, [{w}, #48]"),
                "subs {steps}, {steps}, #1",
                "b.eq 3f",
                "2:",
                "subs {steps}, {steps}, #1",
                "add {w}, {w}, #64",
                "add {x}, {x}, #16",
                step_three!("ldr q28, [{x}]", "ldr q29, [{x}, {second}]", "ldr q30, [{x}, {third}]", "ldr q24, [{w}]", "ldr q25, [{w}, #16]", "ldr q26, [{w}, #32]", "ldr q27, [{w}, #48]"),
                "b.ne 2b",
                "3:",
                step_three!("", "", "", "", "", "", ""),
                steps = inout(reg) stride / DEPTH => _,
                w = inout(reg) w => _,
                x = inout(reg) x.as_ptr() => _,
                second = in(reg) stride,
                third = in(reg) 2 * stride,
                inout("v0") a[0], inout("v1") a[1], inout("v2") a[2], inout("v3") a[3],
                inout("v4") b[0], inout("v5") b[1], inout("v6") b[2], inout("v7") b[3],
                inout("v8") c[0], inout("v9") c[1], inout("v10") c[2], inout("v11") c[3],
                out("v12") _, out("v13") _, out("v14") _, out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _,
                out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                out("v28") _, out("v29") _, out("v30") _,
                options(readonly, nostack),
            );
        }
        store_rows(a, &mut tile.0[0][first..]);
        store_rows(b, &mut tile.0[1][first..]);
        store_rows(c, &mut tile.0[2][first..]);
    }
}

/// One panel times four vectors, four rows at a time.
#[target_feature(enable = "neon")]
fn four(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = check::<4>(panel, x);
    let zero = vdupq_n_s32(0);
    for first in (0..PANEL_ROWS).step_by(ROWS) {
        let [mut a, mut b, mut c, mut d] = [[zero; ROWS]; 4];
        let w = panel[first * stride..(first + ROWS) * stride].as_ptr();
        // SAFETY: as in `one`, with one group and the four vectors of `stride` bytes that x holds.
        unsafe {
            asm!(
                concat!("ldr q28, [{x}]", "\n", "ldr q29, [{x}, {second}]", "\n", "ldr q30, [{x}, {third}]", "\n", "ldr q31, [{x}, {fourth}]", "\n", "ldr q24, [{w}]", "\n", "ldr q25, [{w}, #16]", "\n", "ldr q26, [{w}, #32]", "\n", "ldr q27, [{w}, #48]"),
                "subs {steps}, {steps}, #1",
                "b.eq 3f",
                "2:",
                "subs {steps}, {steps}, #1",
                "add {w}, {w}, #64",
                "add {x}, {x}, #16",
                step_four!("ldr q28, [{x}]", "ldr q29, [{x}, {second}]", "ldr q30, [{x}, {third}]", "ldr q31, [{x}, {fourth}]", "ldr q24, [{w}]", "ldr q25, [{w}, #16]", "ldr q26, [{w}, #32]", "ldr q27, [{w}, #48]"),
                "b.ne 2b",
                "3:",
                step_four!("", "", "", "", "", "", "", ""),
                steps = inout(reg) stride / DEPTH => _,
                w = inout(reg) w => _,
                x = inout(reg) x.as_ptr() => _,
                second = in(reg) stride,
                third = in(reg) 2 * stride,
                fourth = in(reg) 3 * stride,
                inout("v0") a[0], inout("v1") a[1], inout("v2") a[2], inout("v3") a[3],
                inout("v4") b[0], inout("v5") b[1], inout("v6") b[2], inout("v7") b[3],
                inout("v8") c[0], inout("v9") c[1], inout("v10") c[2], inout("v11") c[3],
                inout("v12") d[0], inout("v13") d[1], inout("v14") d[2], inout("v15") d[3],
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                options(readonly, nostack),
            );
        }
        store_rows(a, &mut tile.0[0][first..]);
        store_rows(b, &mut tile.0[1][first..]);
        store_rows(c, &mut tile.0[2][first..]);
        store_rows(d, &mut tile.0[3][first..]);
    }
}
