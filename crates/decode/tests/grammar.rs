//! Closed grammars: exact scores against a slow twin, and commands among other speech.

mod common;

use std::sync::Arc;

use common::{Random, decode, enumerate, path, symbols};
use stonechat_decode::{BeamOptions, BeamSearch, Decoder, Error, Grammar};

/// Letters of the words that are in no phrase.
fn garbage_letters(grammar: &Grammar, text: &str) -> usize {
    let words: Vec<&str> = text.split_whitespace().collect();
    let accepted = grammar.accepted(words.iter().copied());
    words.iter().zip(accepted).filter(|(_, accepted)| !accepted).map(|(word, _)| word.len()).sum()
}

#[test]
fn a_wide_beam_with_a_grammar_is_exact() {
    // No phrase overlaps itself: see the search's restart.
    let phrases = ["ab", "ab ba", "b a b", "bb", "aab"];
    let grammar = Grammar::from_phrases(phrases).unwrap();
    for alphabet in [&["", " ", "a", "b"][..], &["", " ", "a", "b", "ab", "b a"]] {
        let alphabet = symbols(alphabet);
        let frames = if alphabet.len() > 4 { 5 } else { 6 };
        for seed in 0..6 {
            let logits = Random(seed).logits(frames, alphabet.len(), 3.0);
            let score = |text: &str| -0.8 * garbage_letters(&grammar, text) as f32;
            let expected = enumerate(&alphabet, &logits, score);
            let options = BeamOptions { beta: 0.0, ..BeamOptions::exhaustive(1 << 16) };
            let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
            let search = Arc::new(search.with_grammar(&grammar, 0.8).unwrap());
            let found = decode(&search, &logits).alternatives(usize::MAX);
            assert_eq!(found.len(), expected.len());
            for found in &found {
                let (text, score) = expected.iter().find(|(text, _)| *text == found.text).unwrap();
                assert!(
                    (found.score - score).abs() < 2e-4,
                    "seed {seed}: {found:?}, {text} {score}"
                );
            }
        }
    }
}

#[test]
fn what_is_nearly_a_phrase_becomes_one_and_the_rest_is_garbage() {
    let alphabet = symbols(&["", " ", "a", "b", "c", "d"]);
    let grammar = Grammar::from_jsgf("public <c> = abba [cd];").unwrap();
    let options = BeamOptions { beta: 0.0, ..BeamOptions::default() };
    let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
    let search = Arc::new(search.with_grammar(&grammar, 1.0).unwrap());
    // An "abda" that is half an "abba", then something else, then "cd" alone.
    let mut logits =
        path(&alphabet, &["a", "b", "", "d", "a", " ", "c", "a", "c", " ", "c", "d"], 7.0);
    logits[3] = vec![0.0, 0.0, 0.0, 6.0, 0.0, 7.0];
    let decoder = decode(&search, &logits);
    assert_eq!(decoder.text(), "abba cac cd");
    assert_eq!(grammar.accepted(decoder.text().split(' ')), [true, false, false]);
}

#[test]
fn what_cannot_be_spelled_is_refused() {
    let alphabet = symbols(&["", " ", "a"]);
    let search = || BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap();
    let grammar = Grammar::from_phrases(["a stop"]).unwrap();
    let error = search().with_grammar(&grammar, 1.0).err();
    assert!(matches!(&error, Some(Error::Grammar { message, .. }) if message.contains("stop")));
    let grammar = Grammar::from_phrases(["a"]).unwrap();
    for garbage in [-1.0, f32::NAN] {
        assert!(matches!(search().with_grammar(&grammar, garbage), Err(Error::Option { .. })));
    }
}
