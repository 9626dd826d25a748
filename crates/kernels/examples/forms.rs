//! Speed of the forms of a matrix compared with the dense int8 product, hot and cold: `cargo run
//! --release -p stonechat-kernels --example forms [-- SHAPE...]`, where a shape is `6144x320`.
//!
//! One thread, floats in and out, the fastest instruction set. Hot: one matrix again and again.
//! Cold: copies of 256 MB in total, in turn, so that each comes from memory. The copies of a form
//! share an arena, like the weights of a loaded model; those of `apart` have separate memory. The
//! forms take turns and each figure is the best of the rounds, because other programs disturb;
//! compare only within a line.

use std::hint::black_box;
use std::time::Instant;
use stonechat_kernels::quantize::{quantize_groups, quantize_rows};
use stonechat_kernels::{
    Activation, Arena, BLOCK_COLS, BLOCK_ROWS, BlockSparseI8, Error, Packed, PackedI4, PackedI8,
    Product, Scratch,
};

const BATCHES: [usize; 5] = [1, 2, 3, 4, 8];
const SHAPES: [(usize, usize); 2] = [(6144, 320), (2304, 768)];
/// Percentage of the blocks that are left out.
const SPARSITIES: [usize; 3] = [50, 75, 90];

/// A form, ready to multiply `batch` vectors: `(x, batch, y)`.
type Call<'a> = Box<dyn FnMut(&[f32], usize, &mut [f32]) + 'a>;

/// Seconds per call, for each form the best of 15 rounds in which they take turns.
fn seconds(forms: &mut [(String, Call)], x: &[f32], batch: usize, y: &mut [f32]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; forms.len()];
    for _ in 0..15 {
        for ((_, product), best) in forms.iter_mut().zip(&mut best) {
            let (start, mut count) = (Instant::now(), 0);
            while count == 0 || start.elapsed().as_secs_f64() < 1e-3 {
                product(black_box(x), batch, black_box(&mut *y));
                count += 1;
            }
            *best = best.min(start.elapsed().as_secs_f64() / f64::from(count));
        }
    }
    best
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// Copies of a matrix that take turns, and the call of the next.
fn turns<'a, P: Product + Clone + 'a>(cold: bool, together: bool, matrix: P) -> Call<'a> {
    let copies = if cold { (256usize << 20).div_ceil(matrix.bytes()) } else { 1 };
    let (mut matrices, mut next, mut scratch) = (vec![matrix; copies], 0, Scratch::new());
    if together {
        Arena::of(&mut matrices.iter_mut().map(|copy| copy as &mut dyn Packed).collect::<Vec<_>>());
    }
    Box::new(move |x, batch, y| {
        matrices[next].matmul(x, batch, None, Activation::None, &mut scratch, y);
        next = (next + 1) % matrices.len();
    })
}

fn forms<'a>(rows: usize, cols: usize, cold: bool) -> Result<Vec<(String, Call<'a>)>, Error> {
    let w = numbers(rows * cols);
    let (weights, scales) = quantize_rows(&w, rows, cols);
    let dense = PackedI8::pack(&weights, &scales, rows, cols)?;
    let groups = quantize_groups(&w, rows, cols);
    let int4 =
        PackedI4::pack(&groups.weights, &groups.group_scales, &groups.row_scales, rows, cols)?;
    let mut forms = Vec::new();
    for (name, together) in [("int8", true), ("int8 apart", false)] {
        forms.push((name.to_owned(), turns(cold, together, dense.clone())));
    }
    for (name, together) in [("int4", true), ("int4 apart", false)] {
        forms.push((name.to_owned(), turns(cold, together, int4.clone())));
    }
    for sparsity in SPARSITIES {
        let blocks = rows.div_ceil(BLOCK_ROWS) * cols.div_ceil(BLOCK_COLS);
        let mask: Vec<bool> = (0..blocks).map(|i| (i * 7919) % 100 >= sparsity).collect();
        let sparse = BlockSparseI8::pack(&weights, &scales, &mask, rows, cols)?;
        forms.push((format!("{sparsity} % out"), turns(cold, true, sparse)));
    }
    Ok(forms)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut shapes: Vec<(usize, usize)> = Vec::new();
    for argument in std::env::args().skip(1) {
        let (rows, cols) = argument.split_once('x').ok_or("a shape is such as 6144x320")?;
        shapes.push((rows.parse()?, cols.parse()?));
    }
    if shapes.is_empty() {
        shapes = SHAPES.to_vec();
    }
    for cold in [false, true] {
        for &(rows, cols) in &shapes {
            let state = if cold { "cold" } else { "hot" };
            println!("\n{rows}x{cols}, {state}: microseconds, and how many times as fast as int8");
            let mut forms = forms(rows, cols, cold)?;
            print!("{:>6}", "batch");
            forms.iter().for_each(|(name, _)| print!("{name:>16}"));
            println!();
            for batch in BATCHES {
                let (x, mut y) = (numbers(batch * cols), vec![0.0; batch * rows]);
                let times = seconds(&mut forms, &x, batch, &mut y);
                print!("{batch:>6}");
                times.iter().for_each(|t| print!("{:>9.1} {:>5.2}x", t * 1e6, times[0] / t));
                println!();
            }
        }
    }
    Ok(())
}
