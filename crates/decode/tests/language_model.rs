//! The project's own language model behind the search's trait.

mod common;

use std::sync::Arc;

use common::{decode, enumerate, logits, symbols};
use stonechat_decode::{BeamOptions, BeamSearch, Decoder, LanguageModel, WordId};

/// A trigram model of three words, with some n-grams left out.
const ARPA: &str = "\\data\\
ngram 1=6
ngram 2=4
ngram 3=2

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.3
-0.9\t</s>
-0.6\ta\t-0.2
-0.8\tab\t-0.4
-1.2\tba\t-0.1

\\2-grams:
-0.3\t<s> a\t-0.2
-0.5\ta ab\t-0.1
-0.4\tab </s>
-0.7\tba a

\\3-grams:
-0.2\t<s> a ab
-0.1\ta ab </s>

\\end\\
";

fn model() -> stonechat_lm::LanguageModel {
    let bits = stonechat_lm::Bits { prob: 32, backoff: 32 };
    let packed = stonechat_lm::arpa::read(ARPA.as_bytes()).unwrap().pack(bits).unwrap();
    stonechat_lm::LanguageModel::from_bytes(packed).unwrap()
}

/// Score of a text by the packed model itself, with its own states.
fn text_score(model: &stonechat_lm::LanguageModel, text: &str, options: &BeamOptions) -> f32 {
    let (mut score, mut state) = (0.0, model.start());
    for word in text.split_whitespace() {
        let id = model.word_id(word);
        let unknown = options.unknown_word + options.unknown_letter * word.len() as f32;
        score += options.beta + if id.is_none() { unknown } else { 0.0 };
        let (log10, next) = model.score(state, id.unwrap_or(stonechat_lm::WordId::UNKNOWN));
        score += options.alpha * std::f32::consts::LN_10 * log10;
        state = next;
    }
    score + options.alpha * std::f32::consts::LN_10 * model.end(state)
}

#[test]
fn the_search_scores_as_the_model_does() {
    let alphabet = symbols(&["", " ", "a", "b"]);
    let model = model();
    for seed in 0..5 {
        let options = BeamOptions { alpha: 0.9, ..BeamOptions::exhaustive(1 << 16) };
        let logits = logits(seed, 6, alphabet.len(), 3.0);
        let expected = enumerate(&alphabet, &logits, |text| text_score(&model, text, &options));
        let search = BeamSearch::new(&alphabet, 0.02, options).unwrap();
        let search = Arc::new(search.with_language_model(Arc::new(model.clone())));
        assert_eq!(search.words_left_out(), 0);
        let found = decode(&search, &logits).alternatives(usize::MAX);
        assert_eq!(found.len(), expected.len());
        for (found, (text, score)) in found.iter().zip(&expected) {
            assert!((found.score - score).abs() < 2e-4, "seed {seed}: {found:?}, {text} {score}");
        }
    }
}

#[test]
fn states_survive_the_trait() {
    let model = model();
    let dynamic: &dyn LanguageModel = &model;
    let mut words = Vec::new();
    dynamic.for_each_word(&mut |id, word| words.push((id, word.to_string())));
    assert_eq!(words.iter().map(|(_, word)| &word[..]).collect::<Vec<_>>(), ["a", "ab", "ba"]);
    let (mut state, mut own) = (dynamic.start(), model.start());
    for n in [3u32, 4, 0, 5, 3, 4, 3] {
        let (log10, next) = dynamic.score(state, WordId(n));
        let (expected, next_own) = model.score(own, stonechat_lm::WordId(n));
        assert_eq!(log10, expected);
        (state, own) = (next, next_own);
        assert_eq!(dynamic.end(state), model.end(own));
    }
}
