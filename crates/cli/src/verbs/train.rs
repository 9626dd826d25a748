//! `stonechat train`: a recipe in, a run folder with packages out.

use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use stonechat_train::{
    Evaluation, Event, Link, Options, Pace, Recipe, RunFolder, TrainError, train_with,
};

use crate::failure::Verdict;
use crate::output::{self, Table, duration, thousands};
use crate::{interrupt, kinds, progress};

#[derive(Args)]
pub struct Train {
    /// Recipe (TOML); with --resume it may be left out: the run's own
    #[arg(required_unless_present = "resume")]
    recipe: Option<PathBuf>,
    /// Folder of the run: recipe.toml, metrics.jsonl, curves.svg, checkpoints/, STAGE.stonechat
    #[arg(long, value_name = "FOLDER")]
    run: PathBuf,
    /// Continue the run in the folder from its last checkpoint, with its own recipe
    #[arg(long)]
    resume: bool,
    /// With --resume: this key of the recipe, or a table of keys, may differ from the run's own; may be repeated
    #[arg(long = "change", value_name = "KEY", requires = "resume")]
    allow: Vec<String>,
    /// Treat it as an error if data is left out, or is in both the training and the development set
    #[arg(long)]
    strict: bool,
    /// Set a key of the recipe, for example stage.0.rate=3e-4; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// Print one JSON object at the end: `run` and, for each stage trained now, its last `loss` and `dev` result
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    run: PathBuf,
    stages: Vec<StageReport>,
}

/// The last epoch of a stage.
#[derive(Serialize)]
struct StageReport {
    stage: String,
    /// With the weights of the best epoch, or of the last where there is no development set.
    package: PathBuf,
    epochs: usize,
    /// Mean training loss per utterance in the last epoch.
    loss: f64,
    /// Development result of the last epoch.
    dev: Option<Evaluation>,
    /// The best development CER of the epochs trained now.
    best_cer: Option<f64>,
}

/// The recipe at `path` with the keys that are set. `init = "bundled"` is the model that comes with the program, which
/// is put into `folder`.
pub fn recipe(path: &Path, changes: &[String], folder: &Path) -> Result<Recipe> {
    kinds::regular(path, "a recipe")?;
    let file = kinds::text(path, "a recipe", |_| false)?;
    let text = file.as_str()?;
    let of_recipe =
        || toml::from_str::<toml::Table>(text).ok()?.get("init")?.as_str().map(String::from);
    let changed = changes.iter().rev().find_map(|change| change.strip_prefix("init="));
    let init = changed.map(|init| init.trim_matches(['"', '\'']).to_owned()).or_else(of_recipe);
    let mut changes = changes.to_vec();
    if init.as_deref() == Some("bundled") {
        create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("bundled.stonechat");
        stonechat_files::write(&path, stonechat_english::MODEL)?;
        changes.push(format!("init={}", toml::Value::String(path.display().to_string())));
    }
    Ok(Recipe::load(path, &changes)?)
}

impl Train {
    /// The recipe that was given, or the run's own, with the keys that are set.
    fn recipe(&self) -> Result<Recipe> {
        if self.resume {
            RunFolder::recipe_of(&self.run)?;
        }
        let path = self.recipe.clone().unwrap_or_else(|| self.run.join("recipe.toml"));
        recipe(&path, &self.changes, &self.run)
    }

    pub fn run(self) -> Result<Verdict> {
        #[cfg(feature = "mpi")]
        if let Some(processes) = crate::processes::Processes::begun()? {
            return self.train_as_one_of(&processes);
        }
        self.train(None)
    }

    /// What goes wrong in one process ends all.
    #[cfg(feature = "mpi")]
    fn train_as_one_of(self, processes: &crate::processes::Processes) -> Result<Verdict> {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        let leads = processes.rank() == 0;
        let trained = catch_unwind(AssertUnwindSafe(|| self.train(Some(processes))));
        match trained {
            Ok(Ok(verdict)) => {
                if leads {
                    let megabytes = output::megabytes(processes.sent());
                    output::say(&format!(
                        "{megabytes} sent by each of {} processes",
                        processes.size()
                    ));
                }
                // The first one's status is that of the training.
                Ok(if leads { verdict } else { Verdict::Good })
            }
            Ok(Err(error)) => {
                crate::failure::report(&error);
                processes.abort(1)
            }
            Err(_) => processes.abort(101),
        }
    }

    fn train(self, link: Option<&dyn Link>) -> Result<Verdict> {
        let leads = link.is_none_or(|link| link.rank() == 0);
        let say = |line: &str| {
            if leads {
                output::say(line)
            }
        };
        let recipe = self.recipe()?;
        interrupt::catch(move || {
            if leads {
                output::say("stopping after this step; once more to stop at once");
            }
        })?;
        let options = Options {
            resume: self.resume,
            allow: &self.allow,
            strict: self.strict,
            stop: &interrupt::asked,
            link,
        };
        let display = Mutex::new(Display::default());
        let trained = train_with(&recipe, &self.run, options, &|event| {
            // A panic while drawing would be no reason to lose a training.
            if leads {
                display.lock().unwrap_or_else(|broken| broken.into_inner()).show(&event);
            }
        });
        if let Err(TrainError::Interrupted { step }) = trained {
            drop(display);
            let run = self.run.display();
            say(&match self.run.join("recipe.toml").exists() {
                true => format!(
                    "stopped after {step} steps, all of them saved; `stonechat train --run {run} --resume` goes on"
                ),
                false => "stopped before the first step; the same command begins again".into(),
            });
            return Ok(Verdict::Interrupted);
        }
        trained?;
        if !leads {
            return Ok(Verdict::Good);
        }
        let mut display = display.into_inner().unwrap_or_else(|broken| broken.into_inner());
        let mut stages = std::mem::take(&mut display.stages);
        drop(display);
        for stage in &mut stages {
            stage.package = self.run.join(format!("{}.stonechat", stage.stage));
        }
        let report = Report { run: self.run, stages };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }
}

