//! `stonechat bench`: speed, share of each layer, latency and memory.

mod kernels;
#[cfg(feature = "serve")]
mod server;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use stonechat::{Options, Profile, Recognizer};
use stonechat_kernels::Isa;

use crate::audio_source::AudioSource;
use crate::failure::{Verdict, usage};
use crate::inputs::{self, Input};
use crate::memory::peak_rss_mb;
use crate::model_file::ModelArg;
use crate::output::{self, Table, duration, megabytes};

/// Seconds of made-up sound where no audio is given.
const SECONDS: f64 = 20.0;
/// Audio arrives in pieces of this length, as from a microphone.
const PIECE_S: f64 = 0.1;
/// More is refused: it is held in memory.
const MAX_SECONDS: f64 = 3600.0;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// Audio files or patterns to measure on, one after the other [default: a made-up sound; the speed does not depend
    /// on what is said]
    #[arg(value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArg,
    /// Length of the audio, repeated or cut to fit [default: 20, or that of the audio given]
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// Number of measurements after one warm-up; medians are reported
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeats: u32,
    /// Frames to run together, 1 to 4: fewer give partial results sooner, more are faster
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    time_batch: u8,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Part {
    /// Measure the matrix products alone, against the limits of this core
    Kernels(kernels::Kernels),
    /// Measure how late a server answers to many at a time
    #[cfg(feature = "serve")]
    Server(server::Server),
}

#[derive(Serialize)]
struct Report {
    model: String,
    model_bytes: u64,
    /// Instruction set of the int8 products.
    isa: &'static str,
    audio_seconds: f64,
    repeats: u32,
    time_batch: u8,
    /// Seconds of work (features, network, decoding; one core) per second of audio, median over the repeats.
    rtf: f64,
    /// Share of the network in that.
    am_share: f64,
    /// From the last sample of speech to the last word: `lookahead_ms + finish_ms`.
    latency_ms: f64,
    /// Audio after a frame that the network hears before it decides on the frame.
    lookahead_ms: f64,
    /// Time of `finish()`: what is computed after the last sample, median over the repeats.
    finish_ms: f64,
    /// Time for a piece of 100 ms of audio, the worst 1 % left out.
    push_p99_ms: f64,
    peak_rss_mb: Option<f64>,
    parts: Vec<PartReport>,
}

#[derive(Serialize)]
struct PartReport {
    part: String,
    /// Share of the time of all parts, over all repeats.
    share: f64,
    /// Milliseconds for a second of audio, mean over all repeats.
    ms_per_s: f64,
}

/// The times of one pass over the audio.
struct Pass {
    total: Duration,
    finish: Duration,
    pushes: Vec<Duration>,
    profile: Profile,
}

impl Bench {
    pub fn run(self) -> Result<Verdict> {
        match self.part {
            Some(Part::Kernels(kernels)) => return kernels.run(),
            #[cfg(feature = "serve")]
            Some(Part::Server(server)) => return server.run(),
            None => {}
        }
        if let Some(seconds) = self.seconds
            && !(seconds > 0.0 && seconds <= MAX_SECONDS)
        {
            return Err(usage(format!(
                "--seconds {seconds}: give more than 0 and at most {MAX_SECONDS}"
            )));
        }
        let options = Options { time_batch: self.time_batch.into(), profile: true };
        let recognizer = Recognizer::new(self.model.load()?, options)?;
        let samples = self.samples(recognizer.model().sample_rate_hz())?;
        measure(&recognizer, &samples)?;
        let passes: Vec<Pass> =
            (0..self.repeats).map(|_| measure(&recognizer, &samples)).collect::<Result<_>>()?;
        let report = self.report(&recognizer, samples.len(), &passes)?;
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }

    fn samples(&self, rate_hz: u32) -> Result<Vec<f32>> {
        let count = |seconds: f64| (seconds * f64::from(rate_hz)).ceil() as usize;
        let inputs = inputs::expand(&self.audio)?;
        if inputs.contains(&Input::Stdin) {
            return Err(usage("stdin cannot be measured on: give files"));
        }
        if inputs.is_empty() {
            return Ok(sound(count(self.seconds.unwrap_or(SECONDS)), rate_hz));
        }
        let most = count(self.seconds.unwrap_or(MAX_SECONDS));
        let mut samples = Vec::new();
        for input in inputs {
            let mut source = AudioSource::open(&input, rate_hz, None)?;
            while samples.len() < most && source.next_chunk(&mut samples)? {}
        }
        samples.truncate(most);
        if self.seconds.is_some() {
            samples = samples.iter().copied().cycle().take(most).collect();
        }
        Ok(samples)
    }

