//! `stonechat import`: the weights of a network trained elsewhere become a package.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use stonechat::Model;
use stonechat_audio::FeatureConfig;
use stonechat_exchange::{ImportPlan, StateDict};
use stonechat_kinds::FileKind;
use stonechat_tune::report::Summary;

use crate::change;
use crate::failure::Verdict;
use crate::kinds;
use crate::model_file::file_bytes;
use crate::output;

#[derive(Args)]
pub struct Import {
    /// State dict of a PyTorch network (`safetensors.torch.save_file(net.state_dict(), FILE)`)
    #[arg(long, value_name = "SAFETENSORS")]
    from: PathBuf,
    /// What it is the state of (TOML): network, alphabet, features, names of the tensors
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Where the package goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object: parameters, bytes and maps
    #[arg(long)]
    json: bool,
}

impl Import {
    pub fn run(self) -> Result<Verdict> {
        output::reserve(&self.output, [&*self.from, &*self.plan])?;
        let text = kinds::text(&self.plan, "a plan", |_| false)?;
        let in_plan = || self.plan.display().to_string();
        let mut plan = ImportPlan::from_toml(text.as_str()?).with_context(in_plan)?;
        // Written out, so that the package does not change with the defaults.
        let features: FeatureConfig =
            serde_json::from_value(plan.features).context("features").with_context(in_plan)?;
        plan.features = serde_json::to_value(&features)?;
        kinds::check(&self.from, "a state dict in safetensors", |kind| {
            matches!(kind, FileKind::Safetensors | FileKind::Unknown(_))
        })?;
        let weights = StateDict::load(&self.from)?;
        let package = plan.import(&weights).with_context(|| self.from.display().to_string())?;
        // Features and network must fit each other.
        Model::from_package(package.clone()).with_context(in_plan)?;
        package.save(&self.output)?;
        let summary = Summary::new(&package.network, file_bytes(&self.output)?);
        if self.json {
            output::json(&summary)?;
        } else {
            output::text(&change::table(&summary))?;
        }
        Ok(Verdict::Good)
    }
}
