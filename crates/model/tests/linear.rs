//! Linear maps of every family against the triple loop over their dense view.

mod common;

use common::{Random, to_int8};
use proptest::prelude::*;
use stonechat_model::{LinearMap, Matrix};

/// A float map, dense for rank 0.
fn map(rows: usize, cols: usize, rank: usize, seed: u64) -> LinearMap {
    let mut random = Random(seed);
    match rank {
        0 => LinearMap::dense(rows, cols, random.values(rows * cols)).unwrap(),
        r => LinearMap::low_rank(rows, cols, r, random.values(rows * r), random.values(r * cols))
            .unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn apply_is_the_dense_product(
        rows in 1usize..12, cols in 1usize..12, rank in 0usize..5, batch in 0usize..4,
        int8: bool, seed: u64,
    ) {
        let mut map = map(rows, cols, rank, seed);
        if int8 {
            map = map.map_parts(to_int8);
        }
        prop_assert_eq!((map.rows(), map.cols()), (rows, cols));
        let x = Random(!seed).values(batch * cols);
        let y = map.apply(&x, batch);
        let w = map.to_dense();
        prop_assert_eq!(w.len(), rows * cols);
        for b in 0..batch {
            for i in 0..rows {
                let wanted: f32 = (0..cols).map(|j| w[i * cols + j] * x[b * cols + j]).sum();
                prop_assert!((y[b * rows + i] - wanted).abs() < 1e-4, "({}, {}): {} {}", b, i, y[b * rows + i], wanted);
            }
        }
    }

    #[test]
    fn dense_view_agrees_with_single_elements(rows in 1usize..6, cols in 1usize..6, int8: bool, seed: u64) {
        let matrix = Matrix::from_f32(rows, cols, Random(seed).values(rows * cols)).unwrap();
        let matrix = if int8 { to_int8(&matrix) } else { matrix };
        let dense = matrix.to_dense();
        for i in 0..rows {
            for j in 0..cols {
                prop_assert_eq!(dense[i * cols + j], matrix.at(i, j));
            }
        }
    }
}

#[test]
fn sizes_and_costs_per_family() {
    // (rows, cols, rank or 0, family, params, bytes as float, bytes as int8, flops, largest rank)
    let table = [
        (6, 4, 0, "dense", 24, 96, 24 + 4 * 6, 48, 4),
        (6, 4, 2, "low_rank", 20, 80, 20 + 4 * (6 + 2), 40, 2),
    ];
    for (rows, cols, rank, family, params, bytes, int8_bytes, flops, largest) in table {
        let map = map(rows, cols, rank, 1);
        let int8 = map.map_parts(to_int8);
        for (map, bytes) in [(&map, bytes), (&int8, int8_bytes)] {
            let got = (map.family(), map.params(), map.bytes(), map.flops(), map.rank());
            assert_eq!(got, (family, params, bytes, flops, largest));
        }
    }
}

#[test]
fn bad_matrices_are_refused() {
    let f32_of = |rows, cols, data: &[f32]| Matrix::from_f32(rows, cols, data.to_vec());
    let int8_of = |rows, cols, data: &[i8], scales: &[f32]| {
        Matrix::from_int8(rows, cols, data.to_vec(), scales.to_vec())
    };
    for (result, words) in [
        (f32_of(2, 2, &[0.0; 3]), "holds 3 values where 2 x 2 needs 4"),
        (f32_of(0, 2, &[]), "impossible shape 0 x 2"),
        (f32_of(usize::MAX, 2, &[]), "impossible shape"),
        (f32_of(1, 2, &[0.0, f32::NAN]), "value 1 is NaN"),
        (f32_of(1, 1, &[f32::INFINITY]), "value 0 is inf"),
        (int8_of(1, 3, &[1, 2], &[1.0]), "holds 2 values"),
        (int8_of(2, 1, &[1, 2], &[1.0]), "holds 1 scales where 2 x 1 needs 2"),
        (int8_of(1, 2, &[1, -128], &[1.0]), "value 1 is -128"),
        (int8_of(1, 1, &[1], &[-1.0]), "scale 0 is -1"),
        (int8_of(1, 1, &[1], &[f32::NAN]), "scale 0 is NaN"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let torn = LinearMap::LowRank {
        u: f32_of(2, 3, &[0.0; 6]).unwrap(),
        v: f32_of(2, 2, &[0.0; 4]).unwrap(),
    };
    assert!(
        torn.validate("fc").unwrap_err().to_string().contains("u has 3 columns but v has 2 rows")
    );
}
