//! Block-sparse and block-diagonal products compared with the dense ones, on every instruction set
//! of this machine. Needs no dependencies.

mod common;

use common::{
    ACTIVATIONS, Numbers, bits, instruction_sets, masked, product_f64, product_i32, shapes,
};
use stonechat_kernels::{
    Activation, BlockDiagonalF32, BlockSize, BlockSparseI8, Error, IntegerProduct, Isa, MatrixForm,
    Packed, PackedI8, Product, Scratch, Weights, blocks_with_weights,
};

/// Blocks along the diagonal as a dense matrix.
fn dense<T: Copy + Default>(weights: &[T], blocks: &[BlockSize]) -> (Vec<T>, usize, usize) {
    let (rows, cols) = blocks.iter().fold((0, 0), |sum, b| (sum.0 + b.0, sum.1 + b.1));
    let mut whole = vec![T::default(); rows * cols];
    let (mut row, mut col, mut rest) = (0, 0, weights);
    for &(m, k) in blocks {
        for r in 0..m {
            whole[(row + r) * cols + col..][..k].copy_from_slice(&rest[r * k..][..k]);
        }
        (row, col, rest) = (row + m, col + k, &rest[m * k..]);
    }
    (whole, rows, cols)
}

#[test]
fn sparse_sums_are_exact_for_odd_shapes_and_batches() {
    let mut numbers = Numbers::new(1);
    for (i, (rows, cols)) in shapes().into_iter().chain([(768, 256)]).enumerate() {
        let mask = numbers.mask(rows, cols, [0, 10, 50, 90, 100][i % 5]);
        let w = numbers.weights(rows * cols);
        let x = numbers.bytes(17 * cols);
        let expected = product_i32(&masked(&w, &mask, cols), &x, rows, cols, 17);
        for isa in instruction_sets() {
            let packed = BlockSparseI8::pack_for(isa, &w, &vec![1.0; rows], &mask, rows, cols)
                .expect("packs");
            for batch in 0..=17 {
                let mut out = vec![i32::MIN; batch * rows];
                packed.matmul_i32(&x[..batch * cols], batch, &mut Scratch::new(), &mut out);
                assert_eq!(out, expected[..batch * rows], "{isa}: {rows} x {cols}, batch {batch}");
            }
        }
    }
}

#[test]
fn sparse_extremes_do_not_saturate() {
    for w in [-127i8, 127] {
        for x in [-128i8, 127] {
            let sum = i32::from(w) * i32::from(x) * 64;
            for isa in instruction_sets() {
                let mask = vec![true; 16];
                let packed = BlockSparseI8::pack_for(isa, &[w; 32 * 64], &[1.0; 32], &mask, 32, 64)
                    .expect("packs");
                for batch in [1, 5] {
                    let mut out = vec![0; batch * 32];
                    packed.matmul_i32(&vec![x; batch * 64], batch, &mut Scratch::new(), &mut out);
                    assert_eq!(out, vec![sum; batch * 32], "{isa}: {w} x {x}, batch {batch}");
                }
            }
        }
    }
}

#[test]
fn sparse_floats_are_the_bits_of_the_dense_product() {
    let mut numbers = Numbers::new(2);
    let (rows, cols, batch) = (75, 45, 5);
    let mask = numbers.mask(rows, cols, 40);
    let w = masked(&numbers.weights(rows * cols), &mask, cols);
    let (scales, bias, x) =
        (numbers.floats(rows), numbers.floats(rows), numbers.floats(3 + batch * cols));
    let x = &x[3..]; // slices need no alignment
    let mut scratch = Scratch::new();
    for act in ACTIVATIONS {
        let dense = PackedI8::pack(&w, &scales, rows, cols).expect("packs");
        let mut expected = vec![0.0; batch * rows];
        dense.matmul(x, batch, Some(&bias), act, &mut scratch, &mut expected);
        for isa in instruction_sets() {
            let mask = blocks_with_weights(&w, rows, cols);
            let packed =
                BlockSparseI8::pack_for(isa, &w, &scales, &mask, rows, cols).expect("packs");
            let mut y = vec![f32::NAN; batch * rows];
            packed.matmul(x, batch, Some(&bias), act, &mut scratch, &mut y);
            assert_eq!(bits(&y), bits(&expected), "{isa}: {act:?}");
        }
    }
}

