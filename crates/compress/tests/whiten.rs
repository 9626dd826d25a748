//! Calibrated truncation: the promises of the formula compared with plain sums over the inputs.

mod common;

use common::*;
use proptest::prelude::*;
use stonechat_compress::{SecondMoment, Svd, output_error};
use stonechat_model::LinearMap;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() }
}

/// `count` inputs whose directions have powers from 1 down to `smallest`, mixed by a random matrix.
fn inputs(random: &mut Random, count: usize, cols: usize, smallest: f64) -> Vec<f32> {
    let mix = matrix(random, cols, cols);
    let mut x = Vec::new();
    for _ in 0..count {
        let z: Vec<f64> =
            (0..cols).map(|j| smallest.powf(j as f64 / cols as f64) * random.normal()).collect();
        x.extend(
            (0..cols).map(|i| {
                (0..cols).map(|j| z[j] * f64::from(mix[j * cols + i])).sum::<f64>() as f32
            }),
        );
    }
    x
}

fn moment(x: &[f32], cols: usize) -> SecondMoment {
    let mut moment = SecondMoment::new(cols);
    moment.add(x).unwrap();
    moment
}

/// Mean of `|(W - W') x|^2` and of `|W x|^2`, by loops.
fn errors(w: &[f32], other: &[f32], x: &[f32], cols: usize) -> (f64, f64) {
    let (mut lost, mut all) = (0.0, 0.0);
    let count = (x.len() / cols) as f64;
    for x in x.chunks_exact(cols) {
        for (row, changed) in w.chunks_exact(cols).zip(other.chunks_exact(cols)) {
            let dot = |row: &[f32]| -> f64 {
                row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum()
            };
            lost += (dot(row) - dot(changed)).powi(2);
            all += dot(row).powi(2);
        }
    }
    (lost / count, all / count)
}

fn dense(rows: usize, cols: usize, w: &[f32]) -> LinearMap {
    LinearMap::dense(rows, cols, w.to_vec()).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// The error of the output is the sum of the dropped squares, and plain truncation is never
    /// better.
    #[test]
    fn the_error_is_what_was_dropped(rows in 1usize..12, cols in 1usize..12, cut in 0usize..12, seed: u64) {
        let mut random = Random(seed);
        let x = inputs(&mut random, 3 * cols + 5, cols, 1e-2);
        let w = matrix(&mut random, rows, cols);
        let map = dense(rows, cols, &w);
        let rank = 1 + cut % rows.min(cols);
        let moment = moment(&x, cols);
        let svd = Svd::whitened(&map, &moment, 0.0).unwrap();
        let (u, v) = svd.truncate(rank);
        let cut = product(&u, &v, rank);
        let dropped: f64 = svd.sigma[rank..].iter().map(|s| s * s).sum();
        let (lost, all) = errors(&w, &cut, &x, cols);
        prop_assert!((lost - dropped).abs() <= 1e-5 * all, "{} {} of {}", lost, dropped, all);
        let share = output_error(&map, &dense(rows, cols, &cut), &moment).unwrap();
        prop_assert!((share - lost / all).abs() < 1e-5);

        let (u, v) = Svd::of(&map).unwrap().truncate(rank);
        let (plain, _) = errors(&w, &product(&u, &v, rank), &x, cols);
        prop_assert!(plain >= lost - 1e-5 * all, "{} below {}", plain, lost);
    }

    /// At full rank nothing changes, however singular the inputs are; on the inputs nothing changes
    /// without damping.
    #[test]
    fn full_rank_is_exact(rows in 1usize..10, cols in 2usize..10, count in 1usize..12, seed: u64) {
        let mut random = Random(seed);
        let x = inputs(&mut random, count, cols, 0.1);
        let w = matrix(&mut random, rows, cols);
        let map = dense(rows, cols, &w);
        let moment = moment(&x, cols);
        for damping in [0.0, 1e-3] {
            let svd = Svd::whitened(&map, &moment, damping).unwrap();
            let d = svd.sigma.len();
            let (u, v) = svd.truncate(d);
            let back = product(&u, &v, d);
            let (lost, all) = errors(&w, &back, &x, cols);
            prop_assert!(lost <= 1e-6 * all + 1e-12, "damping {}: {} of {}", damping, lost, all);
            if damping > 0.0 {
                let far = back.iter().zip(&w).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                prop_assert!(far < 1e-2, "{}", far);
            }
        }
    }
}

/// The example of the specification: directions of very different power. Plain truncation loses
/// most of the output at a rank at which calibrated truncation loses little.
#[test]
fn data_decides_what_is_dropped() {
    let (rows, cols, rank) = (20, 16, 5);
    for seed in 1..=5 {
        let mut random = Random(seed);
        let x = inputs(&mut random, 300, cols, 1e-2);
        let w = matrix(&mut random, rows, cols);
        let map = dense(rows, cols, &w);
        let error = |svd: Svd| {
            let (u, v) = svd.truncate(rank);
            let (lost, all) = errors(&w, &product(&u, &v, rank), &x, cols);
            (lost / all).sqrt()
        };
        let plain = error(Svd::of(&map).unwrap());
        let white = error(Svd::whitened(&map, &moment(&x, cols), 0.0).unwrap());
        assert!(white < 0.6 * plain, "seed {seed}: {white} against {plain}");
    }
}

#[test]
fn factors_keep_their_inner_size_and_dead_inputs_are_no_obstacle() {
    let mut random = Random(3);
    let (u, v) = (matrix(&mut random, 9, 3), matrix(&mut random, 3, 8));
    let map = LinearMap::low_rank(9, 8, 3, u, v).unwrap();
    let mut x = inputs(&mut random, 40, 8, 0.5);
    for x in x.chunks_exact_mut(8) {
        x[2] = 0.0;
        x[5] = 0.0;
    }
    for damping in [0.0, 1e-3] {
        let svd = Svd::whitened(&map, &moment(&x, 8), damping).unwrap();
        assert_eq!(svd.sigma.len(), 3);
        let (u, v) = svd.truncate(3);
        let (lost, all) = errors(&map.to_dense(), &product(&u, &v, 3), &x, 8);
        assert!(lost < 1e-6 * all, "{damping}: {lost} of {all}");
    }
}

#[test]
fn moments_that_do_not_fit_are_refused() {
    let map = dense(3, 4, &[1.0; 12]);
    let silence = moment(&[0.0; 8], 4);
    for (moment, words) in [
        (&SecondMoment::new(4), "0 inputs"),
        (&moment(&[1.0; 5], 5), "do not fit"),
        (&silence, "all inputs are zero"),
    ] {
        let error = Svd::whitened(&map, moment, 0.0).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(Svd::whitened(&map, &silence, f64::NAN).is_err());
    assert!(output_error(&map, &dense(4, 3, &[1.0; 12]), &silence).is_err());
}
