//! Every shape of up to 70 rows and columns compared with the triple loop, on every instruction set
//! of this machine. Needs no dependencies.

mod common;

use common::{Numbers, instruction_sets, product_i32};
use stonechat_kernels::{IntegerProduct, PackedI8, Scratch};

#[test]
fn sums_are_exact_for_every_small_shape() {
    let most = if cfg!(miri) { 5 } else { 70 };
    let mut numbers = Numbers::new(1);
    for (rows, cols) in (1..=most).flat_map(|rows| (1..=most).map(move |cols| (rows, cols))) {
        let (w, x) = (numbers.weights(rows * cols), numbers.bytes(17 * cols));
        let expected = product_i32(&w, &x, rows, cols, 17);
        // All batches that kernels and passes distinguish; each shape gets two, and each remainder
        // of rows and columns gets all.
        let batch = 1 + (rows + 3 * cols) % 16;
        for isa in instruction_sets() {
            let packed = PackedI8::pack_for(isa, &w, &vec![1.0; rows], rows, cols).expect("packs");
            for batch in [batch, 17] {
                let mut out = vec![i32::MIN; batch * rows];
                packed.matmul_i32(&x[..batch * cols], batch, &mut Scratch::new(), &mut out);
                assert_eq!(out, expected[..batch * rows], "{isa}: {rows} x {cols}, batch {batch}");
            }
        }
    }
}
