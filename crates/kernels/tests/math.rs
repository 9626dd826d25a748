//! Sigmoid and tanh compared with f64, and quantization with its formula. Needs no dependencies.

mod common;

use common::{Numbers, bits, instruction_sets};
use stonechat_kernels::math;
use stonechat_kernels::quantize::{quantize_rows, quantize_vector};
use stonechat_kernels::{Activation, PackedI8, Product, Scratch};

/// Every 2579th bit pattern: 1.7 million floats of both signs and all magnitudes, including
/// infinities and NaN.
fn many_floats() -> impl Iterator<Item = f32> {
    (0..=u32::MAX / 2579).map(|i| f32::from_bits(i * 2579))
}

#[test]
fn functions_are_within_the_stated_error_and_the_same_bits_everywhere() {
    type OnSlice = fn(stonechat_kernels::Isa, &mut [f32]) -> Result<(), stonechat_kernels::Error>;
    type Case = (&'static str, OnSlice, fn(f32) -> f32, fn(f64) -> f64);
    let functions: [Case; 2] = [
        ("sigmoid", math::sigmoid_for, math::sigmoid_scalar, |x| 1.0 / (1.0 + (-x).exp())),
        ("tanh", math::tanh_for, math::tanh_scalar, f64::tanh),
    ];
    let inputs: Vec<f32> =
        many_floats().chain((-200_000..=200_000).map(|i| i as f32 * 1e-4)).collect();
    for (name, on_slice, on_one, exact) in functions {
        let mut expected = inputs.clone();
        let mut worst = (0.0, 0.0);
        for v in &mut expected {
            let x = *v;
            *v = on_one(x);
            assert_eq!(v.is_nan(), x.is_nan(), "{name}({x}) = {v}");
            if !x.is_nan() {
                let error = (f64::from(*v) - exact(f64::from(x))).abs();
                worst = if error > worst.1 { (x, error) } else { worst };
            }
        }
        println!("{name}: largest error {:.3e} at {}", worst.1, worst.0);
        assert!(worst.1 <= 1.2e-7, "{name}({}) is wrong by {}", worst.0, worst.1);
        for isa in instruction_sets() {
            let mut values = inputs.clone();
            on_slice(isa, &mut values).expect("available");
            for ((x, got), one) in inputs.iter().zip(&values).zip(&expected) {
                assert!(
                    got.to_bits() == one.to_bits() || x.is_nan(),
                    "{isa}: {name}({x}) = {got}, not {one}"
                );
                assert_eq!(got.is_nan(), x.is_nan(), "{isa}: {name}({x}) = {got}");
            }
        }
    }
}

#[test]
fn functions_saturate_and_keep_signs() {
    let sigmoid = [
        (0.0, 0.5),
        (f32::INFINITY, 1.0),
        (f32::NEG_INFINITY, 0.0),
        (f32::MAX, 1.0),
        (f32::MIN, 0.0),
        (100.0, 1.0),
        (-100.0, 0.0),
    ];
    for (x, expected) in sigmoid {
        assert_eq!(math::sigmoid_scalar(x), expected, "sigmoid({x})");
    }
    let tanh = [
        (0.0, 0.0),
        (-0.0, -0.0),
        (f32::INFINITY, 1.0),
        (f32::NEG_INFINITY, -1.0),
        (f32::MAX, 1.0),
        (f32::MIN, -1.0),
        (12.0, 1.0),
        (1e-30, 1e-30),
    ];
    for (x, expected) in tanh {
        assert_eq!(math::tanh_scalar(x).to_bits(), f32::to_bits(expected), "tanh({x})");
    }
}

#[test]
fn tanh_is_relatively_precise_and_odd() {
    for i in 1..=2_000_000u32 {
        let x = f32::from_bits(i * 800); // from the least subnormal to about 2e-1
        let (y, exact) = (math::tanh_scalar(x), f64::from(x).tanh());
        let tolerance = exact * 3e-7 + f64::from(f32::from_bits(1));
        assert!((f64::from(y) - exact).abs() <= tolerance, "tanh({x}) = {y}, not {exact}");
        assert_eq!(math::tanh_scalar(-x), -y, "tanh(-{x})");
    }
}

#[test]
fn lengths_need_not_be_whole_registers() {
    let mut numbers = Numbers::new(1);
    for len in 0..70 {
        for shift in 0..3 {
            let x: Vec<f32> = numbers.floats(len + shift).iter().map(|v| v * 9.0).collect();
            let expected: Vec<f32> = x[shift..].iter().map(|&v| math::tanh_scalar(v)).collect();
            let mut y = x.clone();
            math::tanh(&mut y[shift..]);
            assert_eq!(bits(&y[shift..]), bits(&expected), "tanh of {len} values");
            let expected: Vec<f32> = x[shift..].iter().map(|&v| math::sigmoid_scalar(v)).collect();
            let mut y = x.clone();
            math::sigmoid(&mut y[shift..]);
            assert_eq!(bits(&y[shift..]), bits(&expected), "sigmoid of {len} values");
            assert_eq!(
                bits(&y[..shift]),
                bits(&x[..shift]),
                "values before the slice were touched"
            );
        }
    }
}

#[test]
fn rows_are_quantised_symmetrically_and_half_to_even() {
    // The scale of each row is a power of two, so that the quotients are exact.
    let w = [127.0, 0.5, 1.5, -0.5, -1.5, -127.0, 2.5, 63.5, 0.0, 0.25, -0.75, 1.0];
    let (q, scales) = quantize_rows(&w, 2, 6);
    assert_eq!(scales, [1.0, 0.5]);
    assert_eq!(q, [127, 0, 2, 0, -2, -127, 5, 127, 0, 0, -2, 2]);

    let (q, scales) = quantize_rows(&[0.0, -0.0, f32::NAN, -4.0, f32::INFINITY, 2.0], 3, 2);
    assert_eq!(scales, [0.0, 4.0 / 127.0, 2.0 / 127.0]);
    assert_eq!(q, [0, 0, 0, -127, 0, 127]);
    assert_eq!(quantize_rows(&[], 0, 5), (vec![], vec![]));
    assert_eq!(quantize_rows(&[], 2, 0), (vec![], vec![0.0; 2]));
}

#[test]
fn vectors_are_quantised_as_stated() {
    let mut numbers = Numbers::new(2);
    for len in 1..100 {
        for magnitude in [1e-30f32, 1e-3, 1.0, 1e3, 1e37] {
            let x: Vec<f32> = numbers.floats(len).iter().map(|v| v * magnitude).collect();
            let largest = x.iter().fold(0f32, |a, v| a.max(v.abs()));
            let mut q = vec![0i8; len];
            let scale = quantize_vector(&x, &mut q);
            assert_eq!(scale, largest / 127.0, "length {len}, magnitude {magnitude}");
            let inverse = 127.0 / largest;
            let expected: Vec<i8> =
                x.iter().map(|v| (v * inverse).round_ties_even() as i8).collect();
            assert_eq!(q, expected, "length {len}, magnitude {magnitude}");
            assert!(q.iter().any(|&q| q.abs() == 127), "the largest becomes 127");
        }
    }
    let mut q = [1i8; 4];
    assert_eq!(quantize_vector(&[0.0, 1e-37, f32::NAN, f32::INFINITY], &mut q), 0.0);
    assert_eq!(q, [0; 4]);
    assert_eq!(quantize_vector(&[], &mut []), 0.0);
}

/// A checksum of results over a range of inputs, computed on x86-64: tests the promise that all
/// processors give the same bits.
#[test]
fn results_are_the_bits_of_every_other_machine() {
    let mut numbers = Numbers::new(7);
    let (rows, cols, batch) = (70, 90, 3);
    let (w, scales) = quantize_rows(&numbers.floats(rows * cols), rows, cols);
    let x = numbers.floats(batch * cols);
    let mut results = vec![0.0; batch * rows];
    let packed = PackedI8::pack(&w, &scales, rows, cols).expect("packs");
    packed.matmul(&x, batch, None, Activation::Tanh, &mut Scratch::new(), &mut results);
    let range: Vec<f32> = (-20_000..20_000).map(|i| i as f32 * 0.0007).collect();
    for function in [math::sigmoid, math::tanh] {
        let start = results.len();
        results.extend(&range);
        function(&mut results[start..]);
    }
    // FNV-1a.
    let checksum = bits(&results).into_iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, bits| {
        (hash ^ u64::from(bits)).wrapping_mul(0x100_0000_01b3)
    });
    assert_eq!(checksum, 0x3e38_0835_e508_547a, "{checksum:#018x}");
}
