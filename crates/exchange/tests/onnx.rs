//! The exported models, run by onnxruntime, compared with the reference evaluation.
//!
//! Needs a Python with onnxruntime and numpy: `PYTHON`, or else `python3`.

mod common;

use std::path::Path;
use std::process::Command;

use common::*;
use serde_json::{Value, json};
use stonechat_exchange::{to_onnx, to_onnx_streaming};
use stonechat_model::{Candidate, Cell, NetworkConfig, Package, RecurrentConfig};

/// A Python that has onnxruntime.
fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let probe = Command::new(&python).args(["-c", "import onnxruntime, numpy"]).output();
    if probe.is_ok_and(|probe| probe.status.success()) {
        return Some(python);
    }
    println!("skipped: {python} has no onnxruntime (pip install onnxruntime, or set PYTHON)");
    None
}

/// Models and their inputs, for one run of Python.
struct Session {
    folder: tempfile::TempDir,
    cases: Vec<Value>,
}

impl Session {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cases: Vec::new() }
    }

    fn model(&self, name: &str, onnx: Result<Vec<u8>, stonechat_exchange::Error>) {
        std::fs::write(self.folder.path().join(name), onnx.unwrap()).unwrap();
    }

    /// `features`: `batch` utterances of `frames` frames, as a whole or in `pieces` of these
    /// lengths.
    fn case(
        &mut self,
        model: &str,
        features: &[f32],
        batch: usize,
        frames: usize,
        pieces: &[usize],
    ) {
        let (i, width) = (self.cases.len(), features.len() / batch / frames);
        let file = format!("{i}.features");
        let bytes: Vec<u8> = features.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(self.folder.path().join(&file), bytes).unwrap();
        self.cases.push(json!({
            "model": model,
            "features": file,
            "shape": [batch, frames, width],
            "pieces": pieces,
            "logits": format!("{i}.logits"),
        }));
    }

    /// Shape and logits of each case.
    fn run(&self, python: &str) -> Vec<(Vec<usize>, Vec<f32>)> {
        let folder = self.folder.path();
        std::fs::write(folder.join("cases.json"), json!(self.cases).to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/run.py");
        let output = Command::new(python).arg(script).arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let shapes = std::fs::read(folder.join("shapes.json")).unwrap();
        let shapes: Vec<Vec<usize>> = serde_json::from_slice(&shapes).unwrap();
        let logits = |(i, shape): (usize, Vec<usize>)| {
            let bytes = std::fs::read(folder.join(format!("{i}.logits"))).unwrap();
            let (values, _) = bytes.as_chunks::<4>();
            (shape, values.iter().map(|&b| f32::from_le_bytes(b)).collect())
        };
        shapes.into_iter().enumerate().map(logits).collect()
    }
}

#[test]
fn every_form_computes_what_the_reference_does() {
    let Some(python) = python() else { return };
    let mut session = Session::new();
    let mut random = Random(5);
    let mut expected = Vec::new();
    let relu = |config| NetworkConfig { candidate: Candidate::ClippedRelu, ..config };
    let mut configs = vec![full_config(), bare_config(), relu(full_config())];
    for layers in LAYERS {
        let recurrent: Vec<RecurrentConfig> = serde_json::from_str(layers).unwrap();
        configs.push(NetworkConfig { recurrent: recurrent.clone(), ..bare_config() });
        if recurrent.iter().any(|layer| layer.cell != Cell::Lstm) {
            configs.push(relu(NetworkConfig { recurrent, ..bare_config() }));
        }
    }
    for (c, config) in configs.iter().enumerate() {
        for form in FORMS {
            if c >= 3 && matches!(form, Form::LowRank | Form::Int8) {
                continue; // What the others are made of.
            }
            let package = package(config, form);
            let model = format!("{c}-{form:?}.onnx");
            session.model(&model, to_onnx(&package));
            let streaming = format!("streaming-{model}");
            session.model(&streaming, to_onnx_streaming(&package));
            // The first piece of a stream is longer than the look-ahead.
            let cases: [(&str, &[usize], usize, usize); 6] = [
                (&model, &[], 1, 1),
                (&model, &[], 1, 14),
                (&model, &[], 3, 23),
                (&streaming, &[23], 1, 23),
                (&streaming, &[14, 2, 4, 3], 2, 23),
                (&streaming, &[12, 2, 2, 2, 5, 3, 3, 2], 1, 31),
            ];
            for (model, pieces, batch, frames) in cases {
                let features = random.scaled(batch * frames * config.input, 2.0);
                session.case(model, &features, batch, frames, pieces);
                let logits = features.chunks_exact(frames * config.input).flat_map(|features| {
                    package.network.forward_reference(features, frames).unwrap()
                });
                let shape = vec![batch, config.frames_out(frames), package.network.symbols()];
                expected.push((format!("{model}, {frames}"), shape, logits.collect::<Vec<f32>>()));
            }
        }
    }
    for ((name, shape, expected), (got_shape, got)) in expected.iter().zip(session.run(&python)) {
        assert_eq!(got_shape, *shape, "{name}");
        let difference = largest_difference(&got, expected);
        assert!(difference < 1e-4, "{name}: {difference}");
        let spread = largest_difference(expected, &vec![0.0; expected.len()]);
        assert!(spread > 0.1, "{name}: logits of at most {spread} would hide a mistake");
    }
}

#[test]
fn the_bundled_model_hears_the_same_in_real_recordings() {
    let Some(python) = python() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = Package::load(root.join("models/default.stonechat")).unwrap();
    let config = serde_json::from_value(package.features.clone()).unwrap();
    let mut session = Session::new();
    session.model("default.onnx", to_onnx(&package));
    session.model("streaming.onnx", to_onnx_streaming(&package));
    let mut expected = Vec::new();
    for name in ["kitchen", "train", "winter"] {
        let path = root.join(format!("samples/{name}.flac"));
        let samples = stonechat_audio::read_file(path, 16_000).unwrap().samples;
        let features = stonechat_audio::features(&config, &samples).unwrap();
        // The reference evaluation is slow: a second of the middle of each.
        let width = config.dim();
        let frames = 100.min(features.len() / width);
        let from = (features.len() / width - frames) / 2 * width;
        let features = &features[from..][..frames * width];
        session.case("default.onnx", features, 1, frames, &[]);
        session.case("streaming.onnx", features, 1, frames, &[60, 12, 3, 25]);
        let logits = package.network.forward_reference(features, frames).unwrap();
        expected.extend([logits.clone(), logits]);
    }
    for (expected, (_, got)) in expected.iter().zip(session.run(&python)) {
        let difference = largest_difference(&got, expected);
        assert!(difference < 1e-4, "{difference}");
        println!("largest difference of logits: {difference:e}");
    }
}
