//! The functions for C, called from Rust: results, and what wrong arguments return.
#![allow(unsafe_code)]
#![cfg(feature = "capi")]

mod common;

use common::{Numbers, bits};
use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};
use stonechat_kernels::capi::*;
use stonechat_kernels::quantize::{quantize_groups, quantize_rows, quantize_vector};
use stonechat_kernels::{
    Activation, IntegerProduct, Isa, Packed, PackedF32, PackedGru, PackedI8, PackedLowRank,
    PackedLstm, Product, Recurrent, Scratch, Weights,
};

const ROWS: usize = if cfg!(miri) { 35 } else { 300 };
const COLS: usize = if cfg!(miri) { 9 } else { 1000 };

fn text(words: *const c_char) -> &'static str {
    assert!(!words.is_null());
    // SAFETY: the functions that return text keep it valid forever.
    unsafe { CStr::from_ptr(words) }.to_str().expect("UTF-8")
}

/// A matrix and a scratch, freed at the end of a test.
struct Handles(*mut StonechatInt8, *mut StonechatScratch);

impl Handles {
    fn new(weights: &[i8], scales: &[f32], rows: usize, cols: usize) -> Self {
        let mut handles = Self(null_mut(), null_mut());
        let (w, s) = (weights.as_ptr(), scales.as_ptr());
        // SAFETY: the slices have the lengths of the shape.
        unsafe {
            assert_eq!(stonechat_int8_pack(w, s, rows, cols, null(), &raw mut handles.0), 0);
            assert_eq!(stonechat_scratch_new(&raw mut handles.1), 0);
        }
        handles
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        // SAFETY: made in `new`, not used any more.
        unsafe {
            stonechat_int8_free(self.0);
            stonechat_scratch_free(self.1);
        }
    }
}

#[test]
fn products_are_those_of_the_library() {
    let mut numbers = Numbers::new(1);
    let (w, x, bias) =
        (numbers.floats(ROWS * COLS), numbers.floats(2 * COLS), numbers.floats(ROWS));
    let (expected_q, expected_scales) = quantize_rows(&w, ROWS, COLS);
    let (mut q, mut scales) = (vec![0; ROWS * COLS], vec![0.0; ROWS]);
    // SAFETY: the slices have the lengths of the shape.
    let status = unsafe {
        stonechat_quantize_rows(w.as_ptr(), ROWS, COLS, q.as_mut_ptr(), scales.as_mut_ptr())
    };
    assert_eq!((status, &q, &scales), (STONECHAT_OK, &expected_q, &expected_scales));

    let packed = PackedI8::pack(&q, &scales, ROWS, COLS).expect("packs");
    let handles = Handles::new(&q, &scales, ROWS, COLS);
    let mut pool = null_mut();
    // SAFETY: as above, and the pool is freed at the end.
    unsafe {
        assert_eq!(stonechat_int8_rows(handles.0), ROWS);
        assert_eq!(stonechat_int8_cols(handles.0), COLS);
        assert_eq!(text(stonechat_int8_isa(handles.0)), packed.isa().name());
        assert_eq!(stonechat_pool_new(2, &raw mut pool), STONECHAT_OK);
        let acts = [
            (STONECHAT_ACTIVATION_NONE, Activation::None),
            (STONECHAT_ACTIVATION_CLIPPED_RELU, Activation::ClippedRelu(1.5)),
            (STONECHAT_ACTIVATION_SIGMOID, Activation::Sigmoid),
            (STONECHAT_ACTIVATION_TANH, Activation::Tanh),
        ];
        for (activation, act) in acts {
            for (bias, pool) in [(None, null()), (Some(&bias[..]), pool.cast_const())] {
                let mut expected = vec![0.0; 2 * ROWS];
                packed.matmul(&x, 2, bias, act, &mut Scratch::new(), &mut expected);
                let mut y = vec![f32::NAN; 2 * ROWS];
                let bias = bias.map_or(null(), <[f32]>::as_ptr);
                let (x, out) = (x.as_ptr(), y.as_mut_ptr());
                let status = stonechat_int8_matmul(
                    handles.0, x, 2, bias, activation, 1.5, handles.1, pool, out,
                );
                assert_eq!(status, STONECHAT_OK);
                assert_eq!(bits(&y), bits(&expected), "{act:?}");
            }
        }
        stonechat_pool_free(pool);

        let x = numbers.bytes(COLS);
        let (mut out, mut expected) = (vec![0; ROWS], vec![0; ROWS]);
        packed.matmul_i32(&x, 1, &mut Scratch::new(), &mut expected);
        let status =
            stonechat_int8_matmul_i32(handles.0, x.as_ptr(), 1, handles.1, out.as_mut_ptr());
        assert_eq!((status, out), (STONECHAT_OK, expected));
    }

    let (mut q, mut expected, mut scale) = (vec![0; COLS], vec![0; COLS], 0.0);
    // SAFETY: both have the length.
    let status =
        unsafe { stonechat_quantize_vector(x.as_ptr(), COLS, q.as_mut_ptr(), &raw mut scale) };
    assert_eq!((status, scale), (STONECHAT_OK, quantize_vector(&x[..COLS], &mut expected)));
    assert_eq!(q, expected);
}

