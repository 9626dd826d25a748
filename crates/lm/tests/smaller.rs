//! Pruning, mixing, and models of a given size.

#![cfg(feature = "estimate")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use stonechat_lm::estimate::{EstimateOptions, estimate};
use stonechat_lm::{
    Bits, LanguageModel, NgramModel, Pruner, fit, fit_with_widths, mix, packed_bytes,
};

fn estimated(text: &str, order: usize) -> NgramModel {
    let mut text = text;
    let options = EstimateOptions::new(order);
    estimate(&mut text, &options, &mut |_| {}).unwrap().into_model().unwrap()
}

fn words(model: &NaiveModel) -> Vec<String> {
    let unigrams = model.grams.keys().filter(|gram| gram.len() == 1);
    unigrams.map(|gram| gram[0].clone()).filter(|word| word != "<s>").collect()
}

#[track_caller]
fn assert_normalised(model: &NaiveModel, case: &str) {
    let words = words(model);
    for context in model
        .grams
        .keys()
        .filter(|gram| gram.len() < model.order && *gram.last().unwrap() != "</s>")
    {
        let sum: f64 = words.iter().map(|word| 10f64.powf(model.log10_prob(context, word))).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{case}: {sum} after {context:?}");
    }
}

/// The divergence of each highest-order n-gram straight from Stolcke's definition: the model
/// without it, with its back-off weight recomputed, compared word by word.
#[test]
fn worth_is_the_divergence_by_definition() {
    let text = made_text(80, 12, 3);
    let model = estimated(&text, 2);
    let naive = table(&model);
    let words = words(&naive);
    let total: usize = text.lines().map(|line| line.split_whitespace().count() + 1).sum();
    let occurrences = |word: &str| match word {
        "<s>" => text.lines().count(),
        word => text.split_whitespace().filter(|w| *w == word).count(),
    };
    let mut divergences: Vec<f64> = Vec::new();
    for gram in naive.grams.keys().filter(|gram| gram.len() == 2) {
        let context = &gram[..1];
        let mut without = naive.clone();
        without.grams.remove(gram);
        let explicit =
            || without.grams.keys().filter(|other| other.len() == 2 && other[0] == gram[0]);
        let sum: f64 = explicit().map(|other| 10f64.powf(naive.grams[other].0)).sum();
        let shorter: f64 =
            explicit().map(|other| 10f64.powf(naive.log10_prob(&[], &other[1]))).sum();
        without.grams.get_mut(context).unwrap().1 = ((1.0 - sum) / (1.0 - shorter)).log10();
        let divergence: f64 = words
            .iter()
            .map(|word| {
                let (p, q) = (naive.log10_prob(context, word), without.log10_prob(context, word));
                10f64.powf(p) * (p - q) * std::f64::consts::LN_10
            })
            .sum();
        divergences.push(divergence * occurrences(&gram[0]) as f64 / total as f64);
    }
    divergences.sort_unstable_by(f64::total_cmp);
    let pruner = Pruner::new(&model);
    for (i, pair) in divergences.windows(2).enumerate() {
        if pair[1] < pair[0] * 1.001 + 1e-9 {
            continue; // Too near to tell apart in f32.
        }
        let threshold = ((pair[0] + pair[1]) / 2.0) as f32;
        assert_eq!(pruner.counts(threshold)[1], divergences.len() - i - 1, "threshold {threshold}");
    }
}

#[test]
fn pruned_models_are_models() {
    let model = estimated(&made_text(150, 20, 4), 4);
    let pruner = Pruner::new(&model);
    assert_eq!(pruner.counts(0.0), model.counts());
    let mut last = usize::MAX;
    for threshold in [0.0, 1e-4, 1e-3, 1e-2, f32::INFINITY] {
        let pruned = pruner.prune(threshold);
        assert_eq!(pruned.counts(), pruner.counts(threshold), "{threshold}");
        let count = pruned.counts().iter().sum();
        assert!(count < last || threshold == 0.0);
        last = count;
        assert_normalised(&table(&pruned), &format!("threshold {threshold}"));
        // The probabilities of the remaining ones do not change.
        let (before, after) = (table(&model), table(&pruned));
        for (gram, (prob, _)) in &after.grams {
            assert_eq!(*prob, before.grams[gram].0, "{gram:?}");
        }
    }
    assert_eq!(last, model.counts()[0]);
}

#[test]
fn a_model_without_counts_is_pruned_too() {
    let model = naive_kneser_ney(&made_text(100, 20, 5), 3, None, &[0; 5]).build();
    let pruner = Pruner::new(&model);
    let threshold = pruner.threshold(|counts| counts.iter().sum::<usize>() <= 150).unwrap();
    assert_normalised(&table(&pruner.prune(threshold)), "from ARPA");
}

#[test]
fn the_size_is_met_and_made_use_of() {
    let model = estimated(&made_text(1500, 300, 6), 3);
    let full = model.pack(Bits::default()).unwrap().len();
    for bytes in [full + 1, full / 2, full / 5] {
        let fitted = fit(&model, bytes, Bits::default()).unwrap();
        let size = fitted.model.pack(fitted.bits).unwrap().len();
        assert!(size <= bytes && size * 10 > bytes.min(full) * 9, "{size} of {bytes}");
    }
    let error = fit(&model, 500, Bits::default()).unwrap_err().to_string();
    assert!(error.contains("target size"), "{error}");
}