    fn report(&self, recognizer: &Recognizer, samples: usize, passes: &[Pass]) -> Result<Report> {
        let model = recognizer.model();
        let audio_seconds = samples as f64 / f64::from(model.sample_rate_hz());
        let of =
            |time: fn(&Pass) -> Duration| passes.iter().map(|p| time(p).as_secs_f64()).collect();
        let finish_ms = 1e3 * quantile(of(|pass| pass.finish), 0.5);
        let lookahead_ms = f64::from(model.lookahead_ms());
        let pushes = passes.iter().flat_map(|pass| &pass.pushes).map(Duration::as_secs_f64);
        let mut profile = passes[0].profile.clone();
        passes[1..].iter().for_each(|pass| profile.add(&pass.profile));
        let total = profile.total().as_secs_f64();
        let parts = profile.parts().map(|(part, time)| PartReport {
            part: part.to_string(),
            share: time.as_secs_f64() / total,
            ms_per_s: 1e3 * time.as_secs_f64() / (audio_seconds * passes.len() as f64),
        });
        Ok(Report {
            model: self.model.name(),
            model_bytes: self.model.bytes()?,
            isa: Isa::detect().name(),
            audio_seconds,
            repeats: self.repeats,
            time_batch: self.time_batch,
            rtf: quantile(of(|pass| pass.total), 0.5) / audio_seconds,
            am_share: profile.acoustic().as_secs_f64() / total,
            latency_ms: lookahead_ms + finish_ms,
            lookahead_ms,
            finish_ms,
            push_p99_ms: 1e3 * quantile(pushes.collect(), 0.99),
            peak_rss_mb: peak_rss_mb(),
            parts: parts.collect(),
        })
    }
}

impl Report {
    fn render(&self) -> String {
        let mut table = Table::new(["part", "share", "ms per s of audio"]);
        for part in &self.parts {
            table.row([
                part.part.clone(),
                format!("{:.1} %", 100.0 * part.share),
                format!("{:.3}", part.ms_per_s),
            ]);
        }
        let rss =
            self.peak_rss_mb.map_or("unknown on this system".into(), |mb| format!("{mb:.1} MB"));
        format!(
            "{} ({}), {} kernels, time batch {}, {} of audio, median of {}\n\n{}\n\n\
             real-time factor  {:.4} on one core ({:.0} x faster than real time)\n\
             latency           {:.0} ms from the end of speech: {:.0} ms look-ahead + {:.1} ms of work\n\
             100 ms of audio   {:.2} ms of work (99th percentile)\n\
             peak memory       {rss}",
            self.model,
            megabytes(self.model_bytes),
            self.isa,
            self.time_batch,
            duration(self.audio_seconds),
            self.repeats,
            table.render(),
            self.rtf,
            1.0 / self.rtf,
            self.latency_ms,
            self.lookahead_ms,
            self.finish_ms,
            self.push_p99_ms,
        )
    }
}

fn measure(recognizer: &Recognizer, samples: &[f32]) -> Result<Pass> {
    let piece = (PIECE_S * f64::from(recognizer.model().sample_rate_hz())) as usize;
    let mut stream = recognizer.stream();
    let mut pushes = Vec::with_capacity(samples.len() / piece + 1);
    for piece in samples.chunks(piece) {
        let start = Instant::now();
        stream.push(piece)?;
        pushes.push(start.elapsed());
    }
    let start = Instant::now();
    stream.finish();
    let finish = start.elapsed();
    let profile = stream.profile().cloned().expect("the options ask for a profile");
    Ok(Pass { total: pushes.iter().sum::<Duration>() + finish, finish, pushes, profile })
}

/// The value below which `share` of the values lie (nearest rank).
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

/// Something like a voice: a buzz with syllables four times a second, and some noise.
fn sound(samples: usize, rate_hz: u32) -> Vec<f32> {
    let mut state = 1u32;
    let sample = |n| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let seconds = (f64::from(n) / f64::from(rate_hz)) as f32;
        let buzz = 2.0 * (120.0 * seconds).fract() - 1.0;
        let loudness = (4.0 * std::f32::consts::PI * seconds).sin().powi(2);
        0.3 * loudness * buzz + 0.01 * noise
    };
    (0..samples as u32).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let values = || vec![4.0, 1.0, 3.0, 2.0, 5.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.8, 4.0), (0.99, 5.0), (1.0, 5.0)] {
            assert_eq!(quantile(values(), share), expected, "{share}");
        }
    }

    #[test]
    fn the_sound_is_audible_and_not_clipped() {
        let sound = sound(32_000, 16_000);
        let power = sound.iter().map(|s| s * s).sum::<f32>() / 32_000.0;
        assert!(power > 1e-3 && sound.iter().all(|s| s.abs() < 0.5), "{power}");
    }
}