#[test]
fn packed_matrices_go_through_bytes() {
    let handles = Handles::new(&[3; 35], &[0.5; 5], 5, 7);
    let mut len = 0;
    // SAFETY: as many bytes as requested; every matrix is freed before its bytes.
    unsafe {
        let status = stonechat_int8_to_bytes(handles.0, null_mut(), 0, &raw mut len);
        assert_eq!(status, STONECHAT_TOO_SMALL);
        let mut bytes = vec![0; len];
        let status = stonechat_int8_to_bytes(handles.0, bytes.as_mut_ptr(), len, &raw mut len);
        assert_eq!((status, len), (STONECHAT_OK, bytes.len()));
        let read = stonechat_int8_from_bytes;
        let mut matrix = null_mut();
        assert_eq!(read(bytes.as_ptr(), len, &raw mut matrix), STONECHAT_OK);
        let mut out = [0; 5];
        stonechat_int8_matmul_i32(matrix, [1i8; 7].as_ptr(), 1, handles.1, out.as_mut_ptr());
        assert_eq!(out, [21; 5]);
        stonechat_int8_free(matrix);
        matrix = null_mut();
        assert_eq!(read(bytes.as_ptr(), len - 1, &raw mut matrix), STONECHAT_BAD_BYTES);
        assert!(matrix.is_null());
    }
}

#[test]
fn instruction_sets_have_names() {
    assert_eq!(text(stonechat_kernels_version()), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(stonechat_isa_name()), Isa::detect().name());
    let names: Vec<&str> = (0..)
        .map(|index| stonechat_isa_available(index))
        .take_while(|name| !name.is_null())
        .map(text)
        .collect();
    let expected: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    assert_eq!(names, expected);
    let advice = stonechat_isa_advice();
    assert_eq!((!advice.is_null()).then(|| text(advice)), Isa::detect().advice());
}

