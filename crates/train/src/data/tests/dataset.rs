use std::sync::Arc;

use serde_json::json;
use stonechat_audio::FeatureConfig;
use stonechat_corpus::ManifestError;

use super::{Corpus, any_length, features, open, voice};
use crate::data::{
    AugmentConfig, Augmentation, BatchConfig, CacheConfig, DataConfig, DataError, Dataset,
    DropReason, Limits, Source, ctc_frames_needed, fit_normalise,
};

/// Three usable recordings of different length.
fn three() -> Corpus {
    let mut corpus = Corpus::new();
    corpus.say("a.wav", 0.8, "one two");
    corpus.say("b.wav", 0.503, "see");
    corpus.say("c.wav", 1.2, "");
    corpus
}

fn augmentation(recipe: &str) -> Augmentation {
    Augmentation {
        config: Arc::new(toml::from_str::<AugmentConfig>(recipe).unwrap()),
        seed: 5,
        epoch: 1,
        views: 1,
    }
}

#[test]
fn frames_that_ctc_needs() {
    for (labels, needed) in
        [(&[][..], 1), (&[5], 1), (&[5, 6, 5], 3), (&[5, 5], 3), (&[5, 5, 5, 6, 6], 8)]
    {
        assert_eq!(ctc_frames_needed(labels), needed, "{labels:?}");
    }
}

