use crate::data::{BatchConfig, plan_epoch, plan_windows, windows};
use crate::random::Random;

/// Lengths as in speech corpora: log-normal around 4 s.
fn lengths(count: usize) -> Vec<usize> {
    let mut random = Random::keyed(&[count as u64]);
    (0..count).map(|_| (400.0 * (0.6 * random.normal()).exp()) as usize + 20).collect()
}

#[test]
fn every_utterance_once_within_the_limits() {
    let configs = [
        BatchConfig { max_frames: 8_000, max_utterances: 32, sorta_grad: true, shuffle: None },
        BatchConfig { max_frames: 8_000, max_utterances: 5, sorta_grad: false, shuffle: None },
        BatchConfig { max_frames: 300, max_utterances: 32, sorta_grad: true, shuffle: None },
        BatchConfig {
            max_frames: usize::MAX,
            max_utterances: usize::MAX,
            sorta_grad: false,
            shuffle: None,
        },
        BatchConfig { max_frames: 1, max_utterances: 1, sorta_grad: false, shuffle: None },
    ];
    for config in &configs {
        for count in [0, 1, 2, 33, 1000] {
            let frames = lengths(count);
            for epoch in 0..3 {
                let plan = plan_epoch(&frames, config, epoch, 7);
                let mut seen = plan.concat();
                seen.sort_unstable();
                assert_eq!(
                    seen,
                    (0..count).collect::<Vec<_>>(),
                    "{config:?}, {count} utterances, epoch {epoch}"
                );
                for batch in &plan {
                    let longest = batch.iter().map(|&index| frames[index]).max().unwrap();
                    let fits = batch.len() <= config.max_utterances
                        && longest.saturating_mul(batch.len()) <= config.max_frames;
                    assert!(fits || batch.len() == 1, "{config:?}, epoch {epoch}: {batch:?}");
                }
            }
        }
    }
}

#[test]
fn sorta_grad_sorts_epoch_0_only() {
    let frames = lengths(500);
    let config = BatchConfig::default();
    let in_order = |epoch, sorta_grad| {
        let plan = plan_epoch(&frames, &BatchConfig { sorta_grad, ..config.clone() }, epoch, 1);
        plan.concat().is_sorted_by_key(|&index| frames[index])
    };
    let orders = [in_order(0, true), in_order(1, true), in_order(0, false), in_order(1, false)];
    assert_eq!(orders, [true, false, false, false]);
}

#[test]
fn little_padding_and_no_tiny_batches() {
    let frames = lengths(3000);
    let config = BatchConfig::default();
    for epoch in 0..4 {
        let plan = plan_epoch(&frames, &config, epoch, 3);
        let longest = |batch: &Vec<usize>| batch.iter().map(|&index| frames[index]).max().unwrap();
        let padded: usize = plan.iter().map(|batch| batch.len() * longest(batch)).sum();
        let real: usize = frames.iter().sum();
        let padding = padded as f64 / real as f64 - 1.0;
        assert!(padding < 0.12, "epoch {epoch}: {padding:.3} of padding");
        // The least share of its batch that an utterance takes.
        let share = |&frames: &usize| f64::max(frames as f64 / 16_000.0, 1.0 / 32.0);
        let fewest = frames.iter().map(share).sum::<f64>();
        assert!(
            (plan.len() as f64) < 1.15 * fewest,
            "epoch {epoch}: {} batches, {fewest:.1} are the fewest",
            plan.len()
        );
    }
}

#[test]
fn epochs_and_seeds_differ_but_repeat_themselves() {
    let frames = lengths(300);
    let config = BatchConfig { sorta_grad: false, ..BatchConfig::default() };
    let plans: Vec<_> = [(0, 1), (1, 1), (0, 2)]
        .map(|(epoch, seed)| plan_epoch(&frames, &config, epoch, seed))
        .into();
    assert_eq!(plans[0], plan_epoch(&frames, &config, 0, 1));
    // Not only the order of the batches: their composition changes as well.
    let sets = |plan: &[Vec<usize>]| {
        let mut sets = plan.to_vec();
        sets.iter_mut().for_each(|batch| batch.sort_unstable());
        sets.sort();
        sets
    };
    assert!(sets(&plans[0]) != sets(&plans[1]) && sets(&plans[0]) != sets(&plans[2]));
    // Long batches do not come after short ones.
    let starts: Vec<usize> = plans[0].iter().map(|batch| frames[batch[0]]).collect();
    let rising = starts.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(rising * 4 > starts.len() && rising * 4 < starts.len() * 3, "{starts:?}");
}

#[test]
fn batches_that_hold_nothing_are_refused() {
    for (text, field) in
        [("max_frames = 0", "batches.max_frames"), ("max_utterances = 0", "batches.max_utterances")]
    {
        let config: BatchConfig = toml::from_str(text).unwrap();
        assert!(config.validate().unwrap_err().to_string().starts_with(field), "{text}");
    }
    assert!(BatchConfig::default().validate().is_ok());
    assert!(toml::from_str::<BatchConfig>("max_frame = 5").is_err(), "unknown keys are errors");
}

#[test]
fn windows_go_through_the_files_in_another_order_each_epoch() {
    // Five files of 40 items, as a manifest of shards lists them.
    let files: Vec<usize> = (0..200).map(|item| item / 40).collect();
    let frames: Vec<usize> = (0..200).map(|item| 50 + item * 37 % 90).collect();
    let config = BatchConfig { max_frames: 600, sorta_grad: false, ..BatchConfig::default() };
    let plans: Vec<_> = (0..3)
        .map(|epoch| plan_windows(&frames, windows(&files, 80, epoch, 5), &config, epoch, 5))
        .collect();
    for plan in &plans {
        let mut seen: Vec<usize> = plan.concat();
        // At most four files: two of a window, and two of the next.
        for stretch in plan.concat().chunks(40) {
            let mut open: Vec<usize> = stretch.iter().map(|&item| files[item]).collect();
            open.sort_unstable();
            open.dedup();
            assert!(open.len() <= 4, "{open:?}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    }
    assert!(plans[0] != plans[1] && plans[1] != plans[2]);
    let again = plan_windows(&frames, windows(&files, 80, 1, 5), &config, 1, 5);
    assert_eq!(plans[1], again);
    // One window is all.
    assert_eq!(windows(&files, 200, 0, 1).len(), 1);
    assert!(windows(&[], 10, 0, 1).is_empty());
}