#[test]
fn only_the_blocks_of_the_mask_are_stored() {
    let mut mask = vec![false; 2 * 20];
    mask[3] = true;
    mask[25] = true;
    let packed = BlockSparseI8::pack(&[1; 64 * 80], &[1.0; 64], &mask, 64, 80).expect("packs");
    assert_eq!(packed.bytes(), 2 * 128 + 2 * 4 + 2 * size_of::<usize>() + 64 * 8);
    assert_eq!((packed.rows(), packed.cols(), packed.isa()), (64, 80, Isa::detect()));
    assert_eq!(
        BlockSparseI8::pack(&[1; 4], &[1.0], &[], 1, 4).expect_err("the mask is too short"),
        Error::Length { what: "mask", expected: 1, found: 0 }
    );
    assert_eq!(
        BlockSparseI8::pack(&[-128; 4], &[1.0], &[false], 1, 4).expect_err("-128"),
        Error::WeightOutOfRange { offset: 0 }
    );
}

/// Groups that fill whole panels, that share them, and that differ.
const GROUPS: [&[BlockSize]; 6] = [
    &[(1, 1)],
    &[(32, 4), (32, 4), (32, 4)],
    &[(64, 48), (64, 48)],
    &[(3, 5), (40, 7), (1, 70), (33, 2)],
    &[(7, 3); 10],
    &[(5, 64), (100, 1)],
];

#[test]
fn block_diagonal_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(3);
    let mut scratch = Scratch::new();
    for blocks in GROUPS {
        let len = blocks.iter().map(|(m, k)| m * k).sum();
        let integers = numbers.weights(len);
        let floats = numbers.floats(len);
        let (dense_i8, rows, cols) = dense(&integers, blocks);
        let (dense_f32, ..) = dense(&floats, blocks);
        let (scales, bias, x) =
            (numbers.floats(rows), numbers.floats(rows), numbers.floats(9 * cols));
        for isa in instruction_sets() {
            let reference = PackedI8::pack_for(isa, &dense_i8, &scales, rows, cols).expect("packs");
            let int8 =
                BlockSparseI8::pack_diagonal_for(isa, &integers, &scales, blocks).expect("packs");
            let float32 = BlockDiagonalF32::pack_for(isa, &floats, blocks).expect("packs");
            assert_eq!((float32.rows(), float32.cols()), (rows, cols));
            for batch in [0, 1, 2, 3, 9] {
                let x = &x[..batch * cols];
                let (mut y, mut expected) = (vec![0.0; batch * rows], vec![0.0; batch * rows]);
                let act = Activation::Tanh;
                reference.matmul(x, batch, Some(&bias), act, &mut scratch, &mut expected);
                int8.matmul(x, batch, Some(&bias), act, &mut scratch, &mut y);
                assert_eq!(bits(&y), bits(&expected), "{isa}: {blocks:?}, batch {batch}");

                float32.matmul(x, batch, Some(&bias), Activation::None, &mut scratch, &mut y);
                let sums = product_f64(&dense_f32, x, rows, cols, batch);
                for (i, (got, (sum, magnitude))) in y.iter().zip(sums).enumerate() {
                    let exact = sum + f64::from(bias[i % rows]);
                    let bound = (magnitude + 1.0) * (cols as f64 + 2.0) * f64::from(f32::EPSILON);
                    assert!((f64::from(*got) - exact).abs() <= bound, "{isa}: {blocks:?}, {i}");
                }
            }
        }
    }
}