impl Report {
    fn render(&self) -> String {
        if self.stages.is_empty() {
            return format!("{}: nothing was left to train", self.run.display());
        }
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let mut table = Table::new(["package", "epochs", "loss", "dev CER", "dev WER", "best CER"]);
        for stage in &self.stages {
            let dev = |rate: fn(&Evaluation) -> f64| {
                stage.dev.as_ref().map_or("-".into(), |dev| percent(rate(dev)))
            };
            table.row([
                stage.package.display().to_string(),
                stage.epochs.to_string(),
                format!("{:.3}", stage.loss),
                dev(|dev| dev.cer),
                dev(|dev| dev.wer),
                stage.best_cer.map_or("-".into(), percent),
            ]);
        }
        table.render()
    }
}

/// What is shown while training goes on: one bar at a time, and a line for each epoch that stays.
#[derive(Default)]
struct Display {
    bar: Option<ProgressBar>,
    /// What the bar stands for.
    shown: String,
    stages: Vec<StageReport>,
}

impl Display {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Reading { done, total } => {
                // Threads report in any order.
                let bar = self.bar(&format!("reading {total}"), "reading", *total, 0);
                bar.set_position(bar.position().max(*done as u64));
            }
            Event::Doubt { what } => self.say(&format!("warning: {what}")),
            Event::DataReady { train, dev, dropped, parameters } => {
                let (utterances, hours) = train;
                let dropped: Vec<String> =
                    dropped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
                let dropped =
                    if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") };
                self.say(&format!(
                    "training on {} utterances ({}), {} for development; left out: {dropped}; {} parameters",
                    thousands(*utterances),
                    duration(3600.0 * hours),
                    thousands(*dev),
                    thousands(*parameters),
                ));
            }
            Event::Step { stage, epoch, batch, epochs, loss, rate } => {
                let (done, batches) = batch;
                let position = epoch * batches + done;
                let total = epochs * batches;
                let bar = self.bar(&format!("stage {stage}"), stage, total, position - 1);
                // Epochs need not have the same number of batches.
                bar.set_length(total as u64);
                bar.set_position(position as u64);
                bar.set_message(format!(
                    "epoch {}/{epochs}, loss {loss:.2}, rate {rate:.1e}",
                    epoch + 1
                ));
            }
            Event::Epoch { stage, epoch, loss, dev, pace } => {
                self.end_epoch(stage, *epoch, *loss, *dev, *pace);
            }
            // Events that a later version of the trainer adds.
            _ => {}
        }
    }

    fn end_epoch(
        &mut self,
        stage: &str,
        epoch: usize,
        loss: f64,
        dev: Option<&Evaluation>,
        pace: Pace,
    ) {
        let result = dev.map_or(String::new(), |dev| {
            format!(
                ", dev loss {:.3}, CER {:.2} %, WER {:.2} %",
                dev.loss,
                100.0 * dev.cer,
                100.0 * dev.wer
            )
        });
        // Two lines: the first is the same for the same training on any machine, so that logs can be compared.
        let number = epoch + 1;
        self.say(&format!("{stage} epoch {number}: loss {loss:.3}{result}"));
        let (time, hours) = (duration(pace.seconds), pace.hours_an_hour());
        self.say(&format!("{stage} epoch {number} took {time}, {hours:.0} hours an hour"));
        if self.stages.last().is_none_or(|last| last.stage != stage) {
            self.stages.push(StageReport {
                stage: stage.to_string(),
                package: PathBuf::new(),
                epochs: 0,
                loss,
                dev: None,
                best_cer: None,
            });
        }
        if let Some(last) = self.stages.last_mut() {
            let cer = dev.map(|dev| dev.cer);
            let best = last.best_cer.into_iter().chain(cer).reduce(f64::min);
            (last.epochs, last.loss, last.dev, last.best_cer) =
                (epoch + 1, loss, dev.cloned(), best);
        }
    }

    /// The bar called `name`, a new one that starts at `position` where another was shown.
    fn bar(&mut self, name: &str, prefix: &str, total: usize, position: usize) -> &ProgressBar {
        if self.shown != name {
            self.end_bar();
            self.shown = name.to_string();
        }
        self.bar.get_or_insert_with(|| {
            let bar = progress::bar(total, prefix);
            // What a resumed run did before says nothing about the time left.
            bar.set_position(position as u64);
            bar.reset_eta();
            bar
        })
    }

    fn end_bar(&mut self) {
        self.shown.clear();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// A line on stderr that stays, above the bar.
    fn say(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(line)),
            None => output::say(line),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end_bar();
    }
}
