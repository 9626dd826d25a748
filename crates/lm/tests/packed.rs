//! The packed form answers like the model from which it was made; damaged ones are rejected.

mod common;

use std::collections::HashMap;
use std::path::Path;

use common::*;
use proptest::prelude::*;
use stonechat_lm::{Bits, LanguageModel, NgramModel, State, WordId, arpa, packed_bytes};

fn packed(model: &NgramModel, bits: Bits) -> LanguageModel {
    LanguageModel::from_bytes(model.pack(bits).unwrap()).unwrap()
}

fn made(order: usize, seed: u64) -> (NaiveModel, NgramModel) {
    let naive = naive_kneser_ney(&made_text(120, 30, seed), order, None, &[0; 5]);
    let model = naive.build();
    (naive, model)
}

#[test]
fn unquantized_scores_are_those_of_the_definition() {
    for (order, seed) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)] {
        let (naive, model) = made(order, seed);
        let lm = packed(&model, Bits::UNQUANTIZED);
        assert_eq!(lm.counts(), model.counts());
        let mut random = Random(seed);
        for _ in 0..200 {
            let mut context = vec!["<s>".to_string()];
            let mut state = lm.start();
            for _ in 0..random.below(12) {
                // Some words are unknown.
                let word = format!("w{}", random.below(33));
                let id = lm.word_id(&word).unwrap_or(WordId::UNKNOWN);
                let known = lm.word(id).unwrap();
                let (score, next) = lm.score(state, id);
                let expected = naive.log10_prob(&context, &known);
                assert!(
                    (f64::from(score) - expected).abs() < 1e-5,
                    "order {order}: {known} after {context:?} is {score}, must be {expected}"
                );
                let ids: Vec<WordId> =
                    context.iter().map(|word| lm.word_id(word).unwrap()).collect();
                assert_eq!(model.log10_prob(&ids, id).1, lm.score_in_full(state, id).length);
                context.push(known);
                state = next;
            }
            let expected = naive.log10_prob(&context, "</s>");
            assert!((f64::from(lm.end(state)) - expected).abs() < 1e-5);
            let expected = naive.log10_prob(&[], "w3");
            let id = lm.word_id("w3").unwrap();
            assert!((f64::from(lm.score(lm.empty(), id).0) - expected).abs() < 1e-5);
        }
    }
}

#[test]
fn equal_states_have_equal_futures() {
    let (_, model) = made(4, 6);
    let lm = packed(&model, Bits::default());
    let words: Vec<WordId> =
        lm.words().map(|(id, _)| id).filter(|id| *id != WordId::BEGIN).collect();
    let mut random = Random(1);
    let mut seen: HashMap<State, Vec<f32>> = HashMap::new();
    let mut merged = 0;
    for _ in 0..3000 {
        let mut state = lm.start();
        for _ in 0..random.below(6) {
            state = lm.score(state, words[random.below(words.len())]).1;
        }
        assert!(state.words().count() < 4);
        let future: Vec<f32> = words.iter().map(|&word| lm.score(state, word).0).collect();
        if let Some(same) = seen.insert(state, future.clone()) {
            assert_eq!(same, future);
            merged += 1;
        }
    }
    assert!(merged > 500, "{merged}");
    // Words after which nothing follows are forgotten.
    let after_end = lm.score(lm.start(), WordId::END).1;
    assert_eq!(after_end, lm.empty());
}

#[test]
fn quantized_scores_are_near() {
    let (_, model) = made(3, 7);
    let exact = packed(&model, Bits::UNQUANTIZED);
    for (bits, tolerance) in [(8, 0.05), (6, 0.1), (4, 0.4)] {
        let lm = packed(&model, Bits { prob: bits, backoff: bits });
        let (mut sum, mut count) = (0.0, 0);
        let mut random = Random(2);
        for _ in 0..300 {
            let (mut state, mut exact_state) = (lm.start(), exact.start());
            for _ in 0..6 {
                let word = lm.word_id(&format!("w{}", random.below(30))).unwrap_or(WordId::UNKNOWN);
                let (score, next) = lm.score(state, word);
                let (exact_score, exact_next) = exact.score(exact_state, word);
                sum += f64::from((score - exact_score).abs());
                count += 1;
                (state, exact_state) = (next, exact_next);
            }
        }
        let mean = sum / f64::from(count);
        assert!(mean < tolerance, "{bits} bits: mean difference {mean}");
    }
}