#[test]
fn unusable_lines_are_dropped_by_reason() {
    let mut corpus = three();
    corpus.say("short.wav", 0.2, "a");
    corpus.say("long.wav", 2.5, "a");
    corpus.say("upper.wav", 0.5, "Ab");
    // 0.5 s are 49 frames, 25 after the network; n equal letters need 2 n - 1.
    corpus.say("dense.wav", 0.5, &"a".repeat(14));
    corpus.say("tight.wav", 0.5, &"a".repeat(13));
    std::fs::write(corpus.path("text.wav"), "this is no audio").unwrap();
    corpus.line(json!({"audio_filepath": "text.wav", "duration": 1, "text": "a"}));
    corpus.line(json!({"audio_filepath": "missing.wav", "duration": 1, "text": "a"}));
    corpus.say("listed.wav", 0.5, "a");
    let list = corpus.path("bad.jsonl");
    std::fs::write(&list, r#"{"audio_filepath": "listed.wav", "text": ""}"#).unwrap();
    let config = DataConfig {
        drop: vec![list],
        limits: Limits { min_s: 0.3, max_s: 2.0 },
        ..DataConfig::default()
    };
    let dataset = corpus.open(&config).unwrap();
    let names: Vec<_> = dataset
        .utterances()
        .iter()
        .map(|u| u.audio.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["a.wav", "b.wav", "c.wav", "tight.wav"]);
    let dropped: Vec<_> =
        dataset.dropped().iter().map(|dropped| (dropped.reason, dropped.place.as_str())).collect();
    let expected = [
        (DropReason::TooShort, ":4", "0.200 s"),
        (DropReason::TooLong, ":5", "2.500 s"),
        (DropReason::OutsideAlphabet, ":6", "'A'"),
        (DropReason::CtcImpossible, ":7", "give 25"),
        (DropReason::Unreadable, ":9", "text.wav"),
        (DropReason::Unreadable, ":10", "missing.wav"),
        (DropReason::Listed, ":11", "on request"),
    ];
    for (at, (reason, line, words)) in expected.into_iter().enumerate() {
        assert_eq!(dropped[at].0, reason);
        assert!(dropped[at].1.ends_with(line), "{} is not line {line}", dropped[at].1);
        assert!(
            dataset.dropped()[at].detail.contains(words),
            "{:?} lacks {words:?}",
            dataset.dropped()[at].detail
        );
    }
    assert_eq!(dropped.len(), expected.len());
    assert_eq!(dataset.dropped_counts()[&DropReason::Unreadable], 2);
    assert!((dataset.seconds() - (0.8 + 0.503 + 1.2 + 0.5)).abs() < 1e-3);
}

#[test]
fn nothing_usable_is_an_error_that_says_why() {
    let mut corpus = Corpus::new();
    corpus.say("a.wav", 0.5, "A");
    corpus.say("b.wav", 0.5, "B");
    let error = corpus.open(&any_length()).err().unwrap();
    assert!(matches!(error, DataError::NothingUsable { .. }), "{error}");
    for words in ["all.jsonl", "2 outside the alphabet", "all.jsonl:1", "'A'"] {
        assert!(error.to_string().contains(words), "{error} lacks {words}");
    }
    corpus.lines.clear();
    assert!(corpus.open(&any_length()).err().unwrap().to_string().contains("no lines"));
    corpus.line(json!({"audio_filepath": "a.wav", "duration": 0, "text": ""}));
    assert!(matches!(
        corpus.open(&any_length()).err().unwrap(),
        DataError::Manifest(ManifestError::Line { line: 1, field: "duration", .. })
    ));
}

#[test]
fn repeats_are_items_of_their_own() {
    let corpus = three();
    let first = corpus.manifest("first.jsonl");
    let mut second = Corpus::new();
    second.say("d.wav", 0.6, "d");
    let sources = [
        Source { manifest: first, repeat: 1 },
        Source { manifest: second.manifest("second.jsonl"), repeat: 2 },
        Source { manifest: second.path("not there.jsonl"), repeat: 0 },
    ];
    let dataset = open(&sources, &any_length()).unwrap();
    assert_eq!((dataset.len(), dataset.utterances().len()), (5, 4));
    assert_eq!(dataset.utterance(3), dataset.utterance(4));
    assert_eq!(dataset.labels(4), [6]);
    let plain = [3, 4].map(|item| dataset.item_views(item, None).unwrap().remove(0));
    assert_eq!(plain[0], plain[1]);
    let augmentation = augmentation("speed = [0.9, 1.1]");
    let heard = [3, 4].map(|item| dataset.item_views(item, Some(&augmentation)).unwrap().remove(0));
    assert_ne!(heard[0], heard[1], "each repeat is augmented differently");
}

#[test]
fn batches_are_padded_features_of_their_utterances() {
    let corpus = three();
    let mut dataset = corpus.open(&any_length()).unwrap();
    let normalise = fit_normalise(&dataset, 100, 0).unwrap();
    dataset.set_normalise(normalise.clone()).unwrap();
    let batch = dataset.batch(&[1, 2, 0], None).unwrap();
    assert_eq!((batch.t_max, batch.dim, batch.features.len()), (119, 20, 3 * 119 * 20));
    assert_eq!(batch.frames, [50, 119, 79]);
    assert_eq!(batch.utterances, [1, 2, 0]);
    assert_eq!(batch.labels[0], [21, 7, 7]);
    assert!(batch.labels[1].is_empty());
    // The features are bit for bit those of an extractor with the same normalisation at run time.
    let config = FeatureConfig { normalise: Some(normalise), ..features() };
    assert_eq!(dataset.features(), &config);
    for (row, (name, seconds)) in
        [("b.wav", 0.503), ("c.wav", 1.2), ("a.wav", 0.8)].into_iter().enumerate()
    {
        let samples: Vec<f32> =
            voice(seconds, name).iter().map(|&sample| f32::from(sample) / 32768.0).collect();
        let mut expected = stonechat_audio::features(&config, &samples).unwrap();
        assert_eq!(expected.len(), batch.frames[row] * 20);
        expected.resize(119 * 20, 0.0);
        assert_eq!(batch.features[row * 119 * 20..][..119 * 20], expected, "{name}");
    }
    assert!(dataset.batch(&[], None).unwrap().features.is_empty());
    let wrong = stonechat_audio::Normalise { mean: vec![0.0; 3], scale: vec![1.0; 3] };
    assert!(dataset.set_normalise(wrong).is_err());
}

#[test]
fn normalised_features_have_mean_0_and_variance_1() {
    let mut dataset = three().open(&any_length()).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let normalise = fit_normalise(&dataset, 100, 0).unwrap();
    assert_eq!(
        one.install(|| fit_normalise(&dataset, 100, 0)).unwrap(),
        normalise,
        "on one thread"
    );
    let sampled = fit_normalise(&dataset, 2, 0).unwrap();
    assert!(sampled != normalise && sampled == fit_normalise(&dataset, 2, 0).unwrap());
    dataset.set_normalise(normalise).unwrap();
    let all: Vec<f32> =
        (0..3).flat_map(|item| dataset.item_views(item, None).unwrap().remove(0)).collect();
    for feature in 0..20 {
        let column: Vec<f64> =
            all.iter().skip(feature).step_by(20).map(|&value| f64::from(value)).collect();
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        let variance =
            column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / column.len() as f64;
        assert!(
            mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-3,
            "feature {feature}: {mean} {variance}"
        );
    }
}

#[test]
fn planned_frames_are_the_frames_that_come() {
    let dataset = three().open(&any_length()).unwrap();
    for recipe in [
        "",
        "speed = [0.5, 2.0]",
        "speed = [0.9, 1.1]\n[reverb]\nprobability = 1",
        "speed = [0.9, 1.1]\n[silence]\nprobability = 0.5",
        "[spec]",
    ] {
        for epoch in 0..5 {
            let augmentation = Augmentation { epoch, ..augmentation(recipe) };
            let planned = dataset.frames(Some(&augmentation));
            let items: Vec<usize> = (0..dataset.len()).collect();
            assert_eq!(
                dataset.batch(&items, Some(&augmentation)).unwrap().frames,
                planned,
                "{recipe}, epoch {epoch}"
            );
        }
    }
    let config = BatchConfig { max_frames: 150, ..BatchConfig::default() };
    assert_eq!(dataset.plan(&config, 0, 1, None), [vec![1], vec![0], vec![2]]);
}

#[test]
fn no_speed_makes_a_text_impossible() {
    let mut corpus = Corpus::new();
    corpus.say("tight.wav", 0.5, &"ab".repeat(12));
    corpus.say("slack.wav", 0.5, "ab");
    let dataset = corpus.open(&any_length()).unwrap();
    // 0.5 s at 1.5 times the speed are 33 frames, 17 after the network; the tight text needs 24.
    let fast = augmentation("speed = [1.5, 1.5]");
    assert_eq!(dataset.frames(Some(&fast)), [49, 33]);
}

#[test]
fn augmented_features_differ_by_epoch_and_masks_are_zero() {
    let mut dataset = three().open(&any_length()).unwrap();
    dataset.set_normalise(fit_normalise(&dataset, 100, 0).unwrap()).unwrap();
    let plain = dataset.item_views(0, None).unwrap().remove(0);
    let noisy = augmentation("[noise]\nprobability = 1\n[babble]\nprobability = 1");
    let next = Augmentation { epoch: 2, ..noisy.clone() };
    let heard = dataset.item_views(0, Some(&noisy)).unwrap().remove(0);
    assert!(heard != plain && heard != dataset.item_views(0, Some(&next)).unwrap().remove(0));
    assert_eq!(heard, dataset.item_views(0, Some(&noisy)).unwrap().remove(0));

    let masked = dataset
        .item_views(0, Some(&augmentation("[spec]\nfrequency_width = 9")))
        .unwrap()
        .remove(0);
    assert!(masked.iter().zip(&plain).all(|(masked, plain)| masked == plain || *masked == 0.0));
    assert!(masked.contains(&0.0));
    assert_eq!(
        dataset.item_views(0, None).unwrap().remove(0),
        plain,
        "the cached frames are not touched"
    );
}

#[test]
fn the_cache_changes_nothing_but_the_work() {
    let corpus = three();
    let folder = Some(corpus.path("cache"));
    let plain = corpus.open(&any_length()).unwrap().batch(&[0, 1, 2], None).unwrap();
    for memory_mib in [0, 64] {
        for round in 0..2 {
            let cache =
                CacheConfig { folder: folder.clone(), memory_mib, ..CacheConfig::default() };
            let dataset = corpus.open(&DataConfig { cache, ..any_length() }).unwrap();
            for _ in 0..2 {
                assert_eq!(
                    dataset.batch(&[0, 1, 2], None).unwrap(),
                    plain,
                    "{memory_mib} MiB, round {round}"
                );
            }
        }
    }
}

#[test]
fn progress_counts_every_line() {
    let corpus = three();
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |done: usize, total: usize| {
        seen.lock().unwrap().push((done, total));
        true
    };
    let sources = [corpus.manifest("all.jsonl").into()];
    let alphabet = stonechat_model::Alphabet::english();
    Dataset::open(
        &sources,
        &alphabet,
        &features(),
        &any_length(),
        |frames| frames,
        Some(&progress),
    )
    .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 3), (2, 3), (3, 3)]);
}
