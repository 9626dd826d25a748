//! Slow and obvious versions, and artificial texts.

#![allow(dead_code, unused_imports)] // Each test file uses its own part.

use std::collections::{BTreeMap, BTreeSet};

use stonechat_lm::{ModelBuilder, NgramModel, Vocabulary, WordId};

pub use stonechat_testing::Random;

/// Sentences of artificial words, some frequent and most rare, in a not entirely random order.
pub fn made_text(sentences: usize, words: usize, seed: u64) -> String {
    let mut random = Random(seed);
    let mut text = String::new();
    for _ in 0..sentences {
        let length = 1 + random.below(9);
        let mut last = 0;
        for _ in 0..length {
            let span = 1 + random.below(words);
            let word = match random.below(3) {
                0 => (last * 7 + 1) % words,
                _ => random.below(span),
            };
            text += &format!("w{word} ");
            last = word;
        }
        text += "\n";
    }
    text
}

/// A back-off model as a table from n-grams to their numbers.
#[derive(Clone, Debug, Default)]
pub struct NaiveModel {
    pub order: usize,
    /// Words in the order of the text: log10 of the probability and of the back-off weight.
    pub grams: BTreeMap<Vec<String>, (f64, f64)>,
}

impl NaiveModel {
    /// log10 p(word | context) by definition.
    pub fn log10_prob(&self, context: &[String], word: &str) -> f64 {
        let context = &context[context.len().saturating_sub(self.order - 1)..];
        let gram: Vec<String> = context.iter().cloned().chain([word.to_string()]).collect();
        match self.grams.get(&gram) {
            Some((prob, _)) => *prob,
            None if context.is_empty() => self.log10_prob(&[], "<unk>"),
            None => {
                let backoff = self.grams.get(context).map_or(0.0, |gram| gram.1);
                backoff + self.log10_prob(&context[1..], word)
            }
        }
    }

    /// The same model, built.
    pub fn build(&self) -> NgramModel {
        let words: BTreeSet<&String> = self.grams.keys().flatten().collect();
        let vocabulary = Vocabulary::new(words.into_iter().map(|word| word.as_str())).unwrap();
        let mut builder = ModelBuilder::new(vocabulary.clone(), self.order).unwrap();
        for (gram, (prob, backoff)) in &self.grams {
            let ids: Vec<WordId> = gram.iter().map(|word| vocabulary.id(word).unwrap()).collect();
            builder.push(&ids, *prob as f32, *backoff as f32).unwrap();
        }
        builder.finish().unwrap()
    }
}

/// How often each n-gram up to `order` occurs. Those that end in `<s>` are not events.
fn occurrences(
    text: &str,
    order: usize,
    known: Option<&BTreeSet<String>>,
) -> BTreeMap<Vec<String>, u64> {
    let mut occurrences: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let word = |word: &str| match known {
            Some(known) if !known.contains(word) => "<unk>".to_string(),
            _ => word.to_string(),
        };
        let mut sentence = vec!["<s>".to_string()];
        sentence.extend(line.split_whitespace().map(word));
        sentence.push("</s>".into());
        for end in 2..=sentence.len() {
            for n in 1..=order.min(end) {
                *occurrences.entry(sentence[end - n..end].to_vec()).or_default() += 1;
            }
        }
    }
    occurrences
}

