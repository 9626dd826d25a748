//! `stonechat bench server`: how late a server answers when many talk to it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use stonechat_server::{Load, LoadReport};

use crate::audio_source::AudioSource;
use crate::failure::{Verdict, usage};
use crate::inputs::{self, Input};
use crate::output::{self, Table};

/// Of the audio that is sent.
const RATE_HZ: u32 = 16_000;
/// More is refused: it is held in memory.
const MAX_SECONDS: usize = 600;

#[derive(Args)]
pub struct Server {
    /// Where it listens, as ws://127.0.0.1:2700/
    url: String,
    /// Audio that is said, over and over [default: a made-up sound]
    #[arg(value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    /// Clients that talk at a time, in real time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    streams: u32,
    /// For how long they talk
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// File whose first key opens the server
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Server {
    pub fn run(self) -> Result<Verdict> {
        let mut load = Load::new(&self.url, self.streams as usize, self.samples()?, RATE_HZ);
        load.length = Duration::from_secs(self.seconds.into());
        if let Some(path) = &self.key_file {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let mut lines = text.lines().map(str::trim);
            load.key =
                lines.find(|line| !line.is_empty() && !line.starts_with('#')).map(Into::into);
        }
        let report = load.run().map_err(|problem| anyhow::anyhow!(problem))?;
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&render(&report))?;
        }
        Ok(if report.lost == 0 { Verdict::Good } else { Verdict::Bad })
    }

    fn samples(&self) -> Result<Vec<i16>> {
        let inputs = inputs::expand(&self.audio)?;
        if inputs.contains(&Input::Stdin) {
            return Err(usage("stdin cannot be said over and over: give files"));
        }
        let mut samples = Vec::new();
        for input in &inputs {
            let mut source = AudioSource::open(input, RATE_HZ, None)?;
            while source.next_chunk(&mut samples)? {
                if samples.len() > MAX_SECONDS * RATE_HZ as usize {
                    bail!("{input}: more than {MAX_SECONDS} s of audio: give less");
                }
            }
        }
        if inputs.is_empty() {
            samples = super::sound(20 * RATE_HZ as usize, RATE_HZ);
        }
        Ok(samples.iter().map(|sample| (sample * 32_767.0) as i16).collect())
    }
}

fn render(report: &LoadReport) -> String {
    let mut table = Table::new(["ms", "p50", "p95", "p99", "max"]);
    for (name, times) in [("lag of an answer", report.lag_ms), ("last result", report.last_ms)] {
        let [p50, p95, p99, max] =
            [times.p50, times.p95, times.p99, times.max].map(|ms| format!("{ms:.1}"));
        table.row([name.into(), p50, p95, p99, max]);
    }
    let lost = match &report.reason {
        None => "none lost".into(),
        Some(reason) => format!("{} lost ({reason})", report.lost),
    };
    let memory = report.server_rss_mb.map_or(String::new(), |[before, after]| {
        format!("\nmemory of the server: {before:.1} MB before, {after:.1} MB after")
    });
    let rtf = report.server_rtf.map_or(String::new(), |rtf| {
        format!(
            "\nwork of the server: {rtf:.4} s a second of audio, {:.0} streams a core",
            1.0 / rtf
        )
    });
    format!(
        "{} streams, {}, {:.0} s of audio\n\n{}\n{memory}{rtf}",
        report.streams,
        lost,
        report.audio_seconds,
        table.render()
    )
}
