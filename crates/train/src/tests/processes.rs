//! One training by several processes, which are threads here: the same weights for any number.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::common::{last, recipe, tones};
use crate::config::Recipe;
use crate::engine::team::tests::Threads;
use crate::run::{Options, train_with};
use crate::{Event, TrainError};

/// Trains with `size` processes; stops after `steps` of the first one, if given.
fn trained(
    recipe: &Recipe,
    run: &Path,
    size: usize,
    resume: bool,
    steps: usize,
) -> Result<(), TrainError> {
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        let processes: Vec<_> = Threads::new(size)
            .into_iter()
            .enumerate()
            .map(|(rank, link)| {
                let done = &done;
                scope.spawn(move || {
                    // Only one of them is asked to stop: a scheduler may reach them at different
                    // times.
                    let stop = || rank + 1 == size && done.load(Ordering::Relaxed) >= steps;
                    let options =
                        Options { stop: &stop, link: Some(&link), ..Options::new(resume) };
                    train_with(recipe, run, options, &|event| {
                        if let (Event::Step { .. }, 0) = (event, rank) {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
            })
            .collect();
        let ends: Vec<_> = processes.into_iter().map(|end| end.join().unwrap()).collect();
        ends.into_iter().collect()
    })
}

#[test]
fn weights_do_not_depend_on_the_number_of_processes() {
    for (name, changes) in [
        ("plain", &[][..]),
        // Batches of 20 are cut 2, 3, 2, 3 ...; two views of each utterance stay together.
        ("views", &["batches.max_utterances=20", "stage.0.consistency=0.2"]),
        // Pieces without utterances.
        ("few", &["batches.max_utterances=3", "stage.0.epochs=1"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        tones(folder.path(), 24);
        let changes = [&["stage.0.epochs=2", "stage.1.epochs=1"][..], changes].concat();
        let recipe = recipe(folder.path(), &changes);
        let run = |size: usize| -> PathBuf { folder.path().join(format!("{name}-{size}")) };
        for size in [1, 2, 4, 8] {
            trained(&recipe, &run(size), size, false, usize::MAX).unwrap();
            assert!(last(&run(size)) == last(&run(1)), "{name}: {size} processes");
            let package = |run: &Path| std::fs::read(run.join("low_rank.stonechat")).unwrap();
            assert!(package(&run(size)) == package(&run(1)), "{name}: {size} processes");
        }
        let losses = |run: &Path| {
            let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
            let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
            lines.filter_map(|line| line["train_loss"].as_f64()).collect::<Vec<_>>()
        };
        assert_eq!(losses(&run(1)), losses(&run(8)));
    }
}

#[test]
fn another_number_of_processes_goes_on_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let recipe = recipe(folder.path(), &["stage.0.epochs=2", "stage.1.epochs=1"]);
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    trained(&recipe, &whole, 1, false, usize::MAX).unwrap();
    for (size, resume) in [(2, false), (4, true)] {
        let stopped = trained(&recipe, &parts, size, resume, 2);
        assert!(matches!(stopped, Err(TrainError::Interrupted { .. })), "{stopped:?}");
    }
    trained(&recipe, &parts, 8, true, usize::MAX).unwrap();
    assert!(last(&whole) == last(&parts));
}
