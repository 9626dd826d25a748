//! Runs on generated tones with Gram-CTC, a teacher, an early transition, and the group lasso.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::common::{RATE_HZ, last, tones};
use crate::config::Recipe;
use crate::engine::evaluate::Evaluation;
use crate::{Event, train};
use serde_json::Value;
use stonechat_model::Package;

/// A toy net with `stages`, TOML, changed by `changes`.
fn recipe(folder: &Path, stages: &str, changes: &[&str]) -> Recipe {
    let manifest = folder.join("train.jsonl");
    let text = format!(
        r#"
        seed = 5
        [data]
        train = [{{ manifest = {manifest:?} }}]
        dev = [{{ manifest = {manifest:?} }}]
        [features]
        sample_rate_hz = {RATE_HZ}
        mels = 12
        [network]
        input = 12
        gru = [16]
        [[network.conv]]
        channels = 4
        kernel = [5, 5]
        stride = [2, 2]
        lookahead = 2
        [[network.conv]]
        channels = 8
        kernel = [3, 3]
        stride = [1, 1]
        lookahead = 1
        [batches]
        max_utterances = 8
        {stages}
        "#
    );
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    let changes: Vec<String> = changes.iter().map(|s| s.to_string()).collect();
    Recipe::load(&path, &changes).unwrap_or_else(|e| panic!("{e}"))
}

const PLAIN: &str = "[[stage]]\nname = 'plain'\nepochs = 10\nrate = 0.02";

/// Trains to the end; returns the last development result.
fn run(recipe: &Recipe, run: &Path) -> Evaluation {
    let dev = Mutex::new(None);
    train(recipe, run, false, &|event| {
        if let Event::Epoch { dev: Some(result), .. } = event {
            *dev.lock().unwrap() = Some(result.clone());
        }
    })
    .unwrap_or_else(|e| panic!("{}: {e}", run.display()));
    dev.into_inner().unwrap().expect("a development result each epoch")
}

/// The lines of `metrics.jsonl` that have `key`.
fn logged(run: &Path, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| !line[key].is_null()).collect()
}

#[test]
fn gram_ctc_learns_with_half_the_frames_and_grams_can_be_left_out_later() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 32);
    let stride = "network.conv.1.stride=[1, 2]";
    let joint = "stage.0.joint_ctc=0.3";
    let base =
        [stride, joint, "grams={ longest = 3 }", "stage.0.epochs=40", "alphabet=['','a','b']"];
    let all = folder.path().join("all");
    let dev = run(&recipe(folder.path(), PLAIN, &base), &all);
    assert!(dev.cer < 0.2, "CER {} with all grams", dev.cer);
    let package = Package::load(all.join("plain.stonechat")).unwrap();
    let symbols = package.alphabet.symbols();
    assert_eq!(symbols[..3], ["", "a", "b"]);
    // The texts have one to three letters.
    assert!(symbols.len() > 6 && symbols.iter().all(|s| s.len() <= 3), "{symbols:?}");
    assert_eq!(package.network.output.map.rows(), symbols.len());
    assert!(last(&all).parameters.contains_key("characters.weight"));

    // Fewer grams, from the weights of all: the output layer keeps what it still has.
    let init = format!("init={:?}", all.join("checkpoints/plain.safetensors"));
    let few = folder.path().join("few");
    let mut changes = base.to_vec();
    changes.retain(|c| !c.starts_with("stage.0"));
    changes.extend([init.as_str(), "grams={ longest = 2, max = 2 }", "stage.0.epochs=3"]);
    let dev = run(&recipe(folder.path(), PLAIN, &changes), &few);
    assert!(dev.cer < 0.35, "CER {} after leaving grams out", dev.cer);
    let package = Package::load(few.join("plain.stonechat")).unwrap();
    assert_eq!(package.alphabet.len(), 5);
    assert!(!last(&few).parameters.contains_key("characters.weight"));
}

