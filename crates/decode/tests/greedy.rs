//! Greedy decoding: tables made by hand, and a slow version over random paths.

use proptest::prelude::*;
use stonechat_decode::{Decoder, Error, GreedyDecoder, Word};

/// Blank, space and a few letters; the last symbol has two characters.
fn symbols() -> Vec<String> {
    ["", " ", "a", "b", "c", "th"].map(String::from).to_vec()
}

fn decoder() -> GreedyDecoder {
    GreedyDecoder::new(&symbols(), 0.02).unwrap()
}

/// Logits whose softmax is `probability` for `best`, the rest shared evenly.
fn frame(best: usize, probability: f32) -> Vec<f32> {
    let count = symbols().len();
    let mut logits = vec![((1.0 - probability) / (count - 1) as f32).ln(); count];
    logits[best] = probability.ln();
    logits
}

/// A path is written with one character per frame: `_` is the blank, `t` the symbol "th".
fn symbol(frame: char) -> usize {
    "_ abct".find(frame).unwrap()
}

fn push_path(decoder: &mut GreedyDecoder, path: &str) {
    for character in path.chars() {
        decoder.push(&frame(symbol(character), 0.9)).unwrap();
    }
}

#[test]
fn paths_collapse_to_text() {
    for (path, text) in [
        ("", ""),
        ("____", ""),
        ("aaa", "a"),
        ("a_a", "aa"),
        ("aab__bcc", "abbc"),
        ("a b", "a b"),
        ("a  _  b", "a b"),
        ("  a", "a"),
        ("_ _a_ _", "a"),
        ("tt_t a", "thth a"),
        ("a_ _ _b", "a b"),
    ] {
        let mut decoder = decoder();
        push_path(&mut decoder, path);
        assert_eq!(decoder.text(), text, "path {path:?}");
        let words: Vec<String> = decoder.words().into_iter().map(|w| w.word).collect();
        assert_eq!(words.join(" "), text, "words of path {path:?}");
    }
}

#[test]
fn words_carry_times_and_mean_peak_probabilities() {
    let mut decoder = decoder();
    for (best, probability) in
        [(0, 0.9), (2, 0.5), (2, 0.8), (0, 0.9), (5, 0.6), (1, 0.99), (3, 0.75)]
    {
        decoder.push(&frame(best, probability)).unwrap();
    }
    let words = decoder.words();
    assert_eq!(words.len(), 2);
    assert_eq!((words[0].word.as_str(), words[0].start, words[0].end), ("ath", 0.02, 0.1));
    assert!((words[0].conf - 0.7).abs() < 1e-5, "{:?}", words[0]);
    assert_eq!((words[1].word.as_str(), words[1].start, words[1].end), ("b", 0.12, 0.14));
    assert!((words[1].conf - 0.75).abs() < 1e-5, "{:?}", words[1]);
}

#[test]
fn a_word_is_written_with_the_names_of_vosk() {
    let mut decoder = decoder();
    push_path(&mut decoder, "_______ab");
    let mut word = decoder.words().remove(0);
    word.conf = 0.5;
    assert_eq!(
        serde_json::to_string(&word).unwrap(),
        r#"{"word":"ab","start":0.14,"end":0.18,"conf":0.5}"#
    );
}

#[test]
fn wrong_input_is_named() {
    assert_eq!(
        GreedyDecoder::new(&symbols()[..1], 0.02).unwrap_err(),
        Error::Alphabet { count: 1 }
    );
    for seconds in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert!(
            matches!(GreedyDecoder::new(&symbols(), seconds), Err(Error::FrameLength { .. })),
            "{seconds}"
        );
    }
    let mut decoder = decoder();
    push_path(&mut decoder, "a");
    let error = decoder.push(&[0.0; 5]).unwrap_err();
    assert_eq!(error, Error::FrameSize { frame: 1, got: 5, expected: 6 });
    assert_eq!((decoder.text(), decoder.frames()), ("a", 1));
}

#[test]
fn logits_that_are_not_finite_do_no_harm() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for (logits, text, conf) in [
        ([nan; 6], "", None),
        ([-inf; 6], "", None),
        ([nan, nan, 1.0, nan, nan, nan], "a", Some(1.0)),
        ([nan, 1.0, 2.0, -inf, inf, 0.0], "c", Some(1.0)),
        ([-inf, -inf, 3.0, 3.0, -inf, nan], "a", Some(0.5)),
    ] {
        let mut decoder = decoder();
        decoder.push(&logits).unwrap();
        assert_eq!(decoder.text(), text, "{logits:?}");
        assert_eq!(decoder.words().first().map(|w| w.conf), conf, "{logits:?}");
    }
}

#[test]
fn taking_words_keeps_the_unfinished_one() {
    let mut decoder = decoder();
    push_path(&mut decoder, "ab_c ");
    // The space may still continue: nothing has ended for certain.
    assert_eq!(decoder.take_words(), []);
    push_path(&mut decoder, " _a");
    let taken = decoder.take_words();
    assert_eq!((taken.len(), taken[0].word.as_str(), taken[0].start), (1, "abc", 0.0));
    assert_eq!(decoder.text(), "a");
    push_path(&mut decoder, "b b");
    assert_eq!(decoder.text(), "ab b");
    assert_eq!(decoder.words()[0].start, 0.14);
}

/// The obvious version: collapses the whole path at once.
fn collapse(path: &str) -> String {
    let mut text = String::new();
    let mut last = '_';
    for frame in path.chars() {
        if frame != last && frame != '_' {
            text.push_str(&symbols()[symbol(frame)]);
        }
        last = frame;
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

proptest! {
    #[test]
    fn a_stream_equals_the_collapse_of_the_path(path in "[_ abct]{0,60}", takes in proptest::collection::vec(any::<bool>(), 60)) {
        let (mut whole, mut taken_from) = (decoder(), decoder());
        push_path(&mut whole, "ab c");
        whole.reset();
        let mut taken: Vec<Word> = Vec::new();
        for (character, take) in path.chars().zip(takes) {
            for decoder in [&mut whole, &mut taken_from] {
                push_path(decoder, &character.to_string());
            }
            if take {
                taken.extend(taken_from.take_words());
            }
        }
        taken.extend(taken_from.words());
        prop_assert_eq!(whole.text(), collapse(&path));
        prop_assert_eq!(whole.words(), taken);
    }
}
