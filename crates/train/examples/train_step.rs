//! Serves training steps to `benches/train_step/compare.py`: `train_step RANK` (0 = dense), or
//! `train_step FAMILY` with a family as in a package's metadata,
//! `{"family":"toeplitz_like","rank":4}`.
//!
//! Prints `idle` after a step of a toy net, so that memory in use from then on is that of the
//! training. Then it trains the net of the benchmark on noise: it takes as many steps as each line
//! of standard input says, and answers with the seconds of each and the mean loss.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};
use stonechat_train::{Event, Recipe, train};

const BATCH: usize = 8;
/// 200 frames of 10 ms.
const SAMPLES: usize = 2 * 16_000;
const LABELS: usize = 40;

/// A batch of noise, and a text for each of its utterances.
fn write_data(folder: &Path) {
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut manifest = String::new();
    for i in 0..BATCH {
        let samples: Vec<u8> =
            (0..SAMPLES).flat_map(|_| (random() as u16 as i16 / 8).to_le_bytes()).collect();
        let mut wav = b"RIFF".to_vec();
        wav.extend((36 + samples.len() as u32).to_le_bytes());
        wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        wav.extend([16_000u32, 32_000].iter().flat_map(|v| v.to_le_bytes()));
        wav.extend(b"\x02\0\x10\0data");
        wav.extend((samples.len() as u32).to_le_bytes());
        wav.extend(samples);
        let name = format!("{i}.wav");
        fs::write(folder.join(&name), wav).expect("a writable folder");
        let text: String = (0..LABELS).map(|_| char::from(b'a' + (random() % 26) as u8)).collect();
        let line = json!({ "audio_filepath": name, "duration": 2.0, "text": text });
        manifest += &format!("{line}\n");
    }
    fs::write(folder.join("train.jsonl"), manifest).expect("a writable folder");
}

/// Trains `gru` and `fc` cells, with both matrices of every GRU in `family`, and calls `observe`
/// for every step.
fn run(
    folder: &Path,
    gru: &[usize],
    fc: usize,
    family: &Value,
    steps: usize,
    observe: impl Fn(Event<'_>) + Sync,
) {
    let families = match family {
        Value::Null => json!({}),
        family => json!({ "recurrent": family, "nonrecurrent": family }),
    };
    let recipe = json!({
        "data": { "train": [{ "manifest": folder.join("train.jsonl"), "repeat": steps }] },
        "network": { "input": 80, "gru": gru, "fc": fc },
        "batches": { "max_utterances": BATCH },
        "stage": [{ "name": "steps", "epochs": 1, "rate": 1e-3, "families": families }],
    });
    let path = folder.join(format!("{fc}.toml"));
    fs::write(&path, toml::to_string(&recipe).expect("no nulls")).expect("a writable folder");
    let recipe = Recipe::load(&path, &[]).expect("a valid recipe");
    train(&recipe, &folder.join(fc.to_string()), false, &observe).expect("training");
}

/// Answers what one line of standard input asks for, step by step.
struct Service {
    folder: PathBuf,
    parameters: usize,
    left: usize,
    last: Instant,
    line: String,
}

impl Service {
    /// Waits for the next line; ends the process after the last one.
    fn wait(&mut self) {
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).expect("input") == 0 {
            fs::remove_dir_all(&self.folder).expect("a folder of our own");
            std::process::exit(0);
        }
        self.left = line.trim().parse().expect("a number of steps");
        self.last = Instant::now();
    }

    fn step(&mut self, loss: f64) {
        self.line += &format!("{:.6} ", self.last.elapsed().as_secs_f64());
        self.left -= 1;
        self.last = Instant::now();
        if self.left == 0 {
            let line = std::mem::take(&mut self.line);
            println!("{line}loss {loss:.4} parameters {}", self.parameters);
            self.wait();
        }
    }
}

fn main() {
    let form = std::env::args().nth(1).expect("train_step RANK or train_step FAMILY");
    let family = match form.parse::<usize>() {
        Ok(0) => Value::Null,
        Ok(rank) => json!({ "family": "low_rank", "rank": rank }),
        Err(_) => serde_json::from_str(&form).expect("a family as JSON"),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_data(folder.path());
    run(folder.path(), &[16], 16, &Value::Null, 1, |_| {});
    println!("idle");
    let service = Mutex::new(Service {
        folder: folder.path().to_owned(),
        parameters: 0,
        left: 0,
        last: Instant::now(),
        line: String::new(),
    });
    run(folder.path(), &[256, 320, 384], 512, &family, 100_000, |event| {
        let mut service = service.lock().expect("nothing panics while it is held");
        match event {
            Event::DataReady { parameters, .. } => {
                service.parameters = parameters;
                service.wait();
            }
            Event::Step { loss, .. } => service.step(loss),
            _ => {}
        }
    });
}