#[test]
fn a_teacher_draws_the_student_to_its_posteriors() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let teacher = folder.path().join("teacher");
    run(&recipe(folder.path(), PLAIN, &["network.gru=[24]"]), &teacher);
    let mut ends = Vec::new();
    for (file, temperature) in
        [("plain.stonechat", 1.0), ("checkpoints/plain.safetensors", 1.0), ("plain.stonechat", 2.0)]
    {
        let student = folder.path().join(format!("student-{}", ends.len()));
        let package = teacher.join(file);
        let change = format!(
            "stage.0.teacher={{ package = {package:?}, weight = 0.9, temperature = {temperature:.1} }}"
        );
        run(&recipe(folder.path(), PLAIN, &[&change]), &student);
        let divergence: Vec<f64> = logged(&student, "divergence")
            .iter()
            .map(|l| l["divergence"].as_f64().unwrap())
            .collect();
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let (start, end) = (mean(&divergence[..3]), mean(&divergence[divergence.len() - 3..]));
        assert!(end < 0.5 * start, "{file}, T {temperature}: {start} to {end}");
        ends.push(end);
    }
    let stride = "network.conv.0.stride=[2, 4]";
    let mels = "features.mels=13";
    for (changes, word) in
        [(&[stride][..], "stride"), (&[mels, "network.input=13"][..], "features")]
    {
        let package = teacher.join("plain.stonechat");
        let change = format!("stage.0.teacher={{ package = {package:?} }}");
        let recipe = recipe(folder.path(), PLAIN, &[changes, &[change.as_str()]].concat());
        let error = train(&recipe, &folder.path().join(word), false, &|_| {}).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_settled_stage_moves_on_as_if_its_epochs_had_been_known() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let stages = r#"
        [[stage]]
        name = "full"
        epochs = 6
        parametrisation = "factored"
        regulariser = "trace_norm"
        lambda_rec = 0.001
        lambda_nonrec = 0.001
        rate = 0.01
        decay = { divide_each_epoch = 1.1 }
        [[stage]]
        name = "low_rank"
        epochs = 2
        warm_start = { variance = 0.9 }
        rate = { continue_schedule = true }
        "#;
    let until = "stage.0.until={ settled = { of = 'nu', tolerance = 0.5, epochs = 2 } }";
    let whole = folder.path().join("whole");
    let settling = recipe(folder.path(), stages, &[until, "checkpoint_minutes=0.0"]);
    run(&settling, &whole);
    assert_eq!(last(&whole).progress.ended, [3, 2], "settled after the third epoch");

    let fixed = folder.path().join("fixed");
    run(&recipe(folder.path(), stages, &["stage.0.epochs=3"]), &fixed);
    assert_eq!(last(&whole), last(&fixed));
    // The ratio of SPEC's section on Ciliberto et al., only for the factored maps.
    let weights = &logged(&whole, "weights")[0]["weights"];
    let ratios = weights.as_array().unwrap().iter().map(|w| w["optimality"].as_f64().unwrap());
    assert!(ratios.clone().all(|r| r > 0.0 && r.is_finite()), "{weights}");

    // Dies in the epoch before it settles, and right after the stage has ended.
    let broken = folder.path().join("broken");
    for (resume, deadly) in [(false, 8), (true, 10)] {
        let start = if resume { last(&broken).progress.step } else { 0 };
        let steps = AtomicU64::new(start);
        let died = catch_unwind(AssertUnwindSafe(|| {
            train(&settling, &broken, resume, &|event| {
                if let Event::Step { .. } = event {
                    let step = 1 + steps.fetch_add(1, Ordering::Relaxed);
                    assert_ne!(step, deadly, "killed on purpose");
                }
            })
        }));
        assert!(died.is_err(), "the run was to die at step {deadly}");
    }
    train(&settling, &broken, true, &|_| {}).unwrap();
    assert_eq!(last(&whole), last(&broken));

    // Nothing settles with a tolerance of zero.
    let never = "stage.0.until={ settled = { of = 'nu', tolerance = 0.0, epochs = 1 } }";
    let moving = folder.path().join("moving");
    run(&recipe(folder.path(), stages, &[never]), &moving);
    assert_eq!(last(&moving).progress.ended, [6, 2]);
}

#[test]
fn the_group_lasso_leaves_blocks_of_zeros_in_the_package() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 16);
    let recipe = recipe(
        folder.path(),
        PLAIN,
        &["stage.0.regulariser=group_lasso", "stage.0.lambda_rec=1.0", "stage.0.block=[4, 4]"],
    );
    let folder = folder.path().join("run");
    run(&recipe, &folder);
    let weights = logged(&folder, "weights").last().unwrap()["weights"].clone();
    for weight in weights.as_array().unwrap() {
        let zeros = weight["zeros"].as_f64().unwrap();
        let recurrent = weight["name"].as_str().unwrap().ends_with(".rec");
        assert_eq!(zeros > 0.0, recurrent, "{weight}");
    }
    // Whole blocks are zero, or none of their weights.
    let net = last(&folder);
    let rec = &net.parameters["gru.0.rec.weight"];
    for block in 0..rec.rows / 4 * rec.columns / 4 {
        let (top, left) = (block / (rec.columns / 4) * 4, block % (rec.columns / 4) * 4);
        let zeros =
            (0..16).filter(|i| rec.values[(top + i / 4) * rec.columns + left + i % 4] == 0.0);
        let zeros = zeros.count();
        assert!(zeros == 0 || zeros == 16, "block at {top}, {left}: {zeros} zeros");
    }
}
