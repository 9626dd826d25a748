//! Hotwords: exact scores, words outside the vocabulary, changes during a stream.

mod common;

use std::sync::Arc;

use common::{Bigram, decode, enumerate, logits, path, symbols};
use stonechat_decode::{BeamDecoder, BeamOptions, BeamSearch, Decoder, Error, Hotword};

fn hotword(phrase: &str, boost: f32) -> Hotword {
    Hotword { phrase: phrase.into(), boost }
}

/// How often the words of a phrase occur in a text in a row.
fn occurrences(text: &str, phrase: &str) -> usize {
    let [text, phrase]: [Vec<&str>; 2] = [text, phrase].map(|t| t.split_whitespace().collect());
    text.windows(phrase.len()).filter(|words| *words == &phrase[..]).count()
}

#[test]
fn a_wide_beam_with_hotwords_is_exact() {
    for alphabet in [&["", " ", "a", "b"][..], &["", " ", "a", "b", "ab", "b "]] {
        let alphabet = symbols(alphabet);
        let frames = if alphabet.len() > 4 { 5 } else { 6 };
        let options = BeamOptions { beta: 0.2, ..BeamOptions::exhaustive(1 << 16) };
        let hotwords = [("ba", 1.3), ("a b", 2.0), ("bb", 0.4)];
        for seed in 0..6 {
            let logits = logits(seed, frames, alphabet.len(), 3.0);
            let score = |text: &str| {
                let words = text.split_whitespace().count() as f32;
                let boost = |(p, boost): &(&str, f32)| occurrences(text, p) as f32 * boost;
                0.2 * words + hotwords.iter().map(boost).sum::<f32>()
            };
            let expected = enumerate(&alphabet, &logits, score);
            let list = hotwords.iter().map(|(p, boost)| hotword(p, *boost)).collect();
            let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
            let search = Arc::new(search.with_hotwords(list).unwrap());
            let found = decode(&search, &logits).alternatives(usize::MAX);
            assert_eq!(found.len(), expected.len());
            for (found, (text, score)) in found.iter().zip(&expected) {
                assert!(
                    (found.score - score).abs() < 2e-4,
                    "seed {seed}: {found:?}, {text} {score}"
                );
            }
        }
    }
}

#[test]
fn a_hotword_need_not_be_a_word() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let options = |lexicon_only| BeamOptions {
        alpha: 0.7,
        unknown_word: -4.0,
        lexicon_only,
        ..BeamOptions::exhaustive(1 << 16)
    };
    let model = Arc::new(Bigram { words: vec!["a", "ab"], seed: 1 });
    for (seed, lexicon_only) in [(1, false), (2, true), (3, true)] {
        let logits = logits(seed, 6, alphabet.len(), 3.0);
        let options = options(lexicon_only);
        let score = |text: &str| {
            // The hotword scores as <unk>, without the penalty.
            let open = BeamOptions { lexicon_only: false, ..options };
            let hot = text.split_whitespace().filter(|word| *word == "bab").count() as f32;
            let strange = |word: &&str| !["a", "ab", "bab"].contains(word);
            if lexicon_only && text.split_whitespace().any(|word| strange(&word)) {
                return f32::NEG_INFINITY;
            }
            let spared = options.unknown_word + 3.0 * options.unknown_letter;
            model.text_score(text, &open) + hot * (3.0 - spared)
        };
        let expected = enumerate(&alphabet, &logits, score);
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
        let search = search.with_language_model(Arc::clone(&model) as _);
        let search = Arc::new(search.with_hotwords(vec![hotword("bab", 3.0)]).unwrap());
        let found = decode(&search, &logits).alternatives(usize::MAX);
        assert_eq!(found.len(), expected.len(), "seed {seed}");
        for (found, (text, score)) in found.iter().zip(&expected) {
            assert!((found.score - score).abs() < 2e-4, "seed {seed}: {found:?}, {text} {score}");
        }
    }
}

/// "ac" sounds slightly more like "ab": with the hotword it is "ac", and no longer when "ac" is
/// removed.
#[test]
fn hotwords_come_and_go_in_a_stream() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let search = Arc::new(BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap());
    let mut logits = path(&alphabet, &["a", "b", " ", ""], 6.0);
    logits[1] = vec![0.0, 0.0, 0.0, 6.0, 5.0];
    let mut decoder = BeamDecoder::new(search);
    let say = |decoder: &mut BeamDecoder, times: usize| {
        (0..times).for_each(|_| logits.iter().for_each(|frame| decoder.push(frame).unwrap()));
    };
    say(&mut decoder, 20);
    decoder.add_hotword(hotword("ac", 4.0)).unwrap();
    say(&mut decoder, 20);
    assert!(decoder.remove_hotword("ac") && !decoder.remove_hotword("ac"));
    say(&mut decoder, 20);
    decoder.finish();
    let expected = [["ab"; 20], ["ac"; 20], ["ab"; 20]].concat();
    assert_eq!(decoder.text(), expected.join(" "));
    assert!(decoder.hotwords().is_empty());
}

#[test]
fn what_is_no_hotword_is_refused() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let search = Arc::new(BeamSearch::new(&alphabet, 0.02, BeamOptions::default()).unwrap());
    let mut decoder = BeamDecoder::new(search);
    decoder.add_hotword(Hotword::new("ab a")).unwrap();
    for (phrase, boost) in
        [("", 1.0), (" ", 1.0), ("ax", 1.0), ("a", 0.0), ("a", f32::NAN), ("a", 1e9)]
    {
        let error = decoder.add_hotword(hotword(phrase, boost));
        assert!(matches!(error, Err(Error::Hotword { .. })), "{phrase:?} {boost}: {error:?}");
        assert_eq!(decoder.hotwords().len(), 1);
    }
}

/// A hotword that nobody says is not found, however narrow the beam.
#[test]
fn what_is_not_said_changes_nothing() {
    let alphabet = symbols(&["", " ", "a", "b", "c", "z"]);
    let model = Arc::new(Bigram { words: vec!["a", "ab", "ba", "cab"], seed: 4 });
    for seed in 0..20 {
        let mut logits = logits(seed, 60, alphabet.len(), 8.0);
        logits.iter_mut().for_each(|frame| frame[5] = -90.0);
        let options = BeamOptions { width: 6, ..BeamOptions::default() };
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
        let search = search.with_language_model(Arc::clone(&model) as _);
        let hot = search.clone().with_hotwords(vec![hotword("zz z", 20.0)]).unwrap();
        let [plain, hot] = [search, hot].map(|search| decode(&Arc::new(search), &logits));
        assert_eq!(plain.alternatives(6), hot.alternatives(6), "seed {seed}");
    }
}
