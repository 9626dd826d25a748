//! Tuning figures of the kernels as a file, and the search for them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
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
            read(path)?.install();
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Tuning> {
    let text = TextFile::read(path)?;
    toml::from_str(text.as_str()?).with_context(|| {
        format!(
            "{}: these are no tuning figures; `stonechat bench kernels --tune` prints some",
            path.display()
        )
    })
}

/// What a search found.
#[derive(Serialize)]
pub struct Searched {
    processor: String,
    isa: &'static str,
    tuning: Tuning,
    gains: Vec<Gain>,
}

/// What the figures gain for one kind of weights and one number of vectors.
#[derive(Serialize)]
struct Gain {
    weights: &'static str,
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
            gains.push(Gain { weights, batch, hot, cold });
        })?;
        Ok(Self { processor: Processor::detect().to_string(), isa: isa.name(), tuning, gains })
    }

    /// The file for `--tuning`.
    pub fn to_toml(&self) -> Result<String> {
        let mut text = format!("# {}, {}\n", self.processor, self.isa);
        write!(text, "{}", toml::to_string(&self.tuning)?)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let tuning = *Tuning::detected();
        let searched = Searched { processor: "a".into(), isa: "b", tuning, gains: Vec::new() };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.toml");
        std::fs::write(&file, searched.to_toml().unwrap()).unwrap();
        assert_eq!(read(&file).unwrap(), tuning);
        for wrong in ["", "block_bytes = 1", "block_bytes = 'a'"] {
            std::fs::write(&file, wrong).unwrap();
            let error = format!("{:#}", read(&file).unwrap_err());
            assert!(error.contains("t.toml") && error.contains("--tune"), "{wrong}: {error}");
        }
    }
}