#[test]
fn wrong_arguments_are_told_and_nothing_is_written() {
    let (w, s) = ([1i8; 6], [1.0f32; 2]);
    let mut matrix = null_mut();
    let out = &raw mut matrix;
    let isa = |name: &'static CStr| name.as_ptr();
    // SAFETY: the pointers are right or null, and are not followed beyond the lengths that are
    // checked first.
    unsafe {
        let (w, s) = (w.as_ptr(), s.as_ptr());
        let cases = [
            (stonechat_int8_pack(null(), s, 2, 3, null(), out), STONECHAT_BAD_POINTER),
            (stonechat_int8_pack(w, null(), 2, 3, null(), out), STONECHAT_BAD_POINTER),
            (stonechat_int8_pack(w, s.byte_add(1), 1, 3, null(), out), STONECHAT_BAD_POINTER),
            (stonechat_int8_pack(w, s, 2, 3, null(), null_mut()), STONECHAT_BAD_POINTER),
            (stonechat_int8_pack(w, s, 0, 3, null(), out), STONECHAT_BAD_SHAPE),
            (stonechat_int8_pack(w, s, usize::MAX, 3, null(), out), STONECHAT_BAD_SHAPE),
            (stonechat_int8_pack(w, s, usize::MAX, 1, null(), out), STONECHAT_BAD_SHAPE),
            (stonechat_int8_pack([-128i8].as_ptr(), s, 1, 1, null(), out), STONECHAT_BAD_VALUE),
            (stonechat_int8_pack(w, s, 2, 3, isa(c"sse9"), out), STONECHAT_BAD_ISA),
            (stonechat_int8_from_bytes(null(), 0, out), STONECHAT_BAD_BYTES),
            (stonechat_int8_from_bytes(null(), 9, out), STONECHAT_BAD_POINTER),
            (stonechat_scratch_new(null_mut()), STONECHAT_BAD_POINTER),
        ];
        for (index, (status, expected)) in cases.into_iter().enumerate() {
            assert_eq!(status, expected, "case {index}");
        }
        assert!(matrix.is_null());
        assert_eq!(stonechat_int8_pack(w, s, 2, 3, isa(c"portable"), out), STONECHAT_OK);
        assert_eq!(text(stonechat_int8_isa(matrix)), "portable");
        stonechat_int8_free(matrix);
        stonechat_int8_free(null_mut());
        assert_eq!((stonechat_int8_rows(null()), stonechat_int8_cols(null())), (0, 0));
        assert!(stonechat_int8_isa(null()).is_null());

        let handles = Handles::new(&[1; 6], &[1.0; 2], 2, 3);
        let (x, mut y) = ([1.0f32; 3], [7.0f32; 2]);
        let y = &raw mut y;
        let (none, x, p) = (STONECHAT_ACTIVATION_NONE, x.as_ptr(), y.cast());
        let multiply = |matrix, x, batch, activation, scratch, y| {
            stonechat_int8_matmul(matrix, x, batch, null(), activation, 0.0, scratch, null(), y)
        };
        let cases = [
            (multiply(null(), x, 1, none, handles.1, p), STONECHAT_BAD_POINTER),
            (multiply(handles.0, null(), 1, none, handles.1, p), STONECHAT_BAD_POINTER),
            (multiply(handles.0, x, 1, none, null_mut(), p), STONECHAT_BAD_POINTER),
            (multiply(handles.0, x, 1, none, handles.1, null_mut()), STONECHAT_BAD_POINTER),
            (multiply(handles.0, x, usize::MAX, none, handles.1, p), STONECHAT_BAD_SHAPE),
            (multiply(handles.0, x, 1, 4, handles.1, p), STONECHAT_BAD_ACTIVATION),
            (multiply(handles.0, null(), 0, none, handles.1, null_mut()), STONECHAT_OK),
        ];
        for (index, (status, expected)) in cases.into_iter().enumerate() {
            assert_eq!(status, expected, "case {index}");
        }
        assert_eq!(*y, [7.0; 2]);
    }
    for status in STONECHAT_OK..=STONECHAT_PANIC {
        assert!(text(stonechat_status_message(status)).len() > 8, "status {status}");
    }
    for status in [-1, STONECHAT_PANIC + 1] {
        assert_eq!(text(stonechat_status_message(status)), "not a status of stonechat-kernels");
    }
}

#[test]
fn a_gru_steps_as_in_the_library() {
    const HIDDEN: usize = 37;
    const RANK: usize = 5;
    let mut numbers = Numbers::new(4);
    let mut matrix =
        |rows: usize, cols: usize| quantize_rows(&numbers.floats(rows * cols), rows, cols);
    let (dense, left, right) =
        (matrix(3 * HIDDEN, HIDDEN), matrix(3 * HIDDEN, RANK), matrix(RANK, HIDDEN));
    let (x, start) = (numbers.floats(2 * 3 * HIDDEN), numbers.floats(2 * HIDDEN));
    let weights = |w: &'_ (Vec<i8>, Vec<f32>)| (w.0.as_ptr(), w.1.as_ptr());
    for rank in [0, RANK] {
        let (u, v) = if rank == 0 { (&dense, &right) } else { (&left, &right) };
        let i8s = |w| -> Weights<'_> {
            let (values, scales): &(Vec<i8>, Vec<f32>) = w;
            Weights::I8 { values, scales }
        };
        let recurrent = match rank {
            0 => Recurrent::Dense(i8s(u)),
            _ => Recurrent::LowRank { u: i8s(u), v: i8s(v), rank },
        };
        let mut expected = start.clone();
        let packed = PackedGru::pack(recurrent, HIDDEN, Activation::Tanh).unwrap();
        packed.step(&x, 2, &mut expected, &mut Scratch::new());

        let ((u, u_scales), (v, v_scales)) = (weights(u), weights(v));
        let (mut gru, mut scratch, mut h) = (null_mut(), null_mut(), start.clone());
        // SAFETY: the slices have the lengths of the shapes; the handles are freed once.
        unsafe {
            let tanh = STONECHAT_ACTIVATION_TANH;
            let pack = |hidden, activation, out| {
                stonechat_gru_pack(
                    u,
                    u_scales,
                    v,
                    v_scales,
                    rank,
                    hidden,
                    activation,
                    0.0,
                    null(),
                    out,
                )
            };
            assert_eq!(pack(HIDDEN, 9, &raw mut gru), STONECHAT_BAD_ACTIVATION);
            assert!(gru.is_null());
            assert_eq!(pack(HIDDEN, tanh, &raw mut gru), STONECHAT_OK);
            assert_eq!(stonechat_scratch_new(&raw mut scratch), STONECHAT_OK);
            assert_eq!(
                stonechat_gru_step(gru, x.as_ptr(), 2, null_mut(), scratch),
                STONECHAT_BAD_POINTER
            );
            assert_eq!(
                stonechat_gru_step(gru, x.as_ptr(), 2, h.as_mut_ptr(), scratch),
                STONECHAT_OK
            );
            stonechat_gru_free(gru);
            stonechat_scratch_free(scratch);
        }
        assert_eq!(bits(&h), bits(&expected), "rank {rank}");
    }
}

