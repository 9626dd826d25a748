//! Prefix beam search compared with the enumeration of all paths, and the promises of a stream.

mod common;

use std::sync::Arc;

use common::{Bigram, decode, enumerate, logits, path, symbols};
use proptest::prelude::*;
use stonechat_decode::{
    BeamDecoder, BeamOptions, BeamSearch, Decoder, Error, GreedyDecoder, Token,
};

const WORDS: [&str; 5] = ["a", "ab", "ba", "bb", "abba"];

/// Alphabets, with the number of frames that can be enumerated.
fn alphabets() -> Vec<(Vec<String>, usize)> {
    vec![
        (symbols(&["", "a"]), 7),
        (symbols(&["", "a", "b"]), 6),
        (symbols(&["", " ", "a", "b"]), 6),
        // Grams, with spaces at both ends and inside.
        (symbols(&["", "a", "b", "ab", "ba"]), 5),
        (symbols(&["", " ", "a", "b", "ab", "b ", " a", "a b"]), 4),
    ]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-4
}

/// The whole list of texts and scores equals that of the enumeration.
fn check(
    search: BeamSearch,
    alphabet: &[String],
    logits: &[Vec<f32>],
    score: impl Fn(&str) -> f32,
    case: &str,
) {
    let expected = enumerate(alphabet, logits, score);
    let decoder = decode(&Arc::new(search), logits);
    let found = decoder.alternatives(usize::MAX);
    assert_eq!(found.len(), expected.len(), "{case}: number of texts");
    for (found, (text, score)) in found.iter().zip(&expected) {
        assert!(close(found.score, *score), "{case}: {found:?}, expected {text:?} {score}");
    }
    assert_eq!(decoder.text(), found[0].text, "{case}");
    let shares: f32 = found.iter().map(|alternative| alternative.confidence).sum();
    assert!((shares - 1.0).abs() < 1e-4, "{case}: confidences sum to {shares}");
    if expected.len() == 1 || expected[0].1 - expected[1].1 > 1e-3 {
        assert_eq!(decoder.text(), expected[0].0, "{case}");
    }
}

#[test]
fn a_wide_beam_is_exact() {
    for (a, (alphabet, frames)) in alphabets().iter().enumerate() {
        for seed in 0..6 {
            let frames = if seed == 0 { 0 } else { *frames };
            let logits = logits(seed + 100 * a as u64, frames, alphabet.len(), 4.0);
            let options = BeamOptions { beta: 0.3, ..BeamOptions::exhaustive(1 << 16) };
            let search = BeamSearch::new(alphabet, 0.02, options).unwrap();
            let score = |text: &str| 0.3 * text.split_whitespace().count() as f32;
            check(search, alphabet, &logits, score, &format!("{alphabet:?}, seed {seed}"));
        }
    }
}

#[test]
fn a_wide_beam_with_a_language_model_is_exact() {
    for (a, (alphabet, frames)) in alphabets().iter().enumerate() {
        for seed in 0..6 {
            for lexicon_only in [false, true] {
                let logits = logits(seed + 100 * a as u64, *frames, alphabet.len(), 3.0);
                let options = BeamOptions {
                    alpha: 0.8,
                    beta: 0.5,
                    unknown_word: -0.7,
                    lexicon_only,
                    ..BeamOptions::exhaustive(1 << 16)
                };
                let model = Arc::new(Bigram { words: WORDS.to_vec(), seed });
                let search = BeamSearch::new(alphabet, 0.02, options).unwrap();
                let search = search.with_language_model(Arc::clone(&model) as _);
                let score = |text: &str| model.text_score(text, &options);
                let case = format!("{alphabet:?}, seed {seed}, lexicon only: {lexicon_only}");
                check(search, alphabet, &logits, score, &case);
            }
        }
    }
}

