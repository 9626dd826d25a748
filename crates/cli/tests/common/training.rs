//! Tones that a tiny net learns in seconds.

use serde_json::json;

use super::{Folder, RATE_HZ, Random, wav};

/// A tone for each letter of a text, with a pause after it.
fn tones(text: &str, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let mut samples = Vec::new();
    for letter in text.bytes() {
        let pitch = 400.0 * f32::from(letter - b'a' + 1);
        for n in 0..2400 {
            let tone = (std::f32::consts::TAU * pitch * n as f32 / RATE_HZ as f32).sin();
            let loudness = if n < 1600 { 0.3 } else { 0.0 };
            samples.push(loudness * tone + 0.003 * random.value());
        }
    }
    samples
}

/// A folder with a manifest of tones and a recipe of two stages.
pub fn folder() -> Folder {
    let folder = Folder::new();
    let mut manifest = String::new();
    for i in 0..24usize {
        let text: String =
            (0..2 + i % 3).map(|j| char::from(b'a' + ((i * 7 + j * 3) % 4) as u8)).collect();
        let samples = tones(&text, i as u64);
        let name = format!("{i}.wav");
        folder.write(&name, wav(&samples, RATE_HZ, 1));
        let duration = samples.len() as f64 / f64::from(RATE_HZ);
        manifest +=
            &format!("{}\n", json!({ "audio_filepath": name, "duration": duration, "text": text }));
    }
    folder.write("m.jsonl", manifest);
    let recipe = r#"
        alphabet = ["", "a", "b", "c", "d"]
        checkpoint_minutes = 0.0            # after every step
        data.train = [{ manifest = "m.jsonl" }]
        data.dev = [{ manifest = "m.jsonl" }]
        features.mels = 20
        batches.max_utterances = 5          # five steps an epoch: most kills are inside one
        network = { input = 20, gru = [16], fc = 16, conv = [{ channels = 4, kernel = [5, 5], stride = [2, 2], lookahead = 2 }] }

        [[stage]]
        name = "full"
        epochs = 4
        parametrisation = "factored"
        regulariser = "trace_norm"
        lambda_rec = 1e-4
        lambda_nonrec = 1e-4
        rate = 0.01

        [[stage]]
        name = "low-rank"
        epochs = 3
        warm_start = { variance = 0.9 }
        rate = { times_final = 1.0 }
    "#;
    folder.write("r.toml", recipe);
    folder
}