#[test]
fn the_other_forms_multiply_as_in_the_library() {
    let rank = 5;
    let mut numbers = Numbers::new(5);
    let (w, bias) = (numbers.floats(ROWS * COLS), numbers.floats(ROWS));
    let (u, u_scales) = quantize_rows(&w[..ROWS * rank], ROWS, rank);
    let (v, v_scales) = quantize_rows(&w[..rank * COLS], rank, COLS);
    let groups = quantize_groups(&w, ROWS, COLS);
    let x = numbers.floats(2 * COLS);
    let (act, s) = (Activation::Tanh, &mut Scratch::new());
    let mut expected = [(); 3].map(|()| vec![0.0; 2 * ROWS]);
    let float32 = PackedF32::pack(&w, ROWS, COLS).expect("packs");
    float32.matmul(&x, 2, Some(&bias), act, s, &mut expected[0]);
    let int4 = common::pack_i4(Isa::detect(), &groups).expect("packs");
    int4.matmul(&x, 2, Some(&bias), act, s, &mut expected[1]);
    let left = Weights::I8 { values: &u, scales: &u_scales };
    let right = Weights::I8 { values: &v, scales: &v_scales };
    let low_rank = PackedLowRank::pack(left, right, ROWS, rank, COLS).expect("packs");
    low_rank.matmul(&x, 2, Some(&bias), act, s, &mut expected[2]);

    let (mut f, mut i, mut j, mut l) = (null_mut(), null_mut(), null_mut(), null_mut());
    let (mut scratch, mut pool) = (null_mut(), null_mut());
    let (w, u, v) = (w.as_ptr(), u.as_ptr(), v.as_ptr());
    // SAFETY: the slices have the lengths of the shapes; the handles are freed once.
    unsafe {
        assert_eq!(stonechat_scratch_new(&raw mut scratch), STONECHAT_OK);
        assert_eq!(stonechat_pool_new(2, &raw mut pool), STONECHAT_OK);
        assert_eq!(stonechat_f32_pack(w, ROWS, COLS, null(), &raw mut f), STONECHAT_OK);
        assert_eq!(stonechat_int4_quantize(w, ROWS, COLS, null(), &raw mut i), STONECHAT_OK);
        let (q, g, r) =
            (groups.weights.as_ptr(), groups.group_scales.as_ptr(), groups.row_scales.as_ptr());
        assert_eq!(stonechat_int4_pack(q, g, r, ROWS, COLS, null(), &raw mut j), STONECHAT_OK);
        let (us, vs) = (u_scales.as_ptr(), v_scales.as_ptr());
        let status = stonechat_low_rank_pack(u, us, v, vs, ROWS, rank, COLS, null(), &raw mut l);
        assert_eq!(status, STONECHAT_OK);
        for pool in [null(), pool.cast_const()] {
            let (x, bias, tanh) = (x.as_ptr(), bias.as_ptr(), STONECHAT_ACTIVATION_TANH);
            let mut y = vec![f32::NAN; 2 * ROWS];
            let out = y.as_mut_ptr();
            let status = stonechat_f32_matmul(f, x, 2, bias, tanh, 0.0, pool, out);
            assert_eq!((status, bits(&y)), (STONECHAT_OK, bits(&expected[0])));
            for matrix in [i, j] {
                y.fill(f32::NAN);
                let out = y.as_mut_ptr();
                let status =
                    stonechat_int4_matmul(matrix, x, 2, bias, tanh, 0.0, scratch, pool, out);
                assert_eq!((status, bits(&y)), (STONECHAT_OK, bits(&expected[1])));
            }
            y.fill(f32::NAN);
            let out = y.as_mut_ptr();
            let status = stonechat_low_rank_matmul(l, x, 2, bias, tanh, 0.0, scratch, pool, out);
            assert_eq!((status, bits(&y)), (STONECHAT_OK, bits(&expected[2])));
        }
        let (none, x, bad) = (null(), x.as_ptr(), STONECHAT_BAD_POINTER);
        let mut y = vec![0.0; ROWS];
        let y = y.as_mut_ptr();
        let cases = [
            (stonechat_f32_pack(null(), 2, 3, null(), &raw mut f), bad),
            (stonechat_f32_pack(w, 0, 3, null(), &raw mut f), STONECHAT_BAD_SHAPE),
            (stonechat_int4_quantize(w, 1, 0, null(), &raw mut i), STONECHAT_BAD_SHAPE),
            (
                stonechat_int4_pack([8].as_ptr(), g, r, 1, 1, null(), &raw mut i),
                STONECHAT_BAD_VALUE,
            ),
            (stonechat_f32_matmul(null(), x, 1, none, 0, 0.0, null(), y), bad),
            (stonechat_f32_matmul(f, x, 1, none, 9, 0.0, null(), y), STONECHAT_BAD_ACTIVATION),
            (stonechat_int4_matmul(i, x, 1, none, 0, 0.0, null_mut(), null(), y), bad),
            (stonechat_low_rank_matmul(l, null(), 1, none, 0, 0.0, scratch, null(), y), bad),
        ];
        for (index, (status, expected)) in cases.into_iter().enumerate() {
            assert_eq!(status, expected, "case {index}");
        }
        stonechat_f32_free(f);
        stonechat_int4_free(i);
        stonechat_int4_free(j);
        stonechat_low_rank_free(l);
        stonechat_scratch_free(scratch);
        stonechat_pool_free(pool);
    }
}

