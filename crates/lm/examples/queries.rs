//! Queries per second: `cargo run --release -p stonechat-lm --example queries -- MODEL TEXT
//! [REPEATS]`.
//!
//! The words of the text (one sentence per line) are first converted to ids. Then each repeat
//! queries every word and every end of a sentence, in the order of the text and in a random order
//! of all words, where hardly any n-grams but unigrams and bigrams are found and memory access is
//! random.

use std::time::Instant;

use stonechat_lm::{LanguageModel, WordId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, rest @ ..] = arguments.as_slice() else {
        return Err("MODEL TEXT [REPEATS]".into());
    };
    let repeats: usize = rest.first().map_or(Ok(5), |repeats| repeats.parse())?;
    let lm = LanguageModel::load(model)?;
    let text = std::fs::read_to_string(text)?;
    let id = |word: &str| lm.word_id(word).unwrap_or(WordId::UNKNOWN);
    let sentences: Vec<Vec<WordId>> =
        text.lines().map(|line| line.split_ascii_whitespace().map(id).collect()).collect();
    let mut shuffled = sentences.clone();
    shuffle(&mut shuffled);
    for (name, sentences) in [("text", &sentences), ("shuffled", &shuffled)] {
        let mut best = f64::INFINITY;
        let (mut queries, mut sum) = (0, 0.0);
        for _ in 0..repeats {
            let start = Instant::now();
            (queries, sum) = ask(&lm, sentences);
            best = best.min(start.elapsed().as_secs_f64());
        }
        let rate = queries as f64 / best / 1e6;
        println!("{name}: {queries} queries, {rate:.2} million a second, log10 p {sum:.1}");
    }
    Ok(())
}

fn ask(lm: &LanguageModel, sentences: &[Vec<WordId>]) -> (usize, f64) {
    let (mut queries, mut sum) = (0, 0.0);
    for sentence in sentences {
        let mut state = lm.start();
        for &word in sentence {
            let (score, next) = lm.score(state, word);
            sum += f64::from(score);
            state = next;
        }
        sum += f64::from(lm.end(state));
        queries += sentence.len() + 1;
    }
    (queries, sum)
}

/// Shuffles all words of all sentences.
fn shuffle(sentences: &mut [Vec<WordId>]) {
    let mut words: Vec<WordId> = sentences.iter().flatten().copied().collect();
    let mut random = 1u64;
    for i in (1..words.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        words.swap(i, (random >> 33) as usize % (i + 1));
    }
    let mut words = words.into_iter();
    sentences.iter_mut().flatten().zip(&mut words).for_each(|(to, word)| *to = word);
}
