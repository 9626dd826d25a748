//! Runs what is missing.
//!
//! An item's state is only in its files: `ITEM/` is the run folder, `ITEM.log` the output of the
//! training, `ITEM.json` its keys and its report, written when it is done. Calling a sweep again
//! does the rest.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Item};

/// How often to check whether a training has ended.
const POLL: Duration = Duration::from_millis(50);

/// The exit status of a training that was interrupted and can be resumed.
pub const INTERRUPTED: i32 = 75;

/// The progress of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Never begun.
    Missing,
    /// Begun but not done.
    Begun,
    /// Done.
    Done,
}

/// The outcome of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done before.
    WasDone,
    /// It was trained to its end.
    Done,
    /// It stopped and can be resumed.
    Interrupted,
    /// It failed; the end of its output.
    Failed(String),
}

/// The record of an item that is done.
#[derive(Deserialize, Serialize)]
struct Done {
    /// The keys that it set, as `KEY=VALUE`.
    set: Vec<String>,
    /// The report of the training.
    report: Value,
}

/// The progress of an item of a sweep in `folder`.
pub fn state(item: &Item, folder: &Path) -> State {
    match (done(item, folder).exists(), folder.join(&item.name).join("recipe.toml").exists()) {
        (true, _) => State::Done,
        (false, true) => State::Begun,
        (false, false) => State::Missing,
    }
}

fn done(item: &Item, folder: &Path) -> PathBuf {
    folder.join(format!("{}.json", item.name))
}

/// Checks that an item that is done was trained with its current keys.
pub(crate) fn check_done(item: &Item, folder: &Path) -> Result<(), Error> {
    let path = done(item, folder);
    let bytes = fs::read(&path).map_err(|e| Error::io(&path, e))?;
    let refuse = |reason: String| Err(Error::Done { path: path.clone(), reason });
    match serde_json::from_slice::<Done>(&bytes) {
        Ok(done) if done.set == item.changes() => Ok(()),
        Ok(done) => refuse(format!(
            "this item was trained with {}: name it anew, or remove this file and its folder",
            done.set.join(", ")
        )),
        Err(error) => refuse(format!("{error}: remove the file, and the item is trained on")),
    }
}

/// The caller's part of a sweep.
pub struct Hooks<'a> {
    /// Makes the command of an item from its run folder and whether to resume. Its stdout is kept
    /// as the item's report.
    pub train: &'a (dyn Fn(&Item, &Path, bool) -> Command + Sync),
    /// Called for each item that was not done before: when it begins (no outcome) and when it ends.
    pub observe: &'a (dyn Fn(&Item, Option<&Outcome>) + Sync),
    /// Whether to end the sweep: running trainings are asked to end (SIGTERM), no others begin.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// Runs the items in `folder`, `jobs` at a time, each as a process; returns the outcome of each.
///
/// # Errors
/// The folder cannot be made. Any error of an item is its outcome.
pub fn run(
    items: &[Item],
    folder: &Path,
    jobs: usize,
    hooks: &Hooks<'_>,
) -> Result<Vec<Outcome>, Error> {
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { return outcomes };
            outcomes.push((i, one(item, folder, hooks)));
        }
    };
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..jobs.clamp(1, items.len().max(1))).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    outcomes.sort_by_key(|(i, _)| *i);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn one(item: &Item, folder: &Path, hooks: &Hooks<'_>) -> Outcome {
    let outcome = match state(item, folder) {
        State::Done => check_done(item, folder).map(|()| Outcome::WasDone),
        _ if (hooks.stop)() => Ok(Outcome::Interrupted),
        state => {
            (hooks.observe)(item, None);
            let command = (hooks.train)(item, &folder.join(&item.name), state == State::Begun);
            process(item, folder, command, hooks.stop)
        }
    };
    let outcome = outcome.unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    (hooks.observe)(item, Some(&outcome));
    outcome
}

fn process(
    item: &Item,
    folder: &Path,
    mut command: Command,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Outcome, Error> {
    let log = folder.join(format!("{}.log", item.name));
    let stderr = File::options().create(true).append(true).open(&log);
    let stderr = stderr.map_err(|e| Error::io(&log, e))?;
    let said = folder.join(format!("{}.out", item.name));
    let stdout = File::create(&said).map_err(|e| Error::io(&said, e))?;
    alone(&mut command);
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
    let status = wait(child.map_err(|e| Error::io(command.get_program(), e))?, stop);
    let status = status.map_err(|e| Error::io(command.get_program(), e))?;
    let report = fs::read(&said).map_err(|e| Error::io(&said, e))?;
    fs::remove_file(&said).map_err(|e| Error::io(&said, e))?;
    if status.success() {
        let path = done(item, folder);
        let refuse = |error: serde_json::Error| Error::Done {
            path: path.clone(),
            reason: format!("the training did not end with a JSON object: {error}"),
        };
        let report = serde_json::from_slice(&report).map_err(refuse)?;
        let text = serde_json::to_vec_pretty(&Done { set: item.changes(), report });
        stonechat_files::write(&path, &text.map_err(refuse)?)?;
        return Ok(Outcome::Done);
    }
    if status.code() == Some(INTERRUPTED) {
        return Ok(Outcome::Interrupted);
    }
    let said = fs::read(&log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or_else(|| status.to_string(), str::to_owned);
    Ok(Outcome::Failed(format!("{last} ({})", log.display())))
}

/// Ctrl-C in a terminal reaches a whole process group. A training gets its own group, so that it is
/// asked once, by the sweep.
#[cfg(unix)]
fn alone(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn alone(_: &mut Command) {}

/// Waits for a training, and asks it once to end if the sweep must end.
fn wait(mut child: Child, stop: &(dyn Fn() -> bool + Sync)) -> std::io::Result<ExitStatus> {
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if !asked && stop() {
            asked = true;
            ask_to_end(&mut child)?;
        }
        thread::sleep(POLL);
    }
}

#[cfg(unix)]
fn ask_to_end(child: &mut Child) -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    Ok(kill_process(Pid::from_child(child), Signal::TERM)?)
}

/// Without such a signal, the training is later resumed from its last checkpoint.
#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) -> std::io::Result<()> {
    child.kill()
}
