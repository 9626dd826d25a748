//! A run on disk: `recipe.toml`, `metrics.jsonl`, `curves.svg`, `checkpoints/`, one package per stage.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::curves;
use crate::TrainError;
use crate::saved::checkpoint::write_atomically;

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    metrics: File,
}

impl RunFolder {
    /// Starts a run in `root`, or goes on with the one there.
    ///
    /// # Errors
    /// The folder holds a run and `resume` is false, or it cannot be written.
    pub fn open(root: &Path, recipe: &str, resume: bool) -> Result<Self, TrainError> {
        let checkpoints = root.join("checkpoints");
        if checkpoints.join("last.safetensors").exists() && !resume {
            return Err(TrainError::RunExists { path: root.to_owned() });
        }
        fs::create_dir_all(&checkpoints).map_err(|e| io(&checkpoints, e))?;
        write_atomically(&root.join("recipe.toml"), recipe.as_bytes())?;
        let path = root.join("metrics.jsonl");
        if !resume && path.exists() {
            fs::remove_file(&path).map_err(|e| io(&path, e))?;
        }
        let metrics =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|e| io(&path, e))?;
        Ok(Self { root: root.to_owned(), metrics })
    }

    /// A checkpoint's place.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.root.join("checkpoints").join(format!("{name}.safetensors"))
    }

    /// A stage's package.
    pub fn package(&self, stage: &str) -> PathBuf {
        self.root.join(format!("{stage}.stonechat"))
    }

    /// Appends one object to `metrics.jsonl`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn log(&mut self, entry: &Value) -> Result<(), TrainError> {
        let path = self.root.join("metrics.jsonl");
        writeln!(self.metrics, "{entry}").map_err(|e| io(&path, e))
    }

    /// Draws `curves.svg` from what was logged.
    ///
    /// # Errors
    /// The log cannot be read, or the drawing not be written.
    pub fn draw(&self) -> Result<(), TrainError> {
        let path = self.root.join("metrics.jsonl");
        let metrics = fs::read_to_string(&path).map_err(|e| io(&path, e))?;
        write_atomically(&self.root.join("curves.svg"), curves::draw(&metrics).as_bytes())
    }

    /// Drops what was logged after `step`, which a resumed run will log again.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn forget_after(&mut self, step: u64) -> Result<(), TrainError> {
        let path = self.root.join("metrics.jsonl");
        let file = File::open(&path).map_err(|e| io(&path, e))?;
        let mut kept = String::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|e| io(&path, e))?;
            // A line torn by a kill does not parse and goes too.
            let logged = serde_json::from_str::<Value>(&line).ok().and_then(|v| v["step"].as_u64());
            if logged.is_some_and(|logged| logged <= step) {
                kept.push_str(&line);
                kept.push('\n');
            }
        }
        write_atomically(&path, kept.as_bytes())?;
        self.metrics = OpenOptions::new().append(true).open(&path).map_err(|e| io(&path, e))?;
        Ok(())
    }
}

fn io(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io { path: path.to_owned(), source }
}
