//! `stonechat compress auto`: tries out how much each weight can be cut, and chooses forms and ranks.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use stonechat_compress::{Bits, Budget, Chosen, Machine, Measured, Step, Study};
use stonechat_model::{Family, Package};

use super::{MEASURING, record};
use crate::calibration::{CalibrationArgs, CalibrationAudio, Hearing, pack};
use crate::failure::{Verdict, usage};
use crate::model_file::{ModelArg, file_bytes};
use crate::output::{self, Table, megabytes, thousands};
use crate::progress;
use crate::verbs::lm::size::Size;
use crate::verbs::quantize::bits;

/// How often a target is aimed at anew where the package's header turned out larger than thought.
const AIMS: usize = 16;

#[derive(Args)]
pub struct Auto {
    /// Size of the new package: 2MB
    #[arg(long, value_name = "SIZE", required_unless_present = "latency")]
    target: Option<Size>,
    /// Longest time for the weights' products of a frame of logits, in microseconds on one core of this machine
    #[arg(long, value_name = "US")]
    latency: Option<f64>,
    /// What counts as damage
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Sensitivity::Divergence)]
    sensitivity: Sensitivity,
    /// Consider this family as well where it fits, such as 'family = "toeplitz_like", rank = 4'; may be given
    /// several times. Fitting takes its time
    #[arg(long = "family", value_name = "FAMILY", value_parser = family)]
    families: Vec<Family>,
    /// Fewest bits that the weights of recurrent and fully connected layers may get, 8 or 4
    #[arg(long, default_value = "4", value_parser = bits)]
    bits: Bits,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    model: ModelArg,
    /// Where the new package goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Sensitivity {
    /// How far the symbols' probabilities stray, tried out for every weight at several sizes
    Divergence,
    /// The share of each weight's own output that is lost, without trials: seconds in the place of minutes
    OutputError,
}

/// Everything that was found.
#[derive(Serialize)]
struct Report {
    model: String,
    budget: Budget,
    sensitivity: Sensitivity,
    calibration_seconds: f64,
    before: Whole,
    after: Whole,
    /// Nats per frame between the probabilities before and after.
    divergence: f64,
    maps: Vec<Chosen>,
    /// What was tried out, one map at a time.
    curves: Vec<Trial>,
}

/// A package on the calibration audio.
#[derive(Serialize)]
struct Whole {
    model_bytes: u64,
    parameters: usize,
    /// Character error rate of the best path.
    cer: f64,
}

#[derive(Serialize)]
struct Trial {
    map: String,
    form: String,
    damage: f64,
    cer: f64,
}

/// A family as the inside of an inline table.
fn family(text: &str) -> Result<Family, String> {
    let table: toml::Table =
        toml::from_str(&format!("family = {{ {text} }}")).map_err(|error| error.to_string())?;
    table["family"].clone().try_into().map_err(|error: toml::de::Error| error.to_string())
}

