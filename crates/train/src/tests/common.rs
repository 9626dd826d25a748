//! Generated tones and a recipe that learns them, for tests of whole runs.

use std::f32::consts::TAU;
use std::fs;
use std::path::Path;

use crate::TrainError;
use crate::config::{Recipe, Stage};
use crate::engine::net::Net;
use crate::random;
use crate::saved::checkpoint::Checkpoint;
use stonechat_compress::RankRule;
use stonechat_model::VectorId;

pub const RATE_HZ: u32 = 8000;

/// Writes `count` recordings of "a" (low tone) and "b" (high tone) sequences with a manifest.
pub fn tones(folder: &Path, count: usize) {
    let mut manifest = String::new();
    for i in 0..count {
        let text: String =
            (0..1 + i % 3).map(|k| if (i >> k) % 2 == 0 { 'a' } else { 'b' }).collect();
        let mut samples = vec![0.0; 800];
        for letter in text.chars() {
            let hz = if letter == 'a' { 400.0 } else { 1600.0 };
            samples.extend((0..1200).map(|n| 0.25 * (TAU * hz * n as f32 / RATE_HZ as f32).sin()));
            samples.extend([0.0; 800]);
        }
        let name = format!("{i}.wav");
        fs::write(folder.join(&name), stonechat_testing::wav(&samples, RATE_HZ, 1)).unwrap();
        let seconds = samples.len() as f64 / f64::from(RATE_HZ);
        manifest += &format!(
            "{{\"audio_filepath\": \"{name}\", \"duration\": {seconds}, \"text\": \"{text}\"}}\n"
        );
    }
    fs::write(folder.join("train.jsonl"), manifest).unwrap();
}

/// Two stages, trace norm and then low rank, at toy size; a checkpoint after every step.
pub fn recipe(folder: &Path, changes: &[&str]) -> Recipe {
    try_recipe(folder, changes).unwrap_or_else(|e| panic!("{e}"))
}

/// The same, or the reason why it is not valid.
pub fn try_recipe(folder: &Path, changes: &[&str]) -> Result<Recipe, TrainError> {
    let manifest = folder.join("train.jsonl");
    let text = format!(
        r#"
        seed = 5
        checkpoint_minutes = 0.0
        [data]
        train = [{{ manifest = {manifest:?} }}]
        dev = [{{ manifest = {manifest:?} }}]
        [features]
        sample_rate_hz = {RATE_HZ}
        mels = 12
        [network]
        input = 12
        gru = [12, 16]
        fc = 16
        row_conv = {{ lookahead = 1 }}
        [[network.conv]]
        channels = 4
        kernel = [5, 5]
        stride = [2, 2]
        lookahead = 2
        [batches]
        max_utterances = 8
        [augment]
        gain_db = [-3.0, 3.0]
        spec = {{ frequency_masks = 1, frequency_width = 2, time_masks = 1, time_width = 2, time_share = 0.1 }}
        [[stage]]
        name = "full"
        epochs = 4
        parametrisation = "factored"
        regulariser = "trace_norm"
        lambda_rec = 0.001
        lambda_nonrec = 0.001
        rate = 0.02
        dropout = 0.1
        average = 0.5
        [[stage]]
        name = "low_rank"
        epochs = 2
        warm_start = {{ variance = 0.8 }}
        rate = {{ times_final = 0.5 }}
        "#
    );
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    let changes: Vec<String> = changes.iter().map(|s| s.to_string()).collect();
    Recipe::load(&path, &changes)
}

/// The last checkpoint of a run.
pub fn last(run: &Path) -> Checkpoint {
    Checkpoint::load(&run.join("checkpoints/last.safetensors")).unwrap().0
}

/// Gives a fresh net nontrivial batch norms, biases and peepholes, as after training.
pub fn as_after_training(net: &mut Net) {
    for (i, (id, p)) in net.network.vectors_mut().into_iter().enumerate() {
        if id != VectorId::RowConv {
            let noise = |k: usize| 0.3 * random::normal(i as u64, k as u64);
            p.values.iter_mut().enumerate().for_each(|(k, v)| *v += noise(k));
        }
    }
    for (i, (_, affine)) in net.network.affines_mut().into_iter().enumerate() {
        let Some(norm) = &mut affine.norm else { continue };
        let noise = |k: usize| random::normal(100 + i as u64, k as u64);
        norm.mean.iter_mut().enumerate().for_each(|(k, m)| *m = 0.5 * noise(k));
        norm.variance.iter_mut().enumerate().for_each(|(k, v)| *v = 0.5 + noise(k).abs());
    }
}

/// A stage that begins with `low_rank` of its maps.
pub fn cut(rule: RankRule) -> Stage {
    let stage = "name = 'cut'\nepochs = 1\nrate = 0.1";
    Stage { warm_start: Some(rule), ..toml::from_str(stage).unwrap() }
}
