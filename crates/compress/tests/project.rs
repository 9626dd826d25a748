//! Projection into every family: members are recovered, others are approximated as well as the
//! family can.

mod common;

use common::{spec, values};
use stonechat_compress::project;
use stonechat_model::FamilySpec;

fn member(spec: &FamilySpec, seed: u64) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = spec
        .parts()
        .iter()
        .enumerate()
        .map(|(i, p)| values(seed + i as u64, p.rows * p.cols))
        .collect();
    let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
    spec.to_dense(&slices)
}

#[test]
fn members_are_found_again() {
    for (family, rows, cols) in [
        (r#"{"family":"dense"}"#, 12, 8),
        (r#"{"family":"low_rank","rank":3}"#, 12, 8),
        (r#"{"family":"block_diagonal","blocks":4}"#, 12, 8),
        (r#"{"family":"hashed","parameters":9,"seed":5}"#, 12, 8),
        (r#"{"family":"monarch","blocks":2}"#, 12, 8),
        (r#"{"family":"kronecker","terms":2}"#, 12, 8),
        (r#"{"family":"toeplitz_like","rank":2}"#, 12, 12),
        (r#"{"family":"toeplitz_like","rank":2}"#, 24, 8),
        (r#"{"family":"hankel_like","rank":3}"#, 8, 24),
        (r#"{"family":"vandermonde_like","rank":2}"#, 12, 12),
        (r#"{"family":"cauchy_like","rank":2}"#, 24, 12),
        (r#"{"family":"circulant","seed":2}"#, 24, 12),
        (r#"{"family":"circulant","rectangle":"pad"}"#, 10, 7),
        (r#"{"family":"skew_circulant"}"#, 12, 24),
        (r#"{"family":"block_circulant","block":5}"#, 12, 9),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"toeplitz_like","rank":1}}"#, 24, 8),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"monarch","blocks":2}}"#, 24, 8),
    ] {
        let spec = spec(family, rows, cols);
        let w = member(&spec, 3);
        let found = project("map", &w, &spec, None).unwrap();
        assert!(found.error < 1e-9, "{family}: {}", found.error);
    }
}

#[test]
fn a_larger_family_fits_better_and_the_largest_fits_all() {
    let (n, w) = (10, values(1, 100));
    let error = |family: String| project("map", &w, &spec(&family, n, n), None).unwrap().error;
    for (name, key, sizes) in [
        ("toeplitz_like", "rank", vec![1, 3, 6, 10]),
        ("hankel_like", "rank", vec![1, 3, 6, 10]),
        ("vandermonde_like", "rank", vec![1, 3, 6, 10]),
        ("cauchy_like", "rank", vec![1, 3, 6, 10]),
        ("low_rank", "rank", vec![1, 3, 6, 10]),
        ("monarch", "blocks", vec![1, 2, 5, 10]),
        ("kronecker", "terms", vec![1, 3, 6, 10]),
        ("hashed", "parameters", vec![1, 10, 50]),
    ] {
        let errors: Vec<f64> = sizes
            .iter()
            .map(|size| error(format!(r#"{{"family":"{name}","{key}":{size}}}"#)))
            .collect();
        assert!(errors.windows(2).all(|pair| pair[1] < pair[0]), "{name}: {errors:?}");
        assert!(name == "hashed" || errors.last().unwrap() < &1e-6, "{name}: {errors:?}");
    }
}

#[test]
fn the_fit_beats_the_truncated_displacement_and_weights_count() {
    let (n, w) = (16, values(9, 256));
    let family = spec(r#"{"family":"toeplitz_like","rank":4}"#, n, n);
    // Inputs that live mostly in four dimensions: there the outputs can be nearly right.
    let mut moments = vec![0f64; n * n];
    for i in 0..n {
        moments[i * n + i] = if i < 4 { 100.0 } else { 0.01 };
    }
    let plain = project("map", &w, &family, None).unwrap();
    let weighted = project("map", &w, &family, Some(&moments)).unwrap();
    assert!(plain.error < 1.0 && plain.error > 0.1, "{}", plain.error);
    assert!(weighted.error < 0.2 * plain.error, "{} {}", weighted.error, plain.error);
}

#[test]
fn what_cannot_be_projected_says_why() {
    let family = spec(r#"{"family":"monarch","blocks":2}"#, 4, 4);
    for (w, moments, reason) in [
        (vec![0.0; 15], None, "4 x 4"),
        (vec![f32::NAN; 16], None, "finite"),
        (vec![0.0; 16], Some(vec![1.0; 9]), "moments"),
    ] {
        let error = project("gru.0.rec", &w, &family, moments.as_deref()).unwrap_err().to_string();
        assert!(error.contains("gru.0.rec") && error.contains(reason), "{error}");
    }
}