#[test]
fn an_lstm_steps_as_in_the_library() {
    const HIDDEN: usize = 37;
    let mut numbers = Numbers::new(6);
    let (u, scales) = quantize_rows(&numbers.floats(4 * HIDDEN * HIDDEN), 4 * HIDDEN, HIDDEN);
    let (x, start) = (numbers.floats(2 * 4 * HIDDEN), numbers.floats(2 * HIDDEN));
    let recurrent = Recurrent::Dense(Weights::I8 { values: &u, scales: &scales });
    let packed = PackedLstm::pack(recurrent, HIDDEN).expect("packs");
    let (mut expected_h, mut expected_c) = (start.clone(), start.clone());
    packed.step(&x, 2, &mut expected_h, &mut expected_c, &mut Scratch::new());

    let (mut lstm, mut scratch) = (null_mut(), null_mut());
    let (mut h, mut c) = (start.clone(), start);
    // SAFETY: the slices have the lengths of the shapes; the handles are freed once.
    unsafe {
        let (u, s) = (u.as_ptr(), scales.as_ptr());
        let status = stonechat_lstm_pack(u, s, null(), null(), 0, HIDDEN, null(), &raw mut lstm);
        assert_eq!(status, STONECHAT_OK);
        assert_eq!(stonechat_scratch_new(&raw mut scratch), STONECHAT_OK);
        let (x, h, c) = (x.as_ptr(), h.as_mut_ptr(), c.as_mut_ptr());
        assert_eq!(stonechat_lstm_step(lstm, x, 2, h, null_mut(), scratch), STONECHAT_BAD_POINTER);
        assert_eq!(stonechat_lstm_step(lstm, x, 2, h, c, null_mut()), STONECHAT_BAD_POINTER);
        assert_eq!(stonechat_lstm_step(lstm, x, 2, h, c, scratch), STONECHAT_OK);
        stonechat_lstm_free(lstm);
        stonechat_lstm_free(null_mut());
        stonechat_scratch_free(scratch);
    }
    assert_eq!((bits(&h), bits(&c)), (bits(&expected_h), bits(&expected_c)));
}
