//! `--calibrate`: audio on which a network is observed.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use stonechat_compress::Calibration;
use stonechat_model::Package;
use stonechat_tune::{Recordings, pack};

use crate::{output, progress};

/// Which audio to calibrate with.
#[derive(Args)]
pub struct CalibrationArgs {
    /// Calibration audio (manifest), for calibrated compression
    #[arg(long, value_name = "FILE")]
    calibrate: Option<PathBuf>,
    /// Seconds of it to use, from utterances spread over the manifest
    #[arg(long, value_name = "SECONDS", default_value_t = 180.0, requires = "calibrate")]
    calibrate_seconds: f64,
}

impl CalibrationArgs {
    /// The manifest, where one is given.
    pub fn path(&self) -> Option<&Path> {
        self.calibrate.as_deref()
    }

    /// Whether there is any.
    pub fn is_given(&self) -> bool {
        self.calibrate.is_some()
    }

    /// Reads the audio at the rate of a model.
    pub fn read(&self, rate_hz: u32) -> Result<Recordings> {
        let Some(manifest) = &self.calibrate else {
            bail!("this needs calibration audio: give --calibrate MANIFEST");
        };
        let recordings = Recordings::read(manifest, rate_hz, self.calibrate_seconds)?;
        output::tell(&recordings.doubts);
        Ok(recordings)
    }

    /// The inputs of all maps of a package's network on the audio.
    pub fn inputs(&self, package: &Package) -> Result<Calibration> {
        let model = pack(package)?;
        let recordings = self.read(model.sample_rate_hz())?;
        let bar = progress::bar(recordings.utterances.len(), "calibration");
        let inputs = recordings.inputs(&model, &package.network, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        Ok(inputs)
    }
}
