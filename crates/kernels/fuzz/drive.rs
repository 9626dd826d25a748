//! Makes of any bytes something for the kernels to do, and panics where they do it wrong.

use stonechat_kernels::quantize::{Grouped, quantize_groups};
use stonechat_kernels::{
    Activation, IntegerProduct, Isa, Packed, PackedI4, PackedI8, Product, Scratch,
};

/// The bytes, taken off the front; zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| f32::from_le_bytes([0; 4].map(|_| self.byte()))).collect()
    }
}

/// What the fuzzer calls.
pub fn drive(data: &[u8]) {
    let mut source = Source(data);
    match source.byte() % 3 {
        0 => packed_form(source.0),
        1 => int8(&mut source),
        _ => int4(&mut source),
    }
}

/// Any bytes as a packed matrix; what is accepted multiplies and is stored as the same bytes.
fn packed_form(bytes: &[u8]) {
    let read = [PackedI8::from_bytes(bytes), PackedI8::from_bytes_for(Isa::Portable, bytes)];
    assert!(read.iter().all(|packed| packed.is_ok() == read[0].is_ok()));
    for packed in read.into_iter().flatten() {
        let x: Vec<i8> = (0..packed.cols()).map(|i| (i * 37) as i8).collect();
        let mut y = vec![0; packed.rows()];
        packed.matmul_i32(&x, 1, &mut Scratch::new(), &mut y);
        let (w, _) = packed.unpack();
        assert_eq!(y, triple_loop(&w, &x, packed.rows(), packed.cols(), 1));
        let again = PackedI8::from_bytes_for(packed.isa(), &packed.to_bytes()).expect("its own");
        assert_eq!(again.to_bytes(), packed.to_bytes());
    }
}

/// A product of any weights, scales and inputs: exact, and the same on every instruction set.
fn int8(source: &mut Source) {
    let [rows, cols, batch] = [70, 70, 9].map(|most| 1 + usize::from(source.byte()) % most);
    let w: Vec<i8> = source.bytes(rows * cols).into_iter().map(|w| w as i8).collect();
    let x: Vec<i8> = source.bytes(batch * cols).into_iter().map(|x| x as i8).collect();
    let (scales, floats) = (source.floats(rows), source.floats(batch * cols));
    let allowed = !w.contains(&-128) && scales.iter().all(|scale| scale.is_finite());
    let expected = triple_loop(&w, &x, rows, cols, batch);
    let mut first: Option<Vec<u32>> = None;
    for isa in Isa::available() {
        let packed = PackedI8::pack_for(isa, &w, &scales, rows, cols);
        assert_eq!(packed.is_ok(), allowed);
        let Ok(packed) = packed else { return };
        let mut out = vec![0; batch * rows];
        packed.matmul_i32(&x, batch, &mut Scratch::new(), &mut out);
        assert_eq!(out, expected, "{isa}");
        let mut y = vec![0.0; batch * rows];
        packed.matmul(&floats, batch, None, Activation::Tanh, &mut Scratch::new(), &mut y);
        // Scales may be so large that a product of them is infinite, and 0 times that NaN, whose bits say nothing.
        let bits: Vec<u32> = y.iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect();
        assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "{isa}");
    }
}

/// A product with weights of 4 bits: the same on every instruction set.
fn int4(source: &mut Source) {
    let [rows, cols, batch] = [70, 100, 5].map(|most| 1 + usize::from(source.byte()) % most);
    let groups = quantize_groups(&source.floats(rows * cols), rows, cols);
    let x: Vec<i8> = source.bytes(batch * cols).into_iter().map(|x| x as i8).collect();
    let mut first: Option<Vec<i32>> = None;
    for isa in Isa::available() {
        let Grouped { weights, group_scales, row_scales, .. } = &groups;
        let packed = PackedI4::pack_for(isa, weights, group_scales, row_scales, rows, cols)
            .expect("the quantizer gives what packing takes");
        let mut out = vec![0; batch * rows];
        packed.matmul_i32(&x, batch, &mut Scratch::new(), &mut out);
        assert_eq!(first.get_or_insert_with(|| out.clone()), &out, "{isa}");
    }
}

fn triple_loop(w: &[i8], x: &[i8], rows: usize, cols: usize, batch: usize) -> Vec<i32> {
    let mut out = vec![0; batch * rows];
    for b in 0..batch {
        for m in 0..rows {
            for k in 0..cols {
                out[b * rows + m] += i32::from(w[m * cols + k]) * i32::from(x[b * cols + k]);
            }
        }
    }
    out
}
