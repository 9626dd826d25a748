//! The targets of the fuzzer (`fuzz/`), run with random and damaged bytes without a fuzzer; also
//! proves that they compile.

mod common;
#[path = "../fuzz/drive.rs"]
mod drive;

use common::*;
use proptest::prelude::*;
use stonechat_lm::{Bits, LanguageModel, NgramModel, arpa};

fn model(order: usize) -> NgramModel {
    naive_kneser_ney(&made_text(120, 30, 12), order, None, &[0; 5]).build()
}

/// Changes, removes or repeats some bytes.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let place = |random: &mut Random, bytes: &[u8]| random.below(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(place(random, bytes)),
        1 => {
            let at = place(random, bytes);
            let end = bytes.len().min(at + 1 + random.below(30));
            bytes.drain(at..end);
        }
        2 => {
            let at = place(random, bytes);
            let end = bytes.len().min(at + 1 + random.below(30));
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            for _ in 0..1 + random.below(20) {
                let at = place(random, bytes);
                bytes[at] = match random.below(3) {
                    0 => bytes[at] ^ 1 << random.below(8),
                    1 => [0, 255, 127, 128][random.below(4)],
                    _ => random.below(256) as u8,
                };
            }
        }
    }
}

#[test]
fn damaged_models_find_nothing() {
    let mut random = Random(13);
    for order in [1, 3, 5] {
        for bits in [Bits::default(), Bits { prob: 5, backoff: 32 }] {
            let bytes = model(order).pack(bits).unwrap();
            drive::packed(&bytes);
            // Checksums that are recomputed do not change.
            assert_eq!(drive::with_checksums(bytes.clone()), bytes);
            for _ in 0..150 {
                let mut damaged = bytes.clone();
                damage(&mut damaged, &mut random);
                drive::packed(&damaged);
            }
        }
    }
}

/// With valid checksums, files with invalid contents are read: the test goes beyond the checksums.
#[test]
fn checksums_do_not_shield_the_queries() {
    let bytes = model(3).pack(Bits::default()).unwrap();
    let mut random = Random(5);
    let mut accepted = 0;
    for _ in 0..200 {
        let mut lie = bytes.clone();
        let at = 256 + random.below(lie.len() - 256);
        lie[at] ^= 1 << random.below(8);
        accepted += usize::from(LanguageModel::from_bytes(drive::with_checksums(lie)).is_ok());
    }
    assert!(accepted > 50, "{accepted} of 200");
}

#[test]
fn damaged_text_finds_nothing() {
    let mut random = Random(3);
    for order in [1, 2, 4] {
        let mut text = Vec::new();
        arpa::write(&model(order), &mut text).unwrap();
        drive::arpa(&text);
        for _ in 0..400 {
            let mut damaged = text.clone();
            damage(&mut damaged, &mut random);
            drive::arpa(&damaged);
        }
    }
    // Numbers in wrong places.
    let text = "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1 <unk>\n-1 <s> -0.5\n-1 </s>\n-1 a\n\n\\2-grams:\n-1 <s> a\n\n\\end\\\n";
    drive::arpa(text.as_bytes());
    for number in ["nan", "inf", "-inf", "1e39", "-1e39", "1e-50", "18446744073709551616", "-0", ""]
    {
        for old in ["-1", "-0.5", "=4", "=1"] {
            let new = if old.starts_with('=') { format!("={number}") } else { number.into() };
            drive::arpa(text.replacen(old, &new, 1).as_bytes());
            drive::arpa(text.replace(old, &new).as_bytes());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        drive::packed(&bytes);
        drive::arpa(&bytes);
        let mut begins_well = b"\\data\\\nngram 1=3\n\\1-grams:\n".to_vec();
        begins_well.extend(bytes);
        drive::arpa(&begins_well);
    }
}