fn held_out_perplexity(model: &NgramModel, bits: Bits, text: &str) -> f64 {
    let lm = LanguageModel::from_bytes(model.pack(bits).unwrap()).unwrap();
    let mut text = text;
    lm.perplexity(&mut text).unwrap().perplexity()
}

/// Widths are chosen with the size: they make room for more n-grams at almost no cost.
#[test]
fn few_bytes_get_few_bits() {
    let text = made_text(6000, 400, 11);
    let (train, held_out) = text.split_at(text.rfind("\n").unwrap() * 9 / 10);
    let (train, held_out) =
        (&train[..train.rfind('\n').unwrap()], &held_out[held_out.find('\n').unwrap()..]);
    let model = estimated(train, 3);
    let full = model.pack(Bits::default()).unwrap().len();
    for bytes in [full / 2, full / 5] {
        let fitted = fit_with_widths(&model, bytes, None, None).unwrap();
        let size = fitted.model.pack(fitted.bits).unwrap().len();
        assert_eq!(
            size,
            packed_bytes(fitted.model.vocabulary(), &fitted.model.counts(), fitted.bits)
        );
        assert!(size <= bytes && size * 10 > bytes * 9, "{size} of {bytes}");
        let eight = fit(&model, bytes, Bits::default()).unwrap();
        let [more, fewer] = [&fitted, &eight].map(|f| f.model.counts().iter().sum::<usize>());
        assert!(more > fewer && fitted.bits != eight.bits, "{:?}: {more}, {fewer}", fitted.bits);
        let [chosen, eight] = [&fitted, &eight]
            .map(|fitted| held_out_perplexity(&fitted.model, fitted.bits, held_out));
        assert!(chosen < 1.01 * eight, "{:?}: {chosen}, {eight}", fitted.bits);
    }
    // Room for everything is room for all bits; given widths stay.
    let fitted = fit_with_widths(&model, 2 * full, None, None).unwrap();
    assert_eq!((fitted.bits, fitted.threshold), (Bits::default(), 0.0));
    let given = fit_with_widths(&model, full / 2, Some(7), None).unwrap();
    assert_eq!(given.bits.prob, 7);
    let given = fit_with_widths(&model, full / 2, Some(32), Some(5)).unwrap();
    assert_eq!(given.bits, Bits { prob: 32, backoff: 5 });
    assert!(fit_with_widths(&model, 500, None, None).is_err());
    assert!(fit_with_widths(&model, full, Some(1), None).is_err());
}

#[test]
fn pruning_by_worth_is_better_than_by_chance() {
    let text = made_text(3000, 60, 7);
    let (train, held_out) = text.split_at(text.len() * 9 / 10);
    let model = estimated(&train[..train.rfind('\n').unwrap()], 3);
    let perplexity = |model: &NgramModel| {
        let lm = LanguageModel::from_bytes(model.pack(Bits::UNQUANTIZED).unwrap()).unwrap();
        let mut text = held_out;
        lm.perplexity(&mut text).unwrap().perplexity()
    };
    let pruner = Pruner::new(&model);
    let half: usize = model.counts().iter().sum::<usize>() / 2;
    let threshold = pruner.threshold(|counts| counts.iter().sum::<usize>() <= half).unwrap();
    let pruned = pruner.prune(threshold);
    // As many n-grams, the first in sorting order.
    let naive = table(&model);
    let mut by_name = naive.clone();
    let bigrams = pruned.counts()[1];
    let longer = |length: usize| naive.grams.keys().filter(move |gram| gram.len() == length);
    let kept: BTreeSet<Vec<String>> = longer(2).take(bigrams).cloned().collect();
    by_name.grams.retain(|gram, _| gram.len() == 1 || gram.len() == 2 && kept.contains(gram));
    assert!(perplexity(&pruned) < perplexity(&by_name.build()));
    assert!(perplexity(&pruned) < 1.15 * perplexity(&model));
}

#[test]
fn mixtures_are_what_they_say() {
    let first = estimated(&made_text(80, 15, 8), 3);
    let second = estimated(&made_text(60, 22, 9), 2);
    let mixed = table(&mix(&first, &second, 0.25).unwrap());
    assert_eq!(mixed.order, 3);
    assert_normalised(&mixed, "mixture");
    let parts = [table(&first), table(&second)];
    let known: Vec<BTreeSet<String>> =
        parts.iter().map(|part| words(part).into_iter().collect()).collect();
    let all: BTreeMap<_, _> = parts.iter().flat_map(|part| part.grams.clone()).collect();
    assert_eq!(mixed.grams.len(), all.len());
    for (gram, (prob, _)) in mixed.grams.iter().filter(|(gram, _)| gram[gram.len() - 1] != "<s>") {
        let (word, context) = gram.split_last().unwrap();
        let part = |i: usize| match known[i].contains(word) {
            true => 10f64.powf(parts[i].log10_prob(context, word)),
            false => 0.0,
        };
        let expected = 0.25 * part(0) + 0.75 * part(1);
        assert!((10f64.powf(*prob) - expected).abs() < 1e-5, "{gram:?}");
    }
    for weight in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(mix(&first, &second, weight).is_err(), "{weight}");
    }
}
