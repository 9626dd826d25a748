//! `stonechat spot`: phrases found in audio.

mod curve;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use stonechat::{Recognizer, Settings, Spotted};
use stonechat_audio::Warning;

use self::curve::Curve;
use crate::audio_source::AudioSource;
use crate::failure::{Verdict, usage};
use crate::inputs::{self, Input};
use crate::kinds;
use crate::model_file::ModelArg;
use crate::output;
use crate::recordings;
use crate::settings_args::{checked, explained, help, set};
use crate::voice_args::VoiceArgs;

#[derive(Args)]
pub struct Spot {
    /// Audio files, folders of them, patterns, or - for raw PCM on stdin (signed 16 bit, little endian, mono; see --rate)
    #[arg(required_unless_present = "manifest", value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    /// Measure misses and false alarms by threshold over a manifest (JSONL: audio_filepath, text) instead of
    /// listening
    #[arg(long, value_name = "FILE", conflicts_with_all = ["audio", "threshold", "rate"])]
    manifest: Option<PathBuf>,
    /// With --manifest: choose the threshold for at most X false alarms an hour [default: 1]
    #[arg(long, value_name = "X", requires = "manifest", allow_hyphen_values = true)]
    per_hour: Option<f64>,
    #[arg(
        long, required_unless_present = "keywords", value_name = "PHRASE",
        value_parser = checked("keyword"), help = help("keyword")
    )]
    keyword: Vec<String>,
    #[arg(long, value_name = "FILE", help = help("keywords"))]
    keywords: Option<PathBuf>,
    #[arg(
        long, value_name = "X", allow_hyphen_values = true,
        value_parser = checked("threshold"), help = help("threshold")
    )]
    threshold: Option<String>,
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Recordings to work on at the same time, each on one core
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Sample rate of the PCM on stdin [default: the model's]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Print one JSON object: {"keywords": [{"phrase", "index", "start", "end", "score"}], "warnings": [...]}; for several recordings
    /// {"files": [...]}, each with its "file" and either that or an "error"
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Heard {
    keywords: Vec<Spotted>,
    warnings: Vec<Warning>,
}

impl Spot {
    pub fn run(self) -> Result<Verdict> {
        if let Some(manifest) = &self.manifest {
            return self.measure(manifest);
        }
        let inputs = inputs::expand(&self.audio)?;
        if self.rate.is_some() && !inputs.contains(&Input::Stdin) {
            return Err(usage("--rate is that of raw PCM on stdin: files say their own"));
        }
        let mut settings = self.settings()?;
        set(&mut settings, "threshold", self.threshold.as_ref())?;
        let recognizer = self.recognizer(&settings)?;
        let print = |spotted: &Spotted, name: Option<&str>| match self.json {
            true => Ok(()),
            false => output::text(&line(spotted, name)),
        };
        if let [input] = &inputs[..] {
            let heard = self.listen(&recognizer, input, &AtomicBool::new(false), &|spotted| {
                print(spotted, None)
            })?;
            if self.json {
                output::json(&heard)?;
            }
            return Ok(Verdict::Good);
        }
        let work =
            |input: &Input, stop: &AtomicBool| self.listen(&recognizer, input, stop, &|_| Ok(()));
        let show = |input: &Input, heard: &Heard| {
            let name = input.to_string();
            heard.keywords.iter().try_for_each(|spotted| print(spotted, Some(&name)))
        };
        let (verdict, files) = recordings::each(&inputs, usize::from(self.jobs), work, show)?;
        if self.json {
            output::json(&files)?;
        }
        Ok(verdict)
    }

    fn settings(&self) -> Result<Settings> {
        let keywords = self.keyword.clone();
        let mut settings = Settings { greedy: true, keywords, ..Settings::default() };
        if let Some(path) = &self.keywords {
            let file = kinds::text(path, "a list of keywords", |_| false)?;
            let entries = file.entries()?.into_iter();
            settings.keywords.extend(entries.map(|(_, text)| text.to_string()));
        }
        self.voice.apply(&mut settings, false)?;
        Ok(settings)
    }

    fn recognizer(&self, settings: &Settings) -> Result<Recognizer> {
        if settings.keywords.is_empty() {
            return Err(usage("--keywords: the file names no keyword"));
        }
        settings.recognizer(self.model.load()?).map_err(explained)
    }

    /// Misses and false alarms over a manifest.
    fn measure(&self, manifest: &Path) -> Result<Verdict> {
        let per_hour = self.per_hour.unwrap_or(1.0);
        if per_hour.is_nan() || per_hour < 0.0 {
            return Err(usage(format!("--per-hour {per_hour}: must be 0 or more")));
        }
        let settings = Settings { threshold: Some(curve::LOWEST), ..self.settings()? };
        let recognizer = self.recognizer(&settings)?;
        let curve = Curve::measure(&recognizer, &settings.keywords, manifest, per_hour)?;
        if self.json {
            output::json(&curve)?;
        } else {
            output::text(&curve.render())?;
        }
        Ok(Verdict::Good)
    }

    /// All phrases of a recording; each goes to `print` when it is heard. `stop` ends the work early.
    fn listen(
        &self,
        recognizer: &Recognizer,
        input: &Input,
        stop: &AtomicBool,
        print: &dyn Fn(&Spotted) -> Result<()>,
    ) -> Result<Heard> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let mut source = AudioSource::open(input, rate_hz, self.rate)?;
        let mut stream = recognizer.stream();
        let (mut samples, mut keywords) = (Vec::new(), Vec::new());
        let mut more = true;
        while more {
            if stop.load(Ordering::Relaxed) {
                bail!("{input}: given up");
            }
            more = source.next_chunk(&mut samples)?;
            stream.push(&samples)?;
            samples.clear();
            if !more {
                stream.finish();
            }
            // The text is not needed.
            stream.take_words();
            for spotted in stream.take_spotted() {
                print(&spotted)?;
                keywords.push(spotted);
            }
        }
        Ok(Heard { keywords, warnings: source.tell_warnings(input) })
    }
}

/// `FILE: START END SCORE PHRASE`.
fn line(spotted: &Spotted, name: Option<&str>) -> String {
    let Spotted { phrase, start, end, score, .. } = spotted;
    let name = name.map_or(String::new(), |name| format!("{name}: "));
    format!("{name}{start:.2} {end:.2} {score:.2} {phrase}")
}
