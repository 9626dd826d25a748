//! `--vad`: silence where nobody speaks.

use anyhow::Result;
use clap::Args;
use stonechat::Settings;

use crate::failure::usage;
use crate::settings_args::{checked, help, set};

#[derive(Args)]
pub struct VoiceArgs {
    /// Skip audio without speech (voice activity detection; for 16 kHz models) [default: on for such models
    /// in `transcribe` and `listen`, else off]
    #[arg(long, value_name = "on|off", value_parser = checked("vad"))]
    vad: Option<String>,
    #[arg(long, value_name = "X", value_parser = checked("vad-threshold"), help = help("vad-threshold"))]
    vad_threshold: Option<String>,
}

impl VoiceArgs {
    /// Sets what was given; without a word about it the detector is off, or on where it can be had.
    pub fn apply(&self, settings: &mut Settings, default: bool) -> Result<()> {
        if !default && self.vad.is_none() && self.vad_threshold.is_none() {
            settings.vad = Some(false);
        }
        set(settings, "vad", self.vad.as_ref())?;
        if settings.vad == Some(false) && self.vad_threshold.is_some() {
            return Err(usage("--vad-threshold is that of --vad, which is off: leave it out"));
        }
        set(settings, "vad-threshold", self.vad_threshold.as_ref())
    }
}
