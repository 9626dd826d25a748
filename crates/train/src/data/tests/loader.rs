use std::sync::Arc;

use super::{Corpus, any_length};
use crate::data::{
    AugmentConfig, Augmentation, Batch, BatchConfig, BatchLoader, CacheConfig, DataConfig, Dataset,
    Prefetch,
};

fn corpus() -> Corpus {
    let mut corpus = Corpus::new();
    for number in 0..12 {
        corpus.say(&format!("{number}.wav"), 0.3 + 0.05 * f64::from(number), "ab");
    }
    corpus
}

fn everything() -> Augmentation {
    let recipe = "speed = [0.9, 1.1]\ngain_db = [-6.0, 6.0]\n[noise]\n[babble]\nprobability = 0.5\n[reverb]\n[spec]";
    Augmentation {
        config: Arc::new(toml::from_str::<AugmentConfig>(recipe).unwrap()),
        seed: 3,
        epoch: 1,
        views: 1,
    }
}

fn small_batches(dataset: &Dataset) -> Vec<Vec<usize>> {
    let config = BatchConfig { max_utterances: 2, ..BatchConfig::default() };
    dataset.plan(&config, 1, 3, Some(&everything()))
}

fn load(dataset: &Arc<Dataset>, first: usize, prefetch: Prefetch) -> Vec<Batch> {
    let loader =
        BatchLoader::start(dataset, small_batches(dataset), first, Some(everything()), prefetch);
    loader.map(|batch| batch.unwrap()).collect()
}

#[test]
fn order_and_content_do_not_depend_on_threads_or_on_where_one_starts() {
    let dataset = Arc::new(corpus().open(&any_length()).unwrap());
    let plan = small_batches(&dataset);
    let expected: Vec<Batch> =
        plan.iter().map(|items| dataset.batch(items, Some(&everything())).unwrap()).collect();
    assert!(expected.len() >= 6);
    for threads in [0, 1, 2, 3, 50] {
        for waiting in [0, 1, 4] {
            for first in [0, 1, 5, expected.len(), expected.len() + 3] {
                let loaded = load(&dataset, first, Prefetch { threads, waiting });
                let rest = &expected[first.min(expected.len())..];
                assert!(loaded == rest, "{threads} threads, {waiting} waiting, from batch {first}");
            }
        }
    }
}

#[test]
fn lengths_are_known_and_a_loader_can_be_dropped_at_any_time() {
    let dataset = Arc::new(corpus().open(&any_length()).unwrap());
    for taken in 0..4 {
        let prefetch = Prefetch { threads: 2, waiting: 1 };
        let mut loader = BatchLoader::start(&dataset, small_batches(&dataset), 1, None, prefetch);
        let total = loader.len();
        loader.by_ref().take(taken).for_each(|batch| drop(batch.unwrap()));
        assert_eq!(loader.len(), total - taken);
        drop(loader);
        assert_eq!(Arc::strong_count(&dataset), 1, "all threads have ended");
    }
}

#[test]
fn audio_that_vanishes_is_an_error_in_its_batch() {
    let corpus = corpus();
    let cache = CacheConfig { folder: None, memory_mib: 0, ..CacheConfig::default() };
    let dataset = Arc::new(corpus.open(&DataConfig { cache, ..any_length() }).unwrap());
    std::fs::remove_file(corpus.path("7.wav")).unwrap();
    let plan: Vec<Vec<usize>> = (0..12).map(|item| vec![item]).collect();
    for (number, batch) in
        BatchLoader::start(&dataset, plan, 0, None, Prefetch { threads: 3, waiting: 1 }).enumerate()
    {
        match (number, batch) {
            (7, Err(error)) => {
                let message = error.to_string();
                assert!(message.contains("7.wav") && message.contains("all.jsonl:8"), "{message}");
            }
            (7, Ok(_)) => panic!("batch 7 has no audio"),
            (_, batch) => assert_eq!(batch.unwrap().utterances, [number]),
        }
    }
}

#[test]
fn two_views_differ_by_their_masks_alone() {
    let corpus = corpus();
    let dataset = corpus.open(&any_length()).unwrap();
    let both = Augmentation { views: 2, ..everything() };
    let batch = dataset.batch(&[0, 1], Some(&both)).unwrap();
    let one = dataset.batch(&[0, 1], Some(&everything())).unwrap();
    assert_eq!(batch.utterances, [0, 1, 0, 1]);
    assert_eq!((&batch.labels[2..], &batch.frames[2..]), (&batch.labels[..2], &batch.frames[..2]));
    let (first, second) = batch.features.split_at(batch.features.len() / 2);
    assert_eq!(first, one.features);
    let (mut same, mut masked) = (0, 0);
    for (a, b) in first.iter().zip(second) {
        if a == b {
            same += 1;
        } else {
            masked += 1;
            assert!(*a == 0.0 || *b == 0.0, "{a} {b}");
        }
    }
    assert!(same > 0 && masked > 0, "{same} {masked}");
}