#[test]
fn a_lexicon_alone_is_exact() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    for (seed, lexicon_only) in [(1, false), (2, true), (3, true)] {
        let logits = logits(seed, 6, alphabet.len(), 3.0);
        let options = BeamOptions {
            lexicon_only,
            beta: 0.0,
            unknown_word: -1.5,
            unknown_letter: -0.25,
            ..BeamOptions::exhaustive(1 << 16)
        };
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap().with_lexicon(WORDS);
        let score = |text: &str| -> f32 {
            let unknown = text.split_whitespace().filter(|word| !WORDS.contains(word));
            let cost: f32 = unknown.clone().map(|word| -1.5 - 0.25 * word.len() as f32).sum();
            let unknown = unknown.count();
            if lexicon_only && unknown > 0 { f32::NEG_INFINITY } else { cost }
        };
        check(search, &alphabet, &logits, score, &format!("seed {seed}"));
    }
}

/// The twelve hypotheses of a narrow beam do not lose the best text of random frames by much.
#[test]
fn a_narrow_beam_is_nearly_as_good() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let model = Arc::new(Bigram { words: WORDS.to_vec(), seed: 3 });
    let mut found = 0;
    for seed in 0..40 {
        let logits = logits(seed, 6, alphabet.len(), 6.0);
        let options = BeamOptions { width: 12, alpha: 0.6, ..BeamOptions::default() };
        let expected = &enumerate(&alphabet, &logits, |text| model.text_score(text, &options))[0];
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
        let search = Arc::new(search.with_language_model(Arc::clone(&model) as _));
        found += usize::from(decode(&search, &logits).text() == expected.0);
    }
    assert!(found >= 36, "{found} of 40");
}

#[test]
fn clear_speech_gives_the_greedy_words_and_times() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    for said in [
        &["", "a", "a", "", "b", " ", "", "c", "c", ""][..],
        &["a", "", "a", "", "", " ", " ", "b", " "],
        &[" ", "", "b", " ", "", " ", "c"],
    ] {
        let logits = path(&alphabet, said, 9.0);
        let search = BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap();
        let decoder = decode(&Arc::new(search), &logits);
        let mut greedy = GreedyDecoder::new(&alphabet, 0.02).unwrap();
        logits.iter().for_each(|frame| greedy.push(frame).unwrap());
        assert_eq!(decoder.text(), greedy.text());
        // Only the greedy decoder has spaces before and after all words.
        let letters = |tokens: &[Token]| -> Vec<(u16, u64, u32)> {
            let letters = tokens.iter().filter(|token| token.symbol != 1);
            letters.map(|token| (token.symbol, token.frame, token.frames)).collect()
        };
        assert_eq!(letters(&decoder.tokens()), letters(&greedy.tokens()), "{said:?}");
        for (beam, greedy) in decoder.words().iter().zip(greedy.words()) {
            assert_eq!(
                (&beam.word, beam.start, beam.end),
                (&greedy.word, greedy.start, greedy.end)
            );
        }
    }
}

/// An endless stream: what is taken in between plus what is left is the whole.
#[test]
fn a_long_stream_is_settled_bit_by_bit() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let logits = logits(5, 3000, alphabet.len(), 7.0);
    let model = Arc::new(Bigram { words: WORDS.to_vec(), seed: 8 });
    let search = BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap();
    let search = Arc::new(search.with_language_model(model));
    let whole = decode(&search, &logits);
    let mut decoder = BeamDecoder::new(Arc::clone(&search));
    let (mut words, mut stable) = (Vec::new(), String::new());
    for (i, frame) in logits.iter().enumerate() {
        decoder.push(frame).unwrap();
        let text = decoder.text();
        let now = text[..decoder.stable_prefix_len()].to_string();
        assert!(text.starts_with(&stable), "frame {i}: {stable:?} was stable, now {text:?}");
        assert!(now.len() >= stable.len(), "frame {i}: less is stable");
        stable = now;
        if i % 500 == 499 {
            let taken = decoder.take_words();
            assert!(taken.len() > 5, "frame {i}: {} words", taken.len());
            words.extend(taken);
            stable = decoder.text()[..decoder.stable_prefix_len()].to_string();
        }
    }
    decoder.finish();
    words.extend(decoder.words());
    assert_eq!(words, whole.words());
    assert!(words.windows(2).all(|pair| pair[0].start <= pair[1].start));
    let joined: Vec<String> = words.into_iter().map(|word| word.word).collect();
    assert_eq!(joined.join(" "), whole.text());
    let tokens = whole.tokens();
    let spelled: String =
        tokens.iter().map(|token| &alphabet[usize::from(token.symbol)][..]).collect();
    assert_eq!(spelled.trim(), whole.text());
    assert!(tokens.windows(2).all(|pair| pair[0].frame <= pair[1].frame));
}

