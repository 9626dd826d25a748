//! Whole runs on generated tones: they learn, resume exactly, and do not depend on threads.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::common::{last, recipe, tones};
use crate::{Event, train};
use serde_json::Value;
use stonechat_model::Package;

#[test]
fn a_killed_run_resumes_to_the_same_weights_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let recipe = recipe(folder.path(), &[]);
    let whole = folder.path().join("whole");
    train(&recipe, &whole, false, &|_| {}).unwrap();

    let broken = folder.path().join("broken");
    // Dies in the middle of an epoch, at the end of one, in stage 2, and right after its start.
    for (resume, deadly) in [(false, 5), (true, 9), (true, 14), (true, 16)] {
        let steps = std::sync::atomic::AtomicUsize::new(if resume {
            last(&broken).progress.step as usize
        } else {
            0
        });
        let died = catch_unwind(AssertUnwindSafe(|| {
            train(&recipe, &broken, resume, &|event| {
                if let Event::Step { .. } = event {
                    let step = 1 + steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    assert_ne!(step, deadly, "killed on purpose");
                }
            })
        }));
        assert!(died.is_err(), "the run was to die at step {deadly}");
    }
    let again = train(&recipe, &broken, false, &|_| {});
    assert!(again.is_err(), "a run must not be overwritten without --resume");
    train(&recipe, &broken, true, &|_| {}).unwrap();

    assert_eq!(last(&whole), last(&broken));
    let metrics = |run: &Path| -> Vec<Value> {
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let timeless = |mut line: Value| {
            for key in ["seconds", "hours", "hours_an_hour"] {
                line.as_object_mut().unwrap().remove(key);
            }
            line
        };
        lines.map(timeless).collect()
    };
    assert_eq!(metrics(&whole), metrics(&broken));
    let package = |run: &Path| fs::read(run.join("low_rank.stonechat")).unwrap();
    assert!(package(&whole) == package(&broken), "packages differ");
}

#[test]
fn weights_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 20);
    let recipe = recipe(folder.path(), &["stage.0.epochs=2", "stage.1.epochs=1"]);
    let run = |threads: usize| {
        let run = folder.path().join(format!("threads-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&recipe, &run, false, &|_| {})).unwrap();
        last(&run)
    };
    let one = run(1);
    for threads in [2, 3] {
        assert!(one == run(threads), "{threads} threads give other weights than one");
    }
}

/// Cells, projections and joint left factors on the same task; the second stage shares projections.
#[test]
fn every_cell_learns_the_tones() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 32);
    let peepholes = r#"{ cell = "lstm", hidden = 12, peepholes = true, projection = 8 }"#;
    for (name, layers) in [
        ("lstm", format!(r#"[{peepholes}, {{ cell = "lstm", hidden = 14, joint = 9 }}]"#)),
        ("mixed", r#"[{ cell = "rnn", hidden = 16 }, { hidden = 16 }]"#.into()),
    ] {
        let layers = format!("network.gru={layers}");
        let recipe = recipe(
            folder.path(),
            &[
                &layers,
                "stage.0.parametrisation=dense",
                "stage.0.regulariser=none",
                "stage.0.epochs=40",
                "stage.1.epochs=12",
                "stage.1.shared_projection={ rank = { variance = 0.8 }, basis = \"stacked\" }",
            ],
        );
        let run = folder.path().join(name);
        let dev = std::sync::Mutex::new(None);
        train(&recipe, &run, false, &|event| {
            if let Event::Epoch { dev: Some(result), .. } = event {
                *dev.lock().unwrap() = Some(result.clone());
            }
        })
        .unwrap();
        let dev = dev.into_inner().unwrap().expect("a development result each epoch");
        assert!(dev.cer < 0.25, "{name}: CER {} after training", dev.cer);
        let package = Package::load(run.join("low_rank.stonechat")).unwrap();
        let maps: Vec<_> = package.network.maps().iter().map(|m| m.name()).collect();
        assert!(maps.iter().any(|map| map.ends_with(".proj")), "{name}: {maps:?}");
        // A resumed run finds the projections in its checkpoint.
        train(&recipe, &run, true, &|_| {}).unwrap();
    }
}

#[test]
fn a_small_net_learns_the_tones_and_its_package_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 32);
    let recipe = recipe(folder.path(), &["stage.0.epochs=40", "stage.1.epochs=20"]);
    let run = folder.path().join("run");
    let dev = std::sync::Mutex::new(None);
    train(&recipe, &run, false, &|event| {
        if let Event::Epoch { dev: Some(result), .. } = event {
            *dev.lock().unwrap() = Some(result.clone());
        }
    })
    .unwrap();
    let dev = dev.into_inner().unwrap().expect("a development result each epoch");
    assert!(dev.cer < 0.2, "CER {} after training", dev.cer);
    let package = Package::load(run.join("low_rank.stonechat")).unwrap();
    let families: Vec<_> =
        package.network.maps().iter().map(|m| (m.name(), m.map.family().name())).collect();
    assert!(families.iter().any(|(_, family)| *family == "low_rank"), "{families:?}");
}

#[test]
fn pruned_weights_stay_zero_through_an_average_a_kill_and_a_package_of_integers() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let prune = "{ start_epoch = 0.0, ramp_epoch = 0.5, end_epoch = 2.0, every = 1, quantile = 0.6, block = [2, 1] }";
    let recipe = recipe(
        folder.path(),
        &[
            "stage.0.epochs=1",
            "stage.1.epochs=2",
            "stage.1.average=0.5",
            "stage.1.warm_start={ variance = 1.0 }",
            "stage.1.quantize={ weights = 4 }",
            &format!("stage.1.prune={prune}"),
        ],
    );
    let whole = folder.path().join("whole");
    train(&recipe, &whole, false, &|_| {}).unwrap();
    let broken = folder.path().join("broken");
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let died = catch_unwind(AssertUnwindSafe(|| {
        train(&recipe, &broken, false, &|event| {
            if let Event::Step { .. } = event {
                let step = 1 + steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                assert_ne!(step, 7, "killed on purpose");
            }
        })
    }));
    assert!(died.is_err());
    train(&recipe, &broken, true, &|_| {}).unwrap();
    let (last, resumed) = (last(&whole), last(&broken));
    assert!(last == resumed, "a resumed run prunes otherwise");

    let package = Package::load(whole.join("low_rank.stonechat")).unwrap();
    for map in package.network.maps() {
        let name = map.name();
        let large = name.starts_with("gru.") || name == "fc";
        assert_eq!(map.map.storage(), if large { "int4" } else { "int8" }, "{name}");
        for (part, matrix) in map.map.named_parts() {
            let zeros = 1.0 - matrix.nonzeros() as f64 / matrix.elements() as f64;
            assert_eq!(zeros > 0.15, large, "{name}.{part}: {zeros} of the weights are zero");
        }
    }
    // The weights themselves, not only their integers.
    let share = |name: &str| {
        let values = &last.parameters[name].values;
        values.iter().filter(|w| **w == 0.0).count() as f64 / values.len() as f64
    };
    for name in last.parameters.keys().filter(|name| name.contains(".rec.")) {
        assert!(share(name) > 0.2, "{name}: {}", share(name));
    }
}
