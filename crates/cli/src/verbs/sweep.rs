//! `stonechat sweep`: many trainings of one recipe, one table, plots.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use stonechat_plot::Scale;
use stonechat_sweep::{
    Hooks, Item, Outcome, Plot, Sweep as Config, Table, collect, collect_epochs, plot, run,
};

use super::train;
use crate::failure::{Verdict, usage};
use crate::{interrupt, kinds, output};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Sweep {
    #[command(subcommand)]
    then: Option<Then>,
    /// The sweep (TOML): a recipe, and a grid, a list or random draws of keys and seeds
    #[arg(required = true, value_name = "SWEEP")]
    sweep: Option<PathBuf>,
    /// Folder of the runs, one folder an item; what is done is left alone, what was begun goes on
    #[arg(long, value_name = "FOLDER", required = true)]
    run: Option<PathBuf>,
    /// Trainings at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: u32,
    /// Run one item alone, the first is 0: `--index $SLURM_ARRAY_TASK_ID`
    #[arg(long, value_name = "I")]
    index: Option<usize>,
    /// Print the items with what they set, and run nothing
    #[arg(long)]
    list: bool,
    /// Print one JSON object: `done`, `interrupted` and `failed`
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Then {
    /// Make one table of all runs
    Collect(Collect),
    /// Draw a table: a curve with spread over seeds, a heat map, a Pareto front
    Plot(Draw),
}

#[derive(Args)]
struct Collect {
    /// The sweep (TOML)
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// Folder of the runs
    #[arg(long, value_name = "FOLDER")]
    run: PathBuf,
    /// Where the table goes: `.json` is JSON, all other names CSV [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A row an epoch instead of a row an item
    #[arg(long)]
    epochs: bool,
    /// Print one JSON object: `rows`
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Means with standard deviations
    Curve,
    /// The mean of --value for each pair of --x and --y
    HeatMap,
    /// A point a row
    Points,
    /// A point a row, and the line of those that no other beats in both; less is better
    Front,
}

#[derive(Args)]
struct Draw {
    /// The table (CSV, by `sweep collect`)
    #[arg(value_name = "TABLE")]
    table: PathBuf,
    /// What is drawn
    #[arg(long, value_enum, default_value = "curve")]
    kind: Kind,
    /// Column of the x axis
    #[arg(long, value_name = "COLUMN")]
    x: String,
    /// Column of the y axis
    #[arg(long, value_name = "COLUMN")]
    y: String,
    /// Column of a heat map's values
    #[arg(long, value_name = "COLUMN", required_if_eq("kind", "heat-map"))]
    value: Option<String>,
    /// Column that tells lines or colours apart
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Only rows with this value in a column; may be given several times, then all hold
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    only: Vec<String>,
    /// A logarithmic x axis; a heat map has none
    #[arg(long)]
    log_x: bool,
    /// Above the picture [default: the table's name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Where the picture (SVG) goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl Sweep {
    pub fn run(self) -> Result<Verdict> {
        match self.then {
            Some(Then::Collect(collect)) => return collect.run(),
            Some(Then::Plot(plot)) => return plot.run(),
            None => {}
        }
        let (Some(path), Some(folder)) = (&self.sweep, &self.run) else {
            return Err(usage("a sweep and --run are needed"));
        };
        let sweep = load(path)?;
        let mut items = sweep.items();
        if let Some(index) = self.index {
            let count = items.len();
            let item = items.into_iter().nth(index);
            items = vec![item.ok_or(stonechat_sweep::Error::Index { index, count })?];
        }
        if self.list {
            return list(&items, self.json);
        }
        for item in &items {
            // A mistyped key is found before the first training and not after a day of them.
            train::recipe(&sweep.recipe, &item.changes(), folder)
                .with_context(|| format!("item {}", item.name))?;
        }
        let program = std::env::current_exe().context("the path of this program")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let train = |item: &Item, run: &Path, resume: bool| {
            let mut command = Command::new(&program);
            command.arg("train").arg(&sweep.recipe).arg("--json").arg("--run").arg(run);
            command.args(resume.then_some("--resume"));
            command.args(item.changes().iter().flat_map(|change| ["--set", change]));
            if self.jobs > 1 {
                // Trainings share the cores.
                let threads = cores.div_ceil(self.jobs as usize);
                command.env("RAYON_NUM_THREADS", threads.to_string());
            }
            command
        };
        interrupt::catch(|| output::say("asking the trainings to save and end"))?;
        let hooks = Hooks { train: &train, observe: &tell, stop: &interrupt::asked };
        let outcomes = run(&items, folder, self.jobs as usize, &hooks)?;
        report(&items, &outcomes, self.json)
    }
}

fn list(items: &[Item], json: bool) -> Result<Verdict> {
    if json {
        let item = |item: &Item| json!({ "item": item.name, "set": item.changes() });
        output::json(&json!({ "items": items.iter().map(item).collect::<Vec<_>>() }))?;
    } else {
        let line =
            |(i, item): (usize, &Item)| format!("{i}\t{}\t{}", item.name, item.changes().join(" "));
        output::text(&items.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Verdict::Good)
}

/// A line on stderr for each beginning and end.
fn tell(item: &Item, outcome: Option<&Outcome>) {
    let what = match outcome {
        None => "begins",
        Some(Outcome::WasDone) => "was done before",
        Some(Outcome::Done) => "done",
        Some(Outcome::Interrupted) => "interrupted, goes on when the sweep is run again",
        Some(Outcome::Failed(reason)) => &format!("failed: {reason}"),
    };
    output::say(&format!("{}: {what}", item.name));
}

fn report(items: &[Item], outcomes: &[Outcome], json: bool) -> Result<Verdict> {
    let named = |keep: &dyn Fn(&Outcome) -> bool| -> Vec<&str> {
        let pairs = items.iter().zip(outcomes);
        pairs.filter(|(_, outcome)| keep(outcome)).map(|(item, _)| item.name.as_str()).collect()
    };
    let done = named(&|o| matches!(o, Outcome::Done | Outcome::WasDone));
    let interrupted = named(&|o| *o == Outcome::Interrupted);
    let failed = named(&|o| matches!(o, Outcome::Failed(_)));
    if json {
        output::json(&json!({ "done": done, "interrupted": interrupted, "failed": failed }))?;
    } else {
        let mut text = format!("{} of {} done", done.len(), items.len());
        for (what, names) in [("interrupted", &interrupted), ("failed", &failed)] {
            if !names.is_empty() {
                text += &format!("\n{what}: {}", names.join(", "));
            }
        }
        output::text(&text)?;
    }
    Ok(match (failed.is_empty(), interrupted.is_empty()) {
        (false, _) => Verdict::Bad,
        (true, false) => Verdict::Interrupted,
        (true, true) => Verdict::Good,
    })
}

/// Reads a sweep.
fn load(path: &Path) -> Result<Config> {
    kinds::check(path, "a sweep", kinds::plain)?;
    Ok(Config::load(path)?)
}

impl Collect {
    fn run(self) -> Result<Verdict> {
        if let Some(path) = &self.output {
            output::reserve(path, [self.sweep.as_path()])?;
        }
        if !self.run.is_dir() {
            bail!("{}: there is no such folder of a sweep", self.run.display());
        }
        let rows = if self.epochs { collect_epochs } else { collect };
        let table = rows(&load(&self.sweep)?.items(), &self.run)?;
        if let Some(path) = &self.output {
            let is_json = path.extension().is_some_and(|extension| extension == "json");
            let text = match is_json {
                true => serde_json::to_string_pretty(&table.to_json())?,
                false => table.to_csv(),
            };
            stonechat_files::write(path, text.as_bytes())?;
        }
        if self.json {
            output::json(&json!({ "rows": table.to_json() }))?;
        } else if self.output.is_none() {
            output::text(table.to_csv().trim_end())?;
        }
        Ok(Verdict::Good)
    }
}

impl Draw {
    fn run(self) -> Result<Verdict> {
        let of_heat_map = self.kind == Kind::HeatMap;
        for (option, given, fits) in [
            ("--value", self.value.is_some(), of_heat_map),
            ("--by", self.by.is_some(), !of_heat_map),
            ("--log-x", self.log_x, !of_heat_map),
        ] {
            if given && !fits {
                let kinds = if of_heat_map { "curves, points and fronts" } else { "heat maps" };
                return Err(usage(format!("{option} is for {kinds}: leave it out")));
            }
        }
        output::reserve(&self.output, [self.table.as_path()])?;
        kinds::table(&self.table, "a table of a sweep (CSV)")?;
        let mut table = Table::from_csv(&self.table)?;
        for only in &self.only {
            let (column, value) = only
                .split_once('=')
                .ok_or_else(|| usage(format!("--where {only}: expected COLUMN=VALUE")))?;
            table.keep(column, value)?;
        }
        let name = || self.table.file_stem().map_or(String::new(), |n| n.display().to_string());
        let title = self.title.clone().unwrap_or_else(name);
        let (x, y, by) = (self.x, self.y, self.by);
        let scale = if self.log_x { Scale::Log } else { Scale::Linear };
        let what = match self.kind {
            Kind::Curve => Plot::Curve { x, y, by, scale },
            Kind::Points => Plot::Points { x, y, by, scale },
            Kind::Front => Plot::Front { x, y, by, scale },
            Kind::HeatMap => Plot::HeatMap { x, y, value: self.value.unwrap_or_default() },
        };
        let svg = plot(&table, &title, &what).with_context(|| self.table.display().to_string())?;
        stonechat_files::write(&self.output, svg.as_bytes())?;
        Ok(Verdict::Good)
    }
}
