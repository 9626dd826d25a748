//! A run on disk: `recipe.toml`, `metrics.jsonl`, `curves.svg`, `checkpoints/`, one package per
//! stage.
//!
//! A run belongs to its recipe: it is resumed with the one in its folder, or with another that
//! differs only in what `--change` allows. Nothing is written before recipe and data are checked
//! ([`RunFolder::begin`]).

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::curves;
use super::recipe_change::{Difference, allowed, differences};
use super::run_lock::RunLock;
use crate::TrainError;
use crate::config::{Recipe, RecipeError};
use crate::saved::checkpoint::{Checkpoint, Progress};

const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    lock: Option<RunLock>,
    /// Whether another process of the training writes it.
    follows: bool,
    /// Open after [`begin`](Self::begin).
    metrics: Option<File>,
    /// What has changed since the run was last written.
    changes: Vec<Difference>,
}

impl RunFolder {
    /// A folder for a new run.
    ///
    /// # Errors
    /// The folder already contains a run, or is not a folder.
    pub fn new(root: &Path) -> Result<Self, TrainError> {
        if root.exists() && !root.is_dir() {
            return Err(TrainError::NoFolder { path: root.to_owned() });
        }
        let holds_run = |name: &&str| root.join("checkpoints").join(name).exists();
        if ["last.safetensors", "previous.safetensors"].iter().any(holds_run) {
            return Err(TrainError::RunExists { path: root.to_owned() });
        }
        Ok(Self {
            root: root.to_owned(),
            lock: None,
            follows: false,
            metrics: None,
            changes: Vec::new(),
        })
    }

