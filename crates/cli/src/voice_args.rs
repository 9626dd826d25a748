//! `--vad`: silence where nobody speaks.

use anyhow::Result;
use clap::{Args, ValueEnum};
use stonechat::{Recognizer, VoiceOptions};

use crate::failure::usage;

/// The only sampling rate of the detector.
const RATE_HZ: u32 = 16_000;

#[derive(Args)]
pub struct VoiceArgs {
    /// Listen only where somebody speaks (voice activity detection; for models of 16 kHz) [default: on for such models
    /// in `transcribe` and `listen`, else off]
    #[arg(long, value_enum, value_name = "WHETHER")]
    vad: Option<Whether>,
    /// The least probability of speech, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "X")]
    vad_threshold: Option<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whether {
    On,
    Off,
}

impl VoiceArgs {
    /// The recognizer with or without the detector; with it by `default` where it can be had.
    pub fn apply(&self, recognizer: Recognizer, default: bool) -> Result<Recognizer> {
        let default = default && recognizer.model().sample_rate_hz() == RATE_HZ;
        let on = self.vad.map_or(default || self.vad_threshold.is_some(), |vad| vad == Whether::On);
        let options = VoiceOptions::default();
        let threshold = self.vad_threshold.unwrap_or(options.threshold);
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(usage(format!(
                "--vad-threshold {threshold}: must be above 0 and at most 1"
            )));
        }
        if !on {
            return Ok(recognizer);
        }
        Ok(recognizer.with_voice_detection(VoiceOptions { threshold, ..options })?)
    }
}
