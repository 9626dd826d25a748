//! Tuning parameters change no bit of a result: every row of the table, and absurd values.

mod common;

use common::{Numbers, bits, instruction_sets};
use stonechat_kernels::quantize::quantize_rows;
use stonechat_kernels::tuning::{Cache, Loops, ROWS, Tuning};
use stonechat_kernels::{
    Activation, BlockSparseI8, PackedF32, PackedI4, PackedI8, Product, Scratch,
};

/// Two panels and a part of one; quads that leave a remainder for any number of stretches.
const SHAPE: (usize, usize) = (77, 59);
const BATCHES: [usize; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17];

/// Products of every kind that uses the parameters, on every instruction set.
fn products() -> Vec<(String, Box<dyn Product>)> {
    let (rows, cols) = SHAPE;
    let mut numbers = Numbers::new(5);
    let floats = numbers.floats(rows * cols);
    let (integers, scales) = quantize_rows(&floats, rows, cols);
    let groups = numbers.groups(rows, cols);
    let mask = numbers.mask(rows, cols, 40);
    let mut all: Vec<(String, Box<dyn Product>)> = Vec::new();
    for isa in instruction_sets() {
        let int8 = PackedI8::pack_for(isa, &integers, &scales, rows, cols).unwrap();
        let int4 = PackedI4::pack_for(
            isa,
            &groups.weights,
            &groups.group_scales,
            &groups.row_scales,
            rows,
            cols,
        )
        .unwrap();
        let float = PackedF32::pack_for(isa, &floats, rows, cols).unwrap();
        let sparse = BlockSparseI8::pack_for(isa, &integers, &scales, &mask, rows, cols).unwrap();
        all.push((format!("{isa} int8"), Box::new(int8)));
        all.push((format!("{isa} int4"), Box::new(int4)));
        all.push((format!("{isa} float"), Box::new(float)));
        all.push((format!("{isa} sparse"), Box::new(sparse)));
    }
    all
}

fn results(product: &dyn Product) -> Vec<Vec<u32>> {
    let (rows, cols) = SHAPE;
    BATCHES
        .iter()
        .map(|&batch| {
            let x = Numbers::new(batch as u64).floats(batch * cols);
            let mut y = vec![f32::NAN; batch * rows];
            product.matmul(&x, batch, None, Activation::None, &mut Scratch::new(), &mut y);
            bits(&y)
        })
        .collect()
}

#[test]
fn no_figure_changes_a_result() {
    let loops =
        |stretches, ahead, into| Loops { stretches: [stretches; 8], ahead: [ahead; 8], into };
    let all =
        |loops: Loops, block_bytes| Tuning { block_bytes, int8: loops, int4: loops, float: loops };
    let mut tunings: Vec<(String, Tuning)> =
        ROWS.iter().map(|row| (row.name.to_owned(), row.tuning)).collect();
    for (stretches, ahead, into, block_bytes) in [
        (0, 0, Cache::L1, 0),
        (1, 1, Cache::L1, 1),
        (2, 64, Cache::L2, 1 << 12),
        (3, 8, Cache::L1, 1 << 13),
        (4, u16::MAX, Cache::L2, usize::MAX),
        (u8::MAX, u16::MAX, Cache::L1, 1 << 20),
    ] {
        let name =
            format!("{stretches} stretches, {ahead} lines into {into:?}, {block_bytes} bytes");
        tunings.push((name, all(loops(stretches, ahead, into), block_bytes)));
    }
    let products = products();
    let expected: Vec<_> = products.iter().map(|(_, product)| results(&**product)).collect();
    for (tuning_name, tuning) in tunings {
        tuning.install();
        for ((name, product), expected) in products.iter().zip(&expected) {
            for ((found, expected), batch) in results(&**product).iter().zip(expected).zip(BATCHES)
            {
                assert_eq!(found, expected, "{tuning_name}: {name}, batch {batch}");
            }
        }
    }
}

#[test]
fn rows_have_a_source_and_no_processor_is_in_two() {
    let mut seen = Vec::new();
    for row in ROWS {
        assert!(!row.source.is_empty() && !row.processors.is_empty(), "{}", row.name);
        for processor in row.processors {
            assert!(!seen.contains(processor), "{processor} is in {} and in another row", row.name);
            seen.push(*processor);
        }
    }
}
