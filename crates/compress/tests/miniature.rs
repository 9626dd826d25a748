//! Figures 2, 3 and 5 (right) of Kliegl et al. 2017 in closed form: denoising a noisy low-rank
//! matrix.
//!
//! With squared error, trace-norm regularisation soft-thresholds singular values and l2 scales them
//! all. The claims that the paper observes in trained networks must then hold exactly.

mod common;

use common::*;
use stonechat_compress::{Svd, nu, rank_at_variance, singular_values};

const ROWS: usize = 60;
const COLS: usize = 40;
const RANK: usize = 5;

/// `U f(sigma) V^T`.
fn shrunk(svd: &Svd, f: impl Fn(f64) -> f64) -> Vec<f32> {
    let d = svd.sigma.len();
    let sigma: Vec<f64> = svd.sigma.iter().map(|&s| f(s)).collect();
    let mut w = Vec::new();
    for i in 0..ROWS {
        for j in 0..COLS {
            let terms = (0..d).map(|k| svd.u[i * d + k] * sigma[k] * svd.vt[k * COLS + j]);
            w.push(terms.sum::<f64>() as f32);
        }
    }
    w
}

fn trace_norm(strength: f64) -> impl Fn(f64) -> f64 {
    move |s| (s - strength).max(0.0)
}

fn l2(strength: f64) -> impl Fn(f64) -> f64 {
    move |s| s / (1.0 + strength)
}

fn sigma(w: &[f32]) -> Vec<f64> {
    singular_values(w, ROWS, COLS).unwrap()
}

/// The strength, of 100 up to `largest`, that comes closest to the truth.
fn best(truth: &[f32], largest: f64, shrink: impl Fn(f64) -> Vec<f32>) -> Vec<f32> {
    let candidates = (0..=100).map(|i| shrink(largest * f64::from(i) / 100.0));
    candidates.min_by(|a, b| distance(a, truth).total_cmp(&distance(b, truth))).unwrap()
}

/// Share of the norm that is lost by truncating to the true rank.
fn loss_by_truncation(w: &[f32]) -> f64 {
    let (u, v) = Svd::new(w, ROWS, COLS).unwrap().truncate(RANK);
    distance(w, &common::product(&u, &v, RANK)) / norm(w)
}

#[test]
fn trace_norm_gives_what_the_paper_claims_and_l2_does_not() {
    for seed in 1..=3 {
        let mut random = Random(seed);
        let truth = matrix_of_rank(&mut random, ROWS, COLS, RANK);
        let noisy: Vec<f32> = truth.iter().map(|x| x + 1.5 * random.normal() as f32).collect();
        let svd = Svd::new(&noisy, ROWS, COLS).unwrap();

        // Figure 2: l2 leaves nu unchanged at any strength; the trace norm lowers it, more with
        // more strength.
        let value = |w: &[f32]| nu(&sigma(w), COLS);
        let start = value(&noisy);
        let mut last = start;
        for strength in [2.0, 5.0, 10.0, 15.0] {
            let after = value(&shrunk(&svd, trace_norm(strength)));
            assert!(after < last, "seed {seed}, {strength}: {after} after {last}");
            last = after;
            assert!((value(&shrunk(&svd, l2(strength))) - start).abs() < 1e-4);
        }
        assert!(last < 0.5 * start, "seed {seed}: {start} to {last}");

        // Figure 3: at each method's best strength, 90 % of the variance needs a lower rank with
        // trace norm.
        let by_trace_norm = best(&truth, 30.0, |t| shrunk(&svd, trace_norm(t)));
        let by_l2 = best(&truth, 3.0, |t| shrunk(&svd, l2(t)));
        let rank90 = |w: &[f32]| rank_at_variance(&sigma(w), 0.9);
        let (low, high) = (rank90(&by_trace_norm), rank90(&by_l2));
        assert!(low <= RANK && high > 2 * low, "seed {seed}: {low} against {high}");

        // Figure 5, right: truncating to the true rank costs little after trace norm, much after
        // l2.
        let (small, large) = (loss_by_truncation(&by_trace_norm), loss_by_truncation(&by_l2));
        assert!(small < 0.5 * large, "seed {seed}: {small} against {large}");
    }
}

/// Ciliberto et al. 2017: a stationary point of `1/2 |W - Y|^2 + lambda |W|_*` is the minimum if
/// and only if the gradient's largest singular value is at most lambda; at too small a rank it is
/// more.
#[test]
fn the_gradient_tells_whether_the_rank_is_large_enough() {
    let mut random = Random(4);
    let noisy: Vec<f32> = matrix_of_rank(&mut random, ROWS, COLS, RANK)
        .iter()
        .map(|x| x + 1.5 * random.normal() as f32)
        .collect();
    let svd = Svd::new(&noisy, ROWS, COLS).unwrap();
    let lambda = 18.0;
    let kept = svd.sigma.iter().filter(|&&s| s > lambda).count();
    assert!((3..20).contains(&kept), "{kept} singular values above lambda");
    for (rank, enough) in [(COLS, true), (kept, true), (kept - 1, false), (1, false)] {
        let floor = svd.sigma.get(rank).copied().unwrap_or(0.0);
        // The minimum among matrices of at most this rank.
        let w = shrunk(&svd, |s| if s > floor { (s - lambda).max(0.0) } else { 0.0 });
        let gradient: Vec<f32> = w.iter().zip(&noisy).map(|(w, y)| w - y).collect();
        let ratio = sigma(&gradient)[0] / lambda;
        assert_eq!(ratio <= 1.0 + 1e-4, enough, "rank {rank} of {kept}: {ratio}");
    }
}
