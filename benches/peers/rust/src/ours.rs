//! This project's products, and the limits that they are measured against.

use crate::{Matrix, Result, Weights};
use std::hint::black_box;
use stonechat_kernels::machine::{Reader, Report};
use stonechat_kernels::quantize::quantize_groups;
use stonechat_kernels::{
    Activation, Arena, IntegerProduct, Isa, Packed, PackedF32, PackedI4, PackedI8, Product, Scratch,
};

/// Prints the limits of this core as JSON.
pub fn machine(isa: Isa) -> Result<()> {
    let m = Report::measure(isa)?;
    let l3 = m.l3_gbs.map_or("null".to_owned(), |gbs| format!("{gbs:.1}"));
    println!(
        "{{\"isa\": \"{isa}\", \"l1_gbs\": {:.1}, \"l2_gbs\": {:.1}, \"l3_gbs\": {l3}, \"dram_gbs\": {:.1}, \
         \"peak_gops\": {:.1}, \"peak_gflops\": {:.1}}}",
        m.l1_gbs, m.l2_gbs, m.dram_gbs, m.peak_gops, m.peak_gflops
    );
    Ok(())
}

/// A plain read of as many bytes as there are weights: how fast a product could be that has nothing else to do.
pub fn read(isa: Isa, w: &Weights) -> Result<Box<dyn Matrix>> {
    struct Read(Reader);
    impl Matrix for Read {
        fn input(&mut self, _: &[f32], _: usize) {}
        fn multiply(&mut self) {
            black_box(self.0.read());
        }
        fn output(&self) -> Vec<f32> {
            Vec::new()
        }
    }
    Ok(Box::new(Read(Reader::new(isa, w.values.len())?)))
}

/// A product of vectors of `X` into `Y`.
struct Typed<X, Y> {
    rows: usize,
    x: Vec<X>,
    y: Vec<Y>,
    batch: usize,
    from: fn(f32) -> X,
    to: fn(Y) -> f32,
    multiply: Box<dyn FnMut(&[X], usize, &mut [Y])>,
}

impl<X, Y: Copy + Default> Matrix for Typed<X, Y> {
    fn input(&mut self, x: &[f32], batch: usize) {
        self.x = x.iter().map(|&v| (self.from)(v)).collect();
        (self.batch, self.y) = (batch, vec![Y::default(); batch * self.rows]);
    }

    fn multiply(&mut self) {
        (self.multiply)(&self.x, self.batch, &mut self.y);
        black_box(&self.y);
    }

    fn output(&self) -> Vec<f32> {
        self.y.iter().map(|&v| (self.to)(v)).collect()
    }
}

/// Float in and out.
fn floats(
    rows: usize,
    multiply: impl FnMut(&[f32], usize, &mut [f32]) + 'static,
) -> Box<dyn Matrix> {
    let (x, y, multiply) = (Vec::new(), Vec::new(), Box::new(multiply));
    Box::new(Typed { rows, x, y, batch: 0, from: |v| v, to: |v: f32| v, multiply })
}

/// Quantisation and scales are part of it.
pub fn int8(isa: Isa, w: &Weights, arena: &mut Arena) -> Result<Box<dyn Matrix>> {
    let mut packed = PackedI8::pack_for(isa, &w.values, &vec![1.0; w.rows], w.rows, w.cols)?;
    packed.move_into(arena);
    let mut scratch = Scratch::new();
    Ok(floats(w.rows, move |x, batch, y| {
        packed.matmul(x, batch, None, Activation::None, &mut scratch, y);
    }))
}

/// Vectors of s8 into s32, like the integer products of the others.
pub fn int8_i32(isa: Isa, w: &Weights, arena: &mut Arena) -> Result<Box<dyn Matrix>> {
    let mut packed = PackedI8::pack_for(isa, &w.values, &vec![1.0; w.rows], w.rows, w.cols)?;
    packed.move_into(arena);
    let mut scratch = Scratch::new();
    Ok(Box::new(Typed {
        rows: w.rows,
        x: Vec::new(),
        y: Vec::new(),
        batch: 0,
        from: |v| v as i8,
        to: |v: i32| v as f32,
        multiply: Box::new(move |x, batch, y| packed.matmul_i32(x, batch, &mut scratch, y)),
    }))
}

/// Weights of 4 bits. The sums are those of the rounded weights: `compare.py` allows for that.
pub fn int4(isa: Isa, w: &Weights, arena: &mut Arena) -> Result<Box<dyn Matrix>> {
    let q = quantize_groups(&w.floats(), w.rows, w.cols);
    let mut packed =
        PackedI4::pack_for(isa, &q.weights, &q.group_scales, &q.row_scales, w.rows, w.cols)?;
    packed.move_into(arena);
    let mut scratch = Scratch::new();
    Ok(floats(w.rows, move |x, batch, y| {
        packed.matmul(x, batch, None, Activation::None, &mut scratch, y);
    }))
}

pub fn float32(isa: Isa, w: &Weights, arena: &mut Arena) -> Result<Box<dyn Matrix>> {
    let mut packed = PackedF32::pack_for(isa, &w.floats(), w.rows, w.cols)?;
    packed.move_into(arena);
    let mut scratch = Scratch::new();
    Ok(floats(w.rows, move |x, batch, y| {
        packed.matmul(x, batch, None, Activation::None, &mut scratch, y);
    }))
}
