//! Integer weights: rounding to the nearest, and error feedback compared with its definition.

mod common;

use common::*;
use proptest::prelude::*;
use stonechat_compress::{
    Bits, Calibration, LowRank, Measured, Plan, Quantize, RankRule, Storage, floats, gptq,
    low_rank, quantize, quantize_calibrated, quantize_int8,
};
use stonechat_model::{INT4_GROUP, Kind, LinearMap, Matrix};

/// Inputs, `count x cols`, whose directions have very different sizes; and `X^T X`.
fn inputs(random: &mut Random, cols: usize, count: usize) -> (Vec<f32>, Vec<f64>) {
    let mut mixed = matrix(random, cols, cols);
    for (i, row) in mixed.chunks_exact_mut(cols).enumerate() {
        let size = 3.0 * 0.01f32.powf(i as f32 / cols as f32);
        row.iter_mut().for_each(|v| *v *= size);
    }
    let x = product(&matrix(random, count, cols), &mixed, cols);
    let mut h = vec![0.0; cols * cols];
    for x in x.chunks_exact(cols) {
        for i in 0..cols {
            for j in 0..cols {
                h[i * cols + j] += f64::from(x[i]) * f64::from(x[j]);
            }
        }
    }
    (x, h)
}

/// `|(a - b) X|`, from the second moments of `X`.
fn output_error(a: &[f32], b: &[f32], h: &[f64], cols: usize) -> f64 {
    let mut square = 0.0;
    for (a, b) in a.chunks_exact(cols).zip(b.chunks_exact(cols)) {
        let e: Vec<f64> = a.iter().zip(b).map(|(a, b)| f64::from(a - b)).collect();
        for i in 0..cols {
            for j in 0..cols {
                square += e[i] * h[i * cols + j] * e[j];
            }
        }
    }
    square.max(0.0).sqrt()
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect()
}

#[test]
fn feedback_halves_the_error_of_the_outputs() {
    // The example of the reference checks: 20 x 16 weights, 300 inputs with a wide spectrum.
    for seed in 0..5 {
        let mut random = Random(seed);
        let w = matrix(&mut random, 20, 16);
        let (_, h) = inputs(&mut random, 16, 300);
        for (bits, most) in [(Bits::Four, 0.65), (Bits::Eight, 0.65)] {
            let nearest = bits.round(&w, 20, 16).to_dense();
            let fed = gptq(&w, 20, 16, &h, bits).unwrap();
            fed.validate("fed").unwrap();
            let (plain, fed) =
                (output_error(&w, &nearest, &h, 16), output_error(&w, &fed.to_dense(), &h, 16));
            assert!(fed < most * plain, "seed {seed}, {bits:?}: {fed} of {plain}");
        }
    }
}

#[test]
fn without_correlations_feedback_is_rounding() {
    for (rows, cols) in [(1, 1), (3, 32), (4, 70)] {
        let w = matrix(&mut Random(rows as u64), rows, cols);
        for bits in [Bits::Eight, Bits::Four] {
            let fed = gptq(&w, rows, cols, &identity(cols), bits).unwrap();
            assert_eq!(fed, bits.round(&w, rows, cols), "{rows} x {cols} {bits:?}");
            // The same if nothing is known about the inputs.
            let none = vec![0.0; cols * cols];
            let fed = gptq(&w, rows, cols, &none, bits).unwrap();
            assert_eq!(fed, bits.round(&w, rows, cols), "{rows} x {cols} {bits:?}");
        }
    }
}

/// Feedback by definition: before each column is rounded, all later ones take the values with the
/// smallest error of the outputs, given those already rounded. Normal equations, solved again for
/// each column.
fn by_definition(w: &[f32], cols: usize, h: &[f64]) -> Vec<i8> {
    let mean = (0..cols).map(|i| h[i * cols + i]).sum::<f64>() / cols as f64;
    let h = |i: usize, j: usize| h[i * cols + j] + if i == j { 0.01 * mean } else { 0.0 };
    let mut all = Vec::new();
    for w in w.chunks_exact(cols) {
        let scale = f64::from(w.iter().fold(0f32, |m, w| m.max(w.abs())) / 127.0);
        let mut fixed: Vec<f64> = Vec::new();
        for j in 0..cols {
            // H_rest,rest d = -H_rest,fixed (q - w), unknown d: how far the rest moves.
            let n = cols - j;
            let mut system = vec![vec![0.0; n + 1]; n];
            for (a, row) in system.iter_mut().enumerate() {
                for b in 0..n {
                    row[b] = h(j + a, j + b);
                }
                row[n] = (0..j).map(|f| -h(j + a, f) * (fixed[f] - f64::from(w[f]))).sum();
            }
            let moved = f64::from(w[j]) + solve(system)[0];
            let q = (moved / scale).round_ties_even().clamp(-127.0, 127.0);
            fixed.push(q * scale);
            all.push(q as i8);
        }
    }
    all
}

