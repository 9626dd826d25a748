//! Error counts: tables made by hand, and the recursive definition for comparison.

use proptest::prelude::*;
use stonechat_decode::ErrorCount;

fn count(substitutions: u64, deletions: u64, insertions: u64, reference: u64) -> ErrorCount {
    ErrorCount { substitutions, deletions, insertions, reference }
}

#[test]
fn words_by_hand() {
    for (reference, hypothesis, expected, rate) in [
        ("", "", count(0, 0, 0, 0), 0.0),
        ("the cat sat", "the cat sat", count(0, 0, 0, 3), 0.0),
        ("  the cat\n", "the  cat", count(0, 0, 0, 2), 0.0),
        ("the cat sat", "the bat sat", count(1, 0, 0, 3), 1.0 / 3.0),
        ("the cat sat", "cat sat", count(0, 1, 0, 3), 1.0 / 3.0),
        ("the cat sat", "the cat sat down", count(0, 0, 1, 3), 1.0 / 3.0),
        ("the cat sat", "", count(0, 3, 0, 3), 1.0),
        ("", "so it is", count(0, 0, 3, 0), f64::INFINITY),
        ("a", "b c d", count(1, 0, 2, 1), 3.0),
        ("a b c d e g", "a x c e g f", count(1, 1, 1, 6), 0.5),
        ("Cat", "cat", count(1, 0, 0, 1), 1.0),
    ] {
        let found = ErrorCount::words(reference, hypothesis);
        assert_eq!(found, expected, "{reference:?} against {hypothesis:?}");
        assert_eq!(found.rate(), rate, "{reference:?} against {hypothesis:?}");
    }
}

#[test]
fn characters_by_hand() {
    for (reference, hypothesis, expected) in [
        ("kitten", "sitting", count(2, 0, 1, 6)),
        ("a b", "ab", count(0, 1, 0, 3)),
        (" a  b ", "a b", count(0, 0, 0, 3)),
        ("it's", "its", count(0, 1, 0, 4)),
        ("naïve", "naive", count(1, 0, 0, 5)),
        ("", "ab", count(0, 0, 2, 0)),
    ] {
        assert_eq!(
            ErrorCount::characters(reference, hypothesis),
            expected,
            "{reference:?} against {hypothesis:?}"
        );
    }
}

#[test]
fn the_rate_of_a_sum_is_the_rate_of_the_corpus() {
    let total: ErrorCount = [("a b c", "a b"), ("d", "e f"), ("", "")]
        .iter()
        .map(|(reference, hypothesis)| ErrorCount::words(reference, hypothesis))
        .sum();
    assert_eq!(total, count(1, 1, 1, 4));
    assert_eq!(total.rate(), 0.75);
}

/// The definition, by recursion over the last units.
fn distance(reference: &[u8], hypothesis: &[u8]) -> u64 {
    match (reference, hypothesis) {
        ([], rest) | (rest, []) => rest.len() as u64,
        ([head @ .., a], [start @ .., b]) => {
            let substitute = distance(head, start) + u64::from(a != b);
            substitute.min(distance(head, hypothesis) + 1).min(distance(reference, start) + 1)
        }
    }
}

proptest! {
    #[test]
    fn counts_equal_the_recursive_definition(
        reference in proptest::collection::vec(0u8..3, 0..7),
        hypothesis in proptest::collection::vec(0u8..3, 0..7),
    ) {
        let found = ErrorCount::align(&reference, &hypothesis);
        prop_assert_eq!(found.errors(), distance(&reference, &hypothesis));
        prop_assert_eq!(found.reference, reference.len() as u64);
        prop_assert_eq!(
            found.reference + found.insertions,
            hypothesis.len() as u64 + found.deletions,
            "{:?}", found
        );
    }
}

#[test]
fn right_words_are_those_of_an_alignment() {
    for (reference, hypothesis, expected) in [
        ("", "", ""),
        ("a b", "", ""),
        ("", "a b", "--"),
        ("a b c", "a b c", "+++"),
        ("a b c", "a x c", "+-+"),
        ("a b c", "b c", "++"),
        ("a b c", "a x b c d", "+-++-"),
        ("the cat sat", "cat the sat", "-+"),
    ] {
        let right = ErrorCount::right_words(reference, hypothesis);
        let shown: String = right.iter().map(|&r| if r { '+' } else { '-' }).collect();
        let count = ErrorCount::words(reference, hypothesis);
        let hits = count.reference - count.substitutions - count.deletions;
        assert_eq!(right.iter().filter(|&&r| r).count() as u64, hits, "{hypothesis}: {shown}");
        if expected.len() == right.len() {
            assert_eq!(shown, expected, "{reference} / {hypothesis}");
        }
    }
}
