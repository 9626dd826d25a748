//! A run belongs to its recipe and to one training at a time; what it is asked to do is done or
//! refused.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stonechat_model::Package;

use super::common::{last, recipe, tones, try_recipe};
use crate::{Event, Options, Recipe, TrainError, train, train_with};

const SHORT: [&str; 4] =
    ["stage.0.epochs=2", "stage.1.epochs=1", "stage.0.average=0.0", "augment.gain_db=[0.0, 0.0]"];

fn short(folder: &Path, changes: &[&str]) -> Recipe {
    recipe(folder, &[&SHORT, changes].concat())
}

/// Stops after this many steps.
fn stop_after(recipe: &Recipe, run: &Path, resume: bool, steps: usize) -> TrainError {
    let done = AtomicUsize::new(0);
    let stop = || done.load(Ordering::Relaxed) >= steps;
    let options = Options { stop: &stop, ..Options::new(resume) };
    let stopped = train_with(recipe, run, options, &|event| {
        if let Event::Step { .. } = event {
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    stopped.unwrap_err()
}

/// Names and contents of a folder, except checkpoints.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut content: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    content.sort();
    content
}

#[test]
fn a_run_that_is_stopped_while_it_reads_has_written_nothing() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 16);
    let recipe = short(folder.path(), &[]);
    let run = folder.path().join("run");
    let options = Options { stop: &|| true, ..Options::new(false) };
    let error = train_with(&recipe, &run, options, &|_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Interrupted { step: 0 }), "{error}");
    assert!(!run.join("recipe.toml").exists());
    train(&recipe, &run, false, &|_| {}).unwrap();
}

#[test]
fn a_run_that_is_stopped_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 16);
    let recipe = short(folder.path(), &[]);
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    train(&recipe, &whole, false, &|_| {}).unwrap();
    for (resume, steps) in [(false, 1), (true, 2), (true, 1)] {
        let error = stop_after(&recipe, &stopped, resume, steps);
        assert!(matches!(error, TrainError::Interrupted { .. }), "{error}");
    }
    train(&recipe, &stopped, true, &|_| {}).unwrap();
    assert!(last(&whole) == last(&stopped), "a run that was stopped ends otherwise");
}

#[test]
fn nothing_is_gone_on_with_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let recipe = short(folder.path(), &[]);
    let (missing, run) = (folder.path().join("tpyo"), folder.path().join("run"));
    let error = train(&recipe, &missing, true, &|_| {}).unwrap_err();
    assert!(matches!(error, TrainError::NoRun { .. }), "{error}");
    assert!(!missing.exists(), "a mistyped folder was made");
    let file = folder.path().join("train.jsonl");
    let error = train(&recipe, &file, false, &|_| {}).unwrap_err();
    assert!(matches!(error, TrainError::NoFolder { .. }), "{error}");

    // A run that never reached a checkpoint begins at the beginning.
    let wrong = short(folder.path(), &["data.train.0.manifest=gone.jsonl"]);
    assert!(train(&wrong, &run, false, &|_| {}).is_err());
    assert!(!run.exists(), "written before it was checked");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("recipe.toml"), recipe.to_toml().unwrap()).unwrap();
    train(&recipe, &run, true, &|_| {}).unwrap();

    // A lost checkpoint does not make it train again what was trained.
    for name in ["last", "previous", "full", "low_rank"] {
        fs::remove_file(run.join(format!("checkpoints/{name}.safetensors"))).unwrap();
    }
    let before = content(&run);
    let error = train(&recipe, &run, true, &|_| {}).unwrap_err();
    assert!(matches!(error, TrainError::NoCheckpoint { .. }), "{error}");
    assert!(content(&run) == before, "the run was written to");
}