#[test]
fn the_words_are_all_there() {
    let (_, model) = made(2, 8);
    let lm = packed(&model, Bits::default());
    let words: Vec<String> = lm.words().map(|(_, word)| word).collect();
    let expected: Vec<&str> = model.vocabulary().iter().collect();
    assert_eq!(words, expected);
    assert_eq!(lm.word_id("<unk>"), Some(WordId::UNKNOWN));
    assert_eq!(lm.word_id("nowhere"), None);
    assert_eq!(lm.word(WordId(99_999)), None);
    // A foreign id is an unknown word, not a crash.
    assert_eq!(lm.score(lm.start(), WordId(99_999)), lm.score(lm.start(), WordId::UNKNOWN));
}

#[test]
fn unpacked_and_packed_again() {
    for (order, bits) in [(1, 8), (3, 32), (5, 32), (3, 6), (4, 8)] {
        let (_, model) = made(order, 9);
        let bits = Bits { prob: bits, backoff: bits };
        let bytes = model.pack(bits).unwrap();
        assert_eq!(bytes.len(), packed_bytes(model.vocabulary(), &model.counts(), bits));
        let again = LanguageModel::from_bytes(bytes.clone()).unwrap().to_model().unwrap();
        if bits == Bits::UNQUANTIZED {
            assert_eq!(table(&again).grams, table(&model).grams);
        }
        // Values that are already bins do not change.
        let twice = packed(&again, bits).to_model().unwrap();
        assert_eq!(table(&twice).grams, table(&again).grams, "order {order}, {bits:?}");
    }
}

#[test]
fn widths_that_cannot_be() {
    let (_, model) = made(2, 1);
    for (prob, backoff, part) in [(1, 8, "prob-bits"), (17, 8, "prob-bits"), (8, 0, "backoff-bits")]
    {
        let error = model.pack(Bits { prob, backoff }).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn damage_is_an_error() {
    let (_, model) = made(3, 10);
    let bytes = model.pack(Bits { prob: 6, backoff: 5 }).unwrap();
    for end in 0..bytes.len() {
        assert!(LanguageModel::from_bytes(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    let mut longer = bytes.clone();
    longer.extend([0; 8]);
    assert!(LanguageModel::from_bytes(longer).is_err());
    let mut random = Random(11);
    for _ in 0..10_000 {
        let mut flipped = bytes.clone();
        let at = random.below(bytes.len());
        flipped[at] ^= 1 << random.below(8);
        match LanguageModel::from_bytes(flipped) {
            Ok(_) => assert_padding(&bytes, at),
            Err(error) => assert!(error.to_string().contains("at byte"), "{error}"),
        }
    }
}

/// Only the zeros between two sections, which nothing reads, have no checksum.
#[track_caller]
fn assert_padding(bytes: &[u8], at: usize) {
    let lm = LanguageModel::from_bytes(bytes.to_vec()).unwrap();
    let mut start = 0;
    for (name, length) in lm.sections() {
        assert!(!(start..start + length).contains(&at), "byte {at} is in {name}");
        start += length.next_multiple_of(8);
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(LanguageModel::from_bytes(bytes).is_err());
    }
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lm");
    let (_, model) = made(2, 14);
    std::fs::write(&path, model.pack(Bits::default()).unwrap()).unwrap();
    let lm = LanguageModel::load(&path).unwrap();
    assert_eq!(lm.order(), 2);
    std::fs::write(&path, "text").unwrap();
    for path in [path.as_path(), folder.path(), Path::new("no/such/file")] {
        let error = LanguageModel::load(path).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

/// `golden/scores.tsv` has KenLM's scores for `golden/lmplz.arpa`, see `golden/make_golden.py`.
#[test]
fn equal_to_kenlm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read(folder.join("lmplz.arpa")).unwrap();
    let lm = packed(&arpa::read(text.as_slice()).unwrap(), Bits::UNQUANTIZED);
    let scores = std::fs::read_to_string(folder.join("scores.tsv")).unwrap();
    let mut asked = 0;
    for line in scores.lines() {
        let [sentence, total, each] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let mut state = lm.start();
        let mut sum = 0.0;
        let words = sentence.split_ascii_whitespace().chain(["</s>"]);
        for (word, expected) in words.zip(each.split(' ')) {
            let id = lm.word_id(word).unwrap_or(WordId::UNKNOWN);
            let score = lm.score_in_full(state, id);
            let (prob, length) = expected.split_once(':').unwrap();
            let prob: f32 = prob.parse().unwrap();
            assert!(
                (score.log10_prob - prob).abs() < 1e-4,
                "{word} in {sentence:?}: {score:?}, KenLM has {expected}"
            );
            assert_eq!(score.length.to_string(), length, "{word} in {sentence:?}");
            sum += score.log10_prob;
            state = score.state;
            asked += 1;
        }
        assert!((sum - total.parse::<f32>().unwrap()).abs() < 1e-4, "{sentence:?}");
    }
    assert!(asked > 100, "{asked}");
}