#[test]
fn aligned_groups_store_only_their_weights() {
    let packed = BlockSparseI8::pack_diagonal(&[1; 4 * 64 * 48], &[1.0; 256], &[(64, 48); 4])
        .expect("packs");
    // A row of blocks: its place, scales and sums.
    let blocks = 4 * (64 * 48) / 128;
    assert_eq!(packed.bytes(), blocks * (128 + 4) + size_of::<[usize; 8]>() + 256 * 8);
    let packed = BlockDiagonalF32::pack(&[1.0; 4 * 64 * 48], &[(64, 48); 4]).expect("packs");
    assert_eq!(packed.bytes(), 4 * 64 * 48 * 4);
}

#[test]
fn block_diagonal_packing_names_what_is_wrong() {
    let error = |w: usize, scales: usize, blocks: &[BlockSize]| {
        let int8 = BlockSparseI8::pack_diagonal(&vec![1; w], &vec![1.0; scales], blocks)
            .expect_err("wrong");
        (int8, BlockDiagonalF32::pack(&vec![1.0; w], blocks).err())
    };
    let empty = Error::Empty { rows: 0, cols: 0 };
    assert_eq!(error(0, 0, &[]), (empty.clone(), Some(empty)));
    let empty = Error::Empty { rows: 2, cols: 0 };
    assert_eq!(error(4, 4, &[(2, 2), (2, 0)]), (empty.clone(), Some(empty)));
    let length = Error::Length { what: "weights", expected: 8, found: 7 };
    assert_eq!(error(7, 4, &[(2, 2), (2, 2)]), (length.clone(), Some(length)));
    let length = Error::Length { what: "scales", expected: 4, found: 3 };
    assert_eq!(error(8, 3, &[(2, 2), (2, 2)]), (length, None));
    let error = BlockSparseI8::pack_diagonal(&[-128], &[1.0], &[(1, 1)]).expect_err("-128");
    assert_eq!(error, Error::WeightOutOfRange { offset: 0 });
}

/// The share of blocks up to which a matrix is packed sparse, and that both forms give the same
/// bits.
#[test]
fn a_matrix_is_sparse_where_few_of_its_blocks_have_weights() {
    let (rows, cols) = (64, 80); // forty blocks
    let x = Numbers::new(5).floats(cols);
    for (kept, form) in [
        (0, MatrixForm::BlockSparse),
        (1, MatrixForm::BlockSparse),
        (28, MatrixForm::BlockSparse),
        (29, MatrixForm::Dense),
        (40, MatrixForm::Dense),
    ] {
        let mask: Vec<bool> = (0..40).map(|block| block < kept).collect();
        let values = masked(&vec![3; rows * cols], &mask, cols);
        let scales = vec![0.5; rows];
        let weights = Weights::I8 { values: &values, scales: &scales };
        assert_eq!(MatrixForm::of(weights, rows, cols), form, "{kept} of 40 blocks");
        let isa = Isa::detect();
        let dense = MatrixForm::pack_dense(isa, weights, rows, cols).expect("packs");
        let sparse = MatrixForm::BlockSparse.pack(isa, weights, rows, cols);
        assert_eq!(sparse.is_some(), form == MatrixForm::BlockSparse, "{kept} of 40 blocks");
        let results = [Some(dense), sparse.map(|packed| packed.expect("packs"))].map(|packed| {
            packed.map(|packed| {
                let mut y = vec![f32::NAN; rows];
                packed.matmul(&x, 1, None, Activation::None, &mut Scratch::new(), &mut y);
                bits(&y)
            })
        });
        assert!(results[1].is_none() || results[0] == results[1], "{kept} of 40 blocks");
    }
    for weights in [Weights::F32(&[0.0; 64]), Weights::I8 { values: &[0; 9], scales: &[] }] {
        assert_eq!(MatrixForm::of(weights, 8, 8), MatrixForm::Dense);
        assert!(MatrixForm::BlockSparse.pack(Isa::detect(), weights, 8, 8).is_none());
    }
}
