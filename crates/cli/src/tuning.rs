//! Tuning figures of the kernels as a file, and the search for them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use stonechat_files::TextFile;
use stonechat_kernels::Isa;
use stonechat_kernels::tuning::{Found, Processor, Tuning, search};

use crate::output;

#[derive(Args)]
pub struct TuningArg {
    /// Figures that the kernels run by on this machine, as `bench kernels --tune` prints them; results stay the same
    /// [default: those for this processor]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Machine")]
    tuning: Option<PathBuf>,
}

impl TuningArg {
    /// Makes the whole program run by the figures of the file, if there is one.
    pub fn install(&self) -> Result<()> {
        if let Some(path) = &self.tuning {
            Searched::read(path)?.tuning.install();
        }
        Ok(())
    }
}

/// What a search found: the file for `--tuning`.
#[derive(Deserialize, Serialize)]
pub struct Searched {
    processor: String,
    isa: String,
    tuning: Tuning,
    #[serde(default)]
    gains: Vec<Gain>,
}

/// What the figures gain for one kind of weights and one number of vectors.
#[derive(Deserialize, Serialize)]
struct Gain {
    weights: String,
    batch: usize,
    /// Times as fast as with nothing tuned, weights in the second cache.
    hot: f64,
    /// The same with weights that come from memory.
    cold: f64,
}

impl Searched {
    /// Searches, and says to stderr what comes out.
    pub fn search(isa: Isa) -> Result<Self> {
        output::say(&format!(
            "{}, {isa}: about a minute; keep the machine at rest",
            Processor::detect()
        ));
        let mut gains = Vec::new();
        let tuning = search(isa, |found| {
            let Found { kind: weights, width: batch, hot_gain: hot, cold_gain: cold } = found;
            output::say(&format!("{weights}, {batch} vectors: {hot:.2} x hot, {cold:.2} x cold"));
            gains.push(Gain { weights: weights.into(), batch, hot, cold });
        })?;
        Ok(Self {
            processor: Processor::detect().to_string(),
            isa: isa.name().into(),
            tuning,
            gains,
        })
    }

    fn read(path: &Path) -> Result<Self> {
        let text = TextFile::read(path)?;
        serde_json::from_str(text.as_str()?).with_context(|| {
            format!(
                "{}: these are no tuning figures; `stonechat bench kernels --tune` prints some",
                path.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let tuning = *Tuning::detected();
        let searched =
            Searched { processor: "a".into(), isa: "b".into(), tuning, gains: Vec::new() };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.json");
        std::fs::write(&file, serde_json::to_string(&searched).unwrap()).unwrap();
        assert_eq!(Searched::read(&file).unwrap().tuning, tuning);
        for wrong in ["", "{}", r#"{"processor":"a","isa":"b","tuning":{"block_bytes":1}}"#] {
            std::fs::write(&file, wrong).unwrap();
            let error = format!("{:#}", Searched::read(&file).err().unwrap());
            assert!(error.contains("t.json") && error.contains("--tune"), "{wrong}: {error}");
        }
    }
}