impl Auto {
    pub fn run(self) -> Result<Verdict> {
        if !self.calibration.is_given() {
            return Err(usage("compress auto needs --calibrate MANIFEST"));
        }
        let package = self.model.package()?;
        let model = pack(&package)?;
        let audio = self.calibration.read(&model)?;
        eprintln!("listening to {:.0} s of audio", audio.seconds);
        let inputs = audio.inputs(&model, &package)?;
        let reference = audio.hear(&model)?;
        let machine = self.latency.map(|_| Machine::measure(MEASURING));
        let budget = self.budget(&package)?;
        let measured = Measured { inputs: Some(&inputs), machine: machine.as_ref() };
        let study = Study::new(&package.network, &self.families, self.bits, measured, &budget)
            .with_context(|| self.model.name())?;
        let curves = match self.sensitivity {
            Sensitivity::Divergence => try_out(&study, &audio, &reference, &package)?,
            Sensitivity::OutputError => Vec::new(),
        };
        let (after, maps) = self.aim(&study, &curves, budget, &package)?;

        let before_bytes = self.model.bytes()?;
        after.save(&self.output)?;
        let heard = audio.hear(&pack(&after)?)?;
        let whole = |package: &Package, model_bytes: u64, hearing: &Hearing| Whole {
            model_bytes,
            parameters: package.network.params(),
            cer: hearing.characters.rate(),
        };
        let report = Report {
            model: self.model.name(),
            budget: Budget { bytes: self.target.map(|Size(bytes)| bytes), ..budget },
            sensitivity: self.sensitivity,
            calibration_seconds: audio.seconds,
            before: whole(&package, before_bytes, &reference),
            after: whole(&after, file_bytes(&self.output)?, &heard),
            divergence: reference.divergence(&heard),
            maps,
            curves,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }

    /// What the weights may cost: the target without the package's header.
    fn budget(&self, package: &Package) -> Result<Budget> {
        let latency_us = self.latency;
        let Some(Size(target)) = self.target else {
            return Ok(Budget { latency_us, ..Budget::default() });
        };
        let overhead = package.to_bytes()?.len() - package.network.bytes();
        if target <= overhead {
            bail!("{target} bytes are fewer than the {overhead} of the package's header");
        }
        let bytes = Some(target - overhead);
        Ok(Budget { bytes, latency_us, ..Budget::default() })
    }

    /// The package that keeps to the target. A header grows with the number of tensors, so that the choice may have
    /// to be made again with fewer bytes for the weights.
    fn aim(
        &self,
        study: &Study,
        curves: &[Trial],
        mut budget: Budget,
        package: &Package,
    ) -> Result<(Package, Vec<Chosen>)> {
        let tried: Vec<f64> = curves.iter().map(|trial| trial.damage).collect();
        let tried = (!tried.is_empty()).then_some(&tried[..]);
        for _ in 0..AIMS {
            let maps = study.choose(tried, &budget)?;
            let mut after = package.clone();
            after.network = study.network(&Study::chosen_points(&maps))?;
            let forms = maps.iter().map(|c| (c.name.clone(), json!(c.form.to_string())));
            let step = json!({ "auto": { "budget": budget, "maps": forms.collect::<serde_json::Map<_, _>>() } });
            record(&mut after.provenance, step);
            let found = after.to_bytes()?.len();
            match (&mut budget.bytes, self.target) {
                (Some(bytes), Some(Size(target))) if found > target => {
                    *bytes = bytes.saturating_sub(found - target);
                }
                _ => return Ok((after, maps)),
            }
        }
        bail!("the target is too small for the package's header; give some kilobytes more")
    }
}

/// One trial for each point of the study.
fn try_out(
    study: &Study,
    audio: &CalibrationAudio,
    reference: &Hearing,
    package: &Package,
) -> Result<Vec<Trial>> {
    let points = study.points();
    let bar = progress::bar(points.len(), "trials");
    let trials = points.iter().map(|point| {
        let network = study.network(std::slice::from_ref(point))?;
        let heard = audio.hear(&pack(&Package { network, ..package.clone() })?)?;
        bar.inc(1);
        Ok(Trial {
            map: study.name(point).to_string(),
            form: point.form.to_string(),
            damage: reference.divergence(&heard),
            cer: heard.characters.rate(),
        })
    });
    let trials = trials.collect();
    bar.finish_and_clear();
    trials
}

impl Report {
    fn render(&self) -> String {
        let unit = match self.sensitivity {
            Sensitivity::Divergence => "nats",
            Sensitivity::OutputError => "lost",
        };
        let mut table = Table::new([
            "map",
            "chosen",
            "bytes",
            "us",
            "output error",
            unit,
            "next cheaper",
            "next dearer",
        ]);
        for map in &self.maps {
            table.row([
                map.name.clone(),
                map.form.to_string(),
                thousands(map.cost.bytes as usize),
                format!("{:.1}", map.cost.latency_us),
                format!("{:.2} %", 100.0 * map.output_error),
                format!("{:.4}", map.damage),
                step(map.cheaper.as_ref()),
                step(map.dearer.as_ref()),
            ]);
        }
        let mut text = String::new();
        if !self.curves.is_empty() {
            let mut curves = Table::new(["alone", "form", "nats per frame", "CER"]);
            for trial in &self.curves {
                curves.row([
                    trial.map.clone(),
                    trial.form.clone(),
                    format!("{:.4}", trial.damage),
                    format!("{:.2} %", 100.0 * trial.cer),
                ]);
            }
            text += &format!(
                "what each map costs the network when it alone is changed\n{}\n\n",
                curves.render()
            );
        }
        let percent = |whole: &Whole| format!("CER {:.2} %", 100.0 * whole.cer);
        text + &format!(
            "chosen for {}; beside it what the next forms would save or cost\n{}\n\n\
             package     {} -> {}\nparameters  {} -> {}\non {:.0} s of calibration audio: {} -> {}, \
             {:.4} nats per frame apart",
            limits(&self.budget),
            table.render(),
            megabytes(self.before.model_bytes),
            megabytes(self.after.model_bytes),
            thousands(self.before.parameters),
            thousands(self.after.parameters),
            self.calibration_seconds,
            percent(&self.before),
            percent(&self.after),
            self.divergence,
        )
    }
}

/// `int8 rank 64: -12 kB, +0.003`.
fn step(step: Option<&Step>) -> String {
    let Some(step) = step else { return "-".into() };
    let Step { form, .. } = step;
    let form = form.rank().map_or(form.to_string(), |rank| format!("{} rank {rank}", form.storage));
    format!("{form}: {:+.1} kB, {:+.4}", step.bytes / 1e3, step.damage)
}

fn limits(budget: &Budget) -> String {
    let bytes = budget.bytes.map(|bytes| megabytes(bytes as u64));
    let time = budget.latency_us.map(|us| format!("{us:.0} us"));
    bytes.into_iter().chain(time).collect::<Vec<_>>().join(" and ")
}
