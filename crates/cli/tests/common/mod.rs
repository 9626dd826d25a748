//! A tiny model, tiny sounds, and the program.

#![allow(dead_code, unused_imports)] // Each test file uses its own part.

pub mod training;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};
use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_model::{
    Alphabet, Candidate, ConvConfig, Network, NetworkConfig, Package, RowConvConfig,
};

pub const RATE_HZ: u32 = 16_000;

/// The program.
pub fn stonechat() -> Command {
    Command::cargo_bin("stonechat").unwrap()
}

/// Runs it, expects `status`, and gives what it wrote to stdout and stderr.
pub fn run(command: &mut Command, status: i32) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(
        output.status.code(),
        Some(status),
        "{command:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
    );
    (stdout, stderr)
}

/// As [`run`], with `--json`: stdout must be one object and nothing else.
pub fn run_json(command: &mut Command, status: i32) -> Value {
    let (stdout, _) = run(command.arg("--json"), status);
    let value: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"));
    assert!(value.is_object(), "{stdout}");
    value
}

pub use stonechat_testing::{Random, pcm, wav};

/// A network with everything in it and random weights: it hears words in any noise.
pub fn tiny_package() -> Package {
    tiny_package_over(Alphabet::english())
}

/// [`tiny_package`] with other symbols.
pub fn tiny_package_over(alphabet: Alphabet) -> Package {
    let config = NetworkConfig {
        input: 20,
        conv: vec![ConvConfig { channels: 4, kernel: [5, 4], stride: [2, 2], lookahead: 1 }],
        clip: 20.0,
        recurrent: vec![24.into(), 32.into()],
        candidate: Candidate::Tanh,
        row_conv: Some(RowConvConfig { lookahead: 3 }),
        fc: Some(40),
    };
    let maps = config.linear_maps(alphabet.len());
    let mut random = Random(7);
    // Rows of norm about `gain`, so that layers neither die nor saturate.
    let mut values = |name: &str, length: usize| {
        let map = maps.iter().find(|map| name == format!("{}.weight", map.name));
        let gain = if name.starts_with("output") { 6.0 } else { 1.4 };
        let scale = map.map_or(0.3, |map| gain * (3.0 / map.cols as f32).sqrt());
        (0..length).map(|_| scale * random.value()).collect()
    };
    let mut network = Network::from_values(config, alphabet.len(), &mut values).unwrap();
    // Space, so that there are several words.
    network.output.bias[1] += 2.0;
    let features = FeatureConfig {
        mels: 20,
        normalise: Some(Normalise { mean: vec![-8.0; 20], scale: vec![0.4; 20] }),
        ..FeatureConfig::default()
    };
    Package {
        features: json!(features),
        alphabet,
        network,
        provenance: json!({ "recipe": "none" }),
        language_model: None,
    }
}

/// A folder with `tiny.stonechat` in it.
pub struct Folder {
    pub root: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        tiny_package().save(root.path().join("tiny.stonechat")).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `stonechat VERB --model tiny.stonechat`, in this folder. No voice is in what the tiny model hears words in.
    pub fn with_model(&self, verb: &str) -> Command {
        let mut command = self.command(verb);
        command.arg("--model").arg(self.path("tiny.stonechat"));
        if ["transcribe", "listen"].contains(&verb) {
            command.args(["--vad", "off"]);
        }
        command
    }

    /// `stonechat VERB`, in this folder.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = stonechat();
        command.current_dir(self.root.path()).args(verb.split(' '));
        command
    }
}

/// A sound at the rate of the models.
pub fn sound(seconds: f64, seed: u64) -> Vec<f32> {
    stonechat_testing::sound(seconds, RATE_HZ, seed)
}

/// A file of the audio crate's tests.
pub fn audio_fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../audio/tests/fixtures").join(name)
}