/// Gauss elimination with pivots; the last column is the right side.
fn solve(mut a: Vec<Vec<f64>>) -> Vec<f64> {
    let n = a.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&x, &y| a[x][k].abs().total_cmp(&a[y][k].abs())).unwrap();
        a.swap(k, pivot);
        for i in 0..n {
            if i != k {
                let factor = a[i][k] / a[k][k];
                for c in k..=n {
                    a[i][c] -= factor * a[k][c];
                }
            }
        }
    }
    (0..n).map(|i| a[i][n] / a[i][i]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn feedback_is_its_definition(rows in 1usize..4, cols in 1usize..9, seed: u64) {
        let mut random = Random(seed);
        let w = matrix(&mut random, rows, cols);
        let (_, h) = inputs(&mut random, cols, 3 * cols);
        let fed = gptq(&w, rows, cols, &h, Bits::Eight).unwrap();
        let Matrix::Int8 { data, .. } = fed else { panic!("int8") };
        prop_assert_eq!(data, by_definition(&w, cols, &h));
    }
}

#[test]
fn four_bits_go_to_the_large_maps() {
    let float = network(3);
    let four = quantize(&float, &Quantize::new(Bits::Four)).unwrap();
    four.validate().unwrap();
    for (before, after) in float.maps().iter().zip(four.maps()) {
        let large = !matches!(before.kind, Kind::Conv | Kind::Output);
        let name = before.name();
        assert_eq!(after.map.storage(), if large { "int4" } else { "int8" }, "{name}");
        let (a, b) = (before.map.to_dense(), after.map.to_dense());
        let most = if large { 0.12 } else { 0.01 };
        let share = distance(&a, &b) / common::norm(&a);
        assert!(share < most, "{name}: {share}");
        if let Matrix::Int4 { cols, group_scales, .. } = &after.map.parts()[0] {
            assert_eq!(group_scales.len(), before.map.rows() * cols.div_ceil(INT4_GROUP));
        }
    }
    assert!(four.bytes() < quantize_int8(&float).bytes());
}

#[test]
fn calibrated_networks_err_less_on_their_inputs() {
    let plan = LowRank::new(RankRule::Variance(0.7));
    let float = low_rank(&network(5), &plan, Measured::default(), &|_| Storage::F32).unwrap();
    let mut calibration = Calibration::new(&float);
    let how = Quantize::new(Bits::Four);
    let error = quantize_calibrated(&float, &how, &calibration).unwrap_err().to_string();
    assert!(error.contains("no inputs of `conv.0`"), "{error}");
    for (i, map) in float.maps().iter().enumerate() {
        let cols = map.map.cols();
        let (x, _) = inputs(&mut Random(i as u64), cols, 4 * cols);
        calibration.add(&map.name(), &x).unwrap();
    }
    let nearest = quantize(&float, &how).unwrap();
    let fed = quantize_calibrated(&float, &how, &calibration).unwrap();
    fed.validate().unwrap();
    let mut families = Vec::new();
    for ((float, nearest), fed) in float.maps().iter().zip(nearest.maps()).zip(fed.maps()) {
        let name = float.name();
        assert_eq!(nearest.map.storage(), fed.map.storage(), "{name}");
        families.push(float.map.family().name());
        let h = calibration.get(&name).unwrap().matrix();
        let (w, cols) = (float.map.to_dense(), float.map.cols());
        let error = |map: &LinearMap| output_error(&w, &map.to_dense(), &h, cols);
        let (plain, fed) = (error(nearest.map), error(fed.map));
        assert!(fed < 0.85 * plain, "{name}: {fed} of {plain}");
    }
    assert!(families.contains(&"low_rank") && families.contains(&"dense"), "{families:?}");
    let error = quantize_calibrated(&fed, &how, &calibration).unwrap_err().to_string();
    assert!(error.contains("quantized already"), "{error}");
}

#[test]
fn floats_are_the_values_of_the_integers() {
    let float = network(4);
    for bits in [Bits::Eight, Bits::Four] {
        let integers = quantize(&float, &Quantize::new(bits)).unwrap();
        let again = floats(&integers);
        again.validate().unwrap();
        for (a, b) in integers.maps().iter().zip(again.maps()) {
            assert!(a.map.is_quantized() && !b.map.is_quantized(), "{}", a.name());
            assert_eq!(a.map.to_dense(), b.map.to_dense(), "{}", a.name());
        }
    }
    assert_eq!(floats(&float), float);
}

#[test]
fn plans_name_the_bits() {
    let float = network(4);
    let plan =
        Plan::from_toml("quantize = { bits = 4, maps = [\"recurrent\", \"output\"] }").unwrap();
    assert_eq!(Plan::from_toml(&toml::to_string(&plan).unwrap()).unwrap(), plan);
    let storages: Vec<_> = plan
        .apply(&float, Measured::default())
        .unwrap()
        .maps()
        .iter()
        .map(|m| m.map.storage())
        .collect();
    assert_eq!(storages, ["int8", "int8", "int4", "int8", "int4", "int8", "int4"]);
    for (text, words) in [
        ("quantize = { bits = 5 }", "weights of 5 bits"),
        ("quantize = { bits = 4, group = 8 }", "unknown field `group`"),
    ] {
        let error = Plan::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn what_cannot_be_rounded_is_refused() {
    let eye = identity(2);
    for (w, rows, h, words) in [
        (vec![1.0; 3], 2, eye.clone(), "3 values cannot be a 2 x 2 matrix"),
        (vec![1.0; 4], 2, vec![1.0; 3], "3 second moments do not fit inputs of 2"),
        (vec![f32::NAN; 2], 1, eye.clone(), "weight 0 is NaN"),
        (vec![1.0; 2], 1, vec![f64::INFINITY; 4], "second moment 0 is inf"),
    ] {
        let error = gptq(&w, rows, 2, &h, Bits::Four).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
