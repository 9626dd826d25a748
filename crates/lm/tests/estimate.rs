//! Estimation compared with the formulas, and with KenLM.

#![cfg(feature = "estimate")]

mod common;

use std::collections::BTreeSet;

use common::*;
use stonechat_lm::estimate::{Estimate, EstimateOptions, estimate};
use stonechat_lm::{LEAST_LOG10, NgramModel, arpa};

fn estimated(text: &str, options: &EstimateOptions) -> Estimate {
    let mut text = text;
    estimate(&mut text, options, &mut |_| {}).unwrap()
}

fn model(text: &str, order: usize) -> NgramModel {
    estimated(text, &EstimateOptions::new(order)).into_model().unwrap()
}

#[track_caller]
fn assert_same(found: &NaiveModel, expected: &NaiveModel, tolerance: f64, case: &str) {
    let words = |model: &NaiveModel| model.grams.keys().cloned().collect::<Vec<_>>();
    assert_eq!(words(found), words(expected), "{case}");
    for (gram, &(prob, backoff)) in &expected.grams {
        let (found_prob, found_backoff) = found.grams[gram];
        assert!(
            (found_prob - prob.max(f64::from(LEAST_LOG10))).abs() < tolerance,
            "{case}: p of {gram:?} is {found_prob}, must be {prob}"
        );
        assert!(
            (found_backoff - backoff).abs() < tolerance,
            "{case}: back-off of {gram:?} is {found_backoff}, must be {backoff}"
        );
    }
}

/// Bigrams of `a b`, `a b`, `a c`: <s> a 3, a b 2, a c 1, b </s> 2, c </s> 1. With t = 2 2 1 0 and
/// Y = 1/3 their discounts are 1 - 2/3 * 2/2 = 1/3, 2 - 3/3 * 1/2 = 3/2 and 3.
///
/// Adjusted unigrams (different words before): a 1, b 1, c 1, </s> 2; none has 3, so the discounts
/// are 0.5, 1 and 1.5. Sum 5, given away 3 * 0.5 + 1 = 2.5; V = 5 (a b c </s> <unk>). p(<unk>) =
/// 2.5/5/5 = 0.1; p(a) = 0.5/5 + 0.1 = 0.2 = p(b) = p(c); p(</s>) = 1/5 + 0.1 = 0.3.
///
/// After a: sum 3, given away 3/2 + 1/3 = 11/6: p(b|a) = 0.5/3 + 11/18 * 0.2 = 13/45; p(c|a) =
/// 2/9 + 11/90 = 31/90. After <s>: all is given away, p(a|<s>) = 0.2. After b: 0.5/2 + 0.75 * 0.3 =
/// 0.475. After c: 2/3 + 0.3/3 = 23/30.
#[test]
fn an_example_by_hand() {
    let model = model("a b\na b\na c\n", 2);
    let log = |weight: f64| weight.log10();
    let expected: [(&[&str], f64, f64); 11] = [
        (&["<unk>"], 0.1, 0.0),
        (&["<s>"], 1.0, 0.0),
        (&["</s>"], 0.3, 0.0),
        (&["a"], 0.2, log(11.0 / 18.0)),
        (&["b"], 0.2, log(0.75)),
        (&["c"], 0.2, log(1.0 / 3.0)),
        (&["<s>", "a"], 0.2, 0.0),
        (&["a", "b"], 13.0 / 45.0, 0.0),
        (&["a", "c"], 31.0 / 90.0, 0.0),
        (&["b", "</s>"], 0.475, 0.0),
        (&["c", "</s>"], 23.0 / 30.0, 0.0),
    ];
    let grams = expected.iter().map(|(words, p, backoff)| {
        (words.iter().map(|word| (*word).to_string()).collect(), (p.log10(), *backoff))
    });
    let expected = NaiveModel { order: 2, grams: grams.collect() };
    assert_same(&table(&model), &expected, 1e-6, "by hand");
}

