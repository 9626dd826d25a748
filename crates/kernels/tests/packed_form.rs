//! Packed matrices as bytes: round trips, and that hostile bytes do no harm. Needs no dependencies.

mod common;

use common::{Numbers, bits, instruction_sets};
use stonechat_kernels::{Activation, Packed, PackedI8, Product, Scratch};

const SHAPES: &[(usize, usize)] = if cfg!(miri) {
    &[(1, 1), (5, 3), (33, 5)]
} else {
    &[(1, 1), (5, 3), (32, 16), (33, 65), (70, 31), (97, 130)]
};

fn results(packed: &PackedI8) -> Vec<u32> {
    let x = Numbers::new(9).floats(2 * packed.cols());
    let mut y = vec![f32::NAN; 2 * packed.rows()];
    packed.matmul(&x, 2, None, Activation::None, &mut Scratch::new(), &mut y);
    bits(&y)
}

#[test]
fn matrices_come_back_on_every_instruction_set() {
    let mut numbers = Numbers::new(1);
    for &(rows, cols) in SHAPES {
        let (w, scales) = (numbers.weights(rows * cols), numbers.floats(rows));
        for from in instruction_sets() {
            let packed = PackedI8::pack_for(from, &w, &scales, rows, cols).expect("packs");
            assert!(packed.unpack() == (w.clone(), scales.clone()), "{from}: {rows} x {cols}");
            let bytes = packed.to_bytes();
            for to in instruction_sets() {
                let what = format!("{from} to {to}: {rows} x {cols}");
                let copied = PackedI8::from_bytes_for(to, &bytes).expect(&what);
                assert_eq!(copied.isa(), to, "{what}");
                assert_eq!(results(&copied), results(&packed), "{what}");
                // The same bytes as if packed there: their origin leaves no trace.
                let direct = PackedI8::pack_for(to, &w, &scales, rows, cols).expect("packs");
                assert!(copied.to_bytes() == direct.to_bytes(), "{what}");
            }
        }
    }
}

#[test]
fn damage_is_named() {
    let packed = PackedI8::pack(&[1; 33 * 5], &[0.5; 33], 33, 5).expect("packs");
    let good = packed.to_bytes();
    let panels = 64 + 33usize.next_multiple_of(16) * 4;
    let damaged = |at: usize, bytes: &[u8]| {
        let mut damaged = good.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        damaged
    };
    let longer = [good.clone(), vec![0]].concat();
    // The bytes, and words of the error.
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "offset 0: they end"),
        (good[..63].to_vec(), "offset 63: they end"),
        (damaged(0, b"X"), "offset 0: they do not begin"),
        (damaged(8, &[2]), "offset 8: their version"),
        (damaged(12, &[0; 4]), "offset 12: this order of weights does not exist"),
        (damaged(12, &[33, 0, 0, 0]), "offset 12: this order of weights does not exist"),
        (damaged(16, &[0; 4]), "offset 12: this order of weights does not exist"),
        (damaged(20, &[5, 0, 0, 0]), "offset 12: this order of weights does not exist"),
        (damaged(20, &[0, 0, 0, 64]), "offset 12: this order of weights does not exist"),
        (damaged(24, &[0]), "0 x 5"),
        (damaged(24, &[200]), "offset 40: the lengths"),
        (damaged(31, &[255]), "offset 24: the shape"),
        (damaged(24, &[255; 8]), "offset 24: the shape"),
        (damaged(32, &[0]), "33 x 0"),
        (damaged(34, &[3]), "columns could overflow"),
        (damaged(40, &[0]), "offset 40: the lengths"),
        (damaged(48, &[1]), "offset 40: the lengths"),
        (damaged(63, &[1]), "offset 56: the header"),
        (damaged(64, &f32::NAN.to_le_bytes()), "not finite at row 0"),
        (damaged(64 + 32 * 4, &f32::INFINITY.to_le_bytes()), "not finite at row 32"),
        (damaged(64 + 33 * 4, &[1]), "offset 196: the scales"),
        (damaged(panels, &[0x80]), "a weight is -128"),
        (damaged(good.len() - 1, &[1]), "one of the padding is not 0"),
        (good[..good.len() - 1].to_vec(), "their length"),
        (longer, "their length"),
    ];
    for (bytes, words) in cases {
        let error = PackedI8::from_bytes(&bytes).expect_err(words);
        assert!(error.to_string().contains(words), "`{error}` lacks `{words}`");
    }
    assert!(PackedI8::from_bytes(&good).is_ok());
}

/// A seeded substitute for the fuzzer: bytes of real matrices, changed at random, and products with
/// whatever is accepted.
#[test]
fn random_damage_never_panics() {
    let mut numbers = Numbers::new(3);
    let rounds = if cfg!(miri) { 10 } else { 5000 };
    let mut accepted = 0;
    for _ in 0..rounds {
        let (rows, cols) = (1 + numbers.bits() as usize % 40, 1 + numbers.bits() as usize % 40);
        let (w, scales) = (numbers.weights(rows * cols), numbers.floats(rows));
        let mut bytes = PackedI8::pack(&w, &scales, rows, cols).expect("packs").to_bytes();
        for _ in 0..1 + numbers.bits() % 3 {
            // The header more often than the rest.
            let within = if numbers.bits().is_multiple_of(2) { 64 } else { bytes.len() };
            let at = numbers.bits() as usize % within;
            bytes[at] = if numbers.bits().is_multiple_of(2) { 0xff } else { numbers.bits() as u8 };
        }
        if numbers.bits().is_multiple_of(8) {
            bytes.truncate(numbers.bits() as usize % (bytes.len() + 1));
        }
        let packed = PackedI8::from_bytes(&bytes);
        accepted += usize::from(packed.is_ok_and(|packed| results(&packed).len() > 1));
    }
    println!("{accepted} of the damaged matrices are matrices still");
    assert!(accepted > rounds / 50 || cfg!(miri), "the damage is not all in the header");
}