    /// A new run in `root` that another process writes.
    pub fn followed(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            lock: None,
            follows: true,
            metrics: None,
            changes: Vec::new(),
        }
    }

    /// Whether another process of the training writes the folder.
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// The run in `root`, to be resumed with `recipe`, which may differ from the run's own recipe
    /// only in the keys `allow`; `follows` if another process of the training writes it. Also
    /// returns the checkpoint to resume from; there is none if the run never reached its first.
    ///
    /// # Errors
    /// There is no run in the folder; another training works on it; its recipe differs; its
    /// checkpoint is missing or damaged; a finished stage would get fewer epochs than it has had.
    pub fn resume(
        root: &Path,
        recipe: &Recipe,
        allow: &[String],
        follows: bool,
    ) -> Result<(Self, Option<Checkpoint>), TrainError> {
        let own = Self::recipe_of(root)?;
        let lock = if follows { None } else { Some(RunLock::take(root)?) };
        let changes = allowed(differences(&own, recipe)?, allow, root)?;
        let folder = Self { root: root.to_owned(), lock, follows, metrics: None, changes };
        let last = folder.checkpoint("last");
        if !last.exists() {
            return match folder.steps()? {
                0 => Ok((folder, None)),
                steps => Err(TrainError::NoCheckpoint { path: last, steps }),
            };
        }
        let (checkpoint, _) = Checkpoint::load(&last)?;
        let checkpoint = folder.with_more_epochs(checkpoint, &own, recipe)?;
        Ok((folder, Some(checkpoint)))
    }

    /// The recipe of the run in `root`.
    ///
    /// # Errors
    /// There is no run, or its recipe cannot be read.
    pub fn recipe_of(root: &Path) -> Result<Recipe, TrainError> {
        if !root.join(RECIPE).exists() {
            return Err(TrainError::NoRun { path: root.to_owned() });
        }
        Recipe::load(&root.join(RECIPE), &[])
    }

    /// Where to resume if a stage that has ended gets more epochs: at its end.
    fn with_more_epochs(
        &self,
        last: Checkpoint,
        own: &Recipe,
        recipe: &Recipe,
    ) -> Result<Checkpoint, TrainError> {
        let Progress { stage: current, epoch, .. } = last.progress;
        for (index, (before, after)) in own.stages.iter().zip(&recipe.stages).enumerate() {
            let done = match index.cmp(&current) {
                std::cmp::Ordering::Less => {
                    last.progress.ended.get(index).copied().unwrap_or(before.epochs)
                }
                std::cmp::Ordering::Equal => epoch,
                std::cmp::Ordering::Greater => break,
            };
            let refuse = |problem: String| {
                let source = RecipeError::Value { key: format!("stage.{index}.epochs"), problem };
                Err(TrainError::Recipe { path: self.root.join(RECIPE), source })
            };
            if after.epochs != before.epochs && after.epochs < done {
                return refuse(format!(
                    "is {}, and the stage {} has had {done} epochs already: ask for at least as many",
                    after.epochs, after.name
                ));
            }
            if index < current && after.epochs > before.epochs {
                if done < before.epochs {
                    return refuse(format!(
                        "is {}, and the stage {} ended after {done} by its `until`: more of them change nothing",
                        after.epochs, after.name
                    ));
                }
                return Ok(Checkpoint::load(&self.checkpoint(&after.name))?.0);
            }
        }
        Ok(last)
    }

    /// Starts writing the run with this recipe, after `step` steps.
    ///
    /// # Errors
    /// Another training works on the folder, or it cannot be written.
    pub fn begin(&mut self, recipe: &str, step: Option<u64>) -> Result<(), TrainError> {
        if self.follows {
            return Ok(());
        }
        let checkpoints = self.root.join("checkpoints");
        fs::create_dir_all(&checkpoints).map_err(|e| io(&checkpoints, e))?;
        if self.lock.is_none() {
            self.lock = Some(RunLock::take(&self.root)?);
            // Another run may have come and gone while the data were read.
            if self.checkpoint("last").exists() {
                return Err(TrainError::RunExists { path: self.root.clone() });
            }
        }
        let path = self.root.join(METRICS);
        match step {
            Some(step) => self.forget_after(step)?,
            None => stonechat_files::write(&path, b"")?,
        }
        stonechat_files::write(&self.root.join(RECIPE), recipe.as_bytes())?;
        let metrics = OpenOptions::new().create(true).append(true).open(&path);
        self.metrics = Some(metrics.map_err(|e| io(&path, e))?);
        if !self.changes.is_empty() {
            let changes: Vec<String> = self.changes.iter().map(Difference::to_string).collect();
            self.log(&json!({ "step": step.unwrap_or(0), "changed": changes }))?;
        }
        Ok(())
    }

    /// The path of a checkpoint.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.root.join("checkpoints").join(format!("{name}.safetensors"))
    }

    /// Saves the run's state as `last`; the one before stays as `previous`.
    ///
    /// # Errors
    /// The files cannot be written; the old ones are then intact.
    pub fn save(&self, checkpoint: &Checkpoint, recipe: &str) -> Result<(), TrainError> {
        if self.follows {
            return Ok(());
        }
        let (last, previous) = (self.checkpoint("last"), self.checkpoint("previous"));
        if last.exists() {
            // A second name first, so that `last` exists at every moment.
            let beside = self.checkpoint(".previous");
            let _ = fs::remove_file(&beside);
            let linked =
                fs::hard_link(&last, &beside).or_else(|_| fs::copy(&last, &beside).map(drop));
            linked.and_then(|()| fs::rename(&beside, &previous)).map_err(|e| io(&previous, e))?;
        }
        checkpoint.save(&last, recipe)
    }

    /// The path of a stage's package.
    pub fn package(&self, stage: &str) -> PathBuf {
        self.root.join(format!("{stage}.stonechat"))
    }

    /// Appends one object to `metrics.jsonl`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn log(&mut self, entry: &Value) -> Result<(), TrainError> {
        let Some(metrics) = &mut self.metrics else { return Ok(()) };
        // In one write: a line is complete or absent.
        let line = format!("{entry}\n");
        metrics.write_all(line.as_bytes()).map_err(|e| io(&self.root.join(METRICS), e))
    }

    /// Steps that were logged.
    fn steps(&self) -> Result<u64, TrainError> {
        let steps = self.logged()?.into_iter().map(|(step, _)| step);
        Ok(steps.max().unwrap_or(0))
    }

    /// Draws `curves.svg` from the log.
    ///
    /// # Errors
    /// The log cannot be read, or the drawing cannot be written.
    pub fn draw(&self) -> Result<(), TrainError> {
        if self.follows {
            return Ok(());
        }
        let path = self.root.join(METRICS);
        let metrics = fs::read_to_string(&path).map_err(|e| io(&path, e))?;
        let curves = curves::draw(&metrics);
        Ok(stonechat_files::write(&self.root.join("curves.svg"), curves.as_bytes())?)
    }

    /// Drops log entries after `step`, which a resumed run will log again.
    fn forget_after(&mut self, step: u64) -> Result<(), TrainError> {
        let mut kept = String::new();
        for (logged, line) in self.logged()? {
            if logged <= step {
                kept.push_str(&line);
                kept.push('\n');
            }
        }
        Ok(stonechat_files::write(&self.root.join(METRICS), kept.as_bytes())?)
    }

    /// The lines of `metrics.jsonl` with their steps. A line truncated by a kill cannot be parsed
    /// and is left out.
    fn logged(&self) -> Result<Vec<(u64, String)>, TrainError> {
        let path = self.root.join(METRICS);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let file = File::open(&path).map_err(|e| io(&path, e))?;
        let mut logged = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|e| io(&path, e))?;
            let step = serde_json::from_str::<Value>(&line).ok().and_then(|v| v["step"].as_u64());
            logged.extend(step.map(|step| (step, line)));
        }
        Ok(logged)
    }
}

fn io(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io { path: path.to_owned(), source }
}