#[test]
fn another_recipe_is_refused_unless_its_keys_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let run = folder.path().join("run");
    train(&short(folder.path(), &[]), &run, false, &|_| {}).unwrap();
    let before = content(&run);
    for (change, key) in [
        ("alphabet=[\"\", \"b\", \"a\"]", "alphabet"),
        ("features.low_hz=300.0", "features.low_hz"),
        ("batches.max_utterances=4", "batches.max_utterances"),
        ("stage.0.rate=1.0", "stage.0.rate"),
        ("seed=6", "seed"),
        ("stage.1.epochs=2", "stage.1.epochs"),
    ] {
        let error = train(&short(folder.path(), &[change]), &run, true, &|_| {}).unwrap_err();
        assert!(matches!(error, TrainError::RecipeDiffers { .. }), "{change}: {error}");
        assert!(error.to_string().contains(key), "{change}: {error}");
        assert!(content(&run) == before, "{change}: the run was written to");
    }
    let allow = |keys: &[&str], changes: &[&str]| {
        let allow: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
        let options = Options { allow: &allow, ..Options::new(true) };
        train_with(&short(folder.path(), changes), &run, options, &|_| {})
    };
    for (keys, change) in [
        (&["alphabet"][..], "alphabet=[\"\", \"b\", \"a\"]"), // the weights are made for it
        (&["stage.1.rate"], "seed=5"),                        // no change at all
        (&["stage.0.epochs"], "stage.0.epochs=1"),            // fewer than it has had
    ] {
        allow(keys, &[change]).unwrap_err();
        assert!(content(&run) == before, "{change}: the run was written to");
    }
    allow(&["seed"], &["seed=6"]).unwrap();
    let text = |name: &str| fs::read_to_string(run.join(name)).unwrap();
    assert!(text("recipe.toml").contains("seed = 6"));
    assert!(text("metrics.jsonl").contains("seed (5 before, 6 now)"));
}

#[test]
fn more_epochs_for_a_stage_that_has_ended_go_on() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 16);
    let (whole, more) = (folder.path().join("whole"), folder.path().join("more"));
    let longer = short(folder.path(), &["stage.0.epochs=3"]);
    train(&longer, &whole, false, &|_| {}).unwrap();
    train(&short(folder.path(), &[]), &more, false, &|_| {}).unwrap();
    let allow = ["stage.0.epochs".to_string()];
    let options = Options { allow: &allow, ..Options::new(true) };
    let epochs = Mutex::new(Vec::new());
    train_with(&longer, &more, options, &|event| {
        if let Event::Epoch { stage, epoch, .. } = event {
            epochs.lock().unwrap().push((stage.to_string(), epoch));
        }
    })
    .unwrap();
    let expected = [("full".to_string(), 2), ("low_rank".to_string(), 0)];
    assert_eq!(epochs.into_inner().unwrap(), expected);
    assert!(last(&whole) == last(&more), "two and one epochs are not three");
    // Their provenance differs: the recipe at the moment when the best epoch was saved.
    let network = |run: &Path| Package::load(run.join("full.stonechat")).unwrap().network;
    assert!(network(&whole) == network(&more));
}

#[test]
fn a_damaged_checkpoint_is_noticed_and_the_one_before_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 16);
    let recipe = short(folder.path(), &[]);
    let (whole, run) = (folder.path().join("whole"), folder.path().join("run"));
    train(&recipe, &whole, false, &|_| {}).unwrap();
    stop_after(&recipe, &run, false, 4);
    let checkpoint = |name: &str| run.join(format!("checkpoints/{name}.safetensors"));
    let good = fs::read(checkpoint("last")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        bytes
    };
    for (name, bytes) in [
        ("one bit of a weight", flipped(good.len() - 3)),
        ("one bit in the middle", flipped(good.len() / 2)),
        ("cut", good[..good.len() / 2].to_vec()),
        ("cut in the header", good[..200].to_vec()),
        ("empty", Vec::new()),
        ("zeros", vec![0; good.len()]),
    ] {
        fs::write(checkpoint("last"), bytes).unwrap();
        let error = train(&recipe, &run, true, &|_| {}).unwrap_err().to_string();
        assert!(error.contains("last.safetensors") && error.contains("damaged"), "{name}: {error}");
    }
    // The previous one takes its place, and only steps are lost.
    fs::copy(checkpoint("previous"), checkpoint("last")).unwrap();
    train(&recipe, &run, true, &|_| {}).unwrap();
    assert!(last(&whole) == last(&run));
}

#[test]
fn checkpoints_without_a_checksum_are_read() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let recipe = short(folder.path(), &[]);
    let run = folder.path().join("run");
    stop_after(&recipe, &run, false, 2);
    let path = run.join("checkpoints/last.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let key = b"\"checksum\"";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    bytes[at..at + key.len()].copy_from_slice(b"\"of_other\"");
    fs::write(&path, bytes).unwrap();
    train(&recipe, &run, true, &|_| {}).unwrap();
}

#[test]
fn one_training_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let recipe = short(folder.path(), &[]);
    let run = folder.path().join("run");
    let others = Mutex::new(Vec::new());
    train(&recipe, &run, false, &|event| {
        if let Event::Step { .. } = event {
            let mut others = others.lock().unwrap();
            others.push(train(&recipe, &run, true, &|_| {}));
        }
    })
    .unwrap();
    let others = others.into_inner().unwrap();
    assert!(!others.is_empty());
    for other in others {
        assert!(matches!(other, Err(TrainError::Locked { .. })), "{other:?}");
    }
}

