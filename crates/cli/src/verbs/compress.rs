//! `stonechat compress`: weights to low rank, by a plan or by one rule, or `compress auto` by trial.

mod auto;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stonechat_compress::{Budget, LowRank, Machine, Measured, Plan, RankRule};
use stonechat_tune::report::{self, Change};

use crate::calibration::CalibrationArgs;
use crate::change;
use crate::failure::Verdict;
use crate::kinds;
use crate::model_file::ModelArg;
use crate::output;

/// How long the machine is measured for where a budget is one of time.
const MEASURING: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Compress {
    #[command(subcommand)]
    automatic: Option<Automatic>,
    #[command(flatten)]
    by_rule: ByRule,
}

#[derive(Subcommand)]
enum Automatic {
    /// Test how much each weight can be compressed, and choose forms and ranks for a target size
    Auto(auto::Auto),
}

#[derive(Args)]
struct ByRule {
    #[command(flatten)]
    rule: Rule,
    /// Minimise the error of the outputs on the calibration audio instead of that of the weights
    #[arg(long, requires = "calibrate", conflicts_with = "plan")]
    whiten: bool,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    model: ModelArg,
    /// Where the new package goes
    #[arg(long, value_name = "FILE", required = true)]
    output: Option<PathBuf>,
    /// Print one JSON object: `before` and `after`
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Rule {
    /// Compression plan (TOML): which maps, by which rule, and to how many bits
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Keep this share of each weight's variance, 0 to 1
    #[arg(long, value_name = "SHARE")]
    variance: Option<f64>,
    /// Cut to these ranks, for example gru.0.rec=64,gru.1.rec=96; `inspect` lists the names
    #[arg(long, value_name = "MAP=RANK,...", value_delimiter = ',', value_parser = map_and_rank)]
    ranks: Option<Vec<(String, usize)>>,
    /// Keep as much variance as fits into this many parameters, biases included
    #[arg(long, value_name = "PARAMETERS")]
    budget: Option<usize>,
}

fn map_and_rank(text: &str) -> Result<(String, usize), String> {
    let (name, rank) = text.split_once('=').ok_or("expected MAP=RANK")?;
    let rank = rank.trim().parse().map_err(|error| format!("rank {rank:?}: {error}"))?;
    Ok((name.trim().to_string(), rank))
}

impl ByRule {
    fn plan(&self) -> Result<Plan> {
        if let Some(path) = &self.rule.plan {
            let text = kinds::text(path, "a plan", |_| false)?;
            return Plan::from_toml(text.as_str()?).with_context(|| path.display().to_string());
        }
        let rank = match (&self.rule.variance, &self.rule.ranks, &self.rule.budget) {
            (Some(share), ..) => RankRule::Variance(*share),
            (_, Some(ranks), _) => {
                RankRule::List(ranks.iter().cloned().collect::<BTreeMap<_, _>>())
            }
            (.., Some(parameters)) => RankRule::Budget(Budget::parameters(*parameters)),
            _ => unreachable!("clap requires one of the group"),
        };
        let low_rank = LowRank { whiten: self.whiten, ..LowRank::new(rank) };
        Ok(Plan { low_rank: Some(low_rank), ..Plan::default() })
    }

    fn run(self) -> Result<Verdict> {
        // An option only because `auto` does without.
        let Some(path) = &self.output else { bail!("--output is missing") };
        let read = [self.model.path(), self.calibration.path(), self.rule.plan.as_deref()];
        output::reserve(path, read.into_iter().flatten())?;
        let plan = self.plan()?;
        self.model.warn_of_integers()?;
        let inputs = match plan.needs_inputs() || self.calibration.is_given() {
            false => None,
            true => Some(self.calibration.inputs(&self.model.float_package()?)?),
        };
        let machine = plan.needs_machine().then(|| Machine::measure(MEASURING));
        let measured = Measured { inputs: inputs.as_ref(), machine: machine.as_ref() };
        change::print(&rewrite(&self.model, path, json!(plan), &plan, measured)?, self.json)?;
        Ok(Verdict::Good)
    }
}

impl Compress {
    pub fn run(self) -> Result<Verdict> {
        match self.automatic {
            Some(Automatic::Auto(auto)) => auto.run(),
            None => self.by_rule.run(),
        }
    }
}

/// Reads a package (integers as the floats they stand for), puts what `plan` makes of its network into a new one at `output`, with `step` in
/// its provenance, and says what that did to it.
pub fn rewrite(
    model: &ModelArg,
    output: &Path,
    step: Value,
    plan: &Plan,
    measured: Measured,
) -> Result<Change> {
    let (package, bytes) = (model.float_package()?, model.bytes()?);
    report::rewrite(package, bytes, output, step, measured, |network| {
        plan.apply(network, measured).with_context(|| model.name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_read() {
        assert_eq!(map_and_rank("gru.0.rec=64"), Ok(("gru.0.rec".into(), 64)));
        for wrong in ["gru.0.rec", "a=b", "a=-1", "a="] {
            assert!(map_and_rank(wrong).is_err(), "{wrong}");
        }
    }
}
