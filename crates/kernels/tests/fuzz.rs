//! The target of the fuzzer (`fuzz/`), run with random bytes without a fuzzer; also proves that it
//! compiles. Needs no dependencies.

mod common;
#[path = "../fuzz/drive.rs"]
mod drive;

use common::Numbers;

#[test]
fn random_bytes_find_nothing() {
    let mut numbers = Numbers::new(1);
    let rounds = if cfg!(miri) { 20 } else { 2000 };
    for round in 0..rounds {
        let len = numbers.bits() as usize % (1 << (1 + round % 13));
        let mut data: Vec<u8> = numbers.bytes(len).into_iter().map(|byte| byte as u8).collect();
        // Mostly finite floats and weights without -128: bytes below 0x80.
        if round % 2 == 0 {
            data.iter_mut().for_each(|byte| *byte &= 0x7f);
        }
        drive::drive(&data);
    }
    // Nothing, and bytes that begin like a matrix.
    drive::drive(&[]);
    for kind in [b"SCPACKI8", b"SCPACKI4"] {
        for rows in 0..64u8 {
            let mut data = vec![0];
            data.extend(kind);
            data.extend([1, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 32, 0, 0, 0, rows]);
            data.resize(1 + 64 * usize::from(rows), 0);
            drive::drive(&data);
        }
    }
}