/// There is never a space: the search must not wait for a word to end.
#[test]
fn an_endless_word_is_cut_down() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let search = Arc::new(BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap());
    let mut decoder = BeamDecoder::new(search);
    for i in 0..20_000 {
        let says =
            if i % 2 == 0 { [0.0, 0.0, 4.0, 4.0 * (i % 3) as f32] } else { [9.0, 0.0, 0.0, 0.0] };
        decoder.push(&says).unwrap();
    }
    decoder.finish();
    assert!(decoder.text().len() > 5000);
}

#[test]
fn a_decoder_ends_once_and_can_be_reset() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let search = Arc::new(BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap());
    let logits = logits(1, 100, 4, 6.0);
    let expected = decode(&search, &logits);
    let mut decoder = expected.clone();
    assert_eq!(decoder.push(&logits[0]), Err(Error::Finished));
    decoder.finish();
    assert_eq!(decoder.text(), expected.text());
    decoder.reset();
    assert_eq!((decoder.text(), decoder.words().len(), decoder.frames()), ("", 0, 0));
    assert!(matches!(decoder.push(&[0.0; 3]), Err(Error::FrameSize { got: 3, .. })));
    logits.iter().for_each(|frame| decoder.push(frame).unwrap());
    decoder.finish();
    assert_eq!(decoder.words(), expected.words());
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let good = symbols(&["", " ", "a"]);
    let made = |symbols: &[String], options| BeamSearch::new(symbols, 0.02, options).err();
    for (bad, index) in [(["", "a", "a"], 2), (["", "a", ""], 2), (["", "a  b", "b"], 1)] {
        let error = made(&symbols(&bad), BeamOptions::default());
        assert!(matches!(&error, Some(Error::Symbol { index: i, .. }) if *i == index), "{error:?}");
    }
    assert!(matches!(made(&good[..1], BeamOptions::default()), Some(Error::Alphabet { count: 1 })));
    let default = BeamOptions::default();
    for (options, option) in [
        (BeamOptions { width: 0, ..default }, "width"),
        (BeamOptions { max_symbols: 0, ..default }, "max_symbols"),
        (BeamOptions { symbol_mass: 0.0, ..default }, "symbol_mass"),
        (BeamOptions { score_threshold: f32::NAN, ..default }, "score_threshold"),
        (BeamOptions { alpha: -1.0, ..default }, "alpha"),
        (BeamOptions { beta: f32::INFINITY, ..default }, "beta"),
    ] {
        let error = made(&good, options);
        assert!(matches!(error, Some(Error::Option { name, .. }) if name == option), "{error:?}");
    }
    for seconds in [0.0, f64::NAN] {
        let error = BeamSearch::new(&good, seconds, default).err();
        assert!(matches!(error, Some(Error::FrameLength { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Frames of arbitrary bits do no harm.
    #[test]
    fn any_frames_are_taken(bits in prop::collection::vec(any::<u32>(), 0..400), width in 1usize..9) {
        let alphabet = symbols(&["", " ", "a", "b"]);
        let options = BeamOptions { width, lexicon_only: width % 2 == 0, ..BeamOptions::default() };
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap().with_lexicon(WORDS);
        let mut decoder = BeamDecoder::new(Arc::new(search));
        for frame in bits.chunks_exact(4) {
            let frame: Vec<f32> = frame.iter().map(|&b| f32::from_bits(b)).collect();
            decoder.push(&frame).unwrap();
        }
        decoder.finish();
        let joined: Vec<String> = decoder.words().into_iter().map(|word| word.word).collect();
        prop_assert_eq!(joined.join(" "), decoder.text());
    }
}
