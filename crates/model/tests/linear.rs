//! Linear maps of every family compared with the triple loop over their dense view.

mod common;

use common::{Random, to_int4, to_int8};
use proptest::prelude::*;
use stonechat_model::{LinearMap, Matrix};

/// The same as floats, int8 or int4.
fn stored(matrix: &Matrix, storage: usize) -> Matrix {
    [Matrix::clone, to_int8, to_int4][storage](matrix)
}

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
        rows in 1usize..12, cols in 1usize..70, rank in 0usize..5, batch in 0usize..4,
        storage in 0usize..3, seed: u64,
    ) {
        let map = map(rows, cols, rank.min(rows).min(cols), seed).map_parts(|part| stored(part, storage));
        prop_assert_eq!((map.rows(), map.cols()), (rows, cols));
        let x = Random(!seed).values(batch * cols);
        let y = map.apply(&x, batch);
        let w = map.to_dense();
        prop_assert_eq!(w.len(), rows * cols);
        for b in 0..batch {
            for i in 0..rows {
                let wanted: f32 = (0..cols).map(|j| w[i * cols + j] * x[b * cols + j]).sum();
                prop_assert!((y[b * rows + i] - wanted).abs() < 3e-4, "({}, {}): {} {}", b, i, y[b * rows + i], wanted);
            }
        }
    }

    #[test]
    fn dense_view_agrees_with_single_elements(rows in 1usize..6, cols in 1usize..40, storage in 0usize..3, seed: u64) {
        let matrix = Matrix::from_f32(rows, cols, Random(seed).values(rows * cols)).unwrap();
        let matrix = stored(&matrix, storage);
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
    // (rows, cols, rank or 0, family, params, bytes as float, as int8 and as int4, flops, largest
    // rank)
    let table = [
        (6, 4, 0, "dense", 24, [96, 24 + 4 * 6, 6 * (2 + 1 + 4)], 48, 4),
        (6, 4, 2, "low_rank", 20, [80, 20 + 4 * (6 + 2), 6 * (1 + 1 + 4) + 2 * (2 + 1 + 4)], 40, 2),
        (2, 35, 0, "dense", 70, [280, 70 + 4 * 2, 2 * (18 + 2 + 4)], 140, 2),
    ];
    for (rows, cols, rank, family, params, bytes, flops, largest) in table {
        let map = map(rows, cols, rank, 1);
        for (storage, bytes) in bytes.into_iter().enumerate() {
            let map = map.map_parts(|part| stored(part, storage));
            assert_eq!(map.storage(), ["f32", "int8", "int4"][storage]);
            let got = (map.family().name(), map.params(), map.bytes(), map.flops(), map.rank());
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
    let int4_of = |rows, cols, data: &[i8], groups: &[i8], scales: &[f32]| {
        Matrix::from_int4(rows, cols, data.to_vec(), groups.to_vec(), scales.to_vec())
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
        (int4_of(1, 3, &[1, 2], &[1], &[1.0]), "holds 2 values"),
        (int4_of(1, 2, &[7, 8], &[1], &[1.0]), "value 1 is 8, must be in -8..=7"),
        (int4_of(1, 33, &[0; 33], &[1], &[1.0]), "holds 1 group scales where 1 x 33 needs 2"),
        (int4_of(2, 1, &[1, 2], &[1, 1], &[1.0]), "holds 1 scales where 2 x 1 needs 2"),
        (int4_of(1, 1, &[1], &[1], &[f32::INFINITY]), "scale 0 is inf"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn factors_that_do_not_fit_are_refused() {
    let zeros = |rows, cols| Matrix::from_f32(rows, cols, vec![0.0; rows * cols]).unwrap();
    for (u, v, words) in [
        ((4, 3), (2, 4), "low_rank.v`: is 2 x 4, low_rank of 4 x 4 needs 3 x 4"),
        ((4, 5), (5, 6), "rank is 5, must be in 1..=4"),
    ] {
        let result = LinearMap::of_factors(zeros(u.0, u.1), zeros(v.0, v.1));
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
