//! The requirements of every family of linear maps, as one table: sizes, gradients, variance, and
//! packages.

mod common;

use common::{Random, full_package, to_int8};
use stonechat_model::{Family, FamilySpec, LinearMap, Package};

/// Family (as in TOML), rows, columns, weights.
fn table() -> Vec<(&'static str, usize, usize, usize)> {
    vec![
        (r#"{"family":"dense"}"#, 5, 3, 15),
        (r#"{"family":"low_rank","rank":2}"#, 6, 4, 20),
        (r#"{"family":"toeplitz_like","rank":1}"#, 1, 1, 2),
        (r#"{"family":"toeplitz_like","rank":3}"#, 7, 7, 42),
        (r#"{"family":"toeplitz_like","rank":2}"#, 12, 4, 48),
        (r#"{"family":"toeplitz_like","rank":2}"#, 4, 12, 48),
        (r#"{"family":"toeplitz_like","rank":2,"rectangle":"pad"}"#, 12, 4, 48),
        (r#"{"family":"toeplitz_like","rank":2,"rectangle":"pad"}"#, 5, 8, 32),
        (r#"{"family":"toeplitz_like","rank":1}"#, 8, 5, 16),
        (r#"{"family":"hankel_like","rank":2}"#, 12, 4, 48),
        (r#"{"family":"hankel_like","rank":2,"rectangle":"pad"}"#, 5, 8, 32),
        (r#"{"family":"vandermonde_like","rank":1}"#, 1, 1, 2),
        (r#"{"family":"vandermonde_like","rank":3}"#, 5, 10, 60),
        (r#"{"family":"vandermonde_like","rank":2,"rectangle":"pad"}"#, 8, 5, 32),
        (r#"{"family":"cauchy_like","rank":3}"#, 10, 5, 60),
        (r#"{"family":"cauchy_like","rank":2,"rectangle":"pad"}"#, 5, 8, 32),
        (r#"{"family":"circulant","seed":4}"#, 7, 7, 7),
        (r#"{"family":"circulant"}"#, 12, 4, 12),
        (r#"{"family":"circulant","rectangle":"pad"}"#, 4, 12, 12),
        (r#"{"family":"skew_circulant"}"#, 4, 12, 12),
        (r#"{"family":"skew_circulant"}"#, 8, 5, 8),
        (r#"{"family":"block_circulant","block":4}"#, 8, 12, 24),
        (r#"{"family":"block_circulant","block":4}"#, 9, 5, 24),
        (r#"{"family":"block_diagonal","blocks":3}"#, 6, 9, 18),
        (r#"{"family":"monarch","blocks":2}"#, 6, 4, 20),
        (r#"{"family":"kronecker"}"#, 6, 4, 10),
        (r#"{"family":"kronecker"}"#, 7, 5, 12),
        (r#"{"family":"kronecker","terms":3}"#, 12, 8, 60),
        (r#"{"family":"hashed","parameters":7,"seed":3}"#, 6, 5, 7),
        (r#"{"family":"fastfood","seed":1}"#, 5, 5, 24),
        (r#"{"family":"fastfood","seed":1}"#, 12, 4, 36),
        (r#"{"family":"fastfood","seed":1,"rectangle":"pad"}"#, 4, 6, 24),
        (r#"{"family":"corrected","rank":2}"#, 6, 4, 24 + 20),
        (r#"{"family":"sparse","density":0.25,"block":[2,1],"of_every":0}"#, 6, 4, 24),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"low_rank","rank":2}}"#, 12, 4, 48),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"toeplitz_like","rank":2}}"#, 12, 4, 48),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"circulant"}}"#, 12, 8, 24),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"kronecker"}}"#, 12, 8, 36),
        (
            r#"{"family":"per_gate","gates":3,"of":{"family":"block_diagonal","blocks":2}}"#,
            12,
            4,
            24,
        ),
    ]
}

fn spec(family: &str, rows: usize, cols: usize) -> FamilySpec {
    let family: Family = serde_json::from_str(family).unwrap_or_else(|e| panic!("{family}: {e}"));
    FamilySpec::new("map", family, rows, cols).unwrap()
}

fn random_parts(spec: &FamilySpec, random: &mut Random) -> Vec<Vec<f32>> {
    spec.parts().iter().map(|part| random.values(part.rows * part.cols)).collect()
}

fn slices(parts: &[Vec<f32>]) -> Vec<&[f32]> {
    parts.iter().map(Vec::as_slice).collect()
}

#[test]
fn parameters_are_counted_and_families_survive_json() {
    for (family, rows, cols, params) in table() {
        let spec = spec(family, rows, cols);
        assert_eq!(spec.params(), params, "{family}");
        let json = serde_json::to_string(spec.family()).unwrap();
        assert_eq!(serde_json::from_str::<Family>(&json).unwrap(), *spec.family(), "{json}");
        assert!(family.contains(&format!("\"{}\"", spec.family().name())), "{family}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (number, (family, rows, cols, _)) in table().into_iter().enumerate() {
        let spec = spec(family, rows, cols);
        let mut random = Random(number as u64);
        let parts = random_parts(&spec, &mut random);
        let dw = random.values(rows * cols);
        let loss = |parts: &[Vec<f32>]| -> f64 {
            let w = spec.to_dense(&slices(parts));
            assert_eq!(w.len(), rows * cols, "{family}");
            w.iter().zip(&dw).map(|(&w, &d)| f64::from(w) * f64::from(d)).sum()
        };
        let gradient = spec.gradient(&slices(&parts), &dw);
        for (p, part) in parts.iter().enumerate() {
            assert_eq!(gradient[p].len(), part.len(), "{family}");
            for i in 0..part.len() {
                let moved = |by: f32| {
                    let mut parts = parts.clone();
                    parts[p][i] += by;
                    loss(&parts)
                };
                // Families are polynomials of low degree in each weight: a large step is exact up
                // to rounding.
                let wanted = (moved(0.125) - moved(-0.125)) / 0.25;
                let got = f64::from(gradient[p][i]);
                let close = (got - wanted).abs() <= 2e-4 * (1.0 + wanted.abs());
                assert!(
                    close,
                    "{family}: part {p}, weight {i}: {got}, finite differences {wanted}"
                );
            }
        }
    }
}

#[test]
fn fresh_weights_have_the_variance_that_is_asked_for() {
    let sizes = [
        (r#"{"family":"monarch","blocks":8}"#, 96, 48),
        (r#"{"family":"kronecker","terms":4}"#, 96, 48),
        (r#"{"family":"hashed","parameters":500}"#, 96, 48),
        (r#"{"family":"fastfood"}"#, 96, 48),
        (r#"{"family":"low_rank","rank":8}"#, 96, 48),
        (r#"{"family":"corrected","rank":4}"#, 96, 48),
        (r#"{"family":"toeplitz_like","rank":4}"#, 96, 48),
        (r#"{"family":"toeplitz_like","rank":4,"rectangle":"pad"}"#, 48, 96),
        (r#"{"family":"hankel_like","rank":2}"#, 48, 96),
        (r#"{"family":"vandermonde_like","rank":3}"#, 96, 48),
        (r#"{"family":"cauchy_like","rank":3}"#, 48, 48),
        (r#"{"family":"circulant","seed":9}"#, 96, 48),
        (r#"{"family":"skew_circulant","rectangle":"pad"}"#, 96, 48),
        (r#"{"family":"block_circulant","block":16}"#, 96, 48),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"toeplitz_like","rank":1}}"#, 96, 32),
    ];
    for (family, rows, cols) in sizes {
        let spec = spec(family, rows, cols);
        let mut random = Random(7);
        let sigma = 0.3;
        let mut sum = 0.0;
        for _ in 0..20 {
            let parts: Vec<Vec<f32>> = random_parts(&spec, &mut random)
                .into_iter()
                .zip(spec.deviations(sigma))
                .map(|(part, s)| part.iter().map(|x| x * (3f64.sqrt() * s) as f32).collect())
                .collect();
            let w = spec.to_dense(&slices(&parts));
            sum += w.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>() / w.len() as f64;
        }
        let ratio = sum / 20.0 / (sigma * sigma);
        assert!((0.85..1.15).contains(&ratio), "{family}: {ratio} of the variance");
    }
}

#[test]
fn a_package_keeps_structured_maps_floats_gains_and_bytes() {
    for int8 in [false, true] {
        let mut package = full_package();
        for (family, gain) in [
            (r#"{"family":"toeplitz_like","rank":2}"#, true),
            (r#"{"family":"per_gate","gates":3,"of":{"family":"low_rank","rank":2}}"#, false),
        ] {
            let mut random = Random(3);
            let map = &mut package.network.recurrent[0].nonrec.map;
            let spec = spec(family, map.rows(), map.cols());
            let parts = random_parts(&spec, &mut random);
            let gain = gain.then(|| random.values(spec.rows()));
            *map = LinearMap::from_values("gru.0.nonrec", spec, parts, gain.as_deref()).unwrap();
            if int8 {
                *map = map.map_parts(to_int8);
            }
            let bytes = package.to_bytes().unwrap();
            assert_eq!(Package::from_bytes(&bytes).unwrap(), package, "{family}");
        }
    }
}

#[test]
fn gains_scale_the_rows_of_every_family() {
    for (family, rows, cols, _) in table() {
        let spec = spec(family, rows, cols);
        let mut random = Random(11);
        let (parts, gain) = (random_parts(&spec, &mut random), random.values(rows));
        let plain = LinearMap::from_values("map", spec.clone(), parts.clone(), None).unwrap();
        let scaled = LinearMap::from_values("map", spec, parts, Some(&gain)).unwrap();
        for (i, (a, b)) in plain.to_dense().iter().zip(scaled.to_dense()).enumerate() {
            assert!((a * gain[i / cols] - b).abs() < 1e-5, "{family}: element {i}");
        }
    }
}

#[test]
fn impossible_families_say_why() {
    for (family, rows, cols, reason) in [
        (r#"{"family":"low_rank","rank":5}"#, 4, 8, "1..=4"),
        (r#"{"family":"toeplitz_like","rank":0}"#, 4, 8, "1..=4"),
        (r#"{"family":"cauchy_like","rank":9}"#, 4, 8, "1..=4"),
        (r#"{"family":"block_circulant","block":9}"#, 4, 8, "1..=8"),
        (r#"{"family":"block_diagonal","blocks":3}"#, 6, 8, "divide both sides"),
        (r#"{"family":"monarch","blocks":0}"#, 6, 8, "divide both sides"),
        (r#"{"family":"kronecker","terms":7}"#, 6, 8, "1..=6"),
        (r#"{"family":"hashed","parameters":49}"#, 6, 8, "1..=48"),
        (r#"{"family":"corrected","rank":5}"#, 4, 8, "1..=4"),
        (r#"{"family":"sparse","density":0.0}"#, 4, 8, "above 0"),
        (r#"{"family":"sparse","density":0.5,"block":[5,1]}"#, 4, 8, "within the matrix"),
        (r#"{"family":"per_gate","gates":3,"of":{"family":"dense"}}"#, 8, 8, "divide the rows"),
        (
            r#"{"family":"per_gate","gates":1,"of":{"family":"per_gate","gates":1,"of":{"family":"dense"}}}"#,
            8,
            8,
            "itself",
        ),
    ] {
        let parsed: Family = serde_json::from_str(family).unwrap();
        let error = FamilySpec::new("gru.0.rec", parsed, rows, cols).unwrap_err().to_string();
        assert!(error.contains("gru.0.rec") && error.contains(reason), "{family}: {error}");
    }
    for family in [r#"{"family":"toeplitz"}"#, r#"{"family":"low_rank","rank":1,"size":2}"#] {
        assert!(serde_json::from_str::<Family>(family).is_err(), "{family}");
    }
}
