//! `stonechat compress auto`: tries out how much each weight can be cut, and chooses forms and ranks.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use stonechat_compress::{Bits, Budget, Chosen, Step};
use stonechat_model::{Family, Package};
use stonechat_tune::{Hearing, Trial, pack};

use crate::calibration::CalibrationArgs;
use crate::failure::{Verdict, usage};
use crate::model_file::{ModelArg, file_bytes};
use crate::output::{self, Table, megabytes, thousands};
use crate::progress;
use crate::verbs::lm::size::Size;
use crate::verbs::quantize::bits;

#[derive(Args)]
pub struct Auto {
    /// Size of the new package: 2MB
    #[arg(long, value_name = "SIZE", required_unless_present = "latency")]
    target: Option<Size>,
    /// Limit on the time of all products per frame of logits, in microseconds on one core of this machine
    #[arg(long, value_name = "US")]
    latency: Option<f64>,
    /// What counts as damage
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Sensitivity::Divergence)]
    sensitivity: Sensitivity,
    /// Consider this family as well where it fits, such as 'family = "toeplitz_like", rank = 4'; may be given
    /// several times. Fitting takes its time
    #[arg(long = "family", value_name = "FAMILY", value_parser = family)]
    families: Vec<Family>,
    /// Fewest bits for the weights of recurrent and fully connected layers, 8 or 4
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
    /// Divergence of the symbol probabilities, tried for every weight at several sizes
    Divergence,
    /// Error of each weight's own output, without trials: seconds instead of minutes
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
        let read = [self.model.path(), self.calibration.path()];
        output::reserve(&self.output, read.into_iter().flatten())?;
        self.model.warn_of_integers()?;
        let package = self.model.float_package()?;
        let recordings = self.calibration.read(pack(&package)?.sample_rate_hz())?;
        output::say(&format!("listening to {:.0} s of audio", recordings.seconds));
        let search = stonechat_tune::Auto {
            target: self.target.map(|Size(bytes)| bytes),
            latency_us: self.latency,
            sensitivity: self.sensitivity.into(),
            families: self.families.clone(),
            bits: self.bits,
        };
        let bar = progress::bar(0, "trials");
        let found = search.run(&package, &recordings, &mut |done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let found = found.with_context(|| self.model.name())?;

        let before_bytes = self.model.bytes()?;
        found.package.save(&self.output)?;
        let whole = |package: &Package, model_bytes: u64, hearing: &Hearing| Whole {
            model_bytes,
            parameters: package.network.params(),
            cer: hearing.characters.rate(),
        };
        let report = Report {
            model: self.model.name(),
            budget: Budget { bytes: search.target, ..found.budget },
            sensitivity: self.sensitivity,
            calibration_seconds: recordings.seconds,
            before: whole(&package, before_bytes, &found.before),
            after: whole(&found.package, file_bytes(&self.output)?, &found.after),
            divergence: found.before.divergence(&found.after),
            maps: found.maps,
            curves: found.curves,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }
}

impl From<Sensitivity> for stonechat_tune::Sensitivity {
    fn from(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::Divergence => Self::Divergence,
            Sensitivity::OutputError => Self::OutputError,
        }
    }
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