#[test]
fn equal_to_the_formulas() {
    for (order, sentences, words, seed) in [
        (1, 50, 20, 1),
        (2, 100, 30, 2),
        (3, 300, 40, 3),
        (4, 200, 12, 4),
        (5, 400, 25, 5),
        (5, 2, 3, 6),
    ] {
        let text = made_text(sentences, words, seed);
        let expected = naive_kneser_ney(&text, order, None, &[0; 5]);
        let case = format!("order {order}, seed {seed}");
        assert_same(&table(&model(&text, order)), &expected, 2e-6, &case);
    }
}

#[test]
fn cut_offs_and_unknown_words() {
    let text = made_text(400, 60, 7);
    let mut options = EstimateOptions::new(3);
    options.cutoffs = [0, 0, 1, 1, 1];
    options.max_words = 20;
    let estimate = estimated(&text, &options);
    assert!(estimate.text().unknown_words > 0);
    let unknown_words = estimate.text().unknown_words;
    let model = estimate.into_model().unwrap();
    assert_eq!(model.vocabulary().len(), 23);
    let known: BTreeSet<String> = model.vocabulary().iter().skip(3).map(String::from).collect();
    let words = || text.split_whitespace();
    assert_eq!(words().filter(|word| !known.contains(*word)).count() as u64, unknown_words);
    let count = |word: &str| words().filter(|w| *w == word).count();
    let rarest_known = known.iter().map(|word| count(word)).min().unwrap();
    let unknown = words().filter(|word| !known.contains(*word));
    assert!(unknown.map(count).max().unwrap() <= rarest_known);
    let expected = naive_kneser_ney(&text, 3, Some(&known), &options.cutoffs);
    assert_same(&table(&model), &expected, 2e-6, "cut-offs");
}

#[test]
fn all_probabilities_add_up_to_one() {
    let model = table(&model(&made_text(200, 15, 8), 3));
    let words: Vec<&String> =
        model.grams.keys().filter(|gram| gram.len() == 1).map(|gram| &gram[0]).collect();
    for context in model.grams.keys().filter(|gram| gram.len() < 3).take(200) {
        let next = words.iter().filter(|word| ***word != "<s>");
        let sum: f64 = next.map(|word| 10f64.powf(model.log10_prob(context, word))).sum();
        assert!((sum - 1.0).abs() < 1e-5, "after {context:?}: {sum}");
    }
}

#[test]
fn little_memory_gives_the_same_bytes() {
    let text = made_text(3000, 200, 9);
    let bytes = |memory: usize| {
        let mut options = EstimateOptions::new(4);
        options.memory = memory;
        let mut arpa = Vec::new();
        estimated(&text, &options).write_arpa(&mut arpa).unwrap();
        arpa
    };
    let expected = bytes(1 << 30);
    assert_eq!(bytes(20_000), expected);
    // The model as written is the model in memory.
    let streamed = arpa::read(expected.as_slice()).unwrap();
    assert_eq!(table(&streamed).grams, table(&model(&text, 4)).grams);
}

#[test]
fn what_is_refused() {
    let refused = |text: &str, change: &dyn Fn(&mut EstimateOptions)| {
        let mut options = EstimateOptions::new(3);
        change(&mut options);
        let mut text = text;
        match estimate(&mut text, &options, &mut |_| {}) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    };
    for (text, part) in [("", "no word"), ("\n \n", "no word"), ("<s> </s>\n", "no word")] {
        let error = refused(text, &|_| {});
        assert!(error.contains(part), "{error}");
    }
    assert!(refused("a", &|options| options.order = 6).contains("order"));
    assert!(refused("a", &|options| options.cutoffs = [0, 2, 1, 1, 1]).contains("cut-offs"));
    let nowhere = "no/such/folder";
    assert!(refused("a", &|options| options.folder = nowhere.into()).contains(nowhere));
}

/// `golden/lmplz.arpa` is the result of KenLM's lmplz for `golden/text.txt`, see
/// `golden/make_golden.py`.
#[test]
fn equal_to_lmplz() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(folder.join("text.txt")).unwrap();
    let expected = std::fs::read(folder.join("lmplz.arpa")).unwrap();
    let expected = arpa::read(expected.as_slice()).unwrap();
    let found = estimated(&text, &EstimateOptions::new(3));
    assert!(found.discounts().iter().all(|discounts| !discounts.fallback));
    assert_same(&table(&found.into_model().unwrap()), &table(&expected), 1e-5, "lmplz");
}