/// Interpolated modified Kneser-Ney, straight from the formulas, with every table written out.
/// `<unk>` stands for words that are not in `known`.
pub fn naive_kneser_ney(
    text: &str,
    order: usize,
    known: Option<&BTreeSet<String>>,
    cutoffs: &[u64; 5],
) -> NaiveModel {
    let occurrences = occurrences(text, order, known);
    // Adjusted counts: different words before the n-gram, if words can precede it.
    let mut left: BTreeMap<&[String], BTreeSet<&String>> = BTreeMap::new();
    for gram in occurrences.keys().filter(|gram| gram.len() > 1) {
        left.entry(&gram[1..]).or_default().insert(&gram[0]);
    }
    let adjusted = |gram: &Vec<String>| match gram.len() == order || gram[0] == "<s>" {
        true => occurrences[gram],
        false => left[gram.as_slice()].len() as u64,
    };
    let is_kept = |gram: &Vec<String>| {
        let unknown = gram.iter().any(|word| word == "<unk>");
        gram.len() == 1 || occurrences[gram] > cutoffs[gram.len() - 1] && !unknown
    };
    // Discounts.
    let discounts: Vec<[f64; 3]> = (1..=order)
        .map(|n| {
            let of_order = || occurrences.keys().filter(|gram| gram.len() == n);
            let t = |k: u64| of_order().filter(|gram| adjusted(gram) == k).count() as f64;
            let y = t(1) / (t(1) + 2.0 * t(2));
            let d: [f64; 3] = std::array::from_fn(|i| {
                let k = i as u64 + 1;
                k as f64 - (k + 1) as f64 * y * t(k + 1) / t(k)
            });
            let valid = d.iter().enumerate().all(|(i, d)| *d >= 0.0 && *d <= (i + 1) as f64);
            if valid { d } else { [0.5, 1.0, 1.5] }
        })
        .collect();
    let discount =
        |gram: &Vec<String>| discounts[gram.len() - 1][(adjusted(gram).min(3) - 1) as usize];
    // Sums over contexts.
    let mut sum: BTreeMap<&[String], f64> = BTreeMap::new();
    let mut given: BTreeMap<&[String], f64> = BTreeMap::new();
    let mut is_context: BTreeSet<&[String]> = BTreeSet::new();
    for gram in occurrences.keys() {
        let context = &gram[..gram.len() - 1];
        *sum.entry(context).or_default() += adjusted(gram) as f64;
        let part = if is_kept(gram) { discount(gram) } else { adjusted(gram) as f64 };
        *given.entry(context).or_default() += part;
        if is_kept(gram) {
            is_context.insert(context);
        }
    }
    let mut vocabulary: BTreeSet<String> = occurrences.keys().flatten().cloned().collect();
    vocabulary.extend(["<unk>".to_string(), "<s>".to_string()]);
    let uniform = 1.0 / (vocabulary.len() - 1) as f64;
    let mut probs: BTreeMap<Vec<String>, f64> = BTreeMap::new();
    for word in &vocabulary {
        let gram = vec![word.clone()];
        let own = match occurrences.get(&gram) {
            Some(_) => (adjusted(&gram) as f64 - discount(&gram)) / sum[&[][..]],
            None => 0.0,
        };
        let interpolated = own + given[&[][..]] / sum[&[][..]] * uniform;
        probs.insert(gram, if word == "<s>" { 1.0 } else { interpolated });
    }
    for n in 2..=order {
        for gram in occurrences.keys().filter(|gram| gram.len() == n && is_kept(gram)) {
            let context = &gram[..n - 1];
            let own = (adjusted(gram) as f64 - discount(gram)) / sum[context];
            let p = own + given[context] / sum[context] * probs[&gram[1..]];
            probs.insert(gram.clone(), p);
        }
    }
    let grams = probs.iter().map(|(gram, p)| {
        let backoff = match is_context.contains(gram.as_slice()) {
            true => (given[gram.as_slice()] / sum[gram.as_slice()]).log10(),
            false => 0.0,
        };
        (gram.clone(), (p.log10(), backoff))
    });
    NaiveModel { order, grams: grams.collect() }
}

/// All n-grams of a model with their numbers, by spelling.
pub fn table(model: &NgramModel) -> NaiveModel {
    let mut arpa = Vec::new();
    stonechat_lm::arpa::write(model, &mut arpa).unwrap();
    let mut grams = BTreeMap::new();
    let arpa = String::from_utf8(arpa).unwrap();
    for line in arpa.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() < 2 {
            continue;
        }
        let words = fields[1].split(' ').map(String::from).collect();
        let backoff = fields.get(2).map_or(0.0, |backoff| backoff.parse().unwrap());
        grams.insert(words, (fields[0].parse().unwrap(), backoff));
    }
    NaiveModel { order: model.order(), grams }
}