#[test]
fn stages_have_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 4);
    for name in ["full", "last", "previous"] {
        let change = format!("stage.1.name={name}");
        let error = try_recipe(folder.path(), &[&change]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn what_is_left_out_is_told_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let path = |name: &str| folder.path().join(name);
    let all = fs::read_to_string(path("train.jsonl")).unwrap();
    let gone = "{\"audio_filepath\": \"gone-7351.wav\", \"duration\": 1, \"text\": \"ab\"}\n";
    fs::write(path("gone.jsonl"), all.clone() + gone).unwrap();
    fs::write(path("empty.jsonl"), "").unwrap();
    let lines: Vec<&str> = all.lines().collect();
    fs::write(path("first.jsonl"), lines[..6].join("\n")).unwrap();
    fs::write(path("rest.jsonl"), lines[6..].join("\n")).unwrap();
    let source = |names: &[&str]| {
        let sources = names.iter().map(|name| format!("{{ manifest = {:?} }}", path(name)));
        format!("[{}]", sources.collect::<Vec<_>>().join(", "))
    };
    for (number, (trained, dev, expected)) in [
        (&["first.jsonl"][..], &["rest.jsonl"][..], &[][..]),
        (&["gone.jsonl"], &[], &["train: 1 left out (1 unreadable)", "gone-7351"]),
        (&["first.jsonl"], &["gone.jsonl"], &["dev: 1 left out", "6 recordings of dev"]),
        (&["first.jsonl", "empty.jsonl"], &["rest.jsonl"], &["empty.jsonl lists no recording"]),
        (&["train.jsonl"], &["rest.jsonl"], &["2 recordings of dev are trained on"]),
    ]
    .into_iter()
    .enumerate()
    {
        let (train_on, judge) =
            (format!("data.train={}", source(trained)), format!("data.dev={}", source(dev)));
        let recipe = short(folder.path(), &[&train_on, &judge, "stage.0.epochs=1"]);
        let doubts = Mutex::new(String::new());
        let strict = |strict: bool| {
            let options = Options { strict, ..Options::new(false) };
            let run = path(&format!("run-{number}-{strict}"));
            train_with(&recipe, &run, options, &|event| {
                if let Event::Doubt { what } = event {
                    *doubts.lock().unwrap() += what;
                }
            })
        };
        strict(false).unwrap();
        let told = std::mem::take(&mut *doubts.lock().unwrap());
        assert_eq!(told.is_empty(), expected.is_empty(), "{trained:?} {dev:?}: {told}");
        let refused = strict(true);
        match expected.is_empty() {
            true => refused.unwrap(),
            false => {
                let error = refused.unwrap_err();
                assert!(matches!(error, TrainError::Strict(_)), "{error}");
                assert!(!path(&format!("run-{number}-true")).exists());
            }
        }
        for part in expected {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
    }
}

/// Problems with recordings that are used are reported, also from the cache, and do not concern
/// --strict.
#[test]
fn doubtful_recordings_are_told() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    for i in [3, 5] {
        let path = folder.path().join(format!("{i}.wav"));
        let mut bytes = fs::read(&path).unwrap();
        for sample in bytes[44..].as_chunks_mut::<2>().0 {
            *sample = i16::from_le_bytes(*sample).saturating_mul(20).to_le_bytes();
        }
        fs::write(&path, bytes).unwrap();
    }
    let cache = format!("data.cache={{folder={:?},memory_mib=1}}", folder.path().join("cache"));
    let recipe = short(folder.path(), &[&cache, "data.dev=[]", "stage.0.epochs=1"]);
    for run in ["first", "cached"] {
        let told = Mutex::new(Vec::new());
        let options = Options { strict: true, ..Options::new(false) };
        train_with(&recipe, &folder.path().join(run), options, &|event| {
            if let Event::Doubt { what } = event {
                told.lock().unwrap().push(what.to_string());
            }
        })
        .unwrap();
        let told = told.into_inner().unwrap();
        assert!(
            told.iter().any(|what| what.contains("train.jsonl:") && what.contains("clipped")),
            "{run}: {told:?}"
        );
    }
}

#[test]
fn a_training_that_diverges_says_where() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 8);
    let run = folder.path().join("run");
    let recipe = short(folder.path(), &["stage.0.rate=1e30"]);
    let error = train(&recipe, &run, false, &|_| {}).unwrap_err().to_string();
    for part in ["stage full", "step ", "diverged", "loss", "rate"] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}
